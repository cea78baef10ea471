/** A clock on which nobody waits: a sleep moves it on and is over. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export const make = (): Clock.Clock => {
  let now = 0
  const unsafeCurrentTimeMillis = () => now
  const unsafeCurrentTimeNanos = () => BigInt(Math.round(now * 1e6))
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
    sleep: (duration) => Effect.sync(() => void (now += Duration.toMillis(duration))),
  }
}
