/**
 * A thousand cancels at random points of loads, as `ktrdr` runs them: the Parquet store, records in SQLite, hosts
 * over HTTP. A quarter of them is asked for by another process. The time is that from the request until the end is
 * recorded and every fiber of the load is gone; for a cancel of this process also until it was answered. Several
 * loads run at once on the one event loop, so that each cancel is held up by the others' work: that makes times
 * longer, never shorter.
 *
 * What is open then is compared with what was open before, after some loads and cancels had warmed everything up.
 */
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import { LiveFibers } from "../utils/LiveFibers.js"
import * as Left from "./cancelLeft.js"
import * as Settings from "./cancelSettings.js"
import * as Trial from "./cancelTrial.js"
import { median, quantile, table } from "./measure.js"
import * as Part from "./part.js"

interface Found {
  readonly setting: Settings.Setting
  readonly trials: ReadonlyArray<Trial.Trial>
  readonly faults: ReadonlyArray<string>
}

/** Loads for each that is to be cancelled; a campaign that needs more of them is at fault. */
const most = 4

/** Until as many loads were cancelled as is wanted; after each, five of those before are looked at again. */
const campaign = (setting: Settings.Setting) =>
  Effect.gen(function* () {
    const trials: Array<Trial.Trial> = []
    const faults: Array<string> = []
    let [begun, batches] = [0, 0]
    const work = Effect.whileLoop({
      while: () => begun < setting.trials && trials.length < most * setting.trials,
      body: () =>
        Effect.gen(function* () {
          begun++
          const number = batches++
          const batch = yield* setting.batch(number)
          begun += batch.filter(({ isCancelled }) => isCancelled).length - 1
          faults.push(...batch.flatMap((trial) => trial.faults))
          if (setting.system !== undefined) {
            const some = [...(yield* Random.shuffle(trials))].slice(0, 5)
            faults.push(...(yield* Trial.altered(setting.system.records, some)))
          }
          trials.push(...batch)
        }),
      step: () => {},
    })
    yield* Effect.all(
      Array.from({ length: setting.width }, () => work),
      { concurrency: "unbounded" },
    )
    const late = trials.filter(({ isCancelled }) => !isCancelled).length
    if (trials.length - late < setting.trials) {
      faults.push(`${setting.name}: ${trials.length - late} of ${trials.length} loads were cancelled`)
    }
    yield* Console.error(`${setting.name}: ${trials.length - late} cancelled, ${late} had ended before`)
    return { setting, trials, faults } satisfies Found
  })

const showLeft = (left: Left.Left): string => Left.names.map((name) => `${left[name]} ${name}`).join(", ")

const millis = (value: number): string => value.toFixed(value < 100 ? 1 : 0)

const rowOf = (name: string, trials: ReadonlyArray<Trial.Trial>): ReadonlyArray<string> => {
  const cancelled = trials.filter(({ isCancelled }) => isCancelled)
  const times = cancelled.map((trial) => trial.millis)
  const there = cancelled.filter(({ by }) => by === "there")
  return [
    name,
    String(cancelled.length),
    String(trials.length - cancelled.length),
    String(there.length),
    String(cancelled.filter(({ kind }) => kind === "data_load_many").length),
    millis(median(times)),
    millis(quantile(times, 0.99)),
    millis(quantile(times, 0.999)),
    there.length === 0
      ? ""
      : millis(
          quantile(
            there.map(({ answerMillis }) => answerMillis),
            0.999,
          ),
        ),
  ]
}

const head = [
  "ms",
  "cancelled",
  "ended before",
  "by another process",
  "of many series",
  "p50",
  "p99",
  "p99.9",
  "p99.9 told there",
  "to reach",
]

const bounds: Readonly<{ [_ in Settings.Group]: string }> = {
  local: "<= 250",
  live: "<= 2000",
  dead: "<= 5000",
}

/** What loads were at when they were cancelled. */
const points = (trials: ReadonlyArray<Trial.Trial>): string => {
  const counts = new Map<string, number>()
  for (const { at, isCancelled } of trials) if (isCancelled) counts.set(at, (counts.get(at) ?? 0) + 1)
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 12)
    .map(([at, count]) => `${count} ${at}`)
    .join(", ")
}

const delayOf = (loop: IntervalHistogram): string =>
  [50, 99, 99.9].map((share) => millis(loop.percentile(share) / 1e6)).join(", ")

export const bench = Effect.gen(function* () {
  const live = new LiveFibers()
  const folder = yield* Part.folder("cancel")
  const now = Left.count(live, [folder])
  const others = yield* Trial.canceller
  const opened = (name: string) =>
    Effect.gen(function* () {
      const home = join(folder, name)
      yield* Effect.promise(() => mkdir(home))
      const settings = yield* Settings.make(home, others)
      for (const setting of settings) yield* Settings.warmUp(setting, others)
      return settings
    })
  yield* Effect.scoped(opened("rehearsal"))
  yield* Effect.sleep("1 second")
  Left.collect()
  const closed = yield* now
  const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
  const loop = monitorEventLoopDelay({ resolution: 1 })
  const { found, left } = yield* Effect.gen(function* () {
    const settings = yield* opened("homes")
    yield* Effect.sleep("5 seconds")
    Left.collect()
    const before = yield* now
    yield* Console.error(`open once everything is warm: ${showLeft(before)}`)
    const found: Array<Found> = []
    for (const setting of settings) {
      if (setting.group === "local") loop.enable()
      else loop.disable()
      found.push(yield* campaign(setting))
    }
    const left = yield* Left.settle(now, before, 15_000)
    return { found, left }
  }).pipe(Scope.extend(scope), Effect.supervised(live))
  yield* Scope.close(scope, Exit.void)
  const after = yield* Left.settle(now, closed, 15_000)
  const leaks = Left.plus(left, after)

  const trials = found.flatMap((one) => one.trials)
  const again = yield* Trial.alteredSince(trials)
  const faults = [...found.flatMap((one) => one.faults), ...again]
  const ofGroup = (group: Settings.Group) =>
    found.filter(({ setting }) => setting.group === group).flatMap((one) => one.trials)
  const groups = ["local", "live", "dead"] as const
  yield* Console.log(
    table([
      head,
      ...groups.flatMap((group) => [
        [...rowOf(`${group}, in all`, ofGroup(group)), bounds[group]],
        ...found
          .filter(({ setting }) => setting.group === group)
          .map(({ setting, trials: own }) => rowOf(`  ${setting.name}`, own)),
      ]),
    ]),
  )
  yield* Console.log(`what they were at: ${points(trials)}`)
  yield* Console.log(`event-loop delay with local work, p50, p99, p99.9, ms: ${delayOf(loop)}`)
  yield* Console.log(
    `left while everything is open: ${showLeft(left)}; once it is closed: ${showLeft(after)}`,
  )
  for (const fault of faults.slice(0, 20)) yield* Console.error(fault)
  const p999 = (group: Settings.Group) => {
    const times = ofGroup(group).flatMap((trial) => (trial.isCancelled ? [trial.millis] : []))
    return Number(quantile(times, 0.999).toFixed(1))
  }
  const local = ofGroup("local").flatMap((trial) => (trial.isCancelled ? [trial.millis] : []))
  yield* Console.log(
    JSON.stringify({
      bench: "cancel",
      trials: trials.filter(({ isCancelled }) => isCancelled).length,
      local_p50_ms: Number(median(local).toFixed(1)),
      local_p999_ms: p999("local"),
      live_host_p999_ms: p999("live"),
      dead_host_p999_ms: p999("dead"),
      wrong_states: faults.length,
      leaks,
      loop_delay_p999_ms: Number((loop.percentile(99.9) / 1e6).toFixed(1)),
    }),
  )
}).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))
