/**
 * Whether whoever runs an operation still owns it: asked before what cannot be undone. A process that was
 * suspended for longer than its lease is no owner any more, for its operation counts as failed and may have been
 * resumed by another.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Without a registry everybody owns what he runs. */
export class OperationFence extends Context.Reference<OperationFence>()("ktrdr/OperationFence", {
  defaultValue: (): { readonly check: Effect.Effect<void> } => ({ check: Effect.void }),
}) {}

/** Interrupts the operation that is no longer owned; costs no input or output while the lease is good. */
export const check: Effect.Effect<void> = Effect.flatMap(OperationFence, (fence) => fence.check)
