/**
 * The lease of one registry on what it runs: taken when it is needed first, renewed while anything runs, taken
 * anew after it was lost.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { OperationError } from "../OperationError.js"
import type { Owner } from "../OperationRecord.js"
import type { Service as Store } from "../OperationStore.js"

/** A lease is good for so long, in milliseconds, unless it is renewed. */
export const leaseMillis = 15_000
/** How often an owner renews its lease, in milliseconds. */
export const renewalMillis = 5_000

export class Lease {
  #renewed: number
  #isLost = false
  #fault: OperationError | undefined

  private constructor(
    readonly owner: Owner,
    readonly store: Store,
    now: number,
  ) {
    this.#renewed = now
  }

  static readonly take = (store: Store): Effect.Effect<Lease, OperationError> =>
    Effect.gen(function* () {
      const now = yield* steady()
      return new Lease(yield* store.acquire, store, now)
    })

  /** True while nobody can have taken it away: costs a look at the clock. */
  readonly isGood: Effect.Effect<boolean> = Effect.map(
    steady(),
    (now) => !this.#isLost && now < this.#renewed + leaseMillis,
  )

  /** Renews it where that is due. False once it is lost; a store that does not answer loses it in the end. */
  readonly keep: Effect.Effect<boolean, OperationError> = Effect.gen(this, function* () {
    const now = yield* steady()
    if (this.#isLost || now >= this.#renewed + leaseMillis) return this.lose()
    if (now < this.#renewed + renewalMillis) return true
    const renewing = Effect.tapError(this.store.renew(this.owner.token), (error) =>
      Effect.sync(() => {
        this.#fault = error
      }),
    )
    if (!(yield* renewing)) return this.lose()
    this.#renewed = now
    this.#fault = undefined
    return true
  })

  /** Why it was lost, as far as this process knows: what it did with it. */
  get loss(): string {
    return this.#fault === undefined
      ? "was suspended for too long"
      : `could not renew its lease: ${this.#fault.message.replace(/\.$/, "")}`
  }

  lose(): false {
    this.#isLost = true
    return false
  }
}

// ---------------------------------------------------------------------------------------------------------

/** Milliseconds that no setting of the clock moves, and that go on while a process is stopped. */
export const steady = (): Effect.Effect<number> =>
  Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n))
