/**
 * A hundred times `kill -9` in the middle of a load: sixty-eight loads are killed, thirty-two of them
 * again while another process resumes them. What a reader finds right after each, and what is there in the end, beside
 * a load that nobody killed.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Progress from "../../src/Progress.js"
import * as CrashCampaign from "../utils/CrashCampaign.js"
import * as Protocol from "../utils/CrashProtocol.js"
import { table } from "./measure.js"

const seed = 20_240_301
const trialsOfPhase = { fetch: 16, append: 16, fold: 10, rename: 10, manifest: 10, lock: 6 } as const
const phases = Object.keys(trialsOfPhase) as ReadonlyArray<Protocol.Phase>

/** So many loads that are killed in the first half of these are killed a second time, in each phase in turn. */
const killedTwice = { fetch: 16, append: 16, fold: 0, rename: 0, manifest: 0, lock: 0 } as const
const secondPhases = phases.filter((phase) => phase !== "lock")

const momentsOf = (phase: Protocol.Phase): ReadonlyArray<Protocol.Moment> =>
  phase === "fetch" || phase === "rename" ? ["before", "during"] : Protocol.Moment.literals

const stopIn = (phase: Protocol.Phase, index: number, calls: number) =>
  Effect.gen(function* () {
    const stop: Protocol.Stop = {
      phase,
      call: yield* Random.nextIntBetween(1, calls + 1),
      moment: momentsOf(phase)[index % momentsOf(phase).length]!,
      share: yield* Random.next,
      millis: yield* Random.nextIntBetween(0, 7),
    }
    return stop
  })

/** The stops of every trial. */
const plan = (counts: Protocol.Counts) =>
  Effect.gen(function* () {
    const trials: Array<ReadonlyArray<Protocol.Stop>> = []
    for (const phase of phases) {
      for (let index = 0; index < trialsOfPhase[phase]; index++) {
        const twice = index < killedTwice[phase]
        const first = yield* stopIn(phase, index, twice ? Math.ceil(counts[phase] / 2) : counts[phase])
        const next = secondPhases[index % secondPhases.length]!
        trials.push(twice ? [first, yield* stopIn(next, index, 2)] : [first])
      }
    }
    return trials
  }).pipe(Effect.withRandom(Random.make(seed)))

const rowOf = (name: string, kills: ReadonlyArray<CrashCampaign.Kill>): ReadonlyArray<string> => {
  const number = (predicate: (kill: CrashCampaign.Kill) => boolean) => String(kills.filter(predicate).length)
  return [
    name,
    String(kills.length),
    number(({ moment }) => moment === "before"),
    number(({ moment }) => moment === "part"),
    number(({ moment, inside }) => moment === "during" && inside),
    number(({ moment, inside }) => moment === "during" && !inside),
    number(({ faults }) => faults.length === 0),
    number(({ identical }) => identical),
    askedAgain(kills).toFixed(3),
  ]
}

const askedAgain = (kills: ReadonlyArray<CrashCampaign.Kill>): number => {
  const sum = (of: (kill: CrashCampaign.Kill) => number) => kills.reduce((all, kill) => all + of(kill), 0)
  return (
    sum(({ again }) => again) /
    Math.max(
      1,
      sum(({ requests }) => requests),
    )
  )
}

const head = [
  "killed in",
  "kills",
  "before a call",
  "part written",
  "during it",
  "just after it",
  "readable",
  "identical",
  "asked again",
]

export const bench = Effect.gen(function* () {
  const campaign = yield* CrashCampaign.make
  const kills = yield* Effect.flatMap(plan(campaign.counts), (trials) =>
    Progress.forEach(trials, campaign.trial, { concurrency: 2, unit: "load" }),
  ).pipe(
    Effect.map((all) => all.flat()),
    Progress.observe({
      name: "Killing loads",
      observer: ({ message }) => Console.error(message),
      interval: 10_000,
    }),
  )
  const rows = phases.map((phase) =>
    rowOf(
      phase,
      kills.filter((kill) => kill.phase === phase),
    ),
  )
  yield* Console.log(table([head, ...rows, rowOf("in all", kills)]))
  const broken = kills.filter(({ faults, identical }) => faults.length > 0 || !identical)
  for (const kill of broken) yield* Console.error(JSON.stringify(kill))
  yield* Console.log(
    JSON.stringify({
      bench: "crash",
      kills: kills.length,
      identical: kills.filter(({ identical }) => identical).length,
      resumed_fetch_fraction: askedAgain(kills),
    }),
  )
  if (broken.length > 0) yield* Effect.fail(new Error(`${broken.length} kills did harm`))
}).pipe(Effect.scoped)
