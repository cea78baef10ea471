import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * Milliseconds since it was made that never fall: a step back of the clock beneath is left out, so that time
 * goes on from where it was. The system's own clock does not step here, as its nanoseconds follow no wall
 * clock.
 */
export class SteadyClock {
  readonly #clock: Clock.Clock
  readonly #origin: bigint
  #leftOut = 0
  #last = 0

  constructor(clock: Clock.Clock) {
    this.#clock = clock
    this.#origin = clock.unsafeCurrentTimeNanos()
  }

  /** The whole milliseconds that are over, against which waits are held. */
  now(): number {
    return Math.floor(this.#micros() / 1000)
  }

  /** The whole millisecond that is under way, as which a start is noted: no window is cut short by rounding. */
  stamp(): number {
    return Math.ceil(this.#micros() / 1000)
  }

  sleepUntil(at: number): Effect.Effect<void> {
    return Effect.suspend(() => this.#clock.sleep(Duration.millis(at - this.now())))
  }

  /** The instant of the clock beneath (epoch ms) that `at` is, as things stand. */
  toEpoch(at: number): number {
    return this.#clock.unsafeCurrentTimeMillis() + at - this.now()
  }

  #micros(): number {
    const micros = Math.round(Number(this.#clock.unsafeCurrentTimeNanos() - this.#origin) / 1000)
    this.#leftOut = Math.max(this.#leftOut, this.#last - micros)
    this.#last = micros + this.#leftOut
    return this.#last
  }
}
