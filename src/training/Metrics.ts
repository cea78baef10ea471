/**
 * How good predictions are, beside what knowing nothing would give: the most frequent class, or the mean. A model
 * is only said to beat that where chance does not explain the difference.
 */
import * as Schema from "effect/Schema"

/**
 * - `beats_baseline`: better, by more than three standard errors
 * - `level_with_baseline`: as good or better, but chance can explain it
 * - `below_baseline`: worse
 */
export const Verdict = Schema.Literal("beats_baseline", "level_with_baseline", "below_baseline")
export type Verdict = typeof Verdict.Type

/** By how many standard errors a model has to be better. */
export const errorsAbove = 3

const Share = Schema.NullOr(Schema.Number)

export const ClassMetrics = Schema.Struct({
  /** Rows that are of the class, and rows that were predicted to be. */
  support: Schema.Number,
  predicted: Schema.Number,
  /** None where no row was predicted to be of the class; `recall` where none is; `f1` where neither. */
  precision: Share,
  recall: Share,
  f1: Share,
})
export type ClassMetrics = typeof ClassMetrics.Type

export const Classification = Schema.Struct({
  kind: Schema.Literal("classification"),
  rows: Schema.Number,
  /** Mean cross-entropy in nats, each row counting alike. */
  loss: Schema.Number,
  accuracy: Schema.Number,
  /** By class. */
  classes: Schema.Array(ClassMetrics),
  /** Rows by the class that they are of, then by the one that was predicted. */
  confusion: Schema.Array(Schema.Array(Schema.Number)),
  baseline: Schema.Struct({
    /** The most frequent class of these rows. */
    class: Schema.Number,
    accuracy: Schema.Number,
  }),
  /** Of the difference between the two accuracies, row by row. */
  standardError: Schema.Number,
  beatsBaseline: Schema.Boolean,
  verdict: Verdict,
}).annotations({ identifier: "ClassificationMetrics" })
export type Classification = typeof Classification.Type

export const Regression = Schema.Struct({
  kind: Schema.Literal("regression"),
  rows: Schema.Number,
  mse: Schema.Number,
  mae: Schema.Number,
  /** The share of the variance that is explained; below 0 for predictions worse than the mean, none without variance. */
  r2: Share,
  baseline: Schema.Struct({
    /** The mean of these rows. */
    value: Schema.Number,
    mse: Schema.Number,
    mae: Schema.Number,
  }),
  /** Of the difference between the two mean squared errors, row by row. */
  standardError: Schema.Number,
  beatsBaseline: Schema.Boolean,
  verdict: Verdict,
}).annotations({ identifier: "RegressionMetrics" })
export type Regression = typeof Regression.Type

export const Metrics = Schema.Union(Classification, Regression)
export type Metrics = typeof Metrics.Type

/** A verdict in few words. */
export const verdictWords: Readonly<Record<Verdict, string>> = {
  beats_baseline: "beats the baseline",
  level_with_baseline: "does not beat the baseline",
  below_baseline: "below the baseline",
}

/** The share of rows that was predicted right; null of a model that predicts values, and where nothing was measured. */
export const accuracyOf = (metrics: Metrics | null): number | null =>
  metrics?.kind === "classification" ? metrics.accuracy : null

/** The same, of always predicting the most frequent class. */
export const baselineAccuracyOf = (metrics: Metrics | null): number | null =>
  metrics?.kind === "classification" ? metrics.baseline.accuracy : null

/** Cross-entropy in nats, or the mean squared error of values; null where nothing was measured. */
export const lossOf = (metrics: Metrics | null): number | null =>
  metrics === null ? null : metrics.kind === "classification" ? metrics.loss : metrics.mse

/**
 * Means over the classes that occur or were predicted, each counting alike; what is undefined for one of them counts 0.
 * Null of a model that predicts values, and where nothing was measured.
 */
export const averagesOf = (
  metrics: Metrics | null,
): { readonly [K in "precision" | "recall" | "f1_score"]: number | null } => {
  if (metrics?.kind !== "classification") return { precision: null, recall: null, f1_score: null }
  const seen = metrics.classes.filter(({ predicted, support }) => predicted + support > 0)
  const mean = (of: (one: ClassMetrics) => number | null): number =>
    seen.reduce((total, one) => total + (of(one) ?? 0), 0) / seen.length
  return {
    precision: mean(({ precision }) => precision),
    recall: mean(({ recall }) => recall),
    f1_score: mean(({ f1 }) => f1),
  }
}

/**
 * Of `probabilities`, for each row one of each class, and of the class that each row is `actual`ly of; a row is
 * predicted to be of its most probable class, the first of equal ones. There is one row at least. Where the labels
 * of so many neighbouring rows share what decides them (`overlap`, 1 by default), they count as one for the
 * standard error.
 */
export const classification = (
  probabilities: Float32Array,
  actual: Uint8Array,
  classes: number,
  overlap = 1,
): Classification => {
  const rows = actual.length
  const confusion = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0))
  let loss = 0
  for (let row = 0; row < rows; row++) {
    const from = row * classes
    const own = actual[row]!
    let best = 0
    for (let k = 1; k < classes; k++) if (probabilities[from + k]! > probabilities[from + best]!) best = k
    confusion[own]![best]!++
    loss -= Math.log(Math.max(probabilities[from + own]!, leastProbability))
  }
  const support = confusion.map((row) => row.reduce(sum, 0))
  const predicted = confusion.map((_, k) => confusion.reduce((total, row) => total + row[k]!, 0))
  const correct = confusion.reduce((total, row, k) => total + row[k]!, 0)
  const majority = support.indexOf(Math.max(...support))
  const accuracy = correct / rows
  const baseline = support[majority]! / rows
  const right = confusion[majority]![majority]!
  const differing = correct - right + (support[majority]! - right)
  const difference = accuracy - baseline
  return {
    kind: "classification",
    rows,
    loss: loss / rows,
    accuracy,
    classes: support.map((own, k) => {
      const precision = share(confusion[k]![k]!, predicted[k]!)
      const recall = share(confusion[k]![k]!, own)
      return {
        support: own,
        predicted: predicted[k]!,
        precision,
        recall,
        f1: share(2 * confusion[k]![k]!, own + predicted[k]!),
      }
    }),
    confusion,
    baseline: { class: majority, accuracy: baseline },
    ...compared(difference, differing / rows - difference * difference, rows / overlap),
  }
}

/** Of the values that were `predicted` and those that came; otherwise as `classification`. */
export const regression = (predicted: Float32Array, actual: Float32Array, overlap = 1): Regression => {
  const rows = actual.length
  const value = actual.reduce(sum, 0) / rows
  let squared = 0
  let absolute = 0
  let baseSquared = 0
  let baseAbsolute = 0
  let gained = 0
  for (let row = 0; row < rows; row++) {
    const error = predicted[row]! - actual[row]!
    const from = value - actual[row]!
    squared += error * error
    absolute += Math.abs(error)
    baseSquared += from * from
    baseAbsolute += Math.abs(from)
    gained += (from * from - error * error) ** 2
  }
  const difference = (baseSquared - squared) / rows
  return {
    kind: "regression",
    rows,
    mse: squared / rows,
    mae: absolute / rows,
    r2: baseSquared === 0 ? null : 1 - squared / baseSquared,
    baseline: { value, mse: baseSquared / rows, mae: baseAbsolute / rows },
    ...compared(difference, gained / rows - difference * difference, rows / overlap),
  }
}

// ---------------------------------------------------------------------------------------------------------

/** The smallest number above zero in single precision: what stands for a probability that is smaller. */
const leastProbability = 2 ** -149

const sum = (one: number, other: number): number => one + other

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)

/** What the mean of `independent` differences, of such a variance, says. */
const compared = (difference: number, variance: number, independent: number) => {
  const standardError = Math.sqrt(Math.max(0, variance) / independent)
  const beatsBaseline = difference > errorsAbove * standardError
  const verdict: Verdict = beatsBaseline
    ? "beats_baseline"
    : difference < 0
      ? "below_baseline"
      : "level_with_baseline"
  return { standardError, beatsBaseline, verdict }
}
