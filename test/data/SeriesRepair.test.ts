import * as FileSystem from "@effect/platform/FileSystem"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Candle from "../../src/data/Candle.js"
import * as Parquet from "../../src/data/CandleStore/Parquet.js"
import { CandleStore, layerMemory } from "../../src/data/CandleStore.js"
import * as SeriesRepair from "../../src/data/SeriesRepair.js"
import * as TimeRange from "../../src/data/TimeRange.js"
import { identity, series } from "../contract/CandleStore.js"
import { newYork } from "../utils/Calendars.js"
import * as Markets from "../utils/ClockMarkets.js"
import * as Shifts from "../utils/ClockShifts.js"
import { hashes } from "../utils/files.js"
import * as Walk from "../utils/Walk.js"

const market = Markets.stockHours

/** Every bar late, and two more as they should be, where two of the late ones will come to lie. */
const late = (): Candle.Candles => {
  const { stamps } = Shifts.shift(market.starts, newYork.timeZone, { times: 2 }, () => true)
  return Walk.candles(Float64Array.from([...stamps, market.starts[8]!, market.starts[9]!]).sort())
}

const written = (candles: Candle.Candles, noData: ReadonlyArray<TimeRange.TimeRange> = []) =>
  Effect.gen(function* () {
    const store = yield* CandleStore
    yield* Effect.scoped(
      Effect.flatMap(store.writer(identity()), (writer) =>
        Effect.zipRight(writer.append({ range: TimeRange.always, candles, noData }), writer.fold),
      ),
    )
    return store
  })

const repair = (store: CandleStore["Type"]) =>
  Effect.flatMap(Effect.flatten(store.describe(series())), (known) => SeriesRepair.run(store, known))

describe("run", () => {
  it.live("puts the clock right and says what it did", () =>
    Effect.gen(function* () {
      const candles = late()
      const store = yield* written(candles)
      const report = yield* repair(store)
      expect(report).toMatchObject({
        rows_in: candles.start.length,
        rows_out: market.starts.length,
        moved: market.starts.length,
        rules: ["New York's UTC offset applied twice too often: +8 h in summer, +10 h in winter"],
        unexplained: 0,
        undecided: 0,
        issues_after: [],
        original: "original-1",
      })
      expect(report.issues_before.map(({ kind }) => kind)).toEqual(["clock_shift"])
      expect(report.collisions.map(({ kept, lost }) => [kept.at, lost.at - kept.at])).toEqual([
        [market.starts[8], 36_000_000],
        [market.starts[9], 36_000_000],
      ])
      expect(
        (yield* store.readStarts(series())).every((start, index) => start === market.starts[index]),
      ).toBe(true)
    }).pipe(Effect.provide(layerMemory)),
  )

  it.live("changes nothing the second time, nor where no clock was wrong", () =>
    Effect.gen(function* () {
      const store = yield* written(late())
      const { issues_after, rows_out } = yield* repair(store)
      const nothing = { rows_in: rows_out, rows_out, moved: 0, rules: [], collisions: [], original: null }
      expect(yield* repair(store)).toMatchObject({ ...nothing, issues_before: issues_after, issues_after })
    }).pipe(Effect.provide(layerMemory)),
  )

  it.live("counts bars outside the sessions where there is no rule", () =>
    Effect.gen(function* () {
      const stray = Date.parse("2024-02-10T15:00Z")
      const store = yield* written(Walk.candles(Float64Array.from([...market.starts, stray]).sort()))
      expect(yield* repair(store)).toMatchObject({ moved: 0, unexplained: 1, original: null })
    }).pipe(Effect.provide(layerMemory)),
  )

  it.live("keeps what the source is known not to have, less what has come to lie there", () =>
    Effect.gen(function* () {
      const gone = new Set([20, 21, 40])
      const starts = market.starts.filter((_, index) => !gone.has(index))
      const { stamps } = Shifts.shift(starts, newYork.timeZone, { minutes: 90 }, () => true)
      const bar = (index: number) => ({ start: market.starts[index]!, end: market.starts[index + 1]! })
      const store = yield* written(Walk.candles(stamps), [bar(21), bar(30), bar(40)])
      expect((yield* repair(store)).issues_after).toMatchObject([{ kind: "missing_bars", count: 1 }])
      const { noData } = yield* Effect.flatten(store.describe(series()))
      expect(noData).toEqual([bar(21), bar(40)])
    }).pipe(Effect.provide(layerMemory)),
  )

  it.live("keeps what another writer said of the series while the repair waited for it", () =>
    Effect.gen(function* () {
      const store = yield* written(late())
      const fiber = yield* Effect.scoped(
        Effect.gen(function* () {
          const writer = yield* store.writer({ ...identity(), source: "another", head: 0 })
          const fiber = yield* Effect.forkDaemon(repair(store))
          yield* Effect.sleep(50)
          yield* writer.fold
          return fiber
        }),
      )
      expect((yield* Fiber.join(fiber)).moved).toBe(market.starts.length)
      const known = yield* Effect.flatten(store.describe(series()))
      expect(known).toMatchObject({ source: "another", head: 0, rows: market.starts.length })
    }).pipe(Effect.provide(layerMemory)),
  )

  it.scopedLive("leaves the original beside the series, to the byte, with a record of every change", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* Effect.gen(function* () {
        const store = yield* written(late())
        const folder = `${directory}/candles/XNYS/AAPL/1h`
        const before = yield* hashes(folder)
        const report = yield* repair(store)
        const after = yield* hashes(folder)
        expect(report.original).toBe("candles/XNYS/AAPL/1h/original-1")
        expect(after).toMatchObject(
          Object.fromEntries(Object.entries(before).map(([name, hash]) => [`original-1/${name}`, hash])),
        )
        const text = yield* fs.readFileString(`${directory}/${report.original}/repair.json`)
        const record = JSON.parse(text)
        expect(record).toMatchObject({
          version: 1,
          rows_in: report.rows_in,
          rows_out: report.rows_out,
          moved: report.moved,
          rules: report.rules,
        })
        expect(record.collisions.length).toBe(2)
        expect(record.moves.reduce((sum: number, { bars }: { bars: number }) => sum + bars, 0)).toBe(
          report.moved,
        )
        expect((yield* repair(store)).original).toBeNull()
        expect(yield* hashes(folder)).toEqual(after)
      }).pipe(Effect.provide(Parquet.layer({ directory })))
    }).pipe(Effect.provide(NodeContext.layer)),
  )
})
