/**
 * A thousand scripts of faults between clients and hosts, eight at once: loads of an IB host into Parquet stores, and
 * trainings at a training host, some at either of two. Each ends in time, complete or with a typed error, and once more
 * without faults it comes to the bytes of work that none befell.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Progress from "../../src/Progress.js"
import * as FaultCases from "../utils/FaultCases.js"
import * as FaultyLoads from "../utils/FaultyLoads.js"
import * as FaultyTrainings from "../utils/FaultyTrainings.js"
import { median, table } from "./measure.js"
import { bundled } from "./trainingHost.js"

const cases = Number(process.argv[3] ?? 1000)
const atOnce = 8

/** What happens inside of a case is no progress of the campaign's. */
const unseen = { observer: () => Effect.void }

const rowOf = (kind: string, verdicts: ReadonlyArray<FaultCases.Verdict>): ReadonlyArray<string> => {
  const ended = (...words: ReadonlyArray<string>) =>
    verdicts.filter((one) => words.includes(one.ended)).length
  const millis = verdicts.map((one) => one.millis)
  const [complete, incomplete, cancelled] = [ended("complete"), ended("incomplete"), ended("cancelled")]
  return [
    kind,
    String(verdicts.length),
    String(verdicts.reduce((sum, { befell }) => sum + befell.length, 0)),
    String(complete),
    String(incomplete),
    String(cancelled),
    String(verdicts.length - complete - incomplete - cancelled),
    (median(millis) / 1000).toFixed(1),
    (Math.max(...millis) / 1000).toFixed(1),
  ]
}

const head = [
  "cases",
  "number",
  "faults",
  "complete",
  "in part",
  "cancelled",
  "failed",
  "median, s",
  "longest, s",
]

const countsOf = (words: ReadonlyArray<string>): string => {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([word, count]) => `${count} ${word}`)
    .join(", ")
}

/** Prints a table and one JSON line; takes about five minutes. */
export const bench = Effect.gen(function* () {
  const loads = yield* FaultyLoads.make
  const trainings = yield* FaultyTrainings.make(bundled)
  const verdicts = yield* Progress.forEach(
    Array.from({ length: cases }, (_, index) => index + 1),
    (seed) => Progress.observe(seed % 2 === 0 ? loads.one(seed) : trainings.one(seed), unseen),
    { concurrency: atOnce, unit: "case" },
  ).pipe(
    Progress.observe({
      name: "Cases",
      observer: ({ message }) => Console.error(message),
      interval: 10_000,
    }),
  )
  const again = yield* trainings.doubleStarts
  const flaws = { ...FaultCases.tally(verdicts), double_starts: again.length }
  const of = (kind: FaultCases.Verdict["kind"]) => verdicts.filter((one) => one.kind === kind)
  yield* Console.log(
    table([head, rowOf("loads", of("load")), rowOf("trainings", of("training")), rowOf("in all", verdicts)]),
  )
  yield* Console.log(`faults: ${countsOf(verdicts.flatMap(({ befell }) => befell))}`)
  yield* Console.log(`ends: ${countsOf(verdicts.map(({ ended }) => ended))}`)
  const flawed = verdicts.filter((one) => one.flaws.length > 0)
  for (const one of flawed.slice(0, 20)) yield* Console.error(JSON.stringify(one))
  for (const session of again) yield* Console.error(`session ${session} was run more than once`)
  yield* Console.log(JSON.stringify({ bench: "faults", cases: verdicts.length, ...flaws }))
  if (flawed.length + again.length > 0) yield* Effect.fail(new Error("faults did harm"))
}).pipe(Effect.scoped, Effect.provide(NodeContext.layer), Logger.withMinimumLogLevel(LogLevel.None))
