/**
 * Records as rows of the table `operations`. What has a structure is kept as JSON.
 */
import * as Schema from "effect/Schema"
import * as Record from "../OperationRecord.js"
import { ProgressSnapshot } from "../ProgressSnapshot.js"
import type { Parameter } from "./SqlConnection.js"

const json = <A, I>(schema: Schema.Schema<A, I>) => Schema.parseJson(schema)

/** Its progress is left to be decoded by whoever wants it. */
class SummaryRow extends Schema.Class<SummaryRow>("OperationSummaryRow")({
  id: Schema.String,
  created: Schema.Number,
  kind: Schema.String,
  status: Record.Status,
  parent: Schema.NullOr(Schema.String),
  token: Schema.Number,
  pid: Schema.Number,
  host: Schema.String,
  attempt: Schema.Number,
  resumedFrom: Schema.NullOr(Schema.String),
  isResumed: Schema.transform(Schema.Number, Schema.Boolean, {
    strict: true,
    decode: (flag) => flag !== 0,
    encode: Number,
  }),
  started: Schema.NullOr(Schema.Number),
  completed: Schema.NullOr(Schema.Number),
  fraction: Schema.NullOr(Schema.Number),
  message: json(Schema.String),
  payload: Schema.NullOr(json(Schema.Unknown)),
  failure: Schema.NullOr(json(Record.Failure)),
  cancellation: Schema.NullOr(json(Record.Cancellation)),
}) {
  toSummary(): Record.Summary {
    const { host, pid, token, ...rest } = this
    return { ...rest, owner: { token, pid, host } }
  }
}

class RecordRow extends SummaryRow.extend<RecordRow>("OperationRecordRow")({
  version: Schema.Number,
  sequence: Schema.Number,
  kept: Schema.NullOr(json(Schema.String)),
  settings: json(Record.OperationRecord.fields.settings),
  warnings: json(Record.OperationRecord.fields.warnings),
  progress: Schema.NullOr(json(ProgressSnapshot)),
  result: Schema.NullOr(json(Schema.Unknown)),
}) {
  toRecord(): Record.OperationRecord {
    const { host, pid, token, ...rest } = this
    return { ...rest, owner: { token, pid, host } }
  }
}

/** A list tells of a failure what it takes little room to say. */
export const summaryColumns = Object.keys(SummaryRow.fields)
  .map((column) =>
    column === "failure"
      ? "CASE WHEN json_valid(failure) THEN json_remove(failure, '$.error') ELSE failure END AS failure"
      : column,
  )
  .join(", ")
export const columns = Object.keys(RecordRow.fields)

export const decodeSummary = Schema.decodeUnknownEither(SummaryRow)
export const decodeRecord = Schema.decodeUnknownEither(RecordRow)

/** The condition of a row that its status is one of them. */
export const isOneOf = (statuses: ReadonlyArray<Record.Status>): string =>
  `status IN (${statuses.map((status) => `'${status}'`).join(", ")})`

/** The values of a record in the order of `columns`. */
export const valuesOf = (record: Record.OperationRecord): ReadonlyArray<Parameter> => {
  const row: { readonly [Column in keyof typeof RecordRow.fields]: Parameter } = {
    ...record.owner,
    id: record.id,
    created: record.created,
    kind: record.kind,
    status: record.status,
    parent: record.parent,
    attempt: record.attempt,
    resumedFrom: record.resumedFrom,
    isResumed: Number(record.isResumed),
    started: record.started,
    completed: record.completed,
    fraction: record.fraction,
    message: toJson(record.message),
    payload: toJson(record.payload),
    version: record.version,
    sequence: record.sequence,
    cancellation: toJson(record.cancellation),
    failure: toJson(record.failure),
    kept: toJson(record.kept),
    settings: toJson(record.settings),
    warnings: toJson(record.warnings),
    progress: toJson(record.progress),
    result: toJson(record.result),
  }
  return columns.map((column) => row[column as keyof typeof row])
}

/** The columns that an ending sets. */
export const endingOf = (ending: Record.Ending): Readonly<Record<string, Parameter>> =>
  Object.fromEntries(
    Object.entries(ending).map(([key, value]) => [key, key === "status" ? ending.status : toJson(value)]),
  )

export const decodeRequested = Schema.decodeUnknownOption(
  Schema.Struct({ id: Schema.String, cancellation: json(Record.Cancellation) }),
)

export const decodeSeen = Schema.decodeUnknownOption(
  Schema.Struct({
    status: Record.Status,
    sequence: Schema.Number,
    encoded: Schema.NullOr(Schema.String),
  }),
)

/** JSON; null where there is nothing. */
export const toJson = (value: unknown): string | null =>
  value === null || value === undefined ? null : JSON.stringify(value)
