import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * Milliseconds since it was made, or those of `source`, that never fall: a step back of the clock beneath is
 * left out, so that time goes on from where it was. The system's own clock does not step here, as its
 * nanoseconds follow no wall clock.
 */
export class SteadyClock {
  readonly #clock: Clock.Clock
  readonly #source: () => number
  #leftOut = 0
  #last = Number.NEGATIVE_INFINITY

  constructor(clock: Clock.Clock, source: () => number = since(clock)) {
    this.#clock = clock
    this.#source = source
  }

  millis(): number {
    return this.#micros() / 1000
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
    const micros = Math.round(this.#source() * 1000)
    this.#leftOut = Math.max(this.#leftOut, this.#last - micros)
    this.#last = micros + this.#leftOut
    return this.#last
  }
}

// ---------------------------------------------------------------------------------------------------------

const since = (clock: Clock.Clock): (() => number) => {
  const origin = clock.unsafeCurrentTimeNanos()
  return () => Number(clock.unsafeCurrentTimeNanos() - origin) / 1e6
}
