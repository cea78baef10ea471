import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Permits } from "../internal/Permits.js"

/** How long statements may hold up the event loop together before it turns, in milliseconds. */
const longest = 5

/**
 * Statements run one after another, in the order in which they came, and the event loop turns between two of
 * them once they have taken long enough.
 */
export class Turns {
  readonly #clock: Clock.Clock
  readonly #permits = new Permits(1)
  #millis = 0

  private constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  static readonly make: Effect.Effect<Turns> = Effect.map(Effect.clock, (clock) => new Turns(clock))

  /** Measures what holds up the event loop. */
  timed<A>(run: () => A): A {
    const start = this.#clock.unsafeCurrentTimeNanos()
    try {
      return run()
    } finally {
      this.#millis += Number(this.#clock.unsafeCurrentTimeNanos() - start) / 1e6
    }
  }

  /** Runs the effect alone, uninterrupted; while it waits for its turn it can be interrupted. */
  take<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.zipRight(restore(this.#permits.take), Effect.ensuring(effect, this.#leave)),
    )
  }

  readonly #leave: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#millis < longest) return this.#permits.release
    this.#millis = 0
    return Effect.zipRight(
      Effect.promise(() => new Promise((resolve) => setImmediate(resolve))),
      this.#permits.release,
    )
  })
}
