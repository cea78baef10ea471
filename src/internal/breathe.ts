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
let isDue = false

const admission: Effect.Effect<void> = Effect.async((resume) => {
  const proceed = () => resume(Effect.void)
  waiting.add(proceed)
  next()
  return Effect.sync(() => void waiting.delete(proceed))
})

/** Sees to it that one of those that wait goes on in the next turn. */
const next = (): void => {
  if (isDue || waiting.size === 0) return
  isDue = true
  setImmediate(admit)
}

const admit = (): void => {
  isDue = false
  const [first] = waiting
  if (first === undefined) return
  waiting.delete(first)
  next()
  first()
}
