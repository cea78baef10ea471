/**
 * The operation that a session of a training host is: a strategy that is trained on rows which a client has handed
 * over, or on bars that the host has itself.
 */
import * as Schema from "effect/Schema"
import { DataError } from "../../data/DataError.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as Operation from "../../Operation.js"
import { ModelMetrics } from "../../training/ModelStore/ModelMetrics.js"
import { Sha256 } from "../../training/Receipt/Sha256.js"
import { Position } from "../../training/Receipt.js"
import { Strategy } from "../../training/Strategy.js"
import { TrainingError } from "../../training/TrainingError.js"
import * as TrainingProgress from "../../training/TrainingProgress.js"

/** What is trained on: rows by the SHA-256 of their bytes, or the bars from `start` to before `end`. */
export const Source = Schema.Union(
  Schema.TaggedStruct("Handed", { sha256: Sha256 }),
  Schema.TaggedStruct("Stored", {
    start: Schema.optionalWith(TimeRange.Instant, { exact: true }),
    end: Schema.optionalWith(TimeRange.Instant, { exact: true }),
  }),
)
export type Source = typeof Source.Type

export const Payload = Schema.Struct({
  /** The session. */
  session: Schema.String,
  /** As it is to be trained. */
  strategy: Strategy,
  /** The strategy file as it was read. */
  text: Schema.optionalWith(Schema.String, { exact: true }),
  source: Source,
  /** Operations whose checkpoints it may go on from, and a state that was handed over: the furthest counts. */
  resume: Schema.Struct({
    operations: Schema.Array(Schema.String),
    state: Schema.NullOr(Schema.Struct({ sha256: Sha256, position: Position })),
  }),
}).annotations({ identifier: "TrainingSessionPayload" })
export type Payload = typeof Payload.Type

/** What a session came to, besides its epochs and weights, which are files. */
export const Outcome = Schema.Struct({
  reason: Schema.Literal("completed", "early_stopping"),
  epochs: Schema.NonNegativeInt,
  best_epoch: Schema.NonNegativeInt,
  /** That the last epoch was trained with; none without epochs. */
  learning_rate: Schema.NullOr(Schema.Number),
  metrics: ModelMetrics,
  /** Units of each layer, the features first. */
  layers: Schema.Array(Schema.NonNegativeInt),
  parameters: Schema.NonNegativeInt,
  weights: Schema.Struct({ bytes: Schema.NonNegativeInt, sha256: Sha256 }),
  /** The model that the host keeps, and where it lies; none where the client keeps it. */
  model: Schema.NullOr(Schema.Struct({ id: Schema.String, place: Schema.String })),
  interruptions: Schema.NonNegativeInt,
  /** With the runs that it went on from. */
  duration_seconds: Schema.NonNegative,
}).annotations({ identifier: "TrainingSessionOutcome" })
export type Outcome = typeof Outcome.Type

/** The facts of any training, and how far it is in batches of all epochs. */
export const Context = Schema.Struct({
  ...TrainingProgress.Context.fields,
  work: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  work_total: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  /** Epochs of the runs before this one. */
  epochs_before: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
}).annotations({ identifier: "TrainingSessionContext" })
export type Context = typeof Context.Type

/** Kind `training_session`. Another session goes on from what one kept; a client starts it. */
export const TrainingSession = Operation.make("training_session", {
  version: 1,
  payload: Payload,
  success: Outcome,
  error: Schema.Union(TrainingError, DataError),
  context: Context,
  idempotencyKey: ({ session }) => session,
  resume: "none",
  estimate: ({ strategy }) => TrainingProgress.estimate(strategy),
  render: TrainingProgress.render,
  kept: TrainingProgress.kept,
})
