import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * Computes in a turn of the event loop of its own: for stretches of some milliseconds, of however many fibers, between
 * which timers and sockets run. First come, first served.
 */
export const breathe = <A>(compute: () => A): Effect.Effect<A> => Effect.map(turn, compute)

/** A turn of the event loop of its own, for what is computed next. Where time is simulated, it takes none. */
export const turn: Effect.Effect<void> = Effect.clockWith((clock) =>
  clock === live ? admission : clock.sleep(Duration.zero),
)

// ---------------------------------------------------------------------------------------------------------

const live = Effect.runSync(Effect.clock)

const waiting = new Set<() => void>()

const admission: Effect.Effect<void> = Effect.async((resume) => {
  const proceed = () => resume(Effect.void)
  waiting.add(proceed)
  if (waiting.size === 1) setImmediate(admit)
  return Effect.sync(() => void waiting.delete(proceed))
})

/** Lets one of those that wait go on. */
const admit = (): void => {
  for (const proceed of waiting) {
    waiting.delete(proceed)
    if (waiting.size > 0) setImmediate(admit)
    return proceed()
  }
}
