/** Counts how often a program lets others run. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export const count = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.clockWith((clock) => {
    let turns = 0
    const counting: Clock.Clock = {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis(),
      unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
      currentTimeMillis: clock.currentTimeMillis,
      currentTimeNanos: clock.currentTimeNanos,
      sleep: (duration) =>
        Effect.zipRight(
          Effect.sync(() => turns++),
          clock.sleep(duration),
        ),
    }
    return Effect.map(Effect.withClock(effect, counting), (value) => ({ value, turns }))
  })
