/**
 * Bars on disk: Parquet files, one a symbol, timeframe and year, that DuckDB, pandas and Polars read as they
 * are.
 *
 * ```
 * candles/{venue}/{symbol}/{timeframe}[-extended]/{year}.parquet   bars by UTC year of their start
 *                                                 manifest.json    whose bars, where there are none, hashes
 *                                                 journal-{n}.bin  batches not yet in the year files
 * candles/.locks/{symbol}_{timeframe}[-extended].{n}.lock          who writes the series
 * ```
 *
 * Equal rows give equal bytes, whatever order they came in and however often their load was interrupted.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as CandleStore from "../CandleStore.js"
import { DataError } from "../DataError.js"
import * as Series from "../Series.js"
import * as Symbol from "../Symbol.js"
import * as Timeframe from "../Timeframe.js"
import * as Engine from "./ParquetEngine.js"
import * as Files from "./ParquetFiles.js"
import * as Fold from "./ParquetFold.js"
import * as Folder from "./ParquetFolder.js"
import * as Journal from "./ParquetJournal.js"
import * as Locks from "./ParquetLock.js"
import * as Reader from "./ParquetReader.js"

export interface Options {
  /** The data directory; it is made when something is first written. */
  readonly directory: string
  /** How long to wait for another process that writes the same series; 10 seconds where left out. */
  readonly lockWait?: Duration.DurationInput
  /** A journal that has grown past so many bytes is folded by the append that finds it; 32 MB where left out. */
  readonly journalBytes?: number
  /** Threads of DuckDB: 2 where left out. They change its speed, never a byte. */
  readonly threads?: number
}

export const make = Effect.fnUntraced(function* (options: Options) {
  const lockWait = Duration.decode(options.lockWait ?? "10 seconds")
  const journalBytes = options.journalBytes ?? 16 * 1024 * 1024
  const fs = yield* FileSystem.FileSystem
  const files = yield* Files.make(options.directory)
  const engine = yield* Engine.make({ threads: options.threads ?? 2 })
  const locks = yield* Locks.make(files)
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
    const seen = new Set<string>()
    for (const series of yield* stored) {
      if (seen.has(Series.format(series))) continue
      seen.add(Series.format(series))
      const description = yield* Effect.catchAll(reader.describe(series), (error) =>
        Effect.as(Effect.logWarning(error.message), undefined),
      )
      if (description !== undefined) found.push(description)
    }
    return found.sort(CandleStore.order)
  })

  /** The series that have a folder, whatever is in it. */
  const stored = Effect.gen(function* () {
    const found: Array<Series.Series> = []
    for (const venue of yield* files.names(files.root)) {
      if (venue.startsWith(".")) continue
      for (const symbol of yield* files.names(files.join(files.root, venue))) {
        for (const name of yield* files.names(files.join(files.root, venue, symbol))) {
          found.push(...Option.toArray(parseFolder(symbol, name)))
        }
      }
    }
    return found
  })

  /** The folder to write to. A series whose venue is now known better moves there as a whole. */
  const settle = Effect.fnUntraced(function* (identity: CandleStore.Identity) {
    const folder = yield* files.folderFor(identity)
    const others = (yield* files.folders(identity.series)).filter((other) => other !== folder)
    yield* files.makeFolder(files.join(folder, ".."))
    for (const other of others) {
      if ((yield* files.names(folder)).length > 0) {
        return yield* Reader.ambiguous(identity.series, [other, folder].map(files.place))
      }
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
      const folder = yield* settle(identity)
      const contents = yield* Folder.scan(files, folder)
      const leftOver = !Folder.isSettled(contents) && !Folder.isEmpty(contents)
      if (leftOver || contents.unfinished.length > 0)
        yield* Fold.fold({ files, engine, folder, series, lock })
      const journal = yield* Journal.make({ files, folder, lock, identity })
      const fold = journal.whileClosed(Fold.fold({ files, engine, folder, series, lock, identity }))

      const append = Effect.fn("CandleStore.append")(function* (batch: CandleStore.Batch) {
        yield* journal.append(CandleStore.clip(batch))
        if (journal.bytes() > journalBytes) yield* fold
      })
      return { append, fold } satisfies CandleStore.Writer
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
    writer,
  })
})

export const layer = (
  options: Options,
): Layer.Layer<CandleStore.CandleStore, never, FileSystem.FileSystem | Path.Path> =>
  Layer.scoped(CandleStore.CandleStore, make(options))

// -----------------------------------------------------------------------------

const cannotWrite = (error: DataError): boolean =>
  error.reason === "StoreLocked" || error.reason === "StoreUnwritable"

const parseFolder = (symbol: string, name: string): Option.Option<Series.Series> => {
  const extended = name.endsWith("-extended")
  return Option.all({
    symbol: Option.filter(Either.getRight(Symbol.parse(symbol)), (parsed) => parsed === symbol),
    timeframe: Either.getRight(Timeframe.parse(extended ? name.slice(0, -"-extended".length) : name)),
    session: Option.some(extended ? ("extended" as const) : ("regular" as const)),
  })
}
