/**
 * Features: what a row knows when its bar has closed.
 *
 * In order, for each timeframe of the strategy the memberships of its fuzzy sets as the file has them
 * (`rsi_level.oversold`, and `rsi_level.oversold@1d` of a longer timeframe than the base); then, where prices are
 * asked for, of the base bars and relative to the close before: `return`, the logarithm of the close over it;
 * `range`, high less low over it; `body`, close less open over it. Then all of that of the bar before, and so on
 * (`return[-1]`, `return[-2]`), as far as the lookback goes.
 *
 * A bar of a longer timeframe counts from the moment it has closed, so that a row has what its last closed one
 * says. Bars that are stamped with a date close at the end of that date in UTC, in extended hours at the end of it
 * in the last time zone there is, 12 hours later.
 */
import * as Effect from "effect/Effect"
import { type Candles, size } from "../data/Candle.js"
import * as Series from "../data/Series.js"
import type { Symbol } from "../data/Symbol.js"
import type * as Timeframe from "../data/Timeframe.js"
import * as Columns from "./Features/Columns.js"
import * as Join from "./Features/Join.js"
import type * as FuzzySets from "./FuzzySets.js"
import * as Indicators from "./Indicators.js"
import * as Strategy from "./Strategy.js"
import * as Stretches from "./Stretches.js"
import { TrainingError } from "./TrainingError.js"

/** One column, of the row's own bar. */
export interface Feature {
  readonly name: string
  readonly timeframe: Timeframe.Timeframe
  /** The set over an indicator's output, or which price it is. */
  readonly of: Membership | "return" | "range" | "body"
}

export interface Membership {
  readonly output: Indicators.Output
  readonly set: FuzzySets.FuzzySet
}

export interface Plan {
  readonly strategy: Strategy.Strategy
  readonly features: ReadonlyArray<Feature>
  readonly lookback: number
  /** All names in the order of a row: those of the features, then of each bar before. */
  readonly names: ReadonlyArray<string>
}

/** The bars of one symbol, of every timeframe of the strategy. */
export interface Bars {
  readonly symbol: Symbol
  readonly candles: ReadonlyMap<Timeframe.Timeframe, Candles>
}

/** What a strategy without a fault makes of bars. */
export const plan = (strategy: Strategy.Strategy, table: Indicators.Table = Indicators.builtIn): Plan => {
  const { features: asked, timeframes } = strategy
  const base = Strategy.base(strategy)
  const memberships = timeframes.flatMap((timeframe) =>
    listed(strategy).flatMap(({ name, indicator, set }): ReadonlyArray<Feature> => {
      const output = Indicators.resolve(table, strategy.indicators, indicator)
      if (output === undefined || (output.spec.timeframe ?? timeframe) !== timeframe) return []
      const full = timeframe === base ? name : `${name}@${timeframe}`
      return [{ name: full, timeframe, of: { output, set } }]
    }),
  )
  const prices = asked.prices
    ? (["return", "range", "body"] as const).map((of): Feature => ({ name: of, timeframe: base, of }))
    : []
  const features = [...memberships, ...prices]
  const names = Array.from({ length: asked.lookback + 1 }, (_, lag) =>
    features.map(({ name }) => (lag === 0 ? name : `${name}[-${lag}]`)),
  ).flat()
  return { strategy, features, lookback: asked.lookback, names }
}

/** True for what is scaled: a membership is from 0 to 1 by itself. */
export const isScaled = ({ of }: Feature): boolean => typeof of === "string"

export interface Prepared {
  /** One a feature, one value a base bar: `NaN` during the warm-up. */
  readonly columns: ReadonlyArray<Float32Array>
  /** The first base bar whose row is whole, with all bars before that the lookback takes; may be beyond the last. */
  readonly first: number
}

/**
 * The columns of one symbol. Fails with `InvalidInput` where bars of a timeframe are missing, with `NotFinite` where
 * an indicator has no number after its warm-up, naming it, its row and its time.
 */
export const prepare = Effect.fnUntraced(function* (
  plan: Plan,
  bars: Bars,
  turns: Stretches.Turns = Stretches.turns(),
): Effect.fn.Return<Prepared, TrainingError> {
  const { strategy, features } = plan
  const base = yield* candlesOf(plan, bars, Strategy.base(strategy))
  const columns = features.map(() => new Float32Array(size(base)))
  let first = 0
  for (const timeframe of strategy.timeframes) {
    const own = features.flatMap((feature, index) =>
      feature.timeframe === timeframe ? [{ feature, index }] : [],
    )
    if (own.length === 0) continue
    const candles = yield* candlesOf(plan, bars, timeframe)
    const place = `${bars.symbol} ${timeframe}`
    const join =
      timeframe === Strategy.base(strategy)
        ? undefined
        : yield* Join.counts(turns, strategy, base, candles, timeframe)
    for (const group of byIndicator(own)) {
      const values = yield* Columns.make(turns, group[0]!.feature, candles)
      const checked = new Set<Columns.Column>()
      for (const { feature, index } of group) {
        const { of, output } = Columns.read(feature, values)
        if (!checked.has(output)) yield* Columns.check(turns, feature, output, candles, place)
        checked.add(output)
        yield* Stretches.run(turns, Columns.spread(of, output.column, join, columns[index]!))
        first = Math.max(first, Join.firstRow(output.warmup, join))
      }
    }
  }
  return { columns, first: first + plan.lookback }
})

/** Fails with `IncompleteData` where longer bars that a feature is made of end long before the base bars do. */
export const checkEnds = Effect.fnUntraced(function* (
  plan: Plan,
  bars: Bars,
): Effect.fn.Return<void, TrainingError> {
  const base = yield* candlesOf(plan, bars, Strategy.base(plan.strategy))
  for (const timeframe of plan.strategy.timeframes.slice(1)) {
    if (!plan.features.some((feature) => feature.timeframe === timeframe)) continue
    const candles = yield* candlesOf(plan, bars, timeframe)
    yield* Join.checkEnd(plan.strategy, base, candles, timeframe, `${bars.symbol} ${timeframe}`)
  }
})

/** The bars of a timeframe, which the caller must have given. */
export const candlesOf = (
  { strategy }: Pick<Plan, "strategy">,
  { symbol, candles }: Bars,
  timeframe: Timeframe.Timeframe,
): Effect.Effect<Candles, TrainingError> => {
  const found = candles.get(timeframe)
  return found === undefined
    ? Effect.fail(
        new TrainingError({
          reason: "InvalidInput",
          place: Series.format({ symbol, timeframe, session: strategy.session }),
          expected: `bars of each of the strategy's timeframes, ${strategy.timeframes.join(" ")}`,
          found: "none",
          advice: "Load them first",
        }),
      )
    : Effect.succeed(found)
}

// ---------------------------------------------------------------------------------------------------------

interface Placed {
  readonly feature: Feature
  /** Its place among the features. */
  readonly index: number
}

const listed = ({ fuzzy_sets, features: { fuzzy } }: Strategy.Strategy) => {
  const all = Object.entries(fuzzy_sets).flatMap(([variable, { indicator, sets }]) =>
    Object.entries(sets).map(([set, membership]) => ({
      variable,
      name: `${variable}.${set}`,
      indicator,
      set: membership,
    })),
  )
  return fuzzy === "all"
    ? all
    : fuzzy.flatMap((wanted) => all.filter(({ variable, name }) => wanted === variable || wanted === name))
}

/** Features of one indicator together, so that its outputs need not be kept; all prices are one group. */
const byIndicator = (placed: ReadonlyArray<Placed>): ReadonlyArray<ReadonlyArray<Placed>> => {
  const groups = new Map<string, Array<Placed>>()
  for (const one of placed) {
    const { of } = one.feature
    const key = typeof of === "string" ? "" : of.output.name
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return [...groups.values()]
}
