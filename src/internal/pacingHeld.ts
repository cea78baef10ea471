import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * What whoever asks holds that others could use meanwhile: let go of when it has to wait for its turn, and not
 * taken again, for then its turn has come. Nothing by default.
 */
export class Held extends Context.Reference<Held>()("ktrdr/Pacing/Held", {
  defaultValue: (): { readonly letGo: Effect.Effect<void> } => ({ letGo: Effect.void }),
}) {}
