import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Candle from "../../src/data/Candle.js"
import type { Timeframe } from "../../src/data/Timeframe.js"
import * as Features from "../../src/training/Features.js"
import * as Indicators from "../../src/training/Indicators.js"
import type * as Strategy from "../../src/training/Strategy.js"
import { bars, day, hour, make, monday, walk } from "../utils/Strategies.js"

const prepare = (strategy: Strategy.Strategy, given: Features.Bars) =>
  Features.prepare(Features.plan(strategy), given)

const twoTimeframes: ReadonlyArray<readonly [string, string]> = [["[1h]", "[1h, 1d]"]]

/** The column of a feature by name. */
const column = (strategy: Strategy.Strategy, { columns }: Features.Prepared, name: string) =>
  columns[Features.plan(strategy).names.indexOf(name)]!

/** Bars whose close is the same number as their place, `step` apart. */
const numbered = (count: number, from: number, step: number): Candle.Candles =>
  Candle.fromRows(
    Array.from({ length: count }, (_, index) => ({
      start: from + index * step,
      open: index + 1,
      high: index + 1,
      low: index + 1,
      close: index + 1,
      volume: 1,
    })),
  )

describe("names", () => {
  it("are the memberships, the prices, then the same of the bars before", () => {
    const own = [
      "rsi_level.oversold",
      "rsi_level.neutral",
      "rsi_level.overbought",
      "trend.up",
      "return",
      "range",
      "body",
    ]
    expect(Features.plan(make()).names).toEqual([
      ...own,
      ...own.map((name) => `${name}[-1]`),
      ...own.map((name) => `${name}[-2]`),
    ])
  })

  it("are of what is listed, in that order", () => {
    const strategy = make([
      ["fuzzy: all", "fuzzy: [trend, rsi_level.neutral]"],
      ["prices: true, lookback: 2", "lookback: 0"],
    ])
    expect(Features.plan(strategy).names).toEqual(["trend.up", "rsi_level.neutral"])
  })

  it("say the timeframe where it is not the base, and leave out what an indicator is not made on", () => {
    const strategy = make([
      ...twoTimeframes,
      ["period: 14", "period: 14, timeframe: 1d"],
      ["prices: true, lookback: 2", "lookback: 0"],
    ])
    expect(Features.plan(strategy).names).toEqual([
      "trend.up",
      "rsi_level.oversold@1d",
      "rsi_level.neutral@1d",
      "rsi_level.overbought@1d",
      "trend.up@1d",
    ])
  })
})

describe("columns", () => {
  it.effect("are memberships of the indicators, and prices relative to the close before", () =>
    Effect.gen(function* () {
      const candles = walk(100)
      const strategy = make()
      const prepared = yield* prepare(strategy, bars({ "1h": candles }))
      const rsi = Indicators.compute(Indicators.builtIn.rsi!, strategy.indicators.rsi14!, candles).value!
      const neutral = column(strategy, prepared, "rsi_level.neutral")
      expect(prepared.first).toBe(33 + 2)
      expect(neutral).toEqual(
        Float32Array.from(rsi, (value) => Math.max(0, Math.min((value - 30) / 10, 1, (70 - value) / 10))),
      )
      const [open, high, low, close, before] = [
        candles.open[50]!,
        candles.high[50]!,
        candles.low[50]!,
        candles.close[50]!,
        candles.close[49]!,
      ]
      expect(column(strategy, prepared, "return")[50]).toBe(Math.fround(Math.log(close / before)))
      expect(column(strategy, prepared, "range")[50]).toBe(Math.fround((high - low) / before))
      expect(column(strategy, prepared, "body")[50]).toBe(Math.fround((close - open) / before))
    }),
  )

  it.effect("have a first row beyond the last where there are too few bars", () =>
    Effect.gen(function* () {
      const { columns, first } = yield* prepare(make(), bars({ "1h": walk(20) }))
      expect(first).toBe(35)
      expect(columns[0]).toHaveLength(20)
    }),
  )
})

/** Two timeframes, and one membership that tells which longer bar it is of: 0.01 for each. */
const strategyOf = (base: Timeframe, longer: Timeframe, session = "regular") =>
  make([
    ["timeframes: [1h]", `timeframes: [${base}, ${longer}]\nsession: ${session}`],
    ["type: rsi, period: 14", `type: sma, period: 2, timeframe: ${longer}`],
    ["{ type: triangular, parameters: [0, 20, 45] }", "{ type: triangular, parameters: [0, 100, 200] }"],
    ["fuzzy: all, prices: true, lookback: 2", "fuzzy: [rsi_level.oversold]"],
  ])

/** Which longer bar each base bar sees, none where it sees none with an average. */
const seen = (strategy: Strategy.Strategy, base: Candle.Candles, longer: Candle.Candles) =>
  Effect.map(
    prepare(strategy, bars({ [strategy.timeframes[0]!]: base, [strategy.timeframes[1]!]: longer })),
    ({ columns, first }) => ({
      first,
      bars: [...columns[0]!].map((value) => Math.round(value * 100 + 0.5)),
    }),
  )

describe("a longer timeframe", () => {
  it.effect("is seen from the moment its bar has closed, not before", () =>
    Effect.gen(function* () {
      const base = numbered(16, monday, hour)
      const found = yield* seen(strategyOf("1h", "4h"), base, numbered(4, monday, 4 * hour))
      const none = Number.NaN
      expect(found.bars).toEqual([none, none, none, none, none, none, none, 2, 2, 2, 2, 3, 3, 3, 3, 4])
      expect(found.first).toBe(7)
    }),
  )

  it.effect("of dates closes with the date, in extended hours with its end in the last time zone", () =>
    Effect.gen(function* () {
      const base = numbered(80, monday, hour)
      const longer = numbered(4, monday, day)
      const regular = yield* seen(strategyOf("1h", "1d"), base, longer)
      expect(regular.bars.indexOf(2)).toBe(47)
      expect(regular.bars.indexOf(3)).toBe(71)
      const extended = yield* seen(strategyOf("1h", "1d", "extended"), base, longer)
      expect(extended.bars.indexOf(2)).toBe(59)
    }),
  )

  it.effect("of weeks closes on Sunday", () =>
    Effect.gen(function* () {
      const found = yield* seen(
        strategyOf("1d", "1w"),
        numbered(22, monday, day),
        numbered(3, monday, 7 * day),
      )
      expect(found.bars.indexOf(2)).toBe(13)
      expect(found.bars.indexOf(3)).toBe(20)
    }),
  )

  it.effect("that ends long before the base does is refused where it is used", () =>
    Effect.gen(function* () {
      const given = strategyOf("1h", "1d")
      const base = numbered(24 * 30, monday, hour)
      const check = (longer: Candle.Candles) =>
        Features.checkEnds(Features.plan(given), bars({ "1h": base, "1d": longer }))
      yield* check(numbered(30, monday, day))
      yield* check(numbered(17, monday, day))
      const error = yield* Effect.flip(check(numbered(10, monday, day)))
      expect(error).toMatchObject({
        reason: "IncompleteData",
        place: "AAPL 1d",
        found: "bars up to 2024-01-18T00:00:00Z",
      })
    }),
  )
})

describe("refusals", () => {
  it.effect("bars of a timeframe that are not there", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(prepare(make(twoTimeframes), bars({ "1h": walk(100) })))
      expect(error).toMatchObject({ reason: "InvalidInput", place: "AAPL 1d" })
    }),
  )

  it.effect("an indicator without a number after its warm-up, by name, row and time", () =>
    Effect.gen(function* () {
      const strategy = make([
        ["type: rsi, period: 14", "type: obv"],
        ["fuzzy: all", "fuzzy: [rsi_level]"],
      ])
      const candles = walk(100)
      candles.volume[40] = Number.NaN
      const error = yield* Effect.flip(prepare(strategy, bars({ "1h": candles })))
      expect(error).toMatchObject({
        reason: "NotFinite",
        place: "AAPL 1h, indicator rsi14 (obv value), row 40 at 2024-01-09T16:00:00Z",
        expected: "a number for each bar after its warm-up of 1",
        found: "NaN",
      })
    }),
  )
})

describe("causality", () => {
  it("rows of truncated bars are those of all bars, bit for bit, of every timeframe, price and lookback", () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom("regular", "extended"),
        fc.constantFrom(
          ...Object.keys(Indicators.builtIn).filter((type) => type !== "rsi" && type !== "macd"),
        ),
        fc.nat(299),
        fc.nat(50),
        async (session, type, cut, seed) => {
          const strategy = make([
            ["timeframes: [1h]", `timeframes: [1h, 4h, 1d]\nsession: ${session}`],
            ["type: rsi, period: 14", `type: ${type}`],
          ])
          const base = walk(300, monday, hour, seed)
          const longer = { "4h": walk(75, monday, 4 * hour, seed), "1d": walk(13, monday, day, seed) }
          const whole = await Effect.runPromise(prepare(strategy, bars({ "1h": base, ...longer })))
          const now = base.start[cut]! + hour
          const until = (candles: Candle.Candles, length: number) =>
            Candle.slice(candles, 0, Candle.lowerBound(candles.start, now - length + 1))
          const part = await Effect.runPromise(
            prepare(
              strategy,
              bars({
                "1h": until(base, hour),
                "4h": until(longer["4h"], 4 * hour),
                "1d": until(longer["1d"], session === "extended" ? 1.5 * day : day),
              }),
            ),
          )
          part.columns.forEach((values, index) => {
            expect(values).toEqual(whole.columns[index]!.slice(0, cut + 1))
          })
        },
      ),
      { numRuns: 40 },
    ))
})
