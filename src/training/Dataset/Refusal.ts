/**
 * Why bars do not make a dataset.
 */
import * as Effect from "effect/Effect"
import type { Candles } from "../../data/Candle.js"
import type { Symbol } from "../../data/Symbol.js"
import * as TimeRange from "../../data/TimeRange.js"
import type { Dataset, Scaling } from "../Dataset.js"
import type * as Features from "../Features.js"
import * as Labels from "../Labels.js"
import * as Split from "../Split.js"
import * as Stretches from "../Stretches.js"
import { TrainingError } from "../TrainingError.js"
import type { Fit } from "./Assembly.js"

/** The fewest rows that a part is of any use with. */
export const leastRows = 10

export const fewBars = (
  { lookback, strategy }: Features.Plan,
  symbol: Symbol,
  bars: number,
  first: number,
  lookahead: number,
): TrainingError =>
  new TrainingError({
    reason: "NotEnoughData",
    place: `${symbol} ${strategy.timeframes[0]}`,
    expected: `more than ${first + lookahead} bars (warm-up ${first - lookback}, lookback ${lookback}${lookahead === 0 ? "" : `, lookahead ${lookahead}`})`,
    found: `${bars}`,
    advice: "Load more bars, or shorten the indicators, the lookback or the lookahead",
  })

/** Fails where a part has too few rows. */
export const fewRows = (split: Split.Split): Effect.Effect<void, TrainingError> => {
  const part = Split.parts.find((one) => split.rows[one] < leastRows)
  if (part === undefined) return Effect.void
  const { rows, purged, embargoed } = split
  const out = purged.train + purged.validation + embargoed.validation + embargoed.test
  const all = rows.train + rows.validation + rows.test + out
  return new TrainingError({
    reason: "NotEnoughData",
    place: `split, ${part}`,
    expected: `at least ${leastRows} rows`,
    found: `${rows[part]} of ${all}, of which ${purged.train + purged.validation} are purged and ${embargoed.validation + embargoed.test} embargoed`,
    advice: "Load more bars, give the part a larger share, or shorten the lookahead or the embargo",
  })
}

/** Fails where a class has no row in a part. */
export const missingClass = (
  balance: Dataset["balance"],
  labels: Labels.Labels,
): Effect.Effect<void, TrainingError> => {
  for (const part of Split.parts) {
    const missing = balance[part].indexOf(0)
    if (missing < 0) continue
    const counts = Labels.classes.map((name, index) => `${name} ${balance[part][index]}`).join(", ")
    return new TrainingError({
      reason: "NoSuchClass",
      place: `labels (${labels.type}), ${part} part`,
      expected: `rows of each class, ${Labels.classes.join(", ")}`,
      found: `none of ${Labels.classes[missing]} (${counts})`,
      advice: "Change the labels' threshold or lookahead, or load more bars",
    })
  }
  return Effect.void
}

/** Fails where a feature has one value alone. */
export const constant = (
  { features }: Features.Plan,
  fits: ReadonlyArray<Fit>,
): Effect.Effect<void, TrainingError> => {
  const index = fits.findIndex(({ least, most }) => least === most)
  return index < 0
    ? Effect.void
    : new TrainingError({
        reason: "ConstantFeature",
        place: `feature ${features[index]!.name}, train part`,
        expected: "values that differ from row to row",
        found: `${fits[index]!.least} in every row`,
        advice:
          typeof features[index]!.of === "string"
            ? "Check the bars, whose prices do not move"
            : "Move the corners of the set to where its indicator's values are, or leave it out",
      })
}

/** Fails where a return is no number. */
export const notFiniteLabel = Effect.fnUntraced(function* (
  turns: Stretches.Turns,
  symbol: Symbol,
  timeframe: string,
  labels: Uint8Array | Float32Array,
  { start }: Candles,
): Effect.fn.Return<void, TrainingError> {
  if (labels instanceof Uint8Array) return
  const row = yield* Stretches.once(turns, labels.length / Stretches.easyRows, () =>
    labels.findIndex((value) => !Number.isFinite(value)),
  )
  if (row < 0) return
  return yield* new TrainingError({
    reason: "NotFinite",
    place: `${symbol} ${timeframe}, label of row ${row} at ${TimeRange.formatInstant(start[row]!)}`,
    expected: "a return that is a number",
    found: String(labels[row]),
    advice: "Check the bars of that time",
  })
})

/** Fails where a feature is the label itself. */
export const leaked = (
  turns: Stretches.Turns,
  { features }: Features.Plan,
  symbol: Symbol,
  columns: ReadonlyArray<Float32Array>,
  first: number,
  labels: Uint8Array | Float32Array,
): Effect.Effect<void, TrainingError> =>
  Effect.forEach(
    columns,
    (column, index) =>
      Effect.flatMap(
        Stretches.once(turns, column.length / Stretches.easyRows, () =>
          Labels.isLeaked(column, first, labels),
        ),
        (isLeaked) =>
          isLeaked ? lookAhead(placeOf(symbol, features[index]!), "the labels themselves") : Effect.void,
      ),
    { discard: true },
  )

export const lookAhead = (place: string, found: string): TrainingError =>
  new TrainingError({
    reason: "LookAhead",
    place,
    expected: "values made of bars that have closed",
    found,
    advice: "Leave the indicator out: what it says is not known at that time",
  })

/** `AAPL 1h, feature rsi_level.oversold of indicator rsi14 (rsi)` */
export const placeOf = (symbol: Symbol, { name, timeframe, of }: Features.Feature): string => {
  const source = typeof of === "string" ? "" : ` of indicator ${of.output.name} (${of.output.spec.type})`
  return `${symbol} ${timeframe}, feature ${name}${source}`
}

/** Fails where a model was trained on other features than the plan's. */
export const otherFeatures = (
  { names }: Features.Plan,
  scaling: Scaling,
): Effect.Effect<void, TrainingError> => {
  const length = Math.max(names.length, scaling.length)
  for (let index = 0; index < length; index++) {
    const [given, wanted] = [names[index], scaling[index]?.feature]
    if (given === wanted) continue
    return new TrainingError({
      reason: "FeatureMismatch",
      place: `feature ${index + 1} of ${scaling.length}`,
      expected: wanted ?? "no further feature",
      found: given ?? "no further feature",
      advice: "Predict with the strategy that the model was trained with",
    })
  }
  return Effect.void
}
