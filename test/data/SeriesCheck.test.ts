import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Candle from "../../src/data/Candle.js"
import { CandleStore, layerMemory } from "../../src/data/CandleStore.js"
import * as SeriesCheck from "../../src/data/SeriesCheck.js"
import * as TimeRange from "../../src/data/TimeRange.js"
import { identity, series } from "../contract/CandleStore.js"
import { newYork } from "../utils/Calendars.js"
import * as Markets from "../utils/ClockMarkets.js"
import * as Shifts from "../utils/ClockShifts.js"
import * as Walk from "../utils/Walk.js"

const years = Markets.make("years", newYork, { timeframe: "1h", session: "regular" }, 800)
const facts: SeriesCheck.Facts = { series: series(), calendar: newYork, noData: [] }

const isLate = (start: number): boolean => start >= Date.UTC(2024, 9, 1) && start < Date.UTC(2025, 3, 1)

/** Bars with a spike, a run without volume, a hole, and half a year of a wrong clock. */
const damaged = (): Candle.Candles => {
  const starts = years.starts.filter((_, index) => index < 3000 || index > 3010)
  const candles = Walk.candles(
    Shifts.shift(starts, newYork.timeZone, { times: 2 }, (_) => isLate(starts[_]!)).stamps,
  )
  candles.close[500] = candles.close[499]! * 1.5
  candles.high[500] = candles.close[500]!
  candles.volume.fill(0, 1600, 1615)
  candles.volume[2000] = 90_000
  candles.low[2500] = -1
  return candles
}

const written = (candles: Candle.Candles) =>
  Effect.gen(function* () {
    const store = yield* CandleStore
    yield* Effect.scoped(
      Effect.flatMap(store.writer(identity()), (writer) =>
        writer.append({ range: TimeRange.always, candles, noData: [] }),
      ),
    )
    return store
  })

describe("candles", () => {
  it.live("finds each fault, in the order of the kinds", () =>
    Effect.gen(function* () {
      const { bars, issues } = yield* SeriesCheck.candles(facts, damaged())
      expect(bars).toBe(years.starts.length - 11)
      expect(issues.map(({ kind, count }) => `${kind} ${count}`)).toEqual([
        "price_not_positive 1",
        "zero_volume_run 15",
        "price_jump 1",
        "volume_spike 1",
        `clock_shift ${years.starts.filter(isLate).length}`,
        "missing_bars 11",
      ])
    }),
  )

  it.live("finds nothing in no bars", () =>
    Effect.gen(function* () {
      expect(yield* SeriesCheck.candles(facts, Candle.empty)).toMatchObject({ bars: 0, issues: [] })
    }),
  )
})

describe("stored", () => {
  it.live("finds in a store, year by year, what it finds in memory", () =>
    Effect.gen(function* () {
      const candles = damaged()
      const store = yield* written(candles)
      const stored = yield* SeriesCheck.stored(store, facts, TimeRange.always)
      const whole = yield* SeriesCheck.candles(facts, candles)
      expect(stored.issues).toEqual(whole.issues)
      expect(stored.bars).toBe(whole.bars)
    }).pipe(Effect.provide(layerMemory)),
  )

  it.live("looks at the bars of the range alone", () =>
    Effect.gen(function* () {
      const candles = damaged()
      const store = yield* written(candles)
      const range = TimeRange.make(candles.start[1590]!, candles.start[1610]!)
      const stored = yield* SeriesCheck.stored(store, facts, range)
      const part = yield* SeriesCheck.candles(facts, Candle.within(candles, range))
      expect(stored.bars).toBe(20)
      expect(stored.issues).toEqual(part.issues)
    }).pipe(Effect.provide(layerMemory)),
  )

  it.live("alters nothing", () =>
    Effect.gen(function* () {
      const store = yield* written(damaged())
      yield* SeriesCheck.stored(store, facts, TimeRange.always)
      expect(Candle.toRows(yield* store.read(series()))).toEqual(Candle.toRows(damaged()))
    }).pipe(Effect.provide(layerMemory)),
  )
})

describe("report", () => {
  it.live("warns of a venue without a calendar", () =>
    Effect.gen(function* () {
      const store = yield* written(Candle.slice(damaged(), 0, 30))
      const known = {
        ...identity(),
        instrument: { ...identity().instrument, venue: "XLON" },
        noData: [],
        rows: 30,
        first: undefined,
        newest: undefined,
        files: [],
      }
      const { instrument, warnings } = yield* SeriesCheck.report(store, known, TimeRange.always)
      expect(instrument.venue).toBe("XLON")
      expect(warnings).toEqual(["no calendar for venue XLON: taken to be open 24x7"])
    }).pipe(Effect.provide(layerMemory)),
  )
})
