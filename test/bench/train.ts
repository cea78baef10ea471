/**
 * A training of a network 20-64-32-3 by Adam, 50,000 rows in batches of 256, on one thread: an epoch of ours and
 * one of TensorFlow.js's wasm backend in turns. That is no dependency: it is installed into a temporary folder.
 * PyTorch's figure stands beside them where the system's Python has it.
 */
import { execFile } from "node:child_process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { performance } from "node:perf_hooks"
import { promisify } from "node:util"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import * as TrainingRun from "../../src/training/TrainingRun.js"
import * as TrainingData from "../utils/TrainingData.js"
import { median, table } from "./measure.js"
import * as Part from "./part.js"

const rows = 50_000
const batch = 256
const features = 20
const hidden = [64, 32] as const
const rounds = 9
const warmUp = 2

const dataset = TrainingData.rings({ rows, features, seed: 1, validation: 0 })

/** One epoch; gives its loss. */
type Epoch = () => Promise<number>

const ours = (): Epoch => {
  const run = Either.getOrThrow(
    TrainingRun.make(dataset, {
      model: { hidden_layers: hidden, activation: "relu", dropout: 0 },
      training: {
        epochs: rounds + warmUp,
        batch_size: batch,
        optimizer: "adam",
        learning_rate: 0.001,
        seed: 1,
      },
    }),
  )
  return async () => {
    for (;;) {
      const event = run.step()
      if (event._tag === "Epoch") return event.report.train.loss
      if (event._tag !== "Batch") throw new Error(event._tag)
    }
  }
}

const install = promisify(execFile)

/** Where the two packages of TensorFlow.js are, for as long as the scope lives; why not, where they cannot be had. */
const tensorFlow: Effect.Effect<Either.Either<string, string>, never, Scope.Scope> = Effect.gen(function* () {
  const folder = yield* Part.folder("tfjs")
  const packages = ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"]
  const options = ["--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
  return yield* Effect.tryPromise(() => install("npm", ["install", ...options, ...packages])).pipe(
    Effect.match({
      onFailure: ({ error }) => Either.left(String(error).split("\n")[0] ?? ""),
      onSuccess: () => Either.right(folder),
    }),
  )
})

/** What is used of TensorFlow.js. */
interface TensorFlow {
  readonly setBackend: (name: string) => Promise<boolean>
  readonly getBackend: () => string
  readonly ready: () => Promise<void>
  readonly sequential: () => Model
  readonly layers: { readonly dense: (options: object) => object }
  readonly train: { readonly adam: (rate: number) => object }
  readonly tensor2d: (values: Float32Array, shape: readonly [number, number]) => object
}
interface Model {
  readonly add: (layer: object) => void
  readonly compile: (options: object) => void
  readonly fit: (x: object, y: object, options: object) => Promise<{ readonly history: { loss: [number] } }>
}
interface Wasm {
  readonly setWasmPaths: (folder: string) => void
  readonly setThreadsCount: (count: number) => void
}

const theirs = async (folder: string): Promise<Epoch> => {
  const require = createRequire(join(folder, "package.json"))
  const tf = require("@tensorflow/tfjs") as TensorFlow
  const wasm = require("@tensorflow/tfjs-backend-wasm") as Wasm
  wasm.setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`)
  wasm.setThreadsCount(1)
  await tf.setBackend("wasm")
  await tf.ready()
  if (tf.getBackend() !== "wasm") throw new Error(`the backend is ${tf.getBackend()}`)
  const model = tf.sequential()
  const like = { activation: "relu", kernelInitializer: "heUniform" }
  model.add(tf.layers.dense({ ...like, units: hidden[0], inputShape: [features] }))
  model.add(tf.layers.dense({ ...like, units: hidden[1] }))
  model.add(tf.layers.dense({ units: 3, activation: "softmax" }))
  model.compile({ optimizer: tf.train.adam(0.001), loss: "categoricalCrossentropy" })
  const x = tf.tensor2d(dataset.x, [rows, features])
  const classes = new Float32Array(rows * 3)
  for (let row = 0; row < rows; row++) classes[row * 3 + dataset.y[row]!] = 1
  const y = tf.tensor2d(classes, [rows, 3])
  return async () =>
    (await model.fit(x, y, { epochs: 1, batchSize: batch, shuffle: true, verbose: 0 })).history.loss[0]
}

/** The middle of as many epochs of PyTorch, in rows a second. */
const script = `
import time, torch
torch.set_num_threads(1)
n, rows, batch = torch.nn, ${rows}, ${batch}
x, y = torch.rand(rows, ${features}) * 2 - 1, torch.randint(0, 3, (rows,))
model = n.Sequential(n.Linear(${features}, 64), n.ReLU(), n.Linear(64, 32), n.ReLU(), n.Linear(32, 3))
adam, loss, seconds = torch.optim.Adam(model.parameters()), n.CrossEntropyLoss(), []
for epoch in range(${rounds + warmUp}):
    began, order = time.perf_counter(), torch.randperm(rows)
    for at in range(0, rows, batch):
        part = order[at:at + batch]
        adam.zero_grad()
        loss(model(x[part]), y[part]).backward()
        adam.step()
    seconds.append(time.perf_counter() - began)
print(rows / sorted(seconds[${warmUp}:])[${Math.floor(rounds / 2)}])
`
const pyTorch: Effect.Effect<number | undefined> = Effect.tryPromise(() =>
  install("python3", ["-c", script]),
).pipe(
  Effect.map(({ stdout }) => Number(stdout)),
  Effect.orElseSucceed(() => undefined),
)

const timed = (epoch: Epoch) =>
  Effect.promise(async () => {
    const began = performance.now()
    const loss = await epoch()
    return { rate: rows / ((performance.now() - began) / 1000), loss }
  })

const show = (rate: number): string => `${Math.round(rate).toLocaleString("en-US")} rows/s`

export const bench = Effect.scoped(
  Effect.gen(function* () {
    const installed = yield* tensorFlow
    const ourEpoch = ours()
    const theirEpoch = Either.isRight(installed)
      ? yield* Effect.promise(() => theirs(installed.right))
      : undefined
    const runs: Array<{
      readonly own: number
      readonly other: number
      readonly losses: ReadonlyArray<number>
    }> = []
    for (let round = 0; round < rounds + warmUp; round++) {
      const own = yield* timed(ourEpoch)
      const other = theirEpoch === undefined ? undefined : yield* timed(theirEpoch)
      if (round < warmUp) continue
      runs.push({
        own: own.rate,
        other: other?.rate ?? Number.NaN,
        losses: [own.loss, other?.loss ?? Number.NaN],
      })
    }
    const python = yield* pyTorch
    const rate = median(runs.map(({ own }) => own))
    const other = theirEpoch === undefined ? null : median(runs.map(({ other }) => other))
    const ratio = other === null ? null : median(runs.map(({ own, other }) => own / other))
    const [loss, theirLoss] = runs.at(-1)!.losses
    yield* Console.log(
      table([
        [
          `20-64-32-3, Adam, batch ${batch}, median of ${rounds}`,
          "measured",
          `loss, epoch ${rounds + warmUp}`,
        ],
        ["ours", show(rate), loss!.toFixed(3)],
        ...(other === null || ratio === null
          ? [["TensorFlow.js, wasm", "not installed", ""]]
          : [
              ["TensorFlow.js, wasm", show(other), theirLoss!.toFixed(3)],
              ["ours by theirs, round by round (to reach: > 1)", ratio.toFixed(2), ""],
            ]),
        ["PyTorch, one thread", python === undefined ? "python3 has none" : show(python), ""],
      ]),
    )
    if (Either.isLeft(installed)) yield* Console.log(`TensorFlow.js cannot be installed: ${installed.left}`)
    yield* Console.log(
      JSON.stringify({
        bench: "train",
        rows_per_second: Math.round(rate),
        tfjs_wasm_rows_per_second: other === null ? null : Math.round(other),
        ratio: ratio === null ? null : Number(ratio.toFixed(2)),
      }),
    )
  }),
)
