/**
 * The port through which bars are kept. What `append` has accepted survives the process.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as OperationFence from "../OperationFence.js"
import type { Candles } from "./Candle.js"
import * as Candle from "./Candle.js"
import { DataError } from "./DataError.js"
import { Instrument } from "./Instrument.js"
import * as Series from "./Series.js"
import * as Timeframe from "./Timeframe.js"
import * as TimeRange from "./TimeRange.js"

/** What the store knows of a series besides its bars. No clock time is in it. */
export interface Description {
  readonly series: Series.Series
  readonly instrument: Instrument
  /** Name of the source that filled the series last. */
  readonly source: string
  readonly head: number | undefined
  readonly last: number | undefined
  /** Where the source answered and had no bar: sorted, disjoint, in bars' exact spans. */
  readonly noData: ReadonlyArray<TimeRange.TimeRange>
  readonly rows: number
  /** Starts of the first and the last stored bar (epoch ms). */
  readonly first: number | undefined
  readonly newest: number | undefined
  /** One entry a stored file, by year. */
  readonly files: ReadonlyArray<{ readonly name: string; readonly rows: number; readonly sha256: string }>
}

/** What a load or an import says of the series it is about to write. */
export interface Identity {
  readonly series: Series.Series
  readonly instrument: Instrument
  readonly source: string
  readonly head: number | undefined
  readonly last: number | undefined
}

/** One answered request: the span that was asked for, the bars that came, where in it there are none. */
export interface Batch {
  readonly range: TimeRange.TimeRange
  readonly candles: Candles
  readonly noData: ReadonlyArray<TimeRange.TimeRange>
}

export interface Writer {
  /**
   * Returns once the batch is durable (journalled and flushed; batches that arrive together may share a
   * flush). The merge law of `Candle.merge` holds; inside `batch.range` the batch's `noData` replaces what
   * was known, outside it nothing is touched. A journal past its bound is folded on the way; an interruption ends
   * that, and the batch stays accepted.
   */
  readonly append: (batch: Batch) => Effect.Effect<void, DataError>
  /**
   * Moves the journal into the year files and the manifest. A writer that closes without it (a cancelled
   * load, a crash) loses nothing: the journal stays for the next reader or writer to fold.
   */
  readonly fold: Effect.Effect<void, DataError>
  /**
   * Puts other bars in the place of all that the series holds, in one step: whatever happens, the series is the
   * old or the new one. The old one stays beside it, untouched, with the record; returns where.
   */
  readonly replace: (replacement: Replacement) => Effect.Effect<string, DataError>
}

/** What takes the place of all that a series holds. */
export interface Replacement {
  readonly candles: Candles
  readonly noData: ReadonlyArray<TimeRange.TimeRange>
  /** What was changed, as JSON. */
  readonly record: string
}

/** Something in the store that is not as it should be: where, what, and what to do about it. */
export interface Finding {
  readonly place: string
  readonly found: string
  /** An imperative sentence without a final stop. */
  readonly advice: string
}

/** What a look at every byte of a series found. */
export interface Verification {
  readonly series: Series.Series
  /** Where the series lies. */
  readonly place: string
  readonly files: number
  readonly rows: number
  readonly bytes: number
  /** The files with bars as they are, whatever was written down of them; 0 rows in one that is not sound. */
  readonly contents: Description["files"]
  /** Batches that are durable and not yet in the files. */
  readonly journalled: number
  /** What is damaged: the series is whole when there is nothing here. */
  readonly faults: ReadonlyArray<Finding>
  /** What costs nothing but room: left-overs, files that were set aside. */
  readonly remarks: ReadonlyArray<Finding>
}

/** What a compaction did to a series, by the names of its files. */
export interface Compaction {
  readonly series: Series.Series
  readonly place: string
  /** Bytes in the series' folder before and after. */
  readonly before: number
  readonly after: number
  readonly folded: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
  readonly rewritten: ReadonlyArray<string>
  /** Damaged files that were set aside; they are never removed. */
  readonly aside: ReadonlyArray<string>
  /** Why the series was left as it is; others are not held up by it. */
  readonly failure: DataError | undefined
}

export interface Service {
  /** The series' bars inside the range (all of them without one), folding a left-over journal first. */
  readonly read: (series: Series.Series, range?: TimeRange.TimeRange) => Effect.Effect<Candles, DataError>
  /** The starts of all the series' bars: what coverage needs, at a sixth of the cost of `read`. */
  readonly readStarts: (series: Series.Series) => Effect.Effect<Float64Array, DataError>
  /** What is known of the series; none when it was never written. */
  readonly describe: (series: Series.Series) => Effect.Effect<Option.Option<Description>, DataError>
  /** Every series in the store, by symbol, timeframe and session. */
  readonly list: Effect.Effect<ReadonlyArray<Description>, DataError>
  /**
   * Looks at every byte of every series, or of one, and changes nothing. Nothing for a series that was never
   * written.
   */
  readonly verify: (only?: Series.Series) => Effect.Effect<ReadonlyArray<Verification>, DataError>
  /**
   * Brings every series, or one, to the files that its bars alone determine: journals are folded, what crashes
   * left is removed, files whose bytes are not those that this version writes are written again.
   */
  readonly compact: (only?: Series.Series) => Effect.Effect<ReadonlyArray<Compaction>, DataError>
  /**
   * Opens the series for writing until the scope closes, alone among all fibers and processes.
   * The writer's methods fail with `LockLost` once another process took the series over,
   * because this one was suspended for too long: then nothing is written any more.
   */
  readonly writer: (identity: Identity) => Effect.Effect<Writer, DataError, Scope.Scope>
}

export class CandleStore extends Context.Tag("ktrdr/data/CandleStore")<CandleStore, Service>() {}

const notFound = (series: Series.Series): DataError =>
  new DataError({
    reason: "NotFound",
    place: Series.format(series),
    expected: "a series in the store",
    found: "none",
    advice: `Load it first: ktrdr data load ${series.symbol} ${series.timeframe}`,
  })

/** What is known of a series; fails with `NotFound` where it was never written. */
export const described = (store: Service, series: Series.Series): Effect.Effect<Description, DataError> =>
  Effect.flatMap(
    store.describe(series),
    Option.match({ onNone: () => Effect.fail(notFound(series)), onSome: Effect.succeed }),
  )

/**
 * Runs `use` alone with the series, for as long as the operation that it is part of is owned. Where this process was
 * suspended for so long that another one took the series over, nothing more was written: `use` runs again with a new
 * writer once the other is done, and must look anew at what is stored.
 */
export const withWriter = <A>(
  store: Service,
  identity: Identity,
  use: (writer: Writer) => Effect.Effect<A, DataError>,
): Effect.Effect<A, DataError> =>
  Effect.scoped(Effect.flatMap(store.writer(identity), (writer) => use(fenced(writer)))).pipe(
    Effect.catchIf(
      (error) => error.reason === "LockLost",
      (error) =>
        Effect.zipRight(
          Effect.logWarning(
            `${error.place}: another process took it over while this one was suspended; it goes on after that one`,
          ),
          withWriter(store, identity, use),
        ),
    ),
  )

const fenced = (writer: Writer): Writer => ({
  append: (batch) => Effect.zipRight(OperationFence.check, writer.append(batch)),
  fold: Effect.zipRight(OperationFence.check, writer.fold),
  replace: (replacement) => Effect.zipRight(OperationFence.check, writer.replace(replacement)),
})

/** The same is said of a series, by whoever says it. */
export const isSameIdentity = (a: Omit<Identity, "series">, b: Omit<Identity, "series">): boolean =>
  a.source === b.source &&
  a.head === b.head &&
  a.last === b.last &&
  isSameInstrument(a.instrument, b.instrument)

const isSameInstrument = Schema.equivalence(Instrument)

/** The part of a batch that may be kept: bars inside its range, and where inside it there are none. */
export const clip = (batch: Batch): Batch => {
  const range = TimeRange.intersect(batch.range, allTime)
  return {
    range,
    candles: Candle.within(batch.candles, range),
    noData: TimeRange.union(batch.noData.map((_) => TimeRange.intersect(_, range))),
  }
}

/** What is known to be without bars once the batch is in: inside its range its own word, outside it the old. */
export const noDataAfter = (
  known: ReadonlyArray<TimeRange.TimeRange>,
  batch: Batch,
): ReadonlyArray<TimeRange.TimeRange> =>
  TimeRange.union([...TimeRange.subtract(known, batch.range), ...clip(batch).noData])

/** By symbol, then from the shortest timeframe to the longest, regular before extended. */
export const seriesOrder: Order.Order<Series.Series> = Order.combineAll([
  Order.mapInput(Order.string, (series: Series.Series) => series.symbol),
  Order.mapInput(Order.number, (series: Series.Series) => Timeframe.all.indexOf(series.timeframe)),
  Order.mapInput(Order.number, (series: Series.Series) => Series.Session.literals.indexOf(series.session)),
])

export const order: Order.Order<Description> = Order.mapInput(seriesOrder, ({ series }) => series)

/** Every instant that has a date. */
const allTime = TimeRange.make(-8.64e15, 8.64e15)

/** Keeps bars for as long as the layer lives; the same laws as on disk. */
export const layerMemory: Layer.Layer<CandleStore> = Layer.sync(CandleStore, () => {
  interface Entry {
    readonly identity: Identity
    readonly candles: Candles
    readonly noData: ReadonlyArray<TimeRange.TimeRange>
    /** How often the series was replaced: nobody asks for what it was before. */
    readonly replaced: number
  }
  const entries = new Map<string, Entry>()
  const locks = new Map<string, Effect.Semaphore>()

  const lock = (key: string): Effect.Semaphore => {
    const semaphore = locks.get(key) ?? Effect.unsafeMakeSemaphore(1)
    locks.set(key, semaphore)
    return semaphore
  }

  const describe = ({ identity, candles, noData }: Entry): Description => ({
    ...identity,
    noData,
    rows: Candle.size(candles),
    first: candles.start[0],
    newest: candles.start.at(-1),
    files: [],
  })

  const candles = (series: Series.Series): Candles =>
    entries.get(Series.format(series))?.candles ?? Candle.empty

  const chosen = (only: Series.Series | undefined): ReadonlyArray<Description> =>
    Array.from(entries.values(), describe)
      .filter(({ series }) => only === undefined || Series.format(series) === Series.format(only))
      .sort(order)

  return CandleStore.of({
    read: (series, range) =>
      Effect.sync(() => (range === undefined ? candles(series) : Candle.within(candles(series), range))),
    readStarts: (series) => Effect.sync(() => candles(series).start),
    describe: (series) =>
      Effect.sync(() => Option.map(Option.fromNullable(entries.get(Series.format(series))), describe)),
    list: Effect.sync(() => Array.from(entries.values(), describe).sort(order)),
    verify: (only) => Effect.sync(() => chosen(only).map(verification)),
    compact: (only) => Effect.sync(() => chosen(only).map(compaction)),
    writer: Effect.fn("CandleStore.writer")(function* (identity) {
      const key = Series.format(identity.series)
      const semaphore = lock(key)
      yield* Effect.acquireRelease(Effect.interruptible(semaphore.take(1)), () => semaphore.release(1))
      const update = (change: (entry: Entry) => Entry) =>
        Effect.sync(() => {
          const entry = entries.get(key) ?? { identity, candles: Candle.empty, noData: [], replaced: 0 }
          entries.set(key, change({ ...entry, identity }))
        })
      return {
        append: (batch) =>
          update((entry) => ({
            ...entry,
            candles: Candle.merge(entry.candles, clip(batch).candles),
            noData: noDataAfter(entry.noData, batch),
          })),
        fold: update((entry) => entry),
        replace: ({ candles, noData }) =>
          Effect.map(
            update((entry) => ({ ...entry, candles, noData, replaced: entry.replaced + 1 })),
            () => `original-${entries.get(key)?.replaced}`,
          ),
      }
    }),
  })
})

// -----------------------------------------------------------------------------

/** In memory there is nothing that could be damaged or left over. */
const verification = ({ series, rows }: Description): Verification => ({
  series,
  place: Series.format(series),
  files: 0,
  rows,
  bytes: 0,
  contents: [],
  journalled: 0,
  faults: [],
  remarks: [],
})

const compaction = ({ series }: Description): Compaction => ({
  series,
  place: Series.format(series),
  before: 0,
  after: 0,
  folded: [],
  removed: [],
  rewritten: [],
  aside: [],
  failure: undefined,
})
