/**
 * Cancels of trainings at random points, as `ktrdr` runs them: bars in the Parquet store, records in SQLite, checkpoints
 * on the disk, each training in a thread. The time is that from the request until it is answered, the end is recorded
 * and the thread is gone. Whatever had begun to train has left a checkpoint that can be read, of the place where it says.
 */

import { readdirSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { performance } from "node:perf_hooks"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Struct from "effect/Struct"
import * as LoadData from "../../src/data/LoadData.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as SimulatedMarket from "../../src/hosts/ib/SimulatedMarket.js"
import * as Main from "../../src/node/Main.js"
import * as Package from "../../src/node/Package.js"
import { Operations } from "../../src/Operations.js"
import * as Checkpoint from "../../src/training/Checkpoint.js"
import * as StrategyFile from "../../src/training/StrategyFile.js"
import * as TrainingProgress from "../../src/training/TrainingProgress.js"
import * as TrainModel from "../../src/training/TrainModel.js"
import { median, quantile, table } from "./measure.js"
import * as Part from "./part.js"

const trials = 200
const seed = 20_240_301
const symbol = Symbol.Symbol.make("AAPL")

interface Trial {
  readonly millis: number
  readonly at: string
  readonly faults: ReadonlyArray<string>
}

const threads = (): number => readdirSync("/proc/self/task").length

const strategy = Effect.gen(function* () {
  const file = join(Package.strategies(), "mean_reversion.yaml")
  const text = yield* Effect.promise(() => readFile(file, "utf8"))
  const { strategy } = yield* Either.mapLeft(StrategyFile.parse(file, text), (error) => error)
  return {
    ...strategy,
    symbols: [symbol] as const,
    timeframes: ["1h"] as const,
    training: { ...Struct.omit(strategy.training, "early_stopping"), epochs: 100_000 },
  }
})

const cancelled = Effect.fnUntraced(function* (
  payload: Parameters<typeof TrainModel.Payload.make>[0],
  checkpoints: Checkpoint.Service,
): Effect.fn.Return<Trial, unknown, Operations> {
  const operations = yield* Operations
  const reason = `trial ${yield* Random.nextIntBetween(0, 1e9)}`
  const { id, exit } = yield* operations.start(TrainModel.TrainModel, TrainModel.Payload.make(payload))
  yield* Effect.sleep(yield* Random.nextIntBetween(0, 2000))
  const asked = performance.now()
  const { record } = yield* operations.cancel(id, { reason })
  const ended = yield* exit
  const millis = performance.now() - asked
  const faults: Array<string> = []
  if (!Exit.isInterrupted(ended)) faults.push(`it ended as ${ended._tag}`)
  if (record.status !== "cancelled") faults.push(`it was recorded as ${record.status}`)
  if (record.cancellation?.reason !== reason) faults.push("another reason was recorded")
  const context = record.progress?.context ?? {}
  const kept = Option.getOrUndefined(yield* checkpoints.find(id))
  if (context["batch"] !== undefined && kept === undefined) faults.push("nothing was kept")
  const told = JSON.stringify(context["checkpoint"])
  const there = JSON.stringify(kept && TrainingProgress.keptAt(kept.position, payload.strategy.training))
  if (told !== there) faults.push(`it says that ${told} was kept, the checkpoint is of ${there}`)
  yield* checkpoints.remove(id)
  return {
    millis,
    at: record.progress?.path.at(-1) ?? "before its first step",
    faults: faults.map((fault) => `${id}: ${fault}`),
  }
})

export const bench = Effect.gen(function* () {
  const home = yield* Part.folder("train-cancel")
  const plan = yield* strategy
  yield* Effect.gen(function* () {
    const operations = yield* Operations
    const load = { symbol, timeframe: "1h", mode: "full", start: Date.UTC(2012, 0, 1) } as const
    yield* Effect.flatten(
      (yield* operations.start(
        LoadData.LoadData,
        LoadData.Payload.make({ ...load, end: Date.UTC(2024, 0, 1) }),
      )).exit,
    )
    const checkpoints = yield* Checkpoint.make(home)
    const one = (number: number) =>
      cancelled({ strategy: { ...plan, training: { ...plan.training, seed: number } } }, checkpoints).pipe(
        Effect.withRandom(Random.make(`${seed} ${number}`)),
      )
    for (let warm = 0; warm < 3; warm++) yield* one(trials + warm)
    yield* Effect.sleep("1 second")
    const before = threads()
    const found = yield* Effect.forEach(
      Array.from({ length: trials }, (_, number) => number),
      one,
    )
    yield* Effect.sleep("1 second")
    const leaked = Math.max(0, threads() - before)
    const times = found.map(({ millis }) => millis)
    const faults = found.flatMap((trial) => trial.faults)
    const places = new Map<string, number>()
    for (const { at } of found) places.set(at, (places.get(at) ?? 0) + 1)
    yield* Console.log(
      table([
        ["cancels of trainings", "p50, ms", "p99", `p99.9 (the most of ${trials})`, "to reach"],
        [
          String(found.length),
          ...[median(times), quantile(times, 0.99), quantile(times, 0.999)].map((value) => value.toFixed(1)),
          "p99.9 <= 250",
        ],
      ]),
    )
    yield* Console.log(`what they were at: ${[...places].map(([at, count]) => `${count} ${at}`).join(", ")}`)
    for (const fault of faults.slice(0, 20)) yield* Console.error(fault)
    yield* Console.log(
      JSON.stringify({
        bench: "train-cancel",
        trials: found.length,
        p50_ms: Number(median(times).toFixed(1)),
        p999_ms: Number(quantile(times, 0.999).toFixed(1)),
        wrong_states: faults.length,
        leaked_threads: leaked,
      }),
    )
  }).pipe(Effect.provide(Main.layerTrainingAt(home, SimulatedMarket.layer({ seed: 1 }))))
}).pipe(Effect.scoped, Effect.provide(NodeContext.layer), Logger.withMinimumLogLevel(LogLevel.None))
