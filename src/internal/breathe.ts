import * as Effect from "effect/Effect"

/** Lets timers and sockets run, then computes: for stretches of some milliseconds, one after another. */
export const breathe = <A>(compute: () => A): Effect.Effect<A> => Effect.map(Effect.sleep(0), compute)
