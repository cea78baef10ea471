/**
 * The one error of the operation layer itself; what an operation's own work fails with is its `error`.
 */
import * as Schema from "effect/Schema"
import { printable } from "./internal/printable.js"

/**
 * - of what the caller gave: `UnknownKind`, `InvalidPayload`, `InvalidQuery`, `UnknownId`
 * - of the state an operation is in: `Finished` (it cannot be cancelled), `NotFinished` (it cannot be resumed),
 *   `NotResumable`, `Succeeded`, `Superseded` (resumed already), `OutdatedPayload` (a later or earlier version)
 * - of the owner: `OwnerLost` (its lease is gone: it writes nothing any more), `Closing`
 * - of the store: `StoreUnwritable` (no space, no permission), `StoreUnreadable`, `StoreLocked`, `StoreNewer`
 */
export const Reason = Schema.Literal(
  "UnknownKind",
  "InvalidPayload",
  "InvalidQuery",
  "UnknownId",
  "Finished",
  "NotFinished",
  "NotResumable",
  "Succeeded",
  "Superseded",
  "OutdatedPayload",
  "OwnerLost",
  "Closing",
  "StoreUnwritable",
  "StoreUnreadable",
  "StoreLocked",
  "StoreNewer",
)
export type Reason = typeof Reason.Type

export class OperationError extends Schema.TaggedError<OperationError>("ktrdr/OperationError")(
  "OperationError",
  {
    reason: Reason,
    /** The operation's kind, and the path inside its payload where there is one; its id; the store's file. */
    place: Schema.String,
    expected: Schema.String,
    found: Schema.String,
    advice: Schema.String,
    cause: Schema.optionalWith(Schema.Defect, { exact: true }),
  },
) {
  override get message(): string {
    return printable(`${this.place}: expected ${this.expected}, found ${this.found}. ${this.advice}.`)
  }
}
