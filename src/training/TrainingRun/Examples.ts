/** The rows that a training learns from and is watched on, and what must hold for them. */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { Architecture, Examples } from "../Network.js"
import { TrainingError } from "../TrainingError.js"
import { Settings } from "./Settings.js"

/** Row numbers, `[from, to)`. */
export interface Range {
  readonly from: number
  readonly to: number
}

export interface Dataset extends Examples {
  /** Numbers of a row. */
  readonly features: number
  /** How many classes `y` tells apart; none where it holds values. */
  readonly classes: number | null
  readonly train: ReadonlyArray<Range>
  /** May be without rows, if nothing is decided by them. */
  readonly validation: ReadonlyArray<Range>
}

export const count = (ranges: ReadonlyArray<Range>): number =>
  ranges.reduce((sum, { from, to }) => sum + to - from, 0)

/** The row numbers of the ranges, one after the other. */
export const list = (ranges: ReadonlyArray<Range>, into: Uint32Array): void => {
  let at = 0
  for (const { from, to } of ranges) for (let row = from; row < to; row++) into[at++] = row
}

export const architecture = (
  { features, classes }: Dataset,
  { model: { hidden_layers, activation, dropout } }: Settings,
): Architecture => ({
  features,
  hidden_layers,
  activation,
  dropout,
  outputs: classes ?? 1,
  loss: classes === null ? "mse" : "cross_entropy",
})

/** How much each class counts; `balanced` gives the training rows of every class the same weight together. */
export const classWeights = (dataset: Dataset, settings: Settings): ReadonlyArray<number> | undefined => {
  const { class_weights: weights } = settings.training
  if (weights !== "balanced" || dataset.classes === null) return weights === "balanced" ? undefined : weights
  const counts = support(dataset, dataset.classes)
  const rows = count(dataset.train)
  return counts.map((own) => rows / (counts.length * own))
}

/** The settings, without what decides nothing, if they are some and go together with the rows. */
export const check = (dataset: Dataset, settings: Settings): Either.Either<Settings, TrainingError> =>
  Either.flatMap(
    Either.mapLeft(decodeSettings(settings), (error) => {
      const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
      const place = issue?.path.join(".") ?? "settings"
      return invalid(place, "settings of a training", issue?.message ?? "others")
    }),
    (decoded) => {
      const fault = faultOf(dataset, decoded)
      return fault === undefined ? Either.right(decoded) : Either.left(fault)
    },
  )

// ---------------------------------------------------------------------------------------------------------

const decodeSettings = Schema.decodeUnknownEither(Settings)

/** What is wrong with the rows, or with the settings for such rows; nothing where they go together. */
const faultOf = (dataset: Dataset, settings: Settings): TrainingError | undefined => {
  const { x, y, features, classes, train, validation } = dataset
  const { early_stopping, reduce_on_plateau, class_weights } = settings.training
  const rows = y.length
  if (!Number.isInteger(features) || features < 1) return invalid("features", "one or more", `${features}`)
  if (classes !== null && !(Number.isInteger(classes) && classes >= 2 && classes <= 256)) {
    return invalid("classes", "2 to 256", `${classes}`)
  }
  if (x.length !== rows * features) {
    return invalid("x", `${rows} rows of ${features} numbers`, `${x.length} numbers`)
  }
  for (const { from, to } of [...train, ...validation]) {
    if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from <= to && to <= rows)) {
      return invalid("rows", `numbers from 0 to ${rows}`, `${from} to ${to}`)
    }
  }
  if (count(train) === 0) {
    return new TrainingError({
      reason: "NotEnoughData",
      place: "training rows",
      expected: "one or more",
      found: "none",
      advice: "Give a longer range, or a larger share to split.train",
    })
  }
  if (count(validation) === 0 && (early_stopping !== undefined || reduce_on_plateau !== undefined)) {
    const place = early_stopping === undefined ? "reduce_on_plateau" : "early_stopping"
    return invalid(`training.${place}`, "rows to validate on", "none")
  }
  if (classes === null) {
    if (early_stopping?.monitor === "val_accuracy") {
      return invalid("training.early_stopping.monitor", "val_loss, as labels are values", "val_accuracy")
    }
    return class_weights === undefined
      ? undefined
      : invalid("training.class_weights", "none, as labels are values", "some")
  }
  if (Array.isArray(class_weights) && class_weights.length !== classes) {
    return invalid("training.class_weights", `${classes} numbers`, `${class_weights.length}`)
  }
  for (const { from, to } of [...train, ...validation]) {
    for (let row = from; row < to; row++) {
      if (!(y[row]! < classes)) return invalid(`row ${row}`, `a class below ${classes}`, `${y[row]}`)
    }
  }
  const absent = class_weights === "balanced" ? support(dataset, classes).indexOf(0) : -1
  return absent < 0
    ? undefined
    : new TrainingError({
        reason: "NoSuchClass",
        place: "training.class_weights",
        expected: "training rows of every class, as the classes are balanced",
        found: `none of class ${absent}`,
        advice: "Give a longer range, or leave class_weights out",
      })
}

const invalid = (place: string, expected: string, found: string): TrainingError =>
  new TrainingError({
    reason: "InvalidInput",
    place,
    expected,
    found,
    advice: "Change it",
  })

/** Training rows of each class. */
const support = ({ y, train }: Dataset, classes: number): ReadonlyArray<number> => {
  const counts = Array.from({ length: classes }, () => 0)
  for (const { from, to } of train) for (let row = from; row < to; row++) counts[y[row]!]!++
  return counts
}
