/**
 * Trainings over HTTP as KTRDR has them: start one by the name of its strategy, and ask what it came to. They are
 * operations, and so are listed, watched, cancelled and resumed as those; one with a strategy of its own is started
 * by `POST /operations/training`.
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { strategyNamePattern } from "../../training/Strategy/Fields.js"
import * as Complaint from "./Complaint.js"
import * as ErrorBody from "./ErrorBody.js"
import * as Parameters from "./Parameters.js"
import * as TrainingWire from "./TrainingWire.js"

const StrategyName = Schema.String.pipe(Schema.pattern(strategyNamePattern)).annotations({
  ...Complaint.saying((input) =>
    typeof input === "string"
      ? Complaint.valueError("Strategy name may only contain alphanumerics, dashes, dots or underscores")
      : { type: "string_type", msg: "Input should be a valid string" },
  ),
})

/**
 * Symbols and timeframes take the place of those of the strategy. The last instant, `end_date`, is included. With
 * `allow_gaps` it trains although bars are missing. `detailed_analytics` is what KTRDR's clients send: what there is
 * to tell is told in any case.
 */
export const StartRequest = Schema.Struct({
  symbols: Parameters.some("symbol", Parameters.symbol),
  timeframes: Parameters.some("timeframe", Parameters.timeframe),
  strategy_name: StrategyName,
  start_date: Parameters.nullable(Parameters.moment),
  end_date: Parameters.nullable(Parameters.moment),
  /** The id that the operation is to have. */
  task_id: Parameters.nullable(Schema.String),
  allow_gaps: Parameters.optional(Schema.Boolean),
  detailed_analytics: Parameters.optional(Schema.Boolean),
})
  .pipe(Schema.filter(Parameters.beginsBeforeItEnds))
  .annotations({ identifier: "TrainingRequest", ...Parameters.exact })
export type StartRequest = typeof StartRequest.Type

/** `task_id` is the id of the operation. */
export const StartAnswer = Schema.Struct({
  success: Schema.Literal(true),
  task_id: Schema.String,
  status: Schema.Literal("training_started"),
  message: Schema.String,
  symbols: Schema.Array(Schema.String),
  timeframes: Schema.Array(Schema.String),
  strategy_name: Schema.String,
  /** By the last training of the same strategy, symbols and timeframes; none where there was none. */
  estimated_duration_minutes: Schema.NullOr(Schema.Number),
  /** What is hardly meant in the strategy. */
  warnings: Schema.Array(Schema.String),
}).annotations({ identifier: "TrainingStarted" })

export const PerformanceAnswer = Schema.Struct({
  success: Schema.Literal(true),
  task_id: Schema.String,
  status: Schema.Literal("completed"),
  training_metrics: TrainingWire.TrainingMetrics,
  test_metrics: TrainingWire.TestMetrics,
  model_info: TrainingWire.ModelInfo,
}).annotations({ identifier: "TrainingPerformance" })

const notFound = ErrorBody.withStatus(404)
const id = HttpApiSchema.param("id", Schema.String)

export const group = HttpApiGroup.make("trainings")
  .add(
    HttpApiEndpoint.post("start", "/trainings/start")
      .setPayload(StartRequest)
      .addSuccess(StartAnswer)
      .addError(ErrorBody.withStatus(400))
      .addError(notFound)
      .addError(ErrorBody.withStatus(409))
      .annotate(OpenApi.Summary, "Train a strategy that the server has, by its name"),
  )
  .add(
    HttpApiEndpoint.get("performance")`/trainings/${id}/performance`
      .addSuccess(PerformanceAnswer)
      .addError(notFound)
      .annotate(OpenApi.Summary, "How good the model is that a training came to"),
  )
  .annotate(OpenApi.Description, "Trainings: operations that make models of stored bars")
