/** Requests of several kinds that take turns, round after round, so that what else the machine does befalls all alike. */
import * as Effect from "effect/Effect"
import { median } from "./measure.js"

export interface Variant {
  readonly request: Effect.Effect<unknown, unknown>
  /** Requests in a round, and how many of them at once. */
  readonly count: number
  readonly concurrency: number
}

/** What one request took: milliseconds, and those of this process's processor time. */
interface Taken {
  readonly millis: number
  readonly cpu: number
}

export interface Rounds {
  /** The median over the rounds. */
  readonly median: (name: string, of?: keyof Taken) => number
  /** The median over the rounds of the one's over the other's in the same round, to two places. */
  readonly ratio: (name: string, other: string, of?: keyof Taken) => number
}

/** Each variant once to warm up, then so many rounds. */
export const run = (
  variants: Readonly<Record<string, Variant>>,
  rounds: number,
): Effect.Effect<Rounds, unknown> =>
  Effect.gen(function* () {
    const taken = new Map<string, Array<Taken>>(Object.keys(variants).map((name) => [name, []]))
    for (let round = -1; round < rounds; round++) {
      // Back and forth, so that no variant always pays for the garbage of the same other.
      const order = Object.entries(variants)
      if (round % 2 !== 0) order.reverse()
      for (const [name, variant] of order) {
        const found = yield* time(variant)
        if (round >= 0) taken.get(name)!.push(found)
      }
    }
    return {
      median: (name, of = "millis") => median(taken.get(name)!.map((one) => one[of])),
      ratio: (name, other, of = "millis") =>
        Math.round(100 * median(taken.get(name)!.map((one, at) => one[of] / taken.get(other)![at]![of]))) /
        100,
    }
  })

// ---------------------------------------------------------------------------------------------------------

const atOnce = { concurrency: "unbounded", discard: true } as const

/** Connections that were closed since the last round, as nobody used them, are there again before the time counts. */
const time = ({ request, count, concurrency }: Variant): Effect.Effect<Taken, unknown> =>
  Effect.flatMap(Effect.replicateEffect(request, concurrency, atOnce), () => {
    const each = Math.max(1, Math.round(count / concurrency))
    const began = performance.now()
    const before = process.cpuUsage()
    const one = Effect.repeatN(request, each - 1)
    return Effect.map(Effect.replicateEffect(one, concurrency, atOnce), () => {
      const { system, user } = process.cpuUsage(before)
      const all = each * concurrency
      return { millis: (performance.now() - began) / all, cpu: (user + system) / 1000 / all }
    })
  })
