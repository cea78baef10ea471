/**
 * Timeouts for many short waits at the price of one sleeping fiber.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/** One wait: when it is too long (ms, by the clock that nobody sets), and what ends it then. */
export interface Wait {
  readonly until: number
  readonly expire: () => Effect.Effect<void>
}

export interface Expiry {
  /** From now on `wait.expire` runs at `wait.until`, unless it is dropped before. */
  readonly watch: (wait: Wait) => Effect.Effect<void>
  readonly drop: (wait: Wait) => void
}

/**
 * `Effect.timeout` forks two fibers a time, a sixth of the cost of a small request. Here a wait is an entry
 * of a set, and one fiber sleeps until the earliest of them; it sleeps on when that one was dropped.
 */
export const make: Effect.Effect<Expiry, never, Scope.Scope> = Effect.map(Effect.scope, (scope) => {
  const waits = new Set<Wait>()
  let alarm = Number.POSITIVE_INFINITY
  let sleeper: Fiber.RuntimeFiber<void> | undefined

  const sleepUntil = (instant: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      alarm = instant
      sleeper?.unsafeInterruptAsFork(sleeper.id())
      return currentMillis.pipe(
        Effect.flatMap((now) => Effect.interruptible(Effect.sleep(instant - now))),
        Effect.zipRight(ring),
        Effect.uninterruptible,
        Effect.forkIn(scope),
        Effect.map((fiber) => {
          sleeper = fiber
        }),
      )
    })

  const ring: Effect.Effect<void> = Effect.flatMap(currentMillis, (now) => {
    sleeper = undefined
    alarm = Number.POSITIVE_INFINITY
    const due = [...waits].filter((wait) => wait.until <= now)
    for (const wait of due) waits.delete(wait)
    const next = Math.min(...Array.from(waits, (wait) => wait.until))
    return Effect.zipRight(
      next === Number.POSITIVE_INFINITY ? Effect.void : sleepUntil(next),
      Effect.forEach(due, end, { discard: true }),
    )
  })

  return {
    watch: (wait) => {
      waits.add(wait)
      return wait.until < alarm ? sleepUntil(wait.until) : Effect.void
    },
    drop: (wait) => {
      waits.delete(wait)
    },
  }
})

// -----------------------------------------------------------------------------

/** One that cannot be ended costs the others nothing. */
const end = (wait: Wait): Effect.Effect<void> =>
  Effect.catchAllCause(wait.expire(), (cause) =>
    Effect.logError("What took too long could not be ended", cause),
  )

const currentMillis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6)
