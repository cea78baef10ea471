/**
 * The one error of the operation layer itself; what an operation's own work fails with is its `error`.
 */
import * as Schema from "effect/Schema"

export const Reason = Schema.Literal("UnknownKind", "InvalidPayload")
export type Reason = typeof Reason.Type

export class OperationError extends Schema.TaggedError<OperationError>("ktrdr/OperationError")(
  "OperationError",
  {
    reason: Reason,
    /** The operation's kind, and the path inside its payload where there is one. */
    place: Schema.String,
    expected: Schema.String,
    found: Schema.String,
    advice: Schema.String,
  },
) {
  override get message(): string {
    return `${this.place}: expected ${this.expected}, found ${this.found}. ${this.advice}.`
  }
}
