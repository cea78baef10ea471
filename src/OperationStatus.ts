/**
 * The states of an operation's life.
 *
 * `pending -> running -> completed | failed | cancelled`, with `cancelling` before `cancelled` while finalizers
 * run. A terminal state absorbs: nothing changes it.
 */
import * as Schema from "effect/Schema"

export const Status = Schema.Literal(
  "pending",
  "running",
  "cancelling",
  "completed",
  "failed",
  "cancelled",
).annotations({ identifier: "OperationStatus" })
export type Status = typeof Status.Type

/** States that nothing changes any more. */
export const terminal = ["completed", "failed", "cancelled"] as const satisfies ReadonlyArray<Status>
/** States of an operation that has an owner at work. */
export const active = ["pending", "running", "cancelling"] as const satisfies ReadonlyArray<Status>

export const isTerminal = ({ status }: { readonly status: Status }): boolean =>
  status === "completed" || status === "failed" || status === "cancelled"
