/** Jobs for a trainer, and what it does with them. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Symbol from "../../src/data/Symbol.js"
import type * as Dataset from "../../src/training/Dataset.js"
import * as Labels from "../../src/training/Labels.js"
import * as Metrics from "../../src/training/Metrics.js"
import type { ModelMetrics } from "../../src/training/ModelStore/ModelMetrics.js"
import * as Split from "../../src/training/Split.js"
import type { Strategy } from "../../src/training/Strategy.js"
import * as Trainer from "../../src/training/Trainer.js"
import * as TrainingRun from "../../src/training/TrainingRun.js"
import * as Strategies from "./Strategies.js"
import * as TrainingData from "./TrainingData.js"

export interface Options {
  readonly rows?: number
  readonly features?: number
  /** Where the parts end, as shares of the rows. */
  readonly borders?: readonly [number, number]
  readonly labels?: "classes" | "values"
  readonly hidden?: ReadonlyArray<number>
  readonly dropout?: number
  readonly training?: Partial<Strategy["training"]>
}

const strategyOf = ({ labels, hidden = [8, 4], dropout = 0.2, training }: Options): Strategy => {
  const whole = Strategies.make()
  return {
    ...whole,
    labels: labels === "values" ? { type: "forward_return", lookahead: 5, regression: true } : whole.labels,
    model: { ...whole.model, hidden_layers: hidden, dropout },
    training: {
      epochs: 6,
      batch_size: 32,
      optimizer: "adam",
      learning_rate: 0.01,
      seed: 7,
      ...training,
    },
  }
}

const datasetOf = ({ rows = 600, features = 4, borders = [0.7, 0.85], labels }: Options): Dataset.Dataset => {
  const made = (labels === "values" ? TrainingData.products : TrainingData.rings)({ rows, features, seed: 3 })
  const [first, second] = borders.map((share) => Math.round(share * rows)) as [number, number]
  const parts = {
    train: { from: 0, to: first },
    validation: { from: first, to: second },
    test: { from: second, to: rows },
  }
  const times = Float64Array.from({ length: rows }, (_, row) => Strategies.monday + row * Strategies.hour)
  const names = Array.from({ length: features }, (_, index) => `feature${index}`)
  const count = (part: Split.Part) =>
    Labels.classes.map(
      (_, own) => made.y.slice(parts[part].from, parts[part].to).filter((y) => y === own).length,
    )
  const none = labels === "values"
  return {
    x: made.x,
    y: made.y,
    rows,
    features: names,
    times,
    symbol: new Uint16Array(rows),
    symbols: [Symbol.Symbol.make("AAPL")],
    parts,
    scaling: names.map((feature) => ({ feature, mean: 0, deviation: 1 })),
    split: {
      borders: { validation: times[first]!, test: times[second]! },
      ranges: [parts],
      rows: { train: first, validation: second - first, test: rows - second },
      purged: { train: 0, validation: 0 },
      embargoed: { validation: 0, test: 0 },
    },
    balance: {
      train: none ? [] : count("train"),
      validation: none ? [] : count("validation"),
      test: none ? [] : count("test"),
    },
    dropped: { warmup: 0, unlabelled: 0 },
  }
}

/** What a trainer did with a job. */
export interface Recorded {
  readonly job: Trainer.Job & { readonly dataset: Dataset.Dataset }
  readonly kept: Array<Trainer.Snapshot>
  readonly released: Array<Trainer.Release>
  /** What was done in which order: `keep`, `kept`, `released`. */
  readonly journal: Array<string>
}

let made = 0

/** Each run is an operation of its own. */
const operationOf = (number: number): string =>
  `op_training_20240101_000000_${number.toString(16).padStart(8, "0")}`

/** A job whose snapshots are kept in memory; `keeping` is what that takes. */
export const make = (
  options: Options = {},
  from?: Trainer.Job["from"],
  keeping: Effect.Effect<void> = Effect.void,
): Recorded => {
  const kept: Array<Trainer.Snapshot> = []
  const released: Array<Trainer.Release> = []
  const journal: Array<string> = []
  const job: Recorded["job"] = {
    operation: operationOf(made++),
    strategy: strategyOf(options),
    dataset: datasetOf(options),
    from,
    keep: (snapshot) =>
      Effect.gen(function* () {
        journal.push("keep")
        yield* keeping
        kept.push(snapshot)
        journal.push("kept")
      }),
    released: (release) =>
      Effect.sync(() => {
        released.push(release)
        journal.push("released")
      }),
  }
  return { job, kept, released, journal }
}

/** The job again, from what was kept last; from its beginning where nothing was. */
export const again = ({ job, kept }: Recorded): Recorded => {
  const newest = kept.at(-1)
  const from = newest === undefined ? job.from : { state: newest.state, place: "last.checkpoint" }
  const next = make({}, from)
  const earlier = [job.operation, ...(job.earlier ?? [])]
  return { ...next, job: { ...next.job, earlier, strategy: job.strategy, dataset: job.dataset } }
}

/** The training of the job, or from a state of it, in this thread. */
export const inProcess = (job: Trainer.Job, from = job.from?.state): TrainingRun.TrainingRun => {
  const rows = Trainer.rowsOf(job)
  const settings = { model: job.strategy.model, training: job.strategy.training }
  return Either.getOrThrow(
    from === undefined
      ? TrainingRun.make(rows, settings)
      : TrainingRun.resume(rows, settings, from, "a state"),
  )
}

/** How a training ends that does all its steps now. */
export const ending = (run: TrainingRun.TrainingRun) => {
  for (;;) {
    const event = run.step()
    if (event._tag === "Finished" || event._tag === "NotFinite") return event
  }
}

/** The same of one that is to come to a model; throws where it does not. */
export const finish = (run: TrainingRun.TrainingRun) => {
  const event = ending(run)
  if (event._tag === "NotFinite") throw event.error
  return event
}

/** What the job comes to, computed in this thread and all at once. */
export const expected = (job: Trainer.Job): Trainer.Trained => {
  const run = inProcess(job)
  const { reason, epochs, bestEpoch } = finish(run)
  const { architecture, parameters } = run.network
  const metrics = Object.fromEntries(Split.parts.map((part) => [part, measure(run, job, part)]))
  return {
    reason,
    epochs,
    bestEpoch,
    weights: { architecture, parameters: parameters.slice() },
    history: run.history(),
    metrics: metrics as unknown as ModelMetrics,
  }
}

// ---------------------------------------------------------------------------------------------------------

const measure = (
  { network }: TrainingRun.TrainingRun,
  { strategy, dataset }: Trainer.Job,
  part: Split.Part,
) => {
  const { from, to } = dataset.parts[part]
  if (from === to) return null
  const predicted = new Float32Array((to - from) * network.architecture.outputs)
  network.predict(dataset.x, from, to, predicted)
  const y = dataset.y.slice(from, to)
  const { lookahead } = strategy.labels
  return y instanceof Uint8Array
    ? Metrics.classification(predicted, y, 3, lookahead)
    : Metrics.regression(predicted, y, lookahead)
}
