import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Candle from "../../src/data/Candle.js"
import * as Dataset from "../../src/training/Dataset.js"
import * as Features from "../../src/training/Features.js"
import * as Indicators from "../../src/training/Indicators.js"
import * as Labels from "../../src/training/Labels.js"
import * as Split from "../../src/training/Split.js"
import * as Stretches from "../../src/training/Stretches.js"
import { bars, day, hour, make, monday, walk } from "../utils/Strategies.js"
import * as Turns from "../utils/Stretches.js"

type Change = readonly [string, string]

const zigzag = "type: zigzag, threshold: 0.002, lookahead: 5"

const two: ReadonlyArray<Change> = [["[AAPL]", "[AAPL, MSFT]"]]

const dataset = (changes: ReadonlyArray<Change>, ...given: ReadonlyArray<Features.Bars>) =>
  Dataset.make(make(changes), given)

/** Row `index`, by the names of its features. */
const row = ({ x, features }: Dataset.Inputs, index: number): Readonly<Record<string, number>> =>
  Object.fromEntries(features.map((name, column) => [name, x[index * features.length + column]!]))

describe("a dataset", () => {
  it.effect("has rows of features with their labels, part after part in time order", () =>
    Effect.gen(function* () {
      const candles = walk(1000)
      const made = yield* dataset([], bars({ "1h": candles }))
      expect(made.x).toHaveLength(made.rows * made.features.length)
      expect(made.y).toHaveLength(made.rows)
      expect(made.times).toHaveLength(made.rows)
      expect(made.features).toEqual(Features.plan(make()).names)
      expect(made.dropped).toEqual({ warmup: 35, unlabelled: 5 })
      const { train, validation, test } = made.parts
      expect([train.from, validation.from, test.from, test.to]).toEqual([
        0,
        train.to,
        validation.to,
        made.rows,
      ])
      expect(made.times).toEqual(made.times.slice().sort())
      expect(made.times[0]).toBe(candles.start[35])
      expect(made.times.at(-1)).toBe(candles.start[994])
      expect(made.times[validation.from]).toBe(made.split.borders.validation + 20 * hour)
      const { purged, embargoed } = made.split
      expect(made.rows + purged.train + purged.validation + embargoed.validation + embargoed.test).toBe(960)
    }),
  )

  it.effect("has each row's own features, those of the bars before, and its own label", () =>
    Effect.gen(function* () {
      const candles = walk(1000)
      const strategy = make()
      const given = bars({ "1h": candles })
      const made = yield* Dataset.make(strategy, [given])
      const plan = Features.plan(strategy)
      const { columns } = yield* Features.prepare(plan, given)
      const labelling = Labels.start(strategy.labels, candles)
      Stretches.now(labelling)
      for (const index of [0, 1, 400, made.rows - 1]) {
        const bar = Candle.lowerBound(candles.start, made.times[index]!)
        const cells = row(made, index)
        expect(made.y[index]).toBe(labelling.values[bar])
        made.scaling.forEach(({ feature, mean, deviation }, column) => {
          const lag = Math.floor(column / plan.features.length)
          const value = columns[column % plan.features.length]![bar - lag]!
          expect(cells[feature]).toBe(Math.fround((value - mean) / deviation))
        })
      }
    }),
  )

  it.effect("counts the classes of each part", () =>
    Effect.gen(function* () {
      const { balance, parts, y } = yield* dataset([], bars({ "1h": walk(1000) }))
      for (const part of Split.parts) {
        const own = [...y.subarray(parts[part].from, parts[part].to)]
        expect(balance[part]).toEqual([0, 1, 2].map((label) => own.filter((one) => one === label).length))
      }
    }),
  )

  it.effect("has returns where they are asked for", () =>
    Effect.gen(function* () {
      const candles = walk(1000)
      const labels = "type: forward_return, lookahead: 5, regression: true"
      const made = yield* dataset([[zigzag, labels]], bars({ "1h": candles }))
      expect(made.y).toBeInstanceOf(Float32Array)
      expect(made.y[0]).toBe(Math.fround(candles.close[40]! / candles.close[35]! - 1))
      expect(made.balance).toEqual({ train: [], validation: [], test: [] })
    }),
  )
})

describe("scaling", () => {
  it.effect(
    "makes prices of the training part zero on average with a deviation of one, and leaves memberships",
    () =>
      Effect.gen(function* () {
        const made = yield* dataset([], bars({ "1h": walk(1000) }))
        const rows = Array.from({ length: made.parts.train.to }, (_, index) => row(made, index))
        for (const name of ["return", "range", "body"]) {
          const values = rows.map((cells) => cells[name]!)
          const mean = values.reduce((sum, value) => sum + value, 0) / values.length
          const square = values.reduce((sum, value) => sum + value ** 2, 0) / values.length
          expect(mean).toBeCloseTo(0, 5)
          expect(square).toBeCloseTo(1, 5)
        }
        const scaled = new Map(made.scaling.map(({ feature, ...scale }) => [feature, scale]))
        expect(scaled.get("return[-2]")).toEqual(scaled.get("return"))
        expect(scaled.get("trend.up")).toEqual({ mean: 0, deviation: 1 })
      }),
  )

  it.effect("knows nothing of what comes after the training part", () =>
    Effect.gen(function* () {
      const candles = walk(1000)
      const wild = Candle.fromRows(
        Candle.toRows(candles).map((bar) =>
          bar.start < candles.start[710]!
            ? bar
            : { ...bar, high: bar.high * 3, low: bar.low / 3, open: bar.open * 1.5, close: bar.close / 1.5 },
        ),
      )
      const [before, after] = yield* Effect.all([
        dataset([], bars({ "1h": candles })),
        dataset([], bars({ "1h": wild })),
      ])
      expect(after.scaling).toEqual(before.scaling)
      const train = before.parts.train.to * before.features.length
      expect(after.x.subarray(0, train)).toEqual(before.x.subarray(0, train))
      expect(after.x.subarray(train)).not.toEqual(before.x.subarray(train))
    }),
  )
})

describe("several symbols", () => {
  const apple = bars({ "1h": walk(1000) })
  const microsoft = bars({ "1h": walk(700, monday + 200 * hour, hour, 50) }, "MSFT")

  it.effect("are each prepared from their own bars alone", () =>
    Effect.gen(function* () {
      const unscaled: ReadonlyArray<Change> = [...two, ["prices: true", "prices: false"]]
      const both = yield* dataset(unscaled, apple, microsoft)
      const alone = yield* dataset([["prices: true", "prices: false"]], apple)
      expect(both.symbols).toEqual(["AAPL", "MSFT"])
      const cells = new Map(
        Array.from({ length: alone.rows }, (_, index) => [
          alone.times[index]!,
          [row(alone, index), alone.y[index]],
        ]),
      )
      let compared = 0
      for (let index = 0; index < both.rows; index++) {
        const own = both.symbol[index] === 0 ? cells.get(both.times[index]!) : undefined
        if (own === undefined) continue
        compared++
        expect([row(both, index), both.y[index]]).toEqual(own)
      }
      expect(compared).toBeGreaterThan(600)
      expect(both.dropped).toEqual({ warmup: 70, unlabelled: 10 })
    }),
  )

  it.effect("have no row in a part that is later than another's in the next", () =>
    Effect.gen(function* () {
      const { parts, times, symbol } = yield* dataset(two, apple, microsoft)
      const own = (part: Split.Part) => times.subarray(parts[part].from, parts[part].to)
      expect(Math.max(...own("train"))).toBeLessThan(Math.min(...own("validation")))
      expect(Math.max(...own("validation"))).toBeLessThan(Math.min(...own("test")))
      for (const part of Split.parts) {
        const ofPart = [...symbol.subarray(parts[part].from, parts[part].to)]
        expect(ofPart).toEqual(ofPart.slice().sort())
        expect(new Set(ofPart)).toEqual(new Set([0, 1]))
      }
    }),
  )
})

const refused = (changes: ReadonlyArray<Change>, ...given: ReadonlyArray<Features.Bars>) =>
  Effect.flip(dataset(changes, ...given))

describe("refusals", () => {
  it.effect("fewer bars than warm-up, lookback and lookahead take", () =>
    Effect.gen(function* () {
      expect(yield* refused([], bars({ "1h": walk(40) }))).toMatchObject({
        reason: "NotEnoughData",
        place: "AAPL 1h",
        expected: "more than 40 bars (warm-up 33, lookback 2, lookahead 5)",
        found: "40",
      })
      expect(yield* refused([["lookback: 2", "lookback: 500"]], bars({ "1h": walk(300) }))).toMatchObject({
        reason: "NotEnoughData",
        expected: "more than 538 bars (warm-up 33, lookback 500, lookahead 5)",
      })
    }),
  )

  it.effect("a part with too few rows", () =>
    Effect.gen(function* () {
      expect(yield* refused([], bars({ "1h": walk(200) }))).toMatchObject({
        reason: "NotEnoughData",
        place: "split, validation",
        found: "0 of 160, of which 9 are purged and 40 embargoed",
      })
      expect(yield* refused([])).toMatchObject({ reason: "NotEnoughData" })
    }),
  )

  it.effect("a class that a part has no row of", () =>
    Effect.gen(function* () {
      const error = yield* refused([["threshold: 0.002", "threshold: 0.5"]], bars({ "1h": walk(1000) }))
      expect(error).toMatchObject({
        reason: "NoSuchClass",
        place: "labels (zigzag), train part",
        found: "none of BUY (BUY 0, HOLD 667, SELL 0)",
      })
      const calm = Candle.toRows(walk(1000)).map((bar, index) =>
        index < 860 ? bar : { ...bar, open: 100, high: 101, low: 99, close: 100 },
      )
      const late = yield* refused([], bars({ "1h": Candle.fromRows(calm) }))
      expect(late).toMatchObject({ reason: "NoSuchClass", place: "labels (zigzag), test part" })
    }),
  )

  it.effect("a feature that is the same in all of the training part", () =>
    Effect.gen(function* () {
      const error = yield* refused([["[0, 20, 45]", "[-30, -20, -10]"]], bars({ "1h": walk(1000) }))
      expect(error).toMatchObject({
        reason: "ConstantFeature",
        place: "feature rsi_level.oversold, train part",
        found: "0 in every row",
      })
    }),
  )

  it.effect("a feature that is the label itself", () =>
    Effect.gen(function* () {
      const candles = walk(1000)
      const labelling = Labels.start(make().labels, candles)
      Stretches.now(labelling)
      const planted = Indicators.define({
        type: "planted",
        fields: {},
        outputs: ["value"],
        warmup: () => [0],
        start:
          () =>
          (from, to, [value]) => {
            for (let row = from; row < to; row++) value![row] = labelling.values[row] ?? 1
          },
      })
      const table = { ...Indicators.builtIn, planted }
      const strategy = make(
        [
          ["type: rsi, period: 14", "type: planted"],
          ["[0, 20, 45]", "[-1, 0, 3]"],
        ],
        table,
      )
      const error = yield* Effect.flip(Dataset.make(strategy, [bars({ "1h": candles })], table))
      expect(error).toMatchObject({
        reason: "LookAhead",
        place: "AAPL 1h, feature rsi_level.oversold of indicator rsi14 (planted)",
        found: "the labels themselves",
      })
    }),
  )

  it.effect("a return that is no number", () =>
    Effect.gen(function* () {
      const candles = walk(1000)
      candles.close[995] = 1e308
      candles.close[990] = 1e-300
      const labels = "type: forward_return, lookahead: 5, regression: true"
      const error = yield* refused(
        [
          [zigzag, labels],
          ["fuzzy: all, prices: true", "fuzzy: [rsi_level]"],
        ],
        bars({ "1h": candles }),
      )
      expect(error).toMatchObject({ reason: "NotFinite", place: expect.stringContaining("row 990") })
    }),
  )
})

describe("inputs", () => {
  it.effect("are the rows of a dataset, and those that have no label yet", () =>
    Effect.gen(function* () {
      const given = [bars({ "1h": walk(1000) })]
      const made = yield* Dataset.make(make(), given)
      const inputs = yield* Dataset.inputs(make(), given, made.scaling)
      expect(inputs.rows).toBe(965)
      expect(inputs.times.at(-1)).toBe(monday + 999 * hour)
      expect(row(inputs, 0)).toEqual(row(made, 0))
      const last = made.times.at(-1)!
      expect(row(inputs, inputs.times.indexOf(last))).toEqual(row(made, made.rows - 1))
    }),
  )

  it.effect("are refused where the model was trained on other features", () =>
    Effect.gen(function* () {
      const given = [bars({ "1h": walk(1000) })]
      const { scaling } = yield* Dataset.make(make(), given)
      const refused = (strategy: Dataset.Scaling, changes: ReadonlyArray<Change>) =>
        Effect.flip(Dataset.inputs(make(changes), given, strategy))
      expect(yield* refused(scaling, [["overbought:", "high:"]])).toMatchObject({
        reason: "FeatureMismatch",
        place: "feature 3 of 21",
        expected: "rsi_level.overbought",
        found: "rsi_level.high",
      })
      expect(yield* refused(scaling, [["lookback: 2", "lookback: 1"]])).toMatchObject({
        place: "feature 15 of 21",
        found: "no further feature",
      })
      expect(yield* refused(scaling, [["lookback: 2", "lookback: 3"]])).toMatchObject({
        place: "feature 22 of 21",
        expected: "no further feature",
        found: "rsi_level.oversold[-3]",
      })
      expect(yield* Effect.flip(Dataset.inputs(make(), [bars({ "1h": walk(30) })], scaling))).toMatchObject({
        reason: "NotEnoughData",
        expected: "more than 35 bars (warm-up 33, lookback 2)",
      })
    }),
  )
})

describe("a long series", () => {
  it.live("lets others run time and again", () =>
    Effect.gen(function* () {
      const changes: ReadonlyArray<Change> = [["[1h]", "[1h, 1d]"]]
      const given = bars({ "1h": walk(100_000), "1d": walk(4166, monday, day) })
      const { value, turns } = yield* Turns.count(dataset(changes, given))
      expect(value.rows).toBeGreaterThan(90_000)
      expect(turns).toBeGreaterThan(25)
      const few = yield* Turns.count(dataset([], bars({ "1h": walk(1000) })))
      expect(few.turns).toBeLessThan(4)
    }),
  )
})
