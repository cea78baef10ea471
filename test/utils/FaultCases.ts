/**
 * Cases of a campaign against the adapters of hosts: faults between a client and a host, drawn from a seed, and what is
 * wrong with how work ended that suffered them.
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { PCGRandom } from "effect/Utils"
import { DataError } from "../../src/data/DataError.js"
import type * as HostConfig from "../../src/HostConfig.js"
import { HostError } from "../../src/HostError.js"
import { TrainingError } from "../../src/training/TrainingError.js"
import * as FaultPlan from "./FaultPlan.js"
import * as FaultProxy from "./FaultProxy.js"

/** What is wrong with a case. */
export const flaws = ["lost", "doubled", "hung", "untyped", "double_starts"] as const
export type Flaw = (typeof flaws)[number]

/** How one case went. */
export interface Verdict {
  readonly kind: "load" | "training"
  readonly seed: number
  /** `complete`, `cancelled`, the reason of the error, or `incomplete` of a load that lacks segments. */
  readonly ended: string
  /** What the error says, if there is one. */
  readonly said: string
  /** The faults that befell it. */
  readonly befell: ReadonlyArray<string>
  readonly flaws: ReadonlyArray<{ readonly flaw: Flaw; readonly found: string }>
  readonly millis: number
}

export interface Case {
  readonly seed: number
  readonly random: PCGRandom
  /** So much after its beginning it is interrupted, if at all. */
  readonly interruptMillis: number | undefined
  /** A proxy of the case's own before each host, in the order of the hosts. */
  readonly proxies: ReadonlyArray<FaultProxy.FaultProxy>
  /** For the client of those hosts: 2 seconds a call, few and short attempts. */
  readonly client: HostConfig.Options
}

/** What a host is reached by. */
export interface Host {
  readonly port: number
  /** What a client must trust, over TLS. */
  readonly ca?: string | undefined
}

/** The longest that a client goes on with one call. */
export const deadline = 2000

/** The case of a seed; its proxies end with the scope. One of several hosts is the only one, for most. */
export const make = (seed: number, hosts: ReadonlyArray<Host>, { longest }: { readonly longest: number }) =>
  Effect.gen(function* () {
    const random = new PCGRandom(seed)
    const chance = (share: number) => random.number() < share
    const most = pick(random, [0.15, 0.4, 0.8])
    const weights = FaultPlan.kinds.map((kind) => [kind, random.number()] as const)
    const sum = weights.reduce((all, [, weight]) => all + weight, 0)
    const shares = Object.fromEntries(weights.map(([kind, weight]) => [kind, (most * weight) / sum]))
    const taken = chance(0.25) ? hosts : [pick(random, hosts)]
    const isFar = chance(0.3)
    const proxies: Array<FaultProxy.FaultProxy> = []
    for (const { port } of taken) {
      const plan = FaultPlan.script(seed * 7 + proxies.length, {
        length: pick(random, [10, 30, 100]),
        shares,
        upTo: pick(random, [300, 3000, 30_000]),
        millis: 100,
      })
      const per = pick(random, ["connection", "exchange"] as const)
      const line = isFar ? { roundTripMillis: 5, jitterMillis: 5, roundTripsToConnect: 1 } : {}
      proxies.push(yield* FaultProxy.make({ port, plan, per, line, seed }))
    }
    const urls = taken.map(({ ca }, index) => {
      const scheme = ca === undefined ? "http" : "https"
      return `${scheme}://127.0.0.1:${proxies[index]!.port}`
    })
    const client: HostConfig.Options = {
      baseUrl: urls.join(","),
      ca: taken.find(({ ca }) => ca !== undefined)?.ca,
      deadline,
      attemptTimeout: pick(random, [200, 400, 800]),
      attempts: pick(random, [2, 4, 8]),
      backoff: 10,
      backoffCap: 200,
      breakerCooldown: 50,
      keepAlive: pick(random, [50, 4000]),
      idleTimeout: 1000,
      compression: pick(random, ["always", "never"]),
    }
    const interruptMillis = chance(0.2) ? Math.floor(random.number() * longest) : undefined
    return { seed, random, interruptMillis, proxies, client } satisfies Case
  })

export const befell = ({ proxies }: Case): Verdict["befell"] =>
  proxies.flatMap(({ journal }) => journal.map(({ fault }) => fault._tag))

/** How work ended: none of it where it did not, within the time. */
export type Ended<A> = Option.Option<Exit.Exit<A, unknown>>

/** Runs the work of a case, interrupted where it is to be. */
export const run = <A, E, R>(
  { interruptMillis }: Case,
  within: Duration.DurationInput,
  work: Effect.Effect<A, E, R>,
): Effect.Effect<Ended<A>, never, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkDaemon(work)
    const interrupted =
      interruptMillis === undefined
        ? Effect.never
        : Effect.delay(Fiber.interruptFork(fiber), interruptMillis).pipe(Effect.zipRight(Effect.never))
    const ended = yield* Fiber.await(fiber).pipe(Effect.raceFirst(interrupted), Effect.timeoutOption(within))
    return Option.map(ended, (exit): Exit.Exit<A, unknown> => exit)
  })

/** The word for it, and what is wrong with the end itself. */
export const judge = <A>(
  { interruptMillis }: Case,
  ended: Ended<A>,
): Pick<Verdict, "ended" | "said" | "flaws"> => {
  if (Option.isNone(ended)) {
    return { ended: "hung", said: "", flaws: [{ flaw: "hung", found: "no end in time" }] }
  }
  const exit = ended.value
  if (Exit.isSuccess(exit)) return { ended: "complete", said: "", flaws: [] }
  if (Cause.isInterruptedOnly(exit.cause) && interruptMillis !== undefined) {
    return { ended: "cancelled", said: "", flaws: [] }
  }
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  const isTyped = error instanceof DataError || error instanceof HostError || error instanceof TrainingError
  if (isTyped && Option.isNone(Cause.dieOption(exit.cause)) && error.advice !== "") {
    return { ended: error.reason, said: error.message, flaws: [] }
  }
  const said = Cause.pretty(exit.cause)
  return { ended: "untyped", said, flaws: [{ flaw: "untyped", found: said }] }
}

/** How many verdicts have each flaw. */
export const tally = (verdicts: ReadonlyArray<Verdict>): { readonly [F in Flaw]: number } =>
  Object.fromEntries(
    flaws.map((flaw) => [
      flaw,
      verdicts.filter((verdict) => verdict.flaws.some((one) => one.flaw === flaw)).length,
    ]),
  ) as { readonly [F in Flaw]: number }

// ---------------------------------------------------------------------------------------------------------

const pick = <const A>(random: PCGRandom, values: ReadonlyArray<A>): A =>
  values[Math.floor(random.number() * values.length)]!
