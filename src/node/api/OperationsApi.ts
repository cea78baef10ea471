/**
 * Operations over HTTP: list, look, start, cancel, try again. Their events are in `Events`.
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import * as Complaint from "./Complaint.js"
import * as ErrorBody from "./ErrorBody.js"
import { Operation, Status, Summary } from "./OperationWire.js"
import * as Parameters from "./Parameters.js"

export const defaultLimit = 100
export const maxLimit = 1000

export const Filters = Schema.Struct({
  status: Parameters.optional(
    Status.annotations(Complaint.saying(() => Complaint.oneOf(Status.literals, "enum"))),
  ),
  operation_type: Parameters.optional(Schema.String),
  limit: Parameters.optional(Parameters.integer(1, maxLimit)),
  offset: Parameters.optional(Parameters.integer(0, 1e9)),
  active_only: Parameters.optional(Parameters.boolean),
}).annotations(Parameters.exact)
export type Filters = typeof Filters.Type

/** Without a `cursor`, or with 0, all that is remembered; else what came after it. */
export const MetricsQuery = Schema.Struct({
  cursor: Parameters.optional(Parameters.integer(0, 1e15)),
}).annotations(Parameters.exact)

/** Lists show it. */
const longestReason = 1000

const Reason = Schema.String.pipe(Schema.maxLength(longestReason)).annotations(
  Complaint.saying((input) =>
    typeof input === "string"
      ? {
          type: "string_too_long",
          msg: `String should have at most ${longestReason} characters`,
          ctx: { max_length: longestReason },
        }
      : { type: "string_type", msg: "Input should be a valid string" },
  ),
)

/** `force` does not wait until what the operation does on its way out is done. */
export const CancelRequest = Schema.Struct({
  reason: Schema.optionalWith(Schema.NullOr(Reason), { exact: true }),
  force: Schema.optionalWith(Schema.NullOr(Parameters.loose), { exact: true }),
}).annotations({ identifier: "CancelRequest", ...Parameters.exact })

const success = { success: Schema.Literal(true) }

export const OperationAnswer = Schema.Struct({ ...success, data: Operation }).annotations({
  identifier: "OperationAnswer",
})

/** Newest first. `active_count` counts the operations that have not ended, whatever was asked for. */
export const ListAnswer = Schema.Struct({
  ...success,
  data: Schema.Array(Summary),
  total_count: Schema.Number,
  active_count: Schema.Number,
}).annotations({ identifier: "ListAnswer" })

export const CancelAnswer = Schema.Struct({
  ...success,
  data: Schema.Struct({
    success: Schema.Boolean,
    operation_id: Schema.String,
    /** `running` where it takes longer to end than is waited for. */
    status: Status,
    cancelled_at: Schema.NullOr(Schema.String),
    /** Of the first who asked. */
    cancellation_reason: Schema.NullOr(Schema.String),
    task_cancelled: Schema.Boolean,
    /** KTRDR's, of a session on a training host: there is none. */
    training_session_cancelled: Schema.Boolean,
  }),
}).annotations({ identifier: "CancelAnswer" })

/** All that it came to: none where it failed or was cancelled. */
export const ResultsAnswer = Schema.Struct({
  ...success,
  data: Schema.Struct({
    operation_id: Schema.String,
    operation_type: Schema.String,
    status: Status,
    results: Schema.Unknown,
  }),
}).annotations({ identifier: "ResultsAnswer" })

/** How far it was at a moment. */
export const Metric = Schema.Struct({
  sequence: Schema.Number,
  status: Status,
  percentage: Schema.NullOr(Schema.Number),
  elapsed_seconds: Schema.Number,
  items_processed: Schema.NullOr(Schema.Number),
  items_total: Schema.NullOr(Schema.Number),
  items_per_second: Schema.NullOr(Schema.Number),
  context: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
}).annotations({ identifier: "Metric" })

/** The moments after the cursor, and the cursor to ask with next. */
export const MetricsAnswer = Schema.Struct({
  ...success,
  data: Schema.Struct({
    operation_id: Schema.String,
    status: Status,
    metrics: Schema.Array(Metric),
    cursor: Schema.Number,
  }),
}).annotations({ identifier: "MetricsAnswer" })

const notFound = ErrorBody.withStatus(404)
const wrongState = ErrorBody.withStatus(400)
const id = HttpApiSchema.param("id", Schema.String)
const kind = HttpApiSchema.param("kind", Schema.String)
const started = OperationAnswer.annotations({
  identifier: "OperationAnswer",
  ...HttpApiSchema.annotations({ status: 202 }),
})

export const group = HttpApiGroup.make("operations")
  .add(
    HttpApiEndpoint.get("list", "/operations")
      .setUrlParams(Filters)
      .addSuccess(ListAnswer)
      .annotate(OpenApi.Summary, "Operations, newest first, ended ones included"),
  )
  .add(
    HttpApiEndpoint.get("get")`/operations/${id}`
      .addSuccess(OperationAnswer)
      .addError(notFound)
      .annotate(OpenApi.Summary, "All about one operation"),
  )
  .add(
    HttpApiEndpoint.post("start")`/operations/${kind}`
      .setPayload(Schema.Unknown)
      .addSuccess(started)
      .addError(notFound)
      .annotate(OpenApi.Summary, "Start an operation of a kind with the payload that is the body"),
  )
  .add(
    HttpApiEndpoint.del("cancel")`/operations/${id}`
      .setPayload(Schema.NullOr(CancelRequest))
      .addSuccess(CancelAnswer)
      .addError(notFound)
      .addError(wrongState)
      .annotate(OpenApi.Summary, "Cancel an operation, and wait until it has ended, five seconds at most"),
  )
  .add(
    HttpApiEndpoint.post("retry")`/operations/${id}/retry`
      .addSuccess(OperationAnswer)
      .addError(notFound)
      .addError(wrongState)
      .addError(ErrorBody.withStatus(409))
      .annotate(OpenApi.Summary, "Start one that failed or was cancelled from its beginning, as a new one"),
  )
  .add(
    HttpApiEndpoint.post("resume")`/operations/${id}/resume`
      .addSuccess(OperationAnswer)
      .addError(notFound)
      .addError(wrongState)
      .addError(ErrorBody.withStatus(409))
      .annotate(OpenApi.Summary, "Go on with one that failed or was cancelled, as a new one"),
  )
  .add(
    HttpApiEndpoint.get("results")`/operations/${id}/results`
      .addSuccess(ResultsAnswer)
      .addError(notFound)
      .addError(wrongState)
      .annotate(OpenApi.Summary, "All that an ended operation came to"),
  )
  .add(
    HttpApiEndpoint.get("children")`/operations/${id}/children`
      .addSuccess(ListAnswer)
      .addError(notFound)
      .annotate(OpenApi.Summary, "The operations that are parts of one"),
  )
  .add(
    HttpApiEndpoint.get("metrics")`/operations/${id}/metrics`
      .setUrlParams(MetricsQuery)
      .addSuccess(MetricsAnswer)
      .addError(notFound)
      .annotate(OpenApi.Summary, "How far an operation was, moment by moment, from after a cursor on"),
  )
  .annotate(OpenApi.Description, "Long work: started here or by any other process of the same state")
