/**
 * Whose turn it is to run: so many of a kind at once, and of those with equal keys one.
 */
import * as Effect from "effect/Effect"

export interface Claim {
  readonly kind: string
  /** Kind and key, where the operation is exclusive. */
  readonly key: string | undefined
}

export class Turns {
  readonly #running = new Map<string, number>()
  readonly #keys = new Set<string>()
  readonly #waiting = new Map<Claim, Effect.Latch>()
  readonly #limits: Readonly<Record<string, number>>

  constructor(limits: Readonly<Record<string, number>>) {
    this.#limits = limits
  }

  /** True when the claim has its turn at once; else it waits for it. */
  enter(claim: Claim): boolean {
    if (this.#take(claim)) return true
    this.#waiting.set(claim, Effect.unsafeMakeLatch(false))
    return false
  }

  /** Until the turn has come. */
  await(claim: Claim): Effect.Effect<void> {
    return Effect.suspend(() => this.#waiting.get(claim)?.await ?? Effect.void)
  }

  /** Gives the turn back, or stops waiting for it. */
  leave(claim: Claim): void {
    const latch = this.#waiting.get(claim)
    this.#waiting.delete(claim)
    if (latch === undefined) {
      this.#running.set(claim.kind, (this.#running.get(claim.kind) ?? 1) - 1)
      if (claim.key !== undefined) this.#keys.delete(claim.key)
    }
    for (const [next, open] of this.#waiting) {
      if (!this.#take(next)) continue
      this.#waiting.delete(next)
      open.unsafeOpen()
    }
  }

  #take({ kind, key }: Claim): boolean {
    const running = this.#running.get(kind) ?? 0
    if (running >= (this.#limits[kind] ?? Number.POSITIVE_INFINITY)) return false
    if (key !== undefined && this.#keys.has(key)) return false
    this.#running.set(kind, running + 1)
    if (key !== undefined) this.#keys.add(key)
    return true
  }
}
