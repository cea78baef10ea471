/**
 * Whether anything a row says was known when its bar closed, found out by trying: what is made of the bars up to an
 * instant must be, bit for bit, what is made of them when later bars are there too.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { type Candles, lowerBound, size, slice } from "../data/Candle.js"
import type { Timeframe } from "../data/Timeframe.js"
import * as TimeRange from "../data/TimeRange.js"
import * as Refusal from "./Dataset/Refusal.js"
import * as Join from "./Features/Join.js"
import * as Features from "./Features.js"
import * as Indicators from "./Indicators.js"
import * as Labels from "./Labels.js"
import * as Strategy from "./Strategy.js"
import * as Stretches from "./Stretches.js"
import type { TrainingError } from "./TrainingError.js"

/** What was tried. */
export interface Audit {
  readonly prefixes: number
  /** Rows that were compared, of all prefixes. */
  readonly rows: number
  readonly features: number
}

export const prefixes = 16

/** More base bars of a symbol than these are not tried at once: a stretch of them is, wherever the seed says. */
export const mostBars = 20_000

/**
 * Tries 16 prefixes of the bars, chosen by the seed, of one symbol after another: every output of the indicators that
 * are used, then every feature. Fails with `LookAhead`, naming the indicator or the feature, at the first value that
 * differs, and where a feature is the label itself; else as `Features.prepare` does. The same seed and bars have the
 * same prefixes.
 */
export const audit = Effect.fn("Causality.audit")(function* (
  strategy: Strategy.Strategy,
  bars: ReadonlyArray<Features.Bars>,
  seed: number,
  table: Indicators.Table = Indicators.builtIn,
): Effect.fn.Return<Audit, TrainingError> {
  const plan = Features.plan(strategy, table)
  const turns = Stretches.turns()
  const random = Random.make(`ktrdr/Causality/${seed}`)
  const tried = bars.slice(0, prefixes)
  let rows = 0
  for (const [index, one] of tried.entries()) {
    const whole = yield* stretchOf(plan, one, random)
    const base = yield* Features.candlesOf(plan, whole, Strategy.base(strategy))
    const share = Math.floor(prefixes / tried.length) + (index < prefixes % tried.length ? 1 : 0)
    const least = Math.min(size(base), Math.floor(size(base) / 4) + 1)
    const lengths = yield* Effect.replicateEffect(random.nextIntBetween(least, size(base) + 1), share)
    const cuts = yield* Effect.forEach(lengths, (length) => firstBars(plan, whole, length))
    const outputs = yield* outputsOf(turns, plan, whole)
    for (const cut of cuts) yield* compare(turns, outputs, yield* outputsOf(turns, plan, cut))
    const full = yield* Features.prepare(plan, whole, turns)
    yield* refuseLeaks(turns, plan, whole, base, full)
    for (const cut of cuts)
      yield* compare(
        turns,
        featuresOf(plan, whole, base, full),
        featuresOf(plan, cut, base, yield* Features.prepare(plan, cut, turns)),
      )
    rows += lengths.reduce((sum, length) => sum + length, 0)
  }
  return { prefixes: tried.length === 0 ? 0 : prefixes, rows, features: plan.features.length }
})

// ---------------------------------------------------------------------------------------------------------

/** How many values are compared in some milliseconds. */
const compareRows = 100_000

/** A column, and what it is called in an error. */
interface Observed {
  readonly place: string
  readonly column: Float64Array | Float32Array
  readonly starts: Float64Array
}

/** At most `mostBars` base bars, and the longer bars from the beginning to their end, so that these warm up. */
const stretchOf = Effect.fnUntraced(function* (
  plan: Features.Plan,
  bars: Features.Bars,
  random: Random.Random,
) {
  const base = yield* Features.candlesOf(plan, bars, Strategy.base(plan.strategy))
  if (size(base) <= mostBars) return bars
  const from = yield* random.nextIntBetween(0, size(base) - mostBars + 1)
  const end = base.start[from + mostBars - 1]! + 1
  return only(plan, bars, (timeframe, candles) =>
    timeframe === Strategy.base(plan.strategy)
      ? slice(candles, from, from + mostBars)
      : slice(candles, 0, lowerBound(candles.start, end)),
  )
})

/** So many base bars, and the longer bars that have closed when the last of them has. */
const firstBars = Effect.fnUntraced(function* (plan: Features.Plan, bars: Features.Bars, length: number) {
  const { strategy } = plan
  const base = yield* Features.candlesOf(plan, bars, Strategy.base(strategy))
  const now = Join.closesAt(strategy, Strategy.base(strategy))(base.start[length - 1] ?? 0)
  return only(plan, bars, (timeframe, candles) => {
    const lasts = Join.closesAt(strategy, timeframe)(0)
    return slice(candles, 0, lowerBound(candles.start, now - lasts + 1))
  })
})

const only = (
  { strategy }: Features.Plan,
  { symbol, candles }: Features.Bars,
  part: (timeframe: Timeframe, candles: Candles) => Candles,
): Features.Bars => ({
  symbol,
  candles: new Map(
    strategy.timeframes.flatMap((timeframe) => {
      const all = candles.get(timeframe)
      return all === undefined ? [] : [[timeframe, part(timeframe, all)] as const]
    }),
  ),
})

/** Every output of the indicators that a feature is made of, whatever it is. */
const outputsOf = Effect.fnUntraced(function* (
  turns: Stretches.Turns,
  plan: Features.Plan,
  bars: Features.Bars,
): Effect.fn.Return<ReadonlyArray<Observed>, TrainingError> {
  const observed: Array<Observed> = []
  const seen = new Set<string>()
  for (const { timeframe, of } of plan.features) {
    if (typeof of === "string" || seen.has(`${of.output.name} ${timeframe}`)) continue
    const { name, spec, definition } = of.output
    seen.add(`${name} ${timeframe}`)
    const candles = yield* Features.candlesOf(plan, bars, timeframe)
    const work = Indicators.start(definition, spec, candles)
    yield* Stretches.run(turns, work)
    for (const [output, column] of work.columns.entries())
      observed.push({
        place: `${bars.symbol} ${timeframe}, indicator ${name} (${spec.type} ${definition.outputs[output]})`,
        column,
        starts: candles.start,
      })
  }
  return observed
})

const featuresOf = (
  { features }: Features.Plan,
  { symbol }: Features.Bars,
  base: Candles,
  { columns }: Features.Prepared,
): ReadonlyArray<Observed> =>
  columns.map((column, index) => ({
    place: Refusal.placeOf(symbol, features[index]!),
    column,
    starts: base.start,
  }))

/** Fails at the first row of a prefix that the full bars have another value for. */
const compare = (
  turns: Stretches.Turns,
  full: ReadonlyArray<Observed>,
  prefix: ReadonlyArray<Observed>,
): Effect.Effect<void, TrainingError> =>
  Effect.forEach(
    prefix,
    ({ place, column, starts }, index) =>
      Effect.flatMap(
        Stretches.once(turns, column.length / compareRows, () =>
          column.findIndex((value, row) => !Object.is(value, full[index]!.column[row])),
        ),
        (row) => {
          if (row < 0) return Effect.void
          const at = TimeRange.formatInstant(starts[row]!)
          const found = `${column[row]} in row ${row} at ${at} and, with later bars, ${full[index]!.column[row]}`
          return Refusal.lookAhead(place, found)
        },
      ),
    { discard: true },
  )

const refuseLeaks = Effect.fnUntraced(function* (
  turns: Stretches.Turns,
  plan: Features.Plan,
  { symbol }: Features.Bars,
  base: Candles,
  { columns, first }: Features.Prepared,
): Effect.fn.Return<void, TrainingError> {
  const labelling = Labels.start(plan.strategy.labels, base)
  yield* Stretches.run(turns, labelling)
  yield* Refusal.leaked(turns, plan, symbol, columns, first, labelling.values)
})
