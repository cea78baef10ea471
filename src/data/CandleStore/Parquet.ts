/**
 * Bars on disk: Parquet files, one a symbol, timeframe and year, that DuckDB, pandas and Polars read as they
 * are.
 *
 * ```
 * candles/{venue}/{symbol}/{timeframe}[-extended]/{year}.parquet   bars by UTC year of their start
 *                                                 manifest.json    whose bars, where there are none, hashes
 *                                                 journal-{n}.bin  batches not yet in the year files
 *                                                 original-{n}/    what the series was before a repair
 * candles/.locks/{symbol}_{timeframe}[-extended].{n}.lock          who writes the series
 * ```
 *
 * Equal rows give equal bytes, whatever order they came in and however often their load was interrupted.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Progress from "../../Progress.js"
import * as CandleStore from "../CandleStore.js"
import { DataError } from "../DataError.js"
import * as Series from "../Series.js"
import * as Symbol from "../Symbol.js"
import * as Timeframe from "../Timeframe.js"
import * as Compact from "./ParquetCompact.js"
import * as Engine from "./ParquetEngine.js"
import * as Files from "./ParquetFiles.js"
import * as Fold from "./ParquetFold.js"
import * as Folder from "./ParquetFolder.js"
import * as Journal from "./ParquetJournal.js"
import * as Locks from "./ParquetLock.js"
import * as Reader from "./ParquetReader.js"
import * as Replace from "./ParquetReplace.js"
import * as Verify from "./ParquetVerify.js"

export interface Options {
  /** The data directory; it is made when something is first written. */
  readonly directory: string
  /**
   * How long a writer waits for another process that writes the same series; for as long as that one is alive
   * where left out. A reader waits for nobody.
   */
  readonly lockWait?: Duration.DurationInput
  /**
   * For how long a process that is suspended keeps the series that it writes, 30 seconds where left out: then
   * another one may take it over. The same for all processes of a store.
   */
  readonly lease?: Duration.DurationInput
  /** A journal that has grown past so many bytes is folded by the append that finds it; 16 MiB where left out. */
  readonly journalBytes?: number
  /** Threads of DuckDB: 2 where left out. They change its speed, never a byte. */
  readonly threads?: number
}

export const make = Effect.fnUntraced(function* (
  options: Options,
  /** Stands between the store and DuckDB, which writes files by itself. */
  around: (engine: Engine.Engine) => Engine.Engine = (engine) => engine,
) {
  const lockWait = Duration.decode(options.lockWait ?? Duration.infinity)
  const journalBytes = options.journalBytes ?? 16 * 1024 * 1024
  const fs = yield* FileSystem.FileSystem
  const files = yield* Files.make(options.directory)
  const engine = around(yield* Engine.make({ threads: options.threads ?? 2, place: files.place }))
  const locks = yield* Locks.make(files, Duration.decode(options.lease ?? "30 seconds"))
  const turns = new Map<string, Effect.Semaphore>()

  const turn = (series: Series.Series): Effect.Semaphore => {
    const key = Series.format(series)
    const semaphore = turns.get(key) ?? Effect.unsafeMakeSemaphore(1)
    turns.set(key, semaphore)
    return semaphore
  }

  const tryFold = Effect.fnUntraced(function* (series: Series.Series, folder: string) {
    const attempt = locks.acquire(series, Duration.zero).pipe(
      Effect.flatMap((lock) => Fold.fold({ files, engine, folder, series, lock })),
      Effect.scoped,
      Effect.as(true),
      Effect.catchIf(cannotWrite, () => Effect.succeed(false)),
    )
    return Option.getOrElse(yield* turn(series).withPermitsIfAvailable(1)(attempt), () => false)
  })

  const reader = Reader.make({ files, engine, tryFold })

  const list = Effect.gen(function* () {
    const found: Array<CandleStore.Description> = []
    for (const series of yield* stored) {
      const description = yield* Effect.catchAll(reader.describe(series), (error) =>
        Effect.as(Effect.logWarning(error.message), undefined),
      )
      if (description !== undefined) found.push(description)
    }
    return found.sort(CandleStore.order)
  })

  /** The series that have a folder, whatever is in it, each once. */
  const stored = Effect.gen(function* () {
    const found = new Map<string, Series.Series>()
    for (const venue of yield* files.names(files.root)) {
      if (venue.startsWith(".")) continue
      for (const symbol of yield* files.names(files.join(files.root, venue))) {
        for (const name of yield* files.names(files.join(files.root, venue, symbol))) {
          const series = Option.getOrUndefined(parseFolder(symbol, name))
          if (series !== undefined) found.set(Series.format(series), series)
        }
      }
    }
    return [...found.values()].sort(CandleStore.seriesOrder)
  })

  /** Does something to each series, or to one, in the folder that holds it. */
  const inEach = <A>(
    only: Series.Series | undefined,
    use: (series: Series.Series, folder: string) => Effect.Effect<A, DataError>,
    failed: (series: Series.Series, error: DataError) => A,
  ) =>
    Effect.gen(function* () {
      const all = only === undefined ? yield* stored : [only]
      const found = yield* Progress.forEach(
        all,
        (series) =>
          reader.locate(series).pipe(
            Effect.flatMap((folder) =>
              folder === undefined ? Effect.succeedNone : Effect.asSome(use(series, folder)),
            ),
            Effect.catchAll((error) => Effect.succeedSome(failed(series, error))),
            Progress.step(Series.format(series)),
          ),
        { unit: "series" },
      )
      return found.flatMap(Option.toArray)
    })

  const verify = (only?: Series.Series) =>
    inEach(only, (series, folder) => Verify.verify({ files, engine }, series, folder), Verify.unreadable)

  const compact = (only?: Series.Series) =>
    inEach(
      only,
      (series, folder) =>
        locks.acquire(series, Duration.min(lockWait, compactWait)).pipe(
          Effect.flatMap((lock) => Compact.compact({ files, engine, lock }, series, folder)),
          Effect.scoped,
          turn(series).withPermits(1),
        ),
      (series, error) => Compact.failed(series, error.place, error),
    )

  /** The folder to write to. A series whose venue is now known better moves there as a whole. */
  const settle = Effect.fnUntraced(function* (identity: CandleStore.Identity, lock: Locks.Lock) {
    const folder = yield* files.folderFor(identity)
    const others = (yield* files.folders(identity.series)).filter((other) => other !== folder)
    yield* files.makeFolder(files.join(folder, ".."))
    for (const other of others) {
      if ((yield* files.names(folder)).length > 0) {
        return yield* Reader.ambiguous(identity.series, [other, folder].map(files.place))
      }
      yield* lock.check
      yield* files.rename(other, folder)
      yield* files.sync(files.join(folder, ".."))
    }
    yield* files.makeFolder(folder)
    return folder
  })

  const writer = Effect.fn("CandleStore.writer")(
    function* (identity: CandleStore.Identity) {
      const { series } = identity
      const semaphore = turn(series)
      yield* Effect.acquireRelease(Effect.interruptible(semaphore.take(1)), () => semaphore.release(1))
      const lock = yield* locks.acquire(series, lockWait)
      const folder = yield* settle(identity, lock)
      const contents = yield* Folder.scan(files, folder)
      const leftOver = !Folder.isSettled(contents) && !Folder.isEmpty(contents)
      if (leftOver || contents.unfinished.length > 0)
        yield* Fold.fold({ files, engine, folder, series, lock })
      const journal = yield* Journal.make({ files, folder, lock, identity })
      const fold = journal.whileClosed(Fold.fold({ files, engine, folder, series, lock, identity }))

      const append = Effect.fn("CandleStore.append")(function* (batch: CandleStore.Batch) {
        yield* journal.append(CandleStore.clip(batch))
        if (journal.bytes() > journalBytes) yield* unlessInterrupted(fold)
      })
      const replace = Effect.fn("CandleStore.replace")(function* (replacement: CandleStore.Replacement) {
        const replaced = Replace.replace({ files, engine, folder, series, lock, identity, replacement })
        return yield* Effect.zipRight(fold, journal.whileClosed(replaced))
      })
      return { append, fold, replace } satisfies CandleStore.Writer
    },
    Effect.provideService(FileSystem.FileSystem, fs),
  )

  return CandleStore.CandleStore.of({
    read: Effect.fn("CandleStore.read")((series, range) => reader.read(series, range)),
    readStarts: Effect.fn("CandleStore.readStarts")((series) => reader.readStarts(series)),
    describe: Effect.fn("CandleStore.describe")((series) =>
      Effect.map(reader.describe(series), Option.fromNullable),
    ),
    list: Effect.withSpan(list, "CandleStore.list"),
    verify: Effect.fn("CandleStore.verify")((only) => verify(only)),
    compact: Effect.fn("CandleStore.compact")((only) => compact(only)),
    writer,
  })
})

export const layer = (
  options: Options,
): Layer.Layer<CandleStore.CandleStore, never, FileSystem.FileSystem | Path.Path> =>
  Layer.scoped(CandleStore.CandleStore, make(options))

// -----------------------------------------------------------------------------

/** Compacting can wait for another day, so it waits no longer than this for another process. */
const compactWait = Duration.seconds(10)

/**
 * Work that can be done another time, and ends with an interruption even where what it follows does not: that has
 * succeeded all the same.
 */
const unlessInterrupted = <E, R>(work: Effect.Effect<unknown, E, R>): Effect.Effect<void, E, R> =>
  Effect.interruptible(work).pipe(
    Effect.asVoid,
    Effect.catchAllCause((cause) => (Cause.isInterruptedOnly(cause) ? Effect.void : Effect.failCause(cause))),
  )

const cannotWrite = ({ reason }: DataError): boolean =>
  reason === "StoreLocked" || reason === "LockLost" || reason === "StoreUnwritable"

const parseFolder = (symbol: string, name: string): Option.Option<Series.Series> => {
  const extended = name.endsWith("-extended")
  return Option.all({
    symbol: Option.filter(Either.getRight(Symbol.parse(symbol)), (parsed) => parsed === symbol),
    timeframe: Either.getRight(Timeframe.parse(extended ? name.slice(0, -"-extended".length) : name)),
    session: Option.some(extended ? ("extended" as const) : ("regular" as const)),
  })
}
