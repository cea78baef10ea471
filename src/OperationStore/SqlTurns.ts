import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** How long statements may hold up the event loop together before it turns, in milliseconds. */
const longest = 5

/** Lets the event loop turn between statements, whoever runs them, once they have taken long enough. */
export class Turns {
  readonly #clock: Clock.Clock
  #taken = 0
  #turn: Promise<void> | undefined

  private constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  static readonly make: Effect.Effect<Turns> = Effect.map(Effect.clock, (clock) => new Turns(clock))

  /** Runs what holds up the event loop. */
  timed<A>(run: () => A): A {
    const start = this.#clock.unsafeCurrentTimeNanos()
    try {
      return run()
    } finally {
      this.#taken += Number(this.#clock.unsafeCurrentTimeNanos() - start) / 1e6
    }
  }

  get isDue(): boolean {
    return this.#taken >= longest
  }

  /** Until the event loop has turned. */
  readonly next: Effect.Effect<void> = Effect.promise(() => {
    this.#turn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#taken = 0
        this.#turn = undefined
        resolve()
      })
    })
    return this.#turn
  })
}
