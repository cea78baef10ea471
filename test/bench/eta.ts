/**
 * How well the time left is told: runs of every shape are replayed by a clock of their own, learned
 * from where the seed is even, and where it is odd compared with how they ended, at four instants; beside
 * elapsed time over fraction with 25 % to either side.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { toSnapshot } from "../../src/internal/progressSnapshot.js"
import * as Tree from "../../src/internal/progressTree.js"
import { habitOf, workedUnits } from "../../src/internal/timeEstimateTree.js"
import * as ProgressRenderer from "../../src/ProgressRenderer.js"
import type { Eta } from "../../src/ProgressSnapshot.js"
import * as TimeEstimator from "../../src/TimeEstimator.js"
import * as Runs from "./etaRuns.js"
import { table } from "./measure.js"

const seeds = 400
/** Parts of the whole duration at which the estimate is compared with the truth. */
const instants = [0.1, 0.25, 0.5, 0.75]
/** What an observer is told by: the newest state every 100 ms, and once a second where nothing changes. */
const interval = 100
const quiet = 1000

/** An estimate against the truth, in parts of the run's duration. */
export interface Score {
  readonly shape: Runs.Shape
  readonly instant: number
  readonly isHeld: boolean
  readonly error: number
  readonly interval: number
  readonly linearError: number
  readonly linearInterval: number
}

/** Replays a run as `Progress.observe` would see it; tells what was estimated at the instants, and learns. */
const replay = (shape: Runs.Shape, seed: number, learned: ReadonlyArray<TimeEstimator.Run>) => {
  const run = Runs.make(shape, seed)
  const events = Runs.events(run)
  const duration = events.at(-1)?.at ?? 0
  let now = 0
  const root = new Tree.Root(undefined, "load", "", undefined, () => now)
  const operation = root.step.open("load", {
    render: ProgressRenderer.standard,
    expected: { runs: learned, units: run.total, unit: "segment" },
  })
  operation.plan(plan)
  for (const name of ["read store", "look up symbol", "plan"]) operation.open(name, {}).close("succeeded")
  const fetch = operation.open("fetch", {})
  let check: Tree.Step | undefined
  let told = 0
  let version = -1
  const look = () => {
    told = now
    version = root.version
    return toSnapshot(root)
  }
  /** Whatever observers are told before `until`. */
  const observe = (until: number): void => {
    for (let at = told + interval; at < until; at += interval) {
      now = at
      if (root.version !== version || at - told >= quiet) look()
    }
  }
  const estimates: Array<{ readonly instant: number; readonly eta: Eta | null; readonly fraction: number }> =
    []
  let instant = 0
  for (const event of events) {
    while (instant < instants.length && event.at > instants[instant]! * duration) {
      const at = instants[instant]! * duration
      observe(at)
      now = at
      const { eta, fraction } = look()
      estimates.push({ instant, eta, fraction: fraction ?? 0 })
      instant++
    }
    observe(event.at)
    now = event.at
    switch (event.kind) {
      case "fetch":
        fetch.update(() => {
          fetch.total = run.total
          fetch.unit = "segment"
        })
        fetch.skip(run.skipped)
        break
      case "wait":
        fetch.update(() => {
          fetch.waiting = { reason: "pacing", until: event.until }
        })
        break
      case "segment":
        fetch.advance()
        break
      case "check":
        fetch.close("succeeded")
        check = operation.open("check coverage", {})
        break
      case "end":
        check?.close("succeeded")
    }
  }
  return {
    duration,
    estimates,
    run: { units: workedUnits(operation), millis: duration, habit: habitOf(operation, duration) },
  }
}

const plan: ReadonlyArray<Tree.PlannedStep> = [
  { name: "read store", weight: 1 },
  { name: "look up symbol", weight: 1 },
  { name: "plan", weight: 1 },
  { name: "fetch", weight: 90 },
  { name: "check coverage", weight: 7 },
]

const score = (
  shape: Runs.Shape,
  seed: number,
  learned: ReadonlyArray<TimeEstimator.Run>,
): ReadonlyArray<Score> => {
  const { duration, estimates } = replay(shape, seed, learned)
  return estimates.flatMap(({ instant, eta, fraction }) => {
    if (eta === null || fraction <= 0) return []
    const elapsed = instants[instant]! * duration
    const left = duration - elapsed
    const linear = (elapsed * (1 - fraction)) / fraction
    const width = (low: number, high: number): number =>
      (high - low + 10 * Math.max(0, low - left) + 10 * Math.max(0, left - high)) / duration
    return [
      {
        shape,
        instant,
        isHeld: eta.low <= left && left <= eta.high,
        error: Math.abs(eta.p50 - left) / duration,
        interval: width(eta.low, eta.high),
        linearError: Math.abs(linear - left) / duration,
        linearInterval: width(0.75 * linear, 1.25 * linear),
      },
    ]
  })
}

/** Even seeds are learned from, odd ones scored, as they come. */
export const scores = (first: number, count: number): Effect.Effect<ReadonlyArray<Score>> =>
  Effect.gen(function* () {
    const estimator = yield* TimeEstimator.TimeEstimator
    const all: Array<Score> = []
    for (const shape of Runs.shapes) {
      for (let seed = first; seed < first + count; seed++) {
        const runs = yield* estimator.runs(shape)
        if (seed % 2 === 1) all.push(...score(shape, seed, runs))
        else yield* estimator.record(shape, replay(shape, seed, runs).run)
      }
    }
    return all
  }).pipe(Effect.provide(TimeEstimator.layerMemory))

const mean = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0) / values.length

const row = (name: string, of: ReadonlyArray<Score>): ReadonlyArray<string> => [
  name,
  String(of.length),
  `${(100 * coverage(of)).toFixed(1)} %`,
  (100 * mean(of.map((_) => _.error))).toFixed(1),
  (100 * mean(of.map((_) => _.linearError))).toFixed(1),
  errorRatio(of).toFixed(2),
  intervalRatio(of).toFixed(2),
]

const coverage = (of: ReadonlyArray<Score>): number => mean(of.map(({ isHeld }) => (isHeld ? 1 : 0)))

const errorRatio = (of: ReadonlyArray<Score>): number =>
  mean(of.map((_) => _.error)) / mean(of.map((_) => _.linearError))

const intervalRatio = (of: ReadonlyArray<Score>): number =>
  mean(of.map((_) => _.interval)) / mean(of.map((_) => _.linearInterval))

export const bench = Effect.gen(function* () {
  const all = yield* scores(0, seeds)
  yield* Console.log(
    table([
      ["odd seeds", "estimates", "in the band", "error %", "linear %", "error ratio", "interval score ratio"],
      ...Runs.shapes.map((shape) =>
        row(
          shape,
          all.filter((_) => _.shape === shape),
        ),
      ),
      ...instants.map((instant, index) =>
        row(
          `at ${100 * instant} %`,
          all.filter((_) => _.instant === index),
        ),
      ),
      row("all", all),
    ]),
  )
  yield* Console.log(
    JSON.stringify({
      bench: "eta",
      band_coverage: Number(coverage(all).toFixed(3)),
      error_vs_linear: Number(errorRatio(all).toFixed(3)),
      interval_score_vs_linear: Number(intervalRatio(all).toFixed(3)),
    }),
  )
})
