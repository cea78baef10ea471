/**
 * So many at once, first come, first served. Where many fibers wait for long, Effect's own semaphore wakes all of
 * them at each release and leaves a layer on the stack of each: to interrupt them takes the square of that.
 */
import * as Effect from "effect/Effect"

export class Permits {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(count: number) {
    this.#free = count
  }

  /** Until there is one; whoever takes it must give it back. */
  readonly take: Effect.Effect<void> = Effect.async((resume) => {
    if (this.#free > 0) {
      this.#free--
      return resume(Effect.void)
    }
    const granted = () => resume(Effect.void)
    this.#waiting.add(granted)
    return Effect.sync(() => {
      if (!this.#waiting.delete(granted)) this.#give()
    })
  })

  readonly release: Effect.Effect<void> = Effect.sync(() => this.#give())

  readonly hold = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.zipRight(restore(this.take), Effect.ensuring(restore(work), this.release)),
    )

  #give(): void {
    for (const granted of this.#waiting) {
      this.#waiting.delete(granted)
      return granted()
    }
    this.#free++
  }
}
