/**
 * Everything that writes to a store of bars, each kind of work on a small store in memory: how the store is
 * found, what is done to it, and what must be true of its bars wherever the work was broken off.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Candle from "../../src/data/Candle.js"
import * as CandleSource from "../../src/data/CandleSource.js"
import * as Parquet from "../../src/data/CandleStore/Parquet.js"
import type { Engine } from "../../src/data/CandleStore/ParquetEngine.js"
import { type Batch, CandleStore, withWriter } from "../../src/data/CandleStore.js"
import type { DataError } from "../../src/data/DataError.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as TimeRange from "../../src/data/TimeRange.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"
import { bar, batch, identity, model, series, span, write } from "../contract/CandleStore.js"
import * as FaultySource from "./FaultySource.js"
import type { MemoryFiles } from "./MemoryFiles.js"
import * as PlainEngine from "./PlainEngine.js"

export type Rows = ReadonlyArray<Candle.Candle>

export interface Work {
  readonly name: string
  /** What the store is before. */
  readonly begin: Effect.Effect<unknown, DataError, CandleStore>
  /** Notes in `kept` what it is told is kept. Done once more it completes what was broken off. */
  readonly run: (kept: Array<Batch>) => Effect.Effect<void, DataError, CandleStore>
  /** The bars that may be there once so many batches were said to be kept. */
  readonly possible: (rows: Rows, kept: ReadonlyArray<Batch>) => boolean
}

/** Where the store lies in memory. */
export const directory = "/store"
export const folder = `${directory}/candles/XNYS/AAPL/1h`

/** Runs an effect with a store of its own over the files, as another process would have it. */
export const opened =
  (
    files: MemoryFiles,
    options: {
      readonly fs?: FileSystem.FileSystem
      readonly engine?: Engine
      readonly journalBytes?: number
    } = {},
  ) =>
  <A, E, R>(effect: Effect.Effect<A, E, R | CandleStore>) =>
    Effect.provide(
      effect,
      Layer.scoped(
        CandleStore,
        Parquet.make(
          { directory, lockWait: Duration.zero, journalBytes: options.journalBytes ?? 800 },
          () => options.engine ?? PlainEngine.make(files),
        ),
      ).pipe(Layer.provide([Layer.succeed(FileSystem.FileSystem, options.fs ?? files.fs), Path.layer])),
    )

export const rows = Effect.flatMap(CandleStore, (_) => Effect.map(_.read(series()), Candle.toRows))
export const faults = Effect.flatMap(CandleStore, (_) =>
  Effect.map(_.verify(), (all) => all.flatMap((one) => one.faults)),
)

/** Bars of two years, and where there are none. */
export const stored: ReadonlyArray<Batch> = [
  batch(0, 3),
  { ...batch(3, 6), noData: [span(6, 8)], range: span(3, 8) },
]
const added: ReadonlyArray<Batch> = [batch(2, 5, 50), batch(7, 9, 60)]
const imported = batch(1, 12, 70)
const repaired = batch(3, 7, 80)

/** Year files, and a journal that a process left behind. */
const twoYears = Effect.zipRight(
  write(identity(), stored.slice(0, 1)),
  write(identity(), stored.slice(1), false),
)

const isSame = (rows: Rows, batches: ReadonlyArray<Batch>): boolean =>
  JSON.stringify(rows) === JSON.stringify(model(batches).rows)

const compacted = Effect.gen(function* () {
  const store = yield* CandleStore
  const [only] = yield* store.compact()
  if (only?.failure !== undefined) return yield* only.failure
})

const append: Work = {
  name: "append, fold on the way and at the end",
  begin: twoYears,
  run: (kept) =>
    Effect.flatMap(CandleStore, (store) =>
      withWriter(store, identity(), (writer) =>
        Effect.gen(function* () {
          for (const one of added) {
            yield* writer.append(one)
            kept.push(one)
          }
          yield* writer.fold
        }),
      ),
    ),
  possible: (rows, { length }) =>
    added.some((_, index) => index >= length && isSame(rows, [...stored, ...added.slice(0, index)])) ||
    isSame(rows, [...stored, ...added]),
}

/** What fails is tried once more with the same writer. */
const persist: Work = {
  name: "append and fold, whatever fails on the way",
  begin: twoYears,
  run: (kept) =>
    Effect.flatMap(CandleStore, (store) =>
      withWriter(store, identity(), (writer) =>
        Effect.gen(function* () {
          for (const one of added) {
            yield* Effect.retry(writer.append(one), { times: 1 })
            kept.push(one)
            yield* Effect.retry(writer.fold, { times: 1 })
          }
        }),
      ),
    ),
  possible: append.possible,
}

const compact: Work = {
  name: "compact",
  begin: twoYears,
  run: () => compacted,
  possible: (rows) => isSame(rows, stored),
}

export const read: Work = {
  name: "read what a process left behind",
  begin: twoYears,
  run: () =>
    Effect.gen(function* () {
      const found = yield* rows
      if (!isSame(found, stored)) yield* Effect.dieMessage(`read ${found.length} bars`)
    }),
  possible: (rows) => isSame(rows, stored),
}

/** What has taken place is not done again. */
export const replace: Work = {
  name: "replace",
  begin: twoYears,
  run: () =>
    Effect.flatMap(CandleStore, (store) =>
      withWriter(store, identity(), (writer) =>
        Effect.gen(function* () {
          const found = Candle.toRows(yield* store.read(series()))
          if (isSame(found, [repaired])) return yield* writer.fold
          yield* writer.replace({ candles: repaired.candles, noData: [span(7, 8)], record: "{}\n" })
        }),
      ),
    ),
  possible: (rows) => isSame(rows, stored) || isSame(rows, [repaired]),
}

const move: Work = {
  name: "move to the venue that is known by now",
  begin: twoYears,
  run: () =>
    write({ ...identity(), instrument: { ...identity().instrument, venue: "XNAS" } }, added.slice(0, 1)),
  possible: (rows) => isSame(rows, stored) || isSame(rows, [...stored, added[0]!]),
}

/** Two months around the turn of a year, of which the source lacks some days. */
export const loaded = TimeRange.make(Date.UTC(2023, 11, 1), Date.UTC(2024, 1, 1))
export const offered = Candle.fromRows(
  Array.from(
    TradingCalendar.expectedStarts(TradingCalendar.forVenue("XNYS").calendar, series(), loaded),
  ).flatMap((start, index) =>
    index > 40 && index < 60 ? [] : [{ ...bar(0, 100 + (index % 7)), start, volume: index }],
  ),
)

const source = CandleSource.fromArchive(
  "memory",
  Effect.succeed([
    {
      symbol: series().symbol,
      timeframe: "1h",
      instrument: identity().instrument,
      candles: Effect.succeed(offered),
    },
  ]),
)

/** Uses a manager of its own over the store and the source in memory. */
export const managed = <A>(
  use: (manager: DataManager.Service) => Effect.Effect<A, DataError>,
  decide?: FaultySource.Decide,
) =>
  Effect.flatMap(DataManager.DataManager, use).pipe(
    Effect.provide(Layer.provide(DataManager.layer, FaultySource.layer(source, decide))),
  )

export const loadOf = ({ start, end }: TimeRange.TimeRange) =>
  ({ ...series(), mode: "full", start, end }) as const

const load: Work = {
  name: "load",
  begin: Effect.void,
  run: () => managed((manager) => manager.load(loadOf(loaded))),
  possible: (rows) => {
    const known = new Set(Candle.toRows(offered).map((row) => JSON.stringify(row)))
    return rows.every((row) => known.has(JSON.stringify(row)))
  },
}

const imports: Work = {
  name: "import",
  begin: twoYears,
  run: () => managed((manager) => manager.importCandles(series(), imported.candles)),
  possible: (rows) => isSame(rows, stored) || isSame(rows, [...stored, imported]),
}

export const all: ReadonlyArray<Work> = [append, persist, compact, read, replace, move, imports, load]
