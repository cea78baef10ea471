/**
 * Datasets: the arrays that a network is trained on, made of a strategy and bars.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { size } from "../data/Candle.js"
import type { Symbol } from "../data/Symbol.js"
import * as Timeframe from "../data/Timeframe.js"
import * as Assembly from "./Dataset/Assembly.js"
import * as Refusal from "./Dataset/Refusal.js"
import * as Features from "./Features.js"
import * as Indicators from "./Indicators.js"
import * as Labels from "./Labels.js"
import * as Split from "./Split.js"
import * as Strategy from "./Strategy.js"
import * as Stretches from "./Stretches.js"
import type { TrainingError } from "./TrainingError.js"

/**
 * What becomes of a feature before a network sees it: less the mean, over the deviation, both of the training part.
 * 0 and 1 for memberships, which stay what they are. In the order of a row: a model must be given the same.
 */
export const Scaling = Schema.Array(
  Schema.Struct({ feature: Schema.String, mean: Schema.Number, deviation: Schema.Number }),
).annotations({ identifier: "Scaling" })
export type Scaling = typeof Scaling.Type

/** Rows of `features` numbers each, one after another. */
export interface Inputs {
  /** `rows * features.length` numbers, row by row. */
  readonly x: Float32Array
  readonly rows: number
  /** Names in the order of a row. */
  readonly features: ReadonlyArray<string>
  /** When each row's bar starts, epoch milliseconds UTC. */
  readonly times: Float64Array
  /** Each row's symbol, by its place in `symbols`. */
  readonly symbol: Uint16Array
  readonly symbols: ReadonlyArray<Symbol>
}

/**
 * Rows with labels, part after part, in each part symbol after symbol, of each symbol in time order. What was purged
 * or embargoed is not among them.
 */
export interface Dataset extends Inputs {
  /** Class numbers (`Labels.classes`), or returns where labels are such. */
  readonly y: Uint8Array | Float32Array
  readonly parts: Readonly<Record<Split.Part, Split.Range>>
  readonly scaling: Scaling
  readonly split: Split.Split
  /** Rows of each class in each part; empty where labels are no classes. */
  readonly balance: Readonly<Record<Split.Part, ReadonlyArray<number>>>
  /** Bars that make no row, of all symbols: before the features are whole, and after the last label. */
  readonly dropped: { readonly warmup: number; readonly unlabelled: number }
}

/**
 * Every symbol is prepared by itself, from its own bars alone; then all are put together. The candles are not kept
 * and not changed. No stretch of it holds other fibers up for long.
 *
 * Fails with `InvalidInput` where bars are missing, `IncompleteData` where those of a longer timeframe end long before
 * the base bars do, `NotEnoughData` where a symbol has fewer than the warm-up, the
 * lookback and the lookahead take or a part is left with fewer than 10 rows, `NoSuchClass` where one never occurs in
 * a part, `ConstantFeature` where a feature is the same in all of the training part, `NotFinite` where an indicator
 * is no number, `LookAhead` where a feature is the label itself.
 */
export const make = Effect.fn("Dataset.make")(function* (
  strategy: Strategy.Strategy,
  bars: ReadonlyArray<Features.Bars>,
  table: Indicators.Table = Indicators.builtIn,
): Effect.fn.Return<Dataset, TrainingError> {
  const plan = Features.plan(strategy, table)
  const turns = Stretches.turns()
  const isRegression = Labels.isRegression(strategy.labels)
  const series = yield* Effect.forEach(bars, (one) => prepare(turns, plan, one))
  const split = Split.make(
    strategy.split,
    series.map(({ rows }) => rows),
    Timeframe.info(Strategy.base(strategy)).millis,
  )
  yield* Refusal.fewRows(split)
  const blocks = Split.parts.flatMap((part) =>
    series.map((one, symbol): Assembly.Block => {
      const { from, to } = split.ranges[symbol]![part]
      return { ...one, symbol, from: one.first + from, to: one.first + to }
    }),
  )
  const parts = partsOf(split)
  const y = isRegression ? new Float32Array(parts.test.to) : new Uint8Array(parts.test.to)
  let at = 0
  for (const { symbol, from, to } of blocks) {
    const offset = at
    yield* Stretches.once(turns, (to - from) / Stretches.easyRows, () =>
      y.set(series[symbol]!.labels.subarray(from, to), offset),
    )
    at += to - from
  }
  const balance = isRegression ? noBalance : yield* balanceOf(turns, y, parts)
  if (!isRegression) yield* Refusal.missingClass(balance, strategy.labels)
  const fitted = yield* Assembly.fit(turns, plan, blocks.slice(0, series.length))
  yield* Refusal.constant(plan, fitted)
  const scaling = Assembly.scaling(plan, fitted)
  return {
    ...(yield* Assembly.fill(turns, plan, scaling, blocks, series)),
    y,
    parts,
    scaling,
    split,
    balance,
    dropped: {
      warmup: series.reduce((sum, { first }) => sum + first, 0),
      unlabelled: bars.length * strategy.labels.lookahead,
    },
  }
})

/**
 * Rows for a model to predict from: every bar that has whole features, labelled or not, symbol after symbol, scaled
 * as the model was. Fails with `FeatureMismatch` where the strategy's features are not those of `scaling`, in that
 * order, and as `make` does.
 */
export const inputs = Effect.fn("Dataset.inputs")(function* (
  strategy: Strategy.Strategy,
  bars: ReadonlyArray<Features.Bars>,
  scaling: Scaling,
  table: Indicators.Table = Indicators.builtIn,
): Effect.fn.Return<Inputs, TrainingError> {
  const plan = Features.plan(strategy, table)
  const turns = Stretches.turns()
  yield* Refusal.otherFeatures(plan, scaling)
  const series = yield* Effect.forEach(bars, (one) =>
    Effect.gen(function* () {
      const base = yield* Features.candlesOf(plan, one, Strategy.base(strategy))
      yield* Features.checkEnds(plan, one)
      const { columns, first } = yield* Features.prepare(plan, one, turns)
      if (first >= size(base)) return yield* Refusal.fewBars(plan, one.symbol, size(base), first, 0)
      return { symbol: one.symbol, columns, starts: base.start, first }
    }),
  )
  const blocks = series.map(
    (one, symbol): Assembly.Block => ({ ...one, symbol, from: one.first, to: one.starts.length }),
  )
  return yield* Assembly.fill(turns, plan, scaling, blocks, series)
})

// ---------------------------------------------------------------------------------------------------------

const noBalance: Dataset["balance"] = { train: [], validation: [], test: [] }

/** One symbol's columns and labels, and which of its bars are rows. */
const prepare = Effect.fnUntraced(function* (
  turns: Stretches.Turns,
  plan: Features.Plan,
  bars: Features.Bars,
) {
  const { labels, timeframes } = plan.strategy
  const base = yield* Features.candlesOf(plan, bars, timeframes[0]!)
  yield* Features.checkEnds(plan, bars)
  const { columns, first } = yield* Features.prepare(plan, bars, turns)
  const labelling = Labels.start(labels, base)
  if (first >= labelling.rows)
    return yield* Refusal.fewBars(plan, bars.symbol, size(base), first, labels.lookahead)
  yield* Stretches.run(turns, labelling)
  yield* Refusal.notFiniteLabel(turns, bars.symbol, timeframes[0]!, labelling.values, base)
  yield* Refusal.leaked(turns, plan, bars.symbol, columns, first, labelling.values)
  const { start } = base
  return {
    symbol: bars.symbol,
    columns,
    labels: labelling.values,
    starts: start,
    first,
    rows: {
      times: start.subarray(first, labelling.rows),
      ends: start.subarray(first + labels.lookahead),
    } satisfies Split.Rows,
  }
})

const partsOf = ({ rows }: Split.Split): Dataset["parts"] => {
  const validation = rows.train + rows.validation
  return {
    train: { from: 0, to: rows.train },
    validation: { from: rows.train, to: validation },
    test: { from: validation, to: validation + rows.test },
  }
}

const balanceOf = Effect.fnUntraced(function* (
  turns: Stretches.Turns,
  y: Uint8Array | Float32Array,
  parts: Dataset["parts"],
) {
  const count = ({ from, to }: Split.Range) =>
    Stretches.once(turns, (to - from) / Stretches.easyRows, () => {
      const counts = Labels.classes.map(() => 0)
      for (let row = from; row < to; row++) counts[y[row]!]!++
      return counts
    })
  return {
    train: yield* count(parts.train),
    validation: yield* count(parts.validation),
    test: yield* count(parts.test),
  }
})
