/**
 * Operations as JSON lines: the fields of their record, instants in ISO.
 */
import type { OperationRecord, Summary } from "../../OperationRecord.js"
import { iso, isoOrNull } from "../Instants.js"

export const summary = (one: Summary): string => JSON.stringify(fieldsOf(one))

export const record = (one: OperationRecord): string => JSON.stringify(recordOf(one))

/** The fields of a record as they are printed. */
export const recordOf = (one: OperationRecord) => {
  const { version, sequence, progress, warnings, failure, result, kept, settings } = one
  return {
    ...fieldsOf(one),
    version,
    sequence,
    progress,
    warnings,
    failure,
    result,
    kept,
    settings,
  }
}

// ---------------------------------------------------------------------------------------------------------

const fieldsOf = (one: Summary) => ({
  id: one.id,
  kind: one.kind,
  status: one.status,
  created: isoOrNull(one.created),
  started: isoOrNull(one.started),
  completed: isoOrNull(one.completed),
  fraction: one.fraction,
  message: one.message,
  payload: one.payload,
  parent: one.parent,
  resumedFrom: one.resumedFrom,
  attempt: one.attempt,
  owner: one.owner,
  failure: one.failure,
  cancellation:
    one.cancellation === null ? null : { ...one.cancellation, requested: iso(one.cancellation.requested) },
})
