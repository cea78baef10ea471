/**
 * The pacing by the rules of Interactive Brokers: a simulated week of mixed requests, in which no window of any
 * rule may be too full, and requests that all come at once, which must be over as soon as the rules allow.
 * Beside it, on the same work, what others take for pacing. No time passes that is not simulated.
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as IbPacing from "../../src/hosts/ib/IbPacing.js"
import * as Pacing from "../../src/Pacing.js"
import { type Limit, type Start, violations } from "../utils/PacingChecker.js"
import * as PublishedRules from "../utils/PublishedRules.js"
import { VirtualTime } from "../utils/VirtualTime.js"
import { table } from "./measure.js"
import * as Peers from "./pacingPeers.js"
import { type Arrival, lastOf, lowerBound, queued, simulatedWeek, week } from "./pacingWork.js"

const least = 0.99
/** How many requests are queued at the beginning; others are measured by the middle one. */
const sizes = [300, 1638, 5000]
const peerSize = 1638

const small = PublishedRules.limits(PublishedRules.isSmall)
const all = PublishedRules.limits(() => true)

type Starts = ReadonlyArray<Start<IbPacing.Paced>>

const ktrdr = (mode: "adaptive" | "strict", arrivals: ReadonlyArray<Arrival>): Starts => {
  const time = new VirtualTime()
  const starts: Array<Start<IbPacing.Paced>> = []
  const exit = time.run(
    Effect.gen(function* () {
      const pacing = yield* Pacing.make(IbPacing.rules(mode, 50))
      const one = ({ at, fate, lasts, request }: Arrival) =>
        Effect.zipRight(
          Effect.sleep(at),
          pacing.run(request, (permit) =>
            Effect.gen(function* () {
              starts.push({ at: yield* Clock.currentTimeMillis, request })
              if (lasts > 0) yield* Effect.sleep(lasts)
              if (fate !== "answered") yield* permit.slower(fate === "refused" ? 60_000 : 0)
            }),
          ),
        )
      yield* Effect.forEach(arrivals, one, { concurrency: "unbounded", discard: true })
    }).pipe(Effect.scoped),
  )
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  return starts
}

/** Too full windows, by rule. */
const judged = (limits: ReadonlyArray<Limit<IbPacing.Paced>>, starts: Starts) => {
  const found = violations(limits, starts)
  const by = limits.map(({ name }) => [name, found.filter(({ rule }) => rule === name).length] as const)
  return {
    count: found.length,
    text: by
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name} ${count}`)
      .join(", "),
  }
}

const optimumOf = (arrivals: ReadonlyArray<Arrival>, starts: Starts): number =>
  lowerBound(
    small,
    arrivals.map(({ request }) => request),
  ).millis / lastOf(starts)

const ratio = (value: number): string => value.toFixed(4)

export const bench = Effect.gen(function* () {
  const whole = simulatedWeek(7)
  const rows: Array<ReadonlyArray<string>> = [
    ["work", "by", "requests", "windows too full", "of the optimum", "to reach"],
  ]
  let broken = 0
  for (const mode of ["adaptive", "strict"] as const) {
    const arrivals = mode === "strict" ? whole.filter((_, index) => index % 2 === 0) : whole
    const starts = ktrdr(mode, arrivals)
    const { count, text } = judged(mode === "strict" ? all : small, starts)
    if (starts.length !== arrivals.length) return yield* Effect.fail(new Error("not every request started"))
    broken += count
    const over = ((lastOf(starts) - week) / 3_600_000).toFixed(1)
    rows.push([
      `a week, over ${over} h after it`,
      `ktrdr ${mode}`,
      String(arrivals.length),
      `${count} ${text}`,
      "",
      "0",
    ])
  }
  let reached = Number.POSITIVE_INFINITY
  for (const size of sizes) {
    const arrivals = queued(size)
    const starts = ktrdr("adaptive", arrivals)
    const { count, text } = judged(small, starts)
    const of = optimumOf(arrivals, starts)
    broken += count
    reached = Math.min(reached, of)
    rows.push([
      "all at once, 5 contracts",
      "ktrdr",
      String(size),
      `${count} ${text}`,
      ratio(of),
      `0, >= ${least}`,
    ])
  }
  const once = queued(peerSize)
  const peers: Record<string, { readonly violations: number; readonly of_legal_optimum: number }> = {}
  for (const [name, make] of Object.entries(Peers.peers)) {
    const byWeek = judged(small, yield* Effect.promise(() => Peers.run(make, small, whole)))
    const starts = yield* Effect.promise(() => Peers.run(make, small, once))
    const atOnce = judged(small, starts)
    const of = optimumOf(once, starts)
    rows.push(["a week", name, String(whole.length), `${byWeek.count} ${byWeek.text}`, "", ""])
    rows.push([
      "all at once, 5 contracts",
      name,
      String(once.length),
      `${atOnce.count} ${atOnce.text}`,
      ratio(of),
      "",
    ])
    peers[name] = { violations: byWeek.count + atOnce.count, of_legal_optimum: Number(ratio(of)) }
  }
  yield* Console.log(table(rows))
  yield* Console.log(
    "Time is simulated, for the others by timers in the place of Node's. Above the optimum no rule is kept.",
  )
  yield* Console.log(
    JSON.stringify({ bench: "pacing", violations: broken, of_legal_optimum: Number(ratio(reached)), peers }),
  )
})
