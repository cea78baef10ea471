/**
 * What a training costs besides its arithmetic: the processor time of one that runs in a thread, reports to a progress
 * tree that somebody watches, looks for cancels and keeps checkpoints on the disk, against that of the same batches and
 * the same evaluation in a bare loop. Pairs in turns, each side first in every other one; the thread's start is part of
 * it, the registry and its records are not: the benchmark `registry` tells what those cost.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Progress from "../../src/Progress.js"
import type { ProgressRenderer } from "../../src/ProgressRenderer.js"
import * as Checkpoint from "../../src/training/Checkpoint.js"
import type { Strategy } from "../../src/training/Strategy.js"
import * as Local from "../../src/training/Trainer/Local.js"
import * as Course from "../../src/training/TrainingManager/Course.js"
import * as TrainingProgress from "../../src/training/TrainingProgress.js"
import * as TrainerJobs from "../utils/TrainerJobs.js"
import { ratioOf, table } from "./measure.js"
import * as Part from "./part.js"

const pairs = 15
const epochs = 24

const { job } = TrainerJobs.make({
  rows: 60_000,
  features: 20,
  hidden: [64, 32],
  dropout: 0,
  training: { epochs, batch_size: 256, learning_rate: 0.001 },
})

/** The thread's program as the command runs it: in one file. */
const bundled = new URL("../Worker.js", import.meta.url)

const strategy: Strategy = job.strategy
const hash = "0".repeat(64)

const alone = Effect.sync(() => TrainerJobs.expected(job).weights.parameters)

const whole = Effect.gen(function* () {
  const checkpoints = yield* Checkpoint.make(yield* Part.folder("train-overhead"))
  const beginning = yield* Course.begin(checkpoints, strategy, hash, { operationId: "op_training_bench" })
  const { trained } = yield* Course.run(checkpoints, Local.make({ program: bundled }), beginning, {
    dataset: job.dataset,
    hash,
    read: [],
  })
  return trained.weights.parameters
}).pipe(
  Effect.scoped,
  Effect.provide(NodeContext.layer),
  Progress.observe({
    operationId: "op_training_bench",
    kind: "training",
    render: TrainingProgress.render as ProgressRenderer,
    observer: () => Effect.void,
  }),
)

const timed = (train: Effect.Effect<Float32Array, unknown>) =>
  Effect.gen(function* () {
    const before = process.cpuUsage()
    const parameters = yield* train
    const { user, system } = process.cpuUsage(before)
    return { parameters, cpuMillis: (user + system) / 1000 }
  })

export const bench = Effect.gen(function* () {
  yield* timed(alone)
  yield* timed(whole)
  const found: Array<{ readonly without: number; readonly with: number }> = []
  for (let pair = 0; pair < pairs; pair++) {
    const first = pair % 2 === 0 ? alone : whole
    const one = yield* timed(first)
    const other = yield* timed(first === alone ? whole : alone)
    const isSame = one.parameters.every((value, index) => value === other.parameters[index])
    if (!isSame) return yield* Effect.dieMessage("the two trained different weights")
    const [without, through] = first === alone ? [one, other] : [other, one]
    found.push({ without: without.cpuMillis, with: through.cpuMillis })
    yield* Console.error(
      `pair ${pair + 1} of ${pairs}: ${(through.cpuMillis / without.cpuMillis).toFixed(4)}`,
    )
  }
  const { mean, low, high } = ratioOf(found.map((pair) => pair.with / pair.without))
  yield* Console.log(
    table([
      ["", "CPU, with over without", "95 % interval", "to reach"],
      [
        `${epochs} epochs of 42,000 rows, ${pairs} pairs`,
        mean.toFixed(4),
        `${low.toFixed(4)} to ${high.toFixed(4)}`,
        "lower end <= 1.03",
      ],
    ]),
  )
  yield* Console.log(
    JSON.stringify({
      bench: "train-overhead",
      with_progress_vs_without: Number(mean.toFixed(4)),
      low: Number(low.toFixed(4)),
      high: Number(high.toFixed(4)),
    }),
  )
})
