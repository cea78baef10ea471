import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as Metrics from "../../src/training/Metrics.js"
import * as TrainingRun from "../../src/training/TrainingRun.js"
import * as TrainingData from "../utils/TrainingData.js"

const settings = (
  training: Partial<TrainingRun.Settings["training"]> = {},
  model: Partial<TrainingRun.Settings["model"]> = {},
): TrainingRun.Settings => ({
  model: { hidden_layers: [8, 5], activation: "relu", dropout: 0, ...model },
  training: { epochs: 4, batch_size: 32, optimizer: "adam", learning_rate: 0.01, seed: 7, ...training },
})

const start = (dataset: TrainingRun.Dataset, chosen: TrainingRun.Settings) =>
  Either.getOrThrow(TrainingRun.make(dataset, chosen))

const isLast = ({ _tag }: TrainingRun.Event) => _tag === "Finished" || _tag === "NotFinite"

/** All that a training says from here to its end. */
const finish = (run: TrainingRun.TrainingRun): ReadonlyArray<TrainingRun.Event> => {
  const events = [run.step()]
  while (!isLast(events[events.length - 1]!)) events.push(run.step())
  return events
}

const refusal = <A>(result: Either.Either<A, { readonly reason: string; readonly message: string }>) =>
  Either.getOrThrow(Either.flip(result))

/** Predictions for the validation rows, judged. */
const judge = (run: TrainingRun.TrainingRun, { x, y, validation }: TrainingRun.Dataset) => {
  const { from, to } = validation[0]!
  const found = new Float32Array((to - from) * run.network.architecture.outputs)
  run.network.predict(x, from, to, found)
  return y instanceof Uint8Array
    ? Metrics.classification(found, y.subarray(from, to), 3)
    : Metrics.regression(found, y.subarray(from, to))
}

/** An epoch of 1,000 rows in batches of 300, and 1,500 to validate on. */
const epochOf = (n: number) => [
  ...[300, 300, 300, 100].map((rows, i) => `Batch ${n} ${i + 1}/4 ${rows}`),
  ...[1024, 476].map((rows, i) => `Validation ${n} ${i + 1}/2 ${rows}`),
  "Epoch",
]

/** Values whose validation rows have nothing to do with the others: what is learned makes it worse. */
const misleading = () => {
  const dataset = TrainingData.products({ rows: 120, features: 2, seed: 3 })
  for (let row = 90; row < 120; row++) dataset.y[row] = -3 * dataset.y[row]!
  return dataset
}

const stopping = (monitor: "val_loss" | "val_accuracy") => ({ early_stopping: { patience: 1, monitor } })

describe("the course of a training", () => {
  it("is batches, validation, and a report for every epoch", () => {
    const dataset = TrainingData.rings({ rows: 2500, features: 3, seed: 1, validation: 0.6 })
    const run = start(dataset, settings({ epochs: 2, batch_size: 300 }))
    const events = finish(run)
    const told = events.map((event) =>
      event._tag === "Batch" || event._tag === "Validation"
        ? `${event._tag} ${event.epoch} ${event.batch}/${event.batches} ${event.rows}`
        : event._tag,
    )
    expect(told).toEqual([...epochOf(1), ...epochOf(2), "Finished"])
    expect(events.at(-1)).toEqual({ _tag: "Finished", reason: "completed", epochs: 2, bestEpoch: 2 })
    expect(run.step()).toEqual(events.at(-1))
    expect(run.history().map(({ epoch }) => epoch)).toEqual([1, 2])
  })

  it("learns from every row once an epoch, in another order each time", () => {
    // One feature, which is the row's number: the squared error of a network that stays at zero tells which rows.
    const rows = 40
    const y = Float32Array.from({ length: rows }, (_, row) => Math.sqrt(2 ** (row % 20)))
    const dataset = {
      x: new Float32Array(rows),
      y,
      features: 1,
      classes: null,
      train: [
        { from: 0, to: 8 },
        { from: 30, to: 40 },
      ],
      validation: [],
    }
    const chosen = settings({ epochs: 3, batch_size: 1, optimizer: "sgd", learning_rate: 1e-30 })
    const order = finish(start(dataset, chosen)).flatMap((event) =>
      event._tag === "Batch" ? [Math.round(Math.log2(event.loss))] : [],
    )
    const epochs = [0, 1, 2].map((epoch) => order.slice(epoch * 18, (epoch + 1) * 18))
    const all = [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]
    for (const epoch of epochs) expect([...epoch].sort((a, b) => a - b)).toEqual(all)
    expect(new Set(epochs.map((epoch) => epoch.join())).size).toBe(3)
  })

  it("reports the mean over the rows, whatever the batches", () => {
    const dataset = TrainingData.rings({ rows: 100, features: 2, seed: 1, validation: 0.3 })
    const run = start(dataset, settings({ epochs: 1, batch_size: 32, learning_rate: 1e-30 }))
    finish(run)
    const [report] = run.history()
    const rows = Uint32Array.from({ length: 100 }, (_, row) => row)
    const train = run.network.evaluate(dataset, rows, 0, 70)
    const validation = run.network.evaluate(dataset, rows, 70, 100)
    expect(report!.train.loss).toBeCloseTo(train.loss / 70, 10)
    expect(report!.train.accuracy).toBe(train.correct / 70)
    expect(report!.validation!.loss).toBeCloseTo(validation.loss / 30, 10)
    expect(report!.validation!.accuracy).toBe(validation.correct / 30)
    expect(report).toMatchObject({ epoch: 1, learningRate: 1e-30, isBest: false })
  })

  it("does without validation rows", () => {
    const dataset = TrainingData.rings({ rows: 100, features: 2, seed: 1, validation: 0 })
    const run = start(dataset, settings({ epochs: 2 }))
    expect(finish(run).filter(({ _tag }) => _tag === "Validation")).toEqual([])
    expect(run.history().map(({ validation }) => validation)).toEqual([null, null])
  })

  it("ends at the first loss that is not finite, naming epoch and batch, and stays there", () => {
    const dataset = TrainingData.rings({ rows: 200, features: 2, seed: 1 })
    dataset.x[0] = Number.NaN
    const run = start(dataset, settings())
    const events = finish(run)
    const last = events.at(-1)!
    if (last._tag !== "NotFinite") throw new Error(last._tag)
    expect(last.error.message).toBe(
      `epoch 1 batch ${events.length}: expected finite numbers, found a loss of NaN. ` +
        "Lower training.learning_rate, or set training.gradient_clip.",
    )
    expect(run.network.parameters.every(Number.isFinite)).toBe(true)
    expect(run.step()).toEqual(last)
    const again = Either.getOrThrow(TrainingRun.resume(dataset, run.settings, run.state(), "last.ckpt"))
    expect(again.step()).toEqual(last)
  })

  it("says so where validation rows or parameters are not finite", () => {
    const dataset = TrainingData.rings({ rows: 200, features: 2, seed: 1 })
    dataset.x[399] = Number.NaN
    const [last] = finish(start(dataset, settings())).slice(-1)
    expect(last).toMatchObject({ _tag: "NotFinite", error: { place: "epoch 1 validation batch 1" } })

    const alone = TrainingData.products({ rows: 20, features: 2, seed: 1, validation: 0 })
    alone.y.fill(1e38)
    const chosen = settings({ batch_size: 20, optimizer: "sgd", learning_rate: 1000 })
    const [end] = finish(start(alone, chosen)).slice(-1)
    expect(end).toMatchObject({
      error: { place: "epoch 1 batch 1", found: "a parameter that is not a finite number" },
    })
  })
})

describe("a training that was interrupted", () => {
  const dataset = TrainingData.rings({ rows: 260, features: 3, seed: 2, validation: 0.3 })
  const demanding = settings(
    {
      epochs: 5,
      optimizer: "adamw",
      weight_decay: 0.01,
      gradient_clip: 1,
      class_weights: "balanced",
      learning_rate: 0.2,
      early_stopping: { patience: 3, monitor: "val_accuracy" },
      reduce_on_plateau: { factor: 0.5, patience: 1 },
    },
    { dropout: 0.2, activation: "tanh" },
  )
  const resume = (run: TrainingRun.TrainingRun) =>
    Either.getOrThrow(TrainingRun.resume(dataset, run.settings, run.state(), "last.ckpt"))

  it("goes on to the same bytes, though it is put together again after every single step", () => {
    const whole = start(dataset, demanding)
    const events = finish(whole)
    let run = start(dataset, demanding)
    for (const event of events) {
      run = resume(run)
      expect(run.step()).toEqual(event)
    }
    expect(run.state()).toEqual(whole.state())
    expect(run.history()).toEqual(whole.history())
    expect(whole.history().some(({ learningRate }) => learningRate < 0.2)).toBe(true)
  })

  it("goes on to the same bytes from any step, for every optimizer and shape", () => {
    const cases = fc.record({
      optimizer: fc.constantFrom("sgd" as const, "adam" as const, "adamw" as const),
      momentum: fc.constantFrom(0, 0.9),
      dropout: fc.constantFrom(0, 0.5),
      hidden_layers: fc.constantFrom([], [4], [7, 3]),
      seed: fc.nat(),
      stops: fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 3 }),
      stopping: fc.boolean(),
    })
    fc.assert(
      fc.property(cases, ({ optimizer, momentum, seed, dropout, hidden_layers, stops, stopping }) => {
        const early_stopping = { patience: 1, monitor: "val_loss" } as const
        const training = { optimizer, momentum, seed, ...(stopping ? { early_stopping } : {}) }
        const chosen = settings(training, { dropout, hidden_layers })
        const whole = start(dataset, chosen)
        finish(whole)
        let run = start(dataset, chosen)
        for (const steps of stops) {
          for (let i = 0; i < steps; i++) run.step()
          const state = run.state()
          run = resume(run)
          expect(run.state()).toEqual(state)
        }
        finish(run)
        expect(run.state()).toEqual(whole.state())
      }),
      { numRuns: 40 },
    )
  })

  it("is another one with another seed", () => {
    const [one, other] = [7, 8].map((seed) => start(dataset, settings({ seed })))
    finish(one!)
    finish(other!)
    expect(one!.network.parameters).not.toEqual(other!.network.parameters)
  })

  it("is not taken for one of other settings, other data, or for whole where it is not", () => {
    const run = start(dataset, demanding)
    for (let i = 0; i < 9; i++) run.step()
    const state = run.state()
    const from = (chosen: TrainingRun.Settings, data = dataset, bytes = state) =>
      refusal(TrainingRun.resume(data, chosen, bytes, "last.ckpt"))
    const { model, training } = demanding

    expect(from({ model, training: { ...training, learning_rate: 0.1 } }).message).toBe(
      "last.ckpt: expected a training with training.learning_rate 0.1, found one with 0.2. " +
        "Train from the beginning, or with the strategy and the data that it began with.",
    )
    const { gradient_clip: _, ...unclipped } = training
    expect(from({ model, training: unclipped })).toMatchObject({
      reason: "OtherStrategy",
      message: expect.stringContaining("training.gradient_clip absent, found one with 1."),
    })
    expect(from({ model: { ...model, hidden_layers: [8] }, training }).message).toContain("[8]")
    expect(from(demanding, TrainingData.rings({ rows: 261, features: 3, seed: 2 })).message).toContain(
      "data.train 196, found one with 182",
    )
    expect(from(demanding, dataset, state.slice(0, -4)).reason).toBe("DamagedCheckpoint")
    expect(from(demanding, dataset, new Uint8Array()).reason).toBe("DamagedCheckpoint")
  })
})

describe("what watches over a training", () => {
  it("stops once nothing got better for so long, with a copy of the best parameters", () => {
    const dataset = misleading()
    const chosen = settings({
      epochs: 60,
      learning_rate: 0.02,
      early_stopping: { patience: 4, monitor: "val_loss" },
    })
    const run = start(dataset, chosen)
    let best: Float32Array | undefined
    let event = run.step()
    for (; !isLast(event); event = run.step()) {
      if (event._tag === "Epoch" && event.report.isBest) best = run.network.parameters.slice()
    }
    const history = run.history()
    const losses = history.map(({ validation }) => validation!.loss)
    const bestEpoch = losses.indexOf(Math.min(...losses)) + 1
    expect(history.length).toBe(bestEpoch + 4)
    expect(event).toEqual({ _tag: "Finished", reason: "early_stopping", epochs: bestEpoch + 4, bestEpoch })
    expect(history.findLast(({ isBest }) => isBest)!.epoch).toBe(bestEpoch)
    expect(run.network.parameters).toEqual(best)
    const rows = Uint32Array.from({ length: 30 }, (_, row) => 90 + row)
    expect(run.network.evaluate(dataset, rows, 0, 30).loss / 30).toBe(losses[bestEpoch - 1])
    expect(losses.at(-1)).toBeGreaterThan(losses[bestEpoch - 1]!)
  })

  it("has the best parameters too where all epochs were needed, and the last ones without early stopping", () => {
    const patient = { early_stopping: { patience: 100, monitor: "val_loss" } } as const
    const [watched, plain] = [patient, {}].map((chosen) =>
      start(misleading(), settings({ epochs: 12, learning_rate: 0.02, ...chosen })),
    )
    const [event] = finish(watched!).slice(-1)
    const [other] = finish(plain!).slice(-1)
    expect(event).toMatchObject({ reason: "completed", epochs: 12 })
    expect(event).not.toMatchObject({ bestEpoch: 12 })
    expect(other).toMatchObject({ reason: "completed", epochs: 12, bestEpoch: 12 })
    expect(watched!.network.parameters).not.toEqual(plain!.network.parameters)
  })

  it("watches the accuracy where it is asked to", () => {
    const dataset = TrainingData.rings({ rows: 400, features: 2, seed: 4 })
    const run = start(
      dataset,
      settings({ epochs: 100, early_stopping: { patience: 2, monitor: "val_accuracy" } }),
    )
    const [event] = finish(run).slice(-1)
    const accuracies = run.history().map(({ validation }) => validation!.accuracy!)
    const bestEpoch = accuracies.indexOf(Math.max(...accuracies)) + 1
    expect(event).toMatchObject({ reason: "early_stopping", bestEpoch, epochs: bestEpoch + 2 })
  })

  it("lowers the learning rate on a plateau, down to the least", () => {
    const reduce_on_plateau = { factor: 0.5, patience: 2, min_learning_rate: 0.004 }
    const run = start(misleading(), settings({ epochs: 40, learning_rate: 0.02, reduce_on_plateau }))
    finish(run)
    const history = run.history()
    let [best, waited, rate] = [Number.POSITIVE_INFINITY, 0, 0.02]
    for (const { validation, learningRate } of history) {
      expect(learningRate).toBe(rate)
      waited = validation!.loss < best ? 0 : waited + 1
      best = Math.min(best, validation!.loss)
      if (waited === 2) [rate, waited] = [Math.max(rate * 0.5, 0.004), 0]
    }
    expect([...new Set(history.map(({ learningRate }) => learningRate))]).toEqual([0.02, 0.01, 0.005, 0.004])
  })

  it("never raises the learning rate to the least", () => {
    const reduce_on_plateau = { factor: 0.5, patience: 1, min_learning_rate: 1 }
    const run = start(misleading(), settings({ epochs: 20, learning_rate: 0.02, reduce_on_plateau }))
    finish(run)
    expect(new Set(run.history().map(({ learningRate }) => learningRate))).toEqual(new Set([0.02]))
  })
})

describe("what a training learns", () => {
  const thorough = settings(
    {
      epochs: 60,
      batch_size: 64,
      learning_rate: 0.005,
      early_stopping: { patience: 12, monitor: "val_loss" },
    },
    { hidden_layers: [24, 12] },
  )

  it("is a function that can be learned, to more than 95 %", () => {
    const dataset = TrainingData.rings({ rows: 4000, features: 4, seed: 5 })
    const run = start(dataset, thorough)
    finish(run)
    const metrics = judge(run, dataset)
    if (metrics.kind !== "classification") throw new Error(metrics.kind)
    expect(metrics.accuracy).toBeGreaterThan(0.95)
    expect(metrics.verdict).toBe("beats_baseline")
  })

  it("is a value that can be learned", () => {
    const dataset = TrainingData.products({ rows: 2000, features: 3, seed: 6 })
    const run = start(dataset, thorough)
    finish(run)
    const metrics = judge(run, dataset)
    if (metrics.kind !== "regression") throw new Error(metrics.kind)
    expect(metrics.r2).toBeGreaterThan(0.95)
    expect(run.history()[0]!.train.accuracy).toBeNull()
  })

  it("is nothing where labels are shuffled: it stays at the baseline, and is said to", () => {
    for (const seed of [1, 2, 3]) {
      const dataset = TrainingData.shuffled({ rows: 2000, features: 4, seed })
      const run = start(dataset, thorough)
      finish(run)
      const metrics = judge(run, dataset)
      if (metrics.kind !== "classification") throw new Error(metrics.kind)
      const { accuracy, baseline, rows } = metrics
      const standardError = Math.sqrt((baseline.accuracy * (1 - baseline.accuracy)) / rows)
      expect(Math.abs(accuracy - baseline.accuracy)).toBeLessThan(3 * standardError)
      expect(metrics.beatsBaseline).toBe(false)
    }
  })

  it("is more of the classes that count more", () => {
    const dataset = TrainingData.shuffled({ rows: 1500, features: 2, seed: 9 })
    const predicted = (class_weights?: ReadonlyArray<number> | "balanced") => {
      const run = start(dataset, settings(class_weights === undefined ? {} : { class_weights }))
      finish(run)
      const metrics = judge(run, dataset)
      return metrics.kind === "classification" ? metrics.classes.map(({ predicted }) => predicted) : []
    }
    expect(predicted()[0]).toBeGreaterThan(350)
    expect(predicted([1, 1, 20])[2]).toBeGreaterThan(350)
    const balanced = predicted("balanced")
    expect(balanced[1]! + balanced[2]!).toBeGreaterThan(100)
  })
})

describe("a training that cannot be", () => {
  const dataset = TrainingData.rings({ rows: 40, features: 2, seed: 1 })
  const values = TrainingData.products({ rows: 40, features: 2, seed: 1 })
  const none = { train: [{ from: 0, to: 40 }], validation: [] }

  it.each([
    [dataset, settings({ batch_size: 0 }), "InvalidInput", "training.batch_size"],
    [dataset, settings({ learning_rate: Number.NaN }), "InvalidInput", "training.learning_rate"],
    [dataset, settings({ momentum: 1 }), "InvalidInput", "training.momentum"],
    [dataset, settings({}, { dropout: 1 }), "InvalidInput", "model.dropout"],
    [dataset, settings({ class_weights: [1, 2] }), "InvalidInput", "training.class_weights"],
    [dataset, settings({ class_weights: [1, 0, 1] }), "InvalidInput", "training.class_weights"],
    [values, settings({ class_weights: "balanced" }), "InvalidInput", "training.class_weights"],
    [values, settings(stopping("val_accuracy")), "InvalidInput", "training.early_stopping.monitor"],
    [{ ...dataset, ...none }, settings(stopping("val_loss")), "InvalidInput", "training.early_stopping"],
    [{ ...dataset, train: [] }, settings(), "NotEnoughData", "training rows"],
    [{ ...dataset, train: [{ from: 0, to: 41 }] }, settings(), "InvalidInput", "rows"],
    [{ ...dataset, features: 3 }, settings(), "InvalidInput", "x"],
    [{ ...dataset, classes: 2 }, settings(), "InvalidInput", "row"],
    [
      { ...dataset, y: new Uint8Array(40) },
      settings({ class_weights: "balanced" }),
      "NoSuchClass",
      "training.class_weights",
    ],
  ])("is refused, and it is said why: %#", (data, chosen, reason, place) => {
    const error = refusal(TrainingRun.make(data, chosen))
    expect(error.reason).toBe(reason)
    expect(error.message.startsWith(place)).toBe(true)
  })

  it("takes the sections of a strategy as they are", () => {
    const { model, training } = settings()
    const section = { model: { type: "mlp", ...model }, training }
    expect(start(dataset, section).settings).toEqual({ model, training })
  })
})
