/**
 * The one error of the training domain.
 */
import * as Schema from "effect/Schema"
import { printable } from "../internal/printable.js"

/**
 * Why training work failed.
 *
 * - of a strategy file: `InvalidStrategy`, `UnknownIndicator`, `UnknownLabel`, `UnknownOptimizer` (the last three
 *   with `suggestion` where a name is near)
 * - of the data: `NotEnoughData`, `NoSuchClass` (a class that a part of the split has no row of),
 *   `ConstantFeature`, `NotFinite` (a value of an indicator, or a loss), `LookAhead`, `IncompleteData` (coverage)
 * - of a checkpoint or a model: `DamagedCheckpoint`, `DamagedModel`, `OtherStrategy`, `NewerVersion`,
 *   `FeatureMismatch`, `NotFound`
 * - of the store: `StoreUnwritable` (no space, no permission), `StoreUnreadable`, `StoreLocked`
 * - of the trainer: `TrainerFailed` (its thread or its host ended), `InvalidInput` (what the caller gave)
 */
export const Reason = Schema.Literal(
  "InvalidStrategy",
  "UnknownIndicator",
  "UnknownLabel",
  "UnknownOptimizer",
  "NotEnoughData",
  "NoSuchClass",
  "ConstantFeature",
  "NotFinite",
  "LookAhead",
  "IncompleteData",
  "DamagedCheckpoint",
  "DamagedModel",
  "OtherStrategy",
  "NewerVersion",
  "FeatureMismatch",
  "NotFound",
  "StoreUnwritable",
  "StoreUnreadable",
  "StoreLocked",
  "TrainerFailed",
  "InvalidInput",
)
export type Reason = typeof Reason.Type

/**
 * A failure of training work, told as a person would want it: where (`place`), what should have been there
 * (`expected`), what was (`found`) and what to do next (`advice`). The message is one line that a terminal may
 * show, whatever a file put into the parts.
 */
export class TrainingError extends Schema.TaggedError<TrainingError>("ktrdr/TrainingError")("TrainingError", {
  reason: Reason,
  /** Where: `mean_reversion.yaml line 12, indicators.rsi14.period`, `AAPL 1h`, `epoch 3 batch 17`. */
  place: Schema.String,
  expected: Schema.String,
  found: Schema.String,
  /** What to do next, an imperative sentence without a final stop. */
  advice: Schema.String,
  /** The name that an unknown one was probably meant to be. */
  suggestion: Schema.optionalWith(Schema.String, { exact: true }),
  cause: Schema.optionalWith(Schema.Defect, { exact: true }),
}) {
  override get message(): string {
    return printable(`${this.place}: expected ${this.expected}, found ${this.found}. ${this.advice}.`)
  }
}
