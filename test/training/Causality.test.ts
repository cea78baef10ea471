import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Candle from "../../src/data/Candle.js"
import * as Causality from "../../src/training/Causality.js"
import * as Indicators from "../../src/training/Indicators.js"
import * as Labels from "../../src/training/Labels.js"
import * as Stretches from "../../src/training/Stretches.js"
import { bars, day, hour, make, monday, walk } from "../utils/Strategies.js"

/** A table with an indicator beside the others whose values are what `of` says of all bars at once. */
const plant = (of: (candles: Candle.Candles) => ArrayLike<number>): Indicators.Table => ({
  ...Indicators.builtIn,
  planted: Indicators.define({
    type: "planted",
    fields: {},
    outputs: ["value"],
    warmup: () => [0],
    start: (_, candles) => {
      const values = of(candles)
      return (from, to, [value]) => {
        for (let row = from; row < to; row++) value![row] = values[row] ?? Number.NaN
      }
    },
  }),
})

const audit = (table: Indicators.Table, count = 400, changes: Parameters<typeof make>[0] = []) =>
  Effect.either(
    Causality.audit(
      make([["type: rsi, period: 14", "type: planted"], ...(changes ?? [])], table),
      [bars({ "1h": walk(count), "1d": walk(Math.ceil(count / 24), monday, day) })],
      7,
      table,
    ),
  )

describe("what looks ahead is refused by name", () => {
  const planted: Readonly<Record<string, (candles: Candle.Candles) => ArrayLike<number>>> = {
    "the next close": ({ close }) => close.slice(1),
    "the close ten bars on, the last one where there is none": ({ close }) =>
      close.map((_, row) => close[Math.min(row + 10, close.length - 1)]!),
    "a close by the highest of all": ({ close }) => close.map((price) => price / Math.max(...close)),
    "the distance from the mean of all": ({ close }) => {
      const mean = close.reduce((sum, price) => sum + price, 0) / close.length
      return close.map((price) => price - mean)
    },
    "how many bars there are": ({ close }) => close.map(() => close.length),
  }

  for (const [what, of] of Object.entries(planted)) {
    it.effect(what, () =>
      Effect.gen(function* () {
        const error = Either.getOrThrow(Either.flip(yield* audit(plant(of))))
        expect(error.reason).toBe("LookAhead")
        expect(error.place).toBe("AAPL 1h, indicator rsi14 (planted value)")
        expect(error.found).toMatch(/ in row \d+ at 2024-.* and, with later bars, /)
      }),
    )
  }

  it.effect("labels, made of the bars they are given", () =>
    Effect.gen(function* () {
      const table = plant((candles) => {
        const labelling = Labels.start(make().labels, candles)
        Stretches.now(labelling)
        return [...labelling.values, 1, 1, 1, 1, 1]
      })
      const error = Either.getOrThrow(Either.flip(yield* audit(table)))
      expect(error).toMatchObject({ reason: "LookAhead", place: "AAPL 1h, indicator rsi14 (planted value)" })
    }),
  )

  it.effect("labels that come from elsewhere and are the same for fewer bars", () =>
    Effect.gen(function* () {
      const labelling = Labels.start(make().labels, walk(400))
      Stretches.now(labelling)
      const table = plant(() => [...labelling.values, 1, 1, 1, 1, 1])
      const error = Either.getOrThrow(Either.flip(yield* audit(table, 400, [["[0, 20, 45]", "[-1, 0, 3]"]])))
      expect(error).toMatchObject({
        reason: "LookAhead",
        place: "AAPL 1h, feature rsi_level.oversold of indicator rsi14 (planted)",
        found: "the labels themselves",
      })
    }),
  )

  it.effect("in one stretch of a long series as well", () =>
    Effect.gen(function* () {
      const table = plant(({ close }) => close.slice(1))
      expect(Either.isLeft(yield* audit(table, Causality.mostBars + 5000))).toBe(true)
    }),
  )
})

describe("what is known when a bar has closed passes", () => {
  it.effect("a strategy over two timeframes and two symbols", () =>
    Effect.gen(function* () {
      const strategy = make([
        ["[AAPL]", "[AAPL, MSFT]"],
        ["[1h]", "[1h, 1d]"],
      ])
      const given = ["AAPL", "MSFT"].map((symbol, seed) =>
        bars({ "1h": walk(1500, monday, hour, seed), "1d": walk(63, monday, day, seed) }, symbol),
      )
      const first = yield* Causality.audit(strategy, given, 7)
      expect(first).toMatchObject({ prefixes: 16, features: 11 })
      expect(first.rows).toBeGreaterThan(16 * 375)
      expect(yield* Causality.audit(strategy, given, 7)).toEqual(first)
      expect((yield* Causality.audit(strategy, given, 8)).rows).not.toBe(first.rows)
    }),
  )

  it.effect("an indicator that looks back alone", () =>
    Effect.gen(function* () {
      const table = plant(({ close }) => close.map((_, row) => close[Math.max(0, row - 3)]!))
      expect(Either.isRight(yield* audit(table))).toBe(true)
    }),
  )
})
