/**
 * Models over HTTP: which there are, and what one says of the newest bars.
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import * as Metrics from "../../training/Metrics.js"
import * as ErrorBody from "./ErrorBody.js"
import * as Parameters from "./Parameters.js"

const Share = Schema.NullOr(Schema.Number)

export const Model = Schema.Struct({
  /** `mean_reversion/AAPL_1h/v3` */
  model_id: Schema.String,
  /** Of its strategy. Where that has one model only, both names do to ask for it. */
  model_name: Schema.String,
  /** Of several with commas in between, as `timeframe`; the first timeframe is that of the rows. */
  symbol: Schema.String,
  timeframe: Schema.String,
  created_at: Schema.String,
  /** Of the rows that the weights were fitted to: told by the model alone, not by the list. */
  training_accuracy: Schema.Null,
  validation_accuracy: Share,
  test_accuracy: Share,
  /** Of always predicting the most frequent class of the test rows. */
  baseline_accuracy: Share,
  verdict: Schema.NullOr(Metrics.Verdict),
  description: Schema.String,
  symbols: Schema.Array(Schema.String),
  timeframes: Schema.Array(Schema.String),
  version: Schema.Number,
  is_latest: Schema.Boolean,
  place: Schema.String,
  features: Schema.Number,
  parameters_count: Schema.Number,
  epochs_completed: Schema.Number,
  model_size_bytes: Schema.Number,
}).annotations({ identifier: "Model" })

/** `damaged` tells of models that cannot be read, and why. */
export const ListAnswer = Schema.Struct({
  success: Schema.Literal(true),
  models: Schema.Array(Model),
  damaged: Schema.Array(Schema.String),
}).annotations({ identifier: "ModelsAnswer" })

/**
 * `model_name` is `mean_reversion`, `mean_reversion/AAPL_1h`, or that with a version; without one it is the newest.
 * The timeframe has to be that of the model's rows, which it is where it is left out. The newest bar is the last one
 * that starts at `test_date` or before, or the last that is stored; `bars` asks for so many up to that one.
 */
export const PredictRequest = Schema.Struct({
  model_name: Schema.NonEmptyTrimmedString,
  symbol: Parameters.symbol,
  timeframe: Parameters.nullable(Parameters.timeframe),
  test_date: Parameters.nullable(Parameters.moment),
  bars: Parameters.optional(Schema.Int.pipe(Schema.between(1, 10_000))),
}).annotations({ identifier: "PredictRequest", ...Parameters.exact })
export type PredictRequest = typeof PredictRequest.Type

/**
 * Of a model that tells BUY, HOLD and SELL apart: which of them is most probable, how probable that is, and by how
 * much more than the next one; the probabilities stand where KTRDR has its fuzzy outputs. Of one that predicts values
 * all of that is null, and `value` is the return that it expects.
 */
export const Prediction = Schema.Struct({
  /** When the bar starts. */
  time: Schema.String,
  signal: Schema.NullOr(Schema.Literal("buy", "hold", "sell")),
  confidence: Share,
  signal_strength: Share,
  fuzzy_outputs: Schema.NullOr(
    Schema.Struct({ bullish: Schema.Number, neutral: Schema.Number, bearish: Schema.Number }),
  ),
  value: Share,
}).annotations({ identifier: "Prediction" })

export const PredictAnswer = Schema.Struct({
  success: Schema.Literal(true),
  model_name: Schema.String,
  model_id: Schema.String,
  symbol: Schema.String,
  timeframe: Schema.String,
  /** When the newest bar starts. */
  test_date: Schema.String,
  /** Of the newest bar. */
  prediction: Prediction,
  /** Of all bars that were asked for, the newest last. */
  predictions: Schema.Array(Prediction),
}).annotations({ identifier: "PredictAnswer" })

export const group = HttpApiGroup.make("models")
  .add(
    HttpApiEndpoint.get("list", "/models")
      .addSuccess(ListAnswer)
      .annotate(OpenApi.Summary, "The models that are kept, every version of them"),
  )
  .add(
    HttpApiEndpoint.post("predict", "/models/predict")
      .setPayload(PredictRequest)
      .addSuccess(PredictAnswer)
      .addError(ErrorBody.withStatus(400))
      .addError(ErrorBody.withStatus(404))
      .addError(ErrorBody.withStatus(409))
      .annotate(OpenApi.Summary, "What a model says of the newest bars of a symbol"),
  )
  .annotate(OpenApi.Description, "Models that trainings have made")
