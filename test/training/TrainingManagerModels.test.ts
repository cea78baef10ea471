import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Candle from "../../src/data/Candle.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as Checkpoint from "../../src/training/Checkpoint.js"
import * as Dataset from "../../src/training/Dataset.js"
import * as Labels from "../../src/training/Labels.js"
import * as Files from "../../src/training/ModelStore/Files.js"
import * as ModelStore from "../../src/training/ModelStore.js"
import * as Network from "../../src/training/Network.js"
import type * as Trainer from "../../src/training/Trainer.js"
import { TrainingManager } from "../../src/training/TrainingManager.js"
import * as MemoryFiles from "../utils/MemoryFiles.js"
import * as Strategies from "../utils/Strategies.js"
import * as Trainings from "../utils/Trainings.js"

const request = { strategy: Trainings.strategy(), allowGaps: false }

const trained = Effect.gen(function* () {
  yield* Trainings.ready
  const manager = yield* TrainingManager
  const report = yield* manager.train(request, { operationId: "op_1" })
  return { manager, report, id: yield* ModelStore.find(report.model) }
})

const invalid = { reason: "InvalidInput" }

const onDisk = (files: MemoryFiles.MemoryFiles) => {
  const platform = Layer.merge(Layer.succeed(FileSystem.FileSystem, files.fs), Path.layer)
  return Trainings.layer({
    models: Layer.provide(Files.layer("/data"), platform),
    checkpoints: Layer.provide(Checkpoint.layer("/data"), platform),
  })
}

describe("plan", () => {
  it.effect("says what a training would do, and does nothing", () => {
    const trainer: Trainer.Service = {
      where: { kind: "local" },
      train: () => {
        throw new Error("trained")
      },
    }
    return Effect.gen(function* () {
      yield* Trainings.ready
      const plan = yield* (yield* TrainingManager).plan(request)
      expect(plan).toMatchObject({
        series: [{ series: { symbol: "AAPL" }, bars: Trainings.count }],
        epochs: 3,
        batchesPerEpoch: 13,
        estimatedMillis: null,
        warnings: [],
      })
      const { rows, split, features, balance, parameters } = plan
      expect(split.rows).toEqual(rows)
      expect(balance!.train.reduce((sum, one) => sum + one, 0)).toBe(rows.train)
      expect(parameters).toBe((features.length + 1) * 6 + 7 * 3)
      expect(yield* (yield* ModelStore.ModelStore).ids).toEqual([])
    }).pipe(Effect.provide(Trainings.layer({ trainer })))
  })

  it.live("estimates by a short trial, where the clock goes", () =>
    Effect.gen(function* () {
      yield* Trainings.load()
      const began = performance.now()
      const { estimatedMillis } = yield* (yield* TrainingManager).plan(request)
      expect(performance.now() - began).toBeLessThan(5000)
      expect(estimatedMillis).toBeGreaterThan(0)
      expect(estimatedMillis).toBeLessThan(10_000)
    }).pipe(Effect.provide(Trainings.layer())),
  )

  it.effect("refuses what a training would refuse", () =>
    Effect.gen(function* () {
      yield* Trainings.ready
      const strategy = Trainings.strategy([["threshold: 0.001", "threshold: 5"]])
      const { plan } = yield* TrainingManager
      expect(yield* Effect.flip(plan({ ...request, strategy }))).toMatchObject({ reason: "NoSuchClass" })
    }).pipe(Effect.provide(Trainings.layer())),
  )
})

describe("predict", () => {
  it.effect("gives what the network says of the newest bars, the newest last", () =>
    Effect.gen(function* () {
      const { manager, id } = yield* trained
      const { strategy, weights, scaling } = yield* (yield* ModelStore.ModelStore).read(id)
      const bars = [Strategies.bars({ "1h": Strategies.walk(Trainings.count) })]
      const { x, rows, times } = yield* Dataset.inputs(strategy, bars, scaling)
      const found = new Float32Array(3 * 3)
      Network.fromParameters(weights.architecture, weights.parameters).predict(x, rows - 3, rows, found)
      const predictions = yield* manager.predict(id, { count: 3 })
      expect(predictions.map(({ time }) => time)).toEqual([...times.subarray(rows - 3)])
      expect(predictions.flatMap(({ probabilities }) => probabilities)).toEqual([...found])
      for (const { signal, probabilities, symbol, value } of predictions) {
        expect(symbol).toBe("AAPL")
        expect(value).toBeNull()
        expect(probabilities![Labels.classes.indexOf(signal!)]).toBe(Math.max(...probabilities!))
      }
      expect(yield* manager.predict(id)).toEqual(predictions.slice(-1))
      const before = yield* manager.predict(id, { end: times.at(-1)! })
      expect(before).toEqual(predictions.slice(1, 2))
      expect((yield* manager.predict(id, { count: 5000 })).length).toBe(rows)
    }).pipe(Effect.provide(Trainings.layer())),
  )

  it.effect("begins indicators where the training did, though earlier bars came since", () =>
    Effect.gen(function* () {
      const { manager, id } = yield* trained
      const before = yield* manager.predict(id, { count: 20 })
      yield* Trainings.load(Strategies.walk(40, Strategies.monday - 40 * Strategies.hour))
      expect(yield* manager.predict(id, { count: 20 })).toEqual(before)
    }).pipe(Effect.provide(Trainings.layer())),
  )

  it.effect("goes symbol after symbol, for those that are asked for", () =>
    Effect.gen(function* () {
      const { manager, id } = yield* trained
      yield* Trainings.load(Strategies.walk(300, Strategies.monday, Strategies.hour, 9), "MSFT")
      const symbols = ["MSFT", "AAPL", "MSFT"].map((name) => Symbol.Symbol.make(name))
      const found = yield* manager.predict(id, { count: 2, symbols })
      expect(found.map(({ symbol }) => symbol)).toEqual(["MSFT", "MSFT", "AAPL", "AAPL"])
    }).pipe(Effect.provide(Trainings.layer())),
  )

  it.effect(
    "refuses features that are not the model's, models that are not there, and counts that are none",
    () =>
      Effect.gen(function* () {
        const { manager, id } = yield* trained
        const models = yield* ModelStore.ModelStore
        const model = yield* models.read(id)
        const [first, second, ...others] = model.scaling
        const other = yield* models.save({ ...model, scaling: [second!, first!, ...others] })
        const error = yield* Effect.flip(manager.predict(other.id))
        expect(error).toMatchObject({
          reason: "FeatureMismatch",
          expected: second!.feature,
          found: first!.feature,
        })
        expect(yield* Effect.flip(manager.predict({ ...id, version: 9 }))).toMatchObject({
          reason: "NotFound",
        })
        for (const count of [0, -1, 1.5, Number.NaN]) {
          expect(yield* Effect.flip(manager.predict(id, { count }))).toMatchObject(invalid)
        }
        expect(yield* Effect.flip(manager.predict(id, { symbols: [] }))).toMatchObject(invalid)
      }).pipe(Effect.provide(Trainings.layer())),
  )
})

describe("verify", () => {
  const folder = "/data/models/mean_reversion/AAPL_1h/v1"

  it.effect("finds a fresh model to be what its receipt says, still where newer bars came since", () => {
    const files = MemoryFiles.make()
    return Effect.gen(function* () {
      const { manager, id } = yield* trained
      const fresh = yield* manager.verify(id)
      expect(fresh.differences).toEqual([])
      expect(fresh.compared).toEqual(["strategy", "dataset", "split", "weights", "files"])
      expect(fresh.skipped).toEqual(["candles of AAPL 1h"])
      expect(files.list("/data/checkpoints")).toEqual([])
      yield* Trainings.load(Strategies.walk(9, Strategies.monday + Trainings.count * Strategies.hour))
      expect((yield* manager.verify(id)).differences).toEqual([])
    }).pipe(Effect.provide(onDisk(files)))
  })

  it.effect("names the rows after a bar was changed", () => {
    const files = MemoryFiles.make()
    return Effect.gen(function* () {
      const { manager, id } = yield* trained
      const [row] = Candle.toRows(Candle.slice(Strategies.walk(Trainings.count), 600, 601))
      yield* Trainings.load(Candle.fromRows([{ ...row!, close: row!.high }]))
      const { differences } = yield* manager.verify(id)
      expect(differences.map(({ of }) => of)).toEqual(["dataset"])
    }).pipe(Effect.provide(onDisk(files)))
  })

  it.effect("names the strategy and its file after it was changed", () => {
    const files = MemoryFiles.make()
    return Effect.gen(function* () {
      const { manager, id } = yield* trained
      const text = new TextDecoder().decode(files.read(`${folder}/strategy.json`))
      files.write(`${folder}/strategy.json`, new TextEncoder().encode(text.replace('"seed": 7', '"seed": 8')))
      const { differences } = yield* manager.verify(id)
      expect(differences.map(({ of, place }) => `${of} ${place}`)).toEqual([
        "strategy strategy mean_reversion",
        "file strategy.json",
      ])
    }).pipe(Effect.provide(onDisk(files)))
  })

  it.effect("names the weights after one was changed, and a file that is gone", () => {
    const files = MemoryFiles.make()
    return Effect.gen(function* () {
      const { manager, id } = yield* trained
      const bytes = files.read(`${folder}/weights.bin`)
      files.write(`${folder}/weights.bin`, bytes.with(bytes.length - 3, bytes.at(-3)! ^ 1))
      expect((yield* manager.verify(id)).differences.map(({ of }) => of)).toEqual(["weights"])
      yield* files.fs.remove(`${folder}/weights.bin`)
      expect((yield* manager.verify(id)).differences).toMatchObject([
        { of: "file", place: "weights.bin", found: "no such file" },
      ])
    }).pipe(Effect.provide(onDisk(files)))
  })
})
