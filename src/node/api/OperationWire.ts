/**
 * Operations as KTRDR's clients know them. What they do not know is in `metadata.parameters`.
 */
import * as Schema from "effect/Schema"
import * as Record from "../../OperationRecord.js"
import type { Page } from "../../OperationStore.js"
import type { Change } from "../../Operations.js"
import { ProgressSnapshot } from "../../ProgressSnapshot.js"
import { iso, isoOrNull } from "../Instants.js"
import * as Payloads from "./Payloads.js"

/** `cancelling` goes out as `running`. */
export const Status = Schema.Literal("pending", "running", "completed", "failed", "cancelled").annotations({
  identifier: "Status",
})
export type Status = typeof Status.Type

const Text = Schema.NullOr(Schema.String)
const Dictionary = Schema.Record({ key: Schema.String, value: Schema.Unknown })

const Cancellation = Schema.NullOr(
  Schema.Struct({ reason: Schema.String, requested_at: Schema.String, by: Schema.String }),
)

/** What KTRDR's lists do not tell of an operation. Instants are ISO. */
export const SummaryParameters = Schema.Struct({
  payload: Schema.Unknown,
  /** The status, `cancelling` included. */
  state: Record.Status,
  fraction: Schema.NullOr(Schema.Number),
  started_at: Text,
  completed_at: Text,
  parent_operation_id: Text,
  resumed_from: Text,
  is_resumed: Schema.Boolean,
  attempt: Schema.Number,
  owner: Record.Owner,
  failure: Schema.NullOr(Record.Failure),
  cancellation: Cancellation,
}).annotations({ identifier: "SummaryParameters" })

export const Summary = Schema.Struct({
  operation_id: Schema.String,
  operation_type: Schema.String,
  status: Status,
  created_at: Schema.String,
  /** 0 to 100; 0 also where it cannot be told. */
  progress_percentage: Schema.Number,
  current_step: Text,
  /** `N/A` where it has none. */
  symbol: Schema.String,
  /** From its start to its end, or until now. */
  duration_seconds: Schema.NullOr(Schema.Number),
  parameters: SummaryParameters,
}).annotations({ identifier: "Summary" })
export type Summary = typeof Summary.Type

export const Progress = Schema.Struct({
  percentage: Schema.Number,
  /** The line for a person. */
  current_step: Text,
  /** Of the steps that were planned. */
  steps_completed: Schema.Number,
  steps_total: Schema.Number,
  items_processed: Schema.Number,
  items_total: Schema.NullOr(Schema.Number),
  current_item: Text,
  context: Dictionary,
}).annotations({ identifier: "Progress" })

/** What KTRDR does not tell of an operation. Instants are ISO. */
export const Parameters = Schema.Struct({
  payload: Schema.Unknown,
  version: Schema.Number,
  /** The status, `cancelling` included. */
  state: Record.Status,
  fraction: Schema.NullOr(Schema.Number),
  /** The event id of its newest snapshot. */
  sequence: Schema.Number,
  resumed_from: Text,
  is_resumed: Schema.Boolean,
  attempt: Schema.Number,
  owner: Record.Owner,
  failure: Schema.NullOr(Record.Failure),
  cancellation: Cancellation,
  kept: Text,
  settings: Schema.Record({ key: Schema.String, value: Schema.String }),
  /** The progress in full. */
  snapshot: Schema.NullOr(ProgressSnapshot),
}).annotations({ identifier: "Parameters" })

export const Operation = Schema.Struct({
  operation_id: Schema.String,
  parent_operation_id: Text,
  operation_type: Schema.String,
  status: Status,
  created_at: Schema.String,
  started_at: Text,
  completed_at: Text,
  progress: Progress,
  metadata: Schema.Struct({
    symbol: Schema.String,
    timeframe: Schema.String,
    mode: Schema.String,
    start_date: Text,
    end_date: Text,
    parameters: Parameters,
  }),
  error_message: Text,
  warnings: Schema.Array(Schema.String),
  errors: Schema.Array(Schema.String),
  /** What it came to in a few numbers; `/results` has all of it. */
  result_summary: Schema.NullOr(Dictionary),
}).annotations({ identifier: "Operation" })
export type Operation = typeof Operation.Type

export const statusOf = (status: Record.Status): Status => (status === "cancelling" ? "running" : status)

export const summaryOf = (record: Record.Summary, now: number): Summary => ({
  operation_id: record.id,
  operation_type: record.kind,
  status: statusOf(record.status),
  created_at: iso(record.created),
  progress_percentage: percentage(record.fraction),
  current_step: record.message === "" ? null : record.message,
  symbol: Payloads.of(record.payload).symbol ?? unknown,
  duration_seconds:
    record.started === null ? null : Math.max(0, (record.completed ?? now) - record.started) / 1000,
  parameters: {
    payload: record.payload,
    state: record.status,
    fraction: record.fraction,
    started_at: isoOrNull(record.started),
    completed_at: isoOrNull(record.completed),
    parent_operation_id: record.parent,
    resumed_from: record.resumedFrom,
    is_resumed: record.isResumed,
    attempt: record.attempt,
    owner: record.owner,
    failure: record.failure,
    cancellation: toldOf(record.cancellation),
  },
})

/** The summary that an entry of a list tells of. */
export const summaryFrom = ({ parameters, ...entry }: Summary): Record.Summary => ({
  id: entry.operation_id,
  kind: entry.operation_type,
  status: parameters.state,
  created: Date.parse(entry.created_at),
  started: millisOrNull(parameters.started_at),
  completed: millisOrNull(parameters.completed_at),
  fraction: parameters.fraction,
  message: entry.current_step ?? "",
  payload: parameters.payload,
  parent: parameters.parent_operation_id,
  resumedFrom: parameters.resumed_from,
  isResumed: parameters.is_resumed,
  attempt: parameters.attempt,
  owner: parameters.owner,
  failure: parameters.failure,
  cancellation: cancellationFrom(parameters.cancellation),
})

export const pageOf = ({ operations, total, active }: Page, now: number) => ({
  success: true as const,
  data: operations.map((one) => summaryOf(one, now)),
  total_count: total,
  active_count: active,
})

export const operationOf = (record: Record.OperationRecord): Operation => {
  const { failure, cancellation } = record
  const { symbol, timeframe, mode, start, end } = Payloads.of(record.payload)
  return {
    operation_id: record.id,
    parent_operation_id: record.parent,
    operation_type: record.kind,
    status: statusOf(record.status),
    created_at: iso(record.created),
    started_at: isoOrNull(record.started),
    completed_at: isoOrNull(record.completed),
    progress: progressOf(record),
    metadata: {
      symbol: symbol ?? unknown,
      timeframe: timeframe ?? unknown,
      mode: mode ?? unknown,
      start_date: start ?? null,
      end_date: end ?? null,
      parameters: {
        payload: record.payload,
        version: record.version,
        state: record.status,
        fraction: record.fraction,
        sequence: record.sequence,
        resumed_from: record.resumedFrom,
        is_resumed: record.isResumed,
        attempt: record.attempt,
        owner: record.owner,
        failure,
        cancellation: toldOf(cancellation),
        kept: record.kept,
        settings: record.settings,
        snapshot: record.progress,
      },
    },
    error_message: failure?.message ?? cancellation?.reason ?? null,
    warnings: record.warnings,
    errors: failure === null ? [] : [failure.message],
    result_summary: Payloads.resultSummary(record),
  }
}

/** What `/metrics` says of a change. */
export const metricOf = ({ sequence, status, snapshot }: Change) => {
  const { fraction, elapsed, items, context } = snapshot()
  return {
    sequence,
    status: statusOf(status),
    percentage: fraction === null ? null : percentage(fraction),
    elapsed_seconds: elapsed / 1000,
    items_processed: items?.done ?? null,
    items_total: items?.total ?? null,
    items_per_second: items?.rate ?? null,
    context,
  }
}

/** The record that an answer tells of, but for its result. */
export const recordOf = (operation: Operation): Record.OperationRecord => {
  const { metadata, progress } = operation
  const { parameters } = metadata
  const { cancellation } = parameters
  return {
    id: operation.operation_id,
    kind: operation.operation_type,
    status: parameters.state,
    created: Date.parse(operation.created_at),
    started: millisOrNull(operation.started_at),
    completed: millisOrNull(operation.completed_at),
    fraction: parameters.fraction,
    message: progress.current_step ?? "",
    payload: parameters.payload,
    parent: operation.parent_operation_id,
    resumedFrom: parameters.resumed_from,
    isResumed: parameters.is_resumed,
    attempt: parameters.attempt,
    owner: parameters.owner,
    version: parameters.version,
    sequence: parameters.sequence,
    progress: parameters.snapshot,
    warnings: operation.warnings,
    failure: parameters.failure,
    result: null,
    cancellation: cancellationFrom(cancellation),
    kept: parameters.kept,
    settings: parameters.settings,
  }
}

// ---------------------------------------------------------------------------------------------------------

const unknown = "N/A"

const millisOrNull = (text: string | null): number | null => (text === null ? null : Date.parse(text))

const toldOf = (cancellation: Record.Cancellation | null): typeof Cancellation.Type =>
  cancellation === null
    ? null
    : { reason: cancellation.reason, requested_at: iso(cancellation.requested), by: cancellation.by }

const cancellationFrom = (told: typeof Cancellation.Type): Record.Cancellation | null =>
  told === null ? null : { reason: told.reason, requested: Date.parse(told.requested_at), by: told.by }

const percentage = (fraction: number | null): number => (fraction ?? 0) * 100

const progressOf = ({
  progress,
  status,
  fraction,
  message,
}: Record.OperationRecord): typeof Progress.Type => {
  const total = progress?.stepCount ?? 0
  return {
    percentage: percentage(fraction),
    current_step: message === "" ? null : message,
    steps_completed: status === "completed" ? total : Math.max(0, (progress?.stepIndex ?? 1) - 1),
    steps_total: total,
    items_processed: progress?.items?.done ?? 0,
    items_total: progress?.items?.total ?? null,
    current_item: progress?.detail ?? progress?.path.at(-1) ?? null,
    context: progress?.context ?? {},
  }
}
