import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** How long statements may hold up the event loop together before it turns, in milliseconds. */
const longest = 5

/**
 * Statements run one after another, in the order in which they came, and the event loop turns between two of
 * them once they have taken long enough. (A semaphore of Effect wakes all who wait each time it is released:
 * a thousand of them hold up the event loop for seconds.)
 */
export class Turns {
  readonly #clock: Clock.Clock
  readonly #waiting = new Set<Place>()
  #isTaken = false
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
    return Effect.uninterruptibleMask((restore) => {
      const turn = Effect.ensuring(effect, this.#leave)
      if (!this.#isTaken) {
        this.#isTaken = true
        return turn
      }
      const place: Place = { isCalled: false, call: () => {} }
      this.#waiting.add(place)
      return restore(this.#called(place)).pipe(
        Effect.onInterrupt(() =>
          place.isCalled ? this.#leave : Effect.sync(() => this.#waiting.delete(place)),
        ),
        Effect.zipRight(turn),
      )
    })
  }

  #called(place: Place): Effect.Effect<void> {
    return Effect.async((resume) => {
      if (place.isCalled) return resume(Effect.void)
      place.call = () => resume(Effect.void)
    })
  }

  readonly #leave: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#millis < longest) return this.#callNext
    this.#millis = 0
    return Effect.zipRight(
      Effect.promise(() => new Promise((resolve) => setImmediate(resolve))),
      this.#callNext,
    )
  })

  readonly #callNext: Effect.Effect<void> = Effect.sync(() => {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#isTaken = false
      return
    }
    this.#waiting.delete(next)
    next.isCalled = true
    next.call()
  })
}

// ---------------------------------------------------------------------------------------------------------

/** One who waits. */
interface Place {
  isCalled: boolean
  call: () => void
}
