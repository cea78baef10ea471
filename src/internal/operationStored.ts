/**
 * What every store of operations refuses in the same words.
 */
import { OperationError } from "../OperationError.js"
import type { OperationRecord } from "../OperationRecord.js"

export const leaseGone = ({ id }: Pick<OperationRecord, "id">): OperationError =>
  new OperationError({
    reason: "OwnerLost",
    place: id,
    expected: "a lease that is good",
    found: "one that has run out",
    advice: "Start it again",
  })

export const idTaken = (id: string): OperationError =>
  new OperationError({
    reason: "InvalidPayload",
    place: "operation id",
    expected: "one that no other operation has",
    found: JSON.stringify(id),
    advice: "Leave it out to have one made",
  })
