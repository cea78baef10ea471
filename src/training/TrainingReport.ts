/**
 * What a training did, and how good what came out is. Field names are those of the JSON line.
 */
import * as Schema from "effect/Schema"
import { Symbol } from "../data/Symbol.js"
import { Timeframe } from "../data/Timeframe.js"
import { ModelMetrics } from "./ModelStore/ModelMetrics.js"
import * as Receipt from "./Receipt.js"

export const TrainingReport = Schema.Struct({
  strategy: Schema.String,
  symbols: Schema.Array(Symbol),
  timeframes: Schema.Array(Timeframe),
  /** `mean_reversion/AAPL_1h/v3`, and where it and its receipt lie. */
  model: Schema.String,
  place: Schema.String,
  receipt: Schema.String,
  rows: Receipt.Split.fields.rows,
  features: Schema.NonNegativeInt,
  parameters: Schema.NonNegativeInt,
  epochs: Schema.NonNegativeInt,
  /** The epoch whose weights the model has, and why there were no more. */
  best_epoch: Schema.NonNegativeInt,
  reason: Schema.Literal("completed", "early_stopping"),
  metrics: ModelMetrics,
  /** SHA-256 of the bytes of the weights. */
  weights: Receipt.Sha256,
  seed: Schema.NonNegativeInt,
  trainer: Receipt.Trainer,
  gaps_allowed: Schema.Boolean,
  interruptions: Schema.NonNegativeInt,
  warnings: Schema.Array(Schema.String),
  /** How long it trained in all, that of interrupted runs included. */
  duration_seconds: Schema.NonNegative,
}).annotations({ identifier: "TrainingReport" })
export type TrainingReport = typeof TrainingReport.Type
