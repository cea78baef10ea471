import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Candle from "../../src/data/Candle.js"
import * as Progress from "../../src/Progress.js"
import * as Checkpoint from "../../src/training/Checkpoint.js"
import * as ModelStore from "../../src/training/ModelStore.js"
import * as Strategy from "../../src/training/Strategy.js"
import type * as Trainer from "../../src/training/Trainer.js"
import { TrainingError } from "../../src/training/TrainingError.js"
import { TrainingManager } from "../../src/training/TrainingManager.js"
import * as ScriptedTrainer from "../utils/ScriptedTrainer.js"
import * as Strategies from "../utils/Strategies.js"
import * as Trainings from "../utils/Trainings.js"

const request = { strategy: Trainings.strategy(), allowGaps: false }

const train = (operationId: string, resumedFrom?: string, given = request) =>
  Effect.flatMap(TrainingManager, (manager) => manager.train(given, { operationId, resumedFrom }))

/** Runs a training until its trainer has done so many steps, then interrupts it. */
const interrupted = (
  script: Script,
  id: string,
  resumedFrom: string | undefined,
  steps: number,
  isKilled = false,
) =>
  Effect.gen(function* () {
    const reached = yield* Deferred.make<void>()
    script.options = {
      isKilled,
      before: (done) =>
        done === steps ? Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never) : Effect.void,
    }
    const fiber = yield* Effect.fork(train(id, resumedFrom))
    yield* Effect.raceFirst(Deferred.await(reached), Fiber.join(fiber))
    yield* TestClock.adjust(1000)
    const exit = yield* Fiber.interrupt(fiber)
    expect(Exit.isInterrupted(exit)).toBe(true)
    script.options = {}
  })

interface Script {
  options: ScriptedTrainer.Options
}

const scripted = () => {
  const script: Script = { options: {} }
  return { script, trainer: ScriptedTrainer.make(() => script.options) }
}

const cursorOf = (operation: string) =>
  Effect.flatMap(Checkpoint.Checkpoints, (store) =>
    Effect.map(store.find(operation), (head) =>
      Option.getOrNull(Option.map(head, ({ position }) => position)),
    ),
  )

const full = new TrainingError({
  reason: "StoreUnwritable",
  place: "data directory",
  expected: "a place that can be written",
  found: "ENOSPC",
  advice: "Free space on the disk of the data directory",
})

const every = (hours: number, seed: number) =>
  Strategies.walk(Trainings.count / hours, Strategies.monday, hours * Strategies.hour, seed)

const without = (candles: Candle.Candles, from: number, to: number) =>
  Candle.concat([Candle.slice(candles, 0, from), Candle.slice(candles, to, Candle.size(candles))])

describe("train", () => {
  it.effect(
    "reads, checks, prepares, trains and stores, and says all of it in the receipt and the report",
    () =>
      Effect.gen(function* () {
        yield* Trainings.ready
        const report = yield* train("op_1")
        expect(report).toMatchObject({
          strategy: "mean_reversion",
          model: "mean_reversion/AAPL_1h/v1",
          epochs: 3,
          best_epoch: 3,
          reason: "completed",
          seed: 7,
          trainer: { kind: "local" },
          gaps_allowed: false,
          interruptions: 0,
          warnings: [],
        })
        const models = yield* ModelStore.ModelStore
        const { receipt, weights, history, text, metrics } = yield* models.read((yield* models.ids)[0]!)
        expect(metrics).toEqual(report.metrics)
        expect(history.length).toBe(3)
        expect(weights.parameters.length).toBe(report.parameters)
        expect(JSON.parse(text)).toMatchObject({ name: "mean_reversion" })
        expect(receipt).toMatchObject({
          operation: "op_1",
          strategy: { sha256: yield* Strategy.hash(request.strategy) },
          versions: { ktrdr: "0.0.0" },
          seeds: { training: 7 },
          gapsAllowed: false,
          weights: report.weights,
          interruptions: [],
        })
        expect(receipt.series).toMatchObject([
          { series: { symbol: "AAPL", timeframe: "1h" }, bars: Trainings.count, coverage: { pending: 0 } },
        ])
        expect(receipt.split.rows).toEqual(report.rows)
        expect(yield* cursorOf("op_1")).toBeNull()
      }).pipe(Effect.provide(Trainings.layer())),
  )

  it.effect("shows its steps, its batches and what it is at", () =>
    Effect.gen(function* () {
      yield* Trainings.ready
      yield* train("op_1")
      const { snapshot } = yield* Progress.Recorder
      const { steps, context } = yield* snapshot
      const own = steps.filter(({ name }) =>
        ["read bars", "check causality", "prepare rows", "train", "store model"].includes(name),
      )
      expect(own.map(({ name, state }) => `${name} ${state}`)).toEqual([
        "read bars succeeded",
        "check causality succeeded",
        "prepare rows succeeded",
        "train succeeded",
        "store model succeeded",
      ])
      expect(own[3]!.items).toMatchObject({ done: 42, total: 42, unit: "batch" })
      expect(context).toMatchObject({
        strategy: "mean_reversion",
        model: "MLP",
        epoch: 3,
        epochs: 3,
        batch: 13,
        batches: 13,
        rows_per_second: 1000,
        checkpoint: { epoch: 3, batch: 0 },
      })
      expect(context).toHaveProperty("val_loss")
      expect(context).not.toHaveProperty("host")
    }).pipe(Effect.provide(Layer.provideMerge(Trainings.layer(), Progress.layerTest))),
  )
})

describe("several series", () => {
  const several = {
    ...request,
    strategy: Trainings.strategy([
      ["[AAPL]", "[AAPL, MSFT]"],
      ["[1h]", "[1h, 4h]"],
    ]),
  }

  it.effect("are read in the order of the strategy, each told of in the receipt", () =>
    Effect.gen(function* () {
      yield* Trainings.ready
      yield* Trainings.load(every(4, 1), "AAPL", "4h")
      yield* Trainings.load(every(1, 2), "MSFT")
      const lacking = yield* Effect.flip(train("op_1", undefined, several))
      expect(lacking).toMatchObject({ reason: "NotFound", place: "MSFT 4h" })
      const bars = every(4, 3)
      yield* Trainings.load(
        Candle.concat([Candle.slice(bars, 0, 9), Candle.slice(bars, 11, Candle.size(bars))]),
        "MSFT",
        "4h",
      )
      const gaps = yield* Effect.flip(train("op_2", undefined, several))
      expect(gaps).toMatchObject({ reason: "IncompleteData", place: "MSFT 4h" })
      yield* Trainings.load(bars, "MSFT", "4h")
      const report = yield* train("op_3", undefined, several)
      expect(report.model).toBe("mean_reversion/AAPL+MSFT_1h+4h/v1")
      const models = yield* ModelStore.ModelStore
      const { receipt } = yield* models.read((yield* models.ids)[0]!)
      expect(
        receipt.series.map(({ series, bars }) => `${series.symbol} ${series.timeframe} ${bars}`),
      ).toEqual(["AAPL 1h 1200", "AAPL 4h 300", "MSFT 1h 1200", "MSFT 4h 300"])
      const manager = yield* TrainingManager
      const predictions = yield* manager.predict((yield* models.ids)[0]!)
      expect(predictions.map(({ symbol }) => symbol)).toEqual(["AAPL", "MSFT"])
      expect((yield* manager.verify((yield* models.ids)[0]!)).differences).toEqual([])
    }).pipe(Effect.provide(Trainings.layer())),
  )
})

describe("resume", () => {
  it.effect("comes to the same bytes after any interruptions, one of which left nothing of its own", () => {
    const { script, trainer } = scripted()
    return Effect.gen(function* () {
      yield* Trainings.ready
      const whole = yield* train("op_0")
      yield* interrupted(script, "op_1", undefined, 17)
      expect(yield* cursorOf("op_1")).toMatchObject({ epoch: 2, phase: "training", cursor: 128 })
      yield* interrupted(script, "op_2", "op_1", 0, true)
      expect(yield* cursorOf("op_2")).toEqual(yield* cursorOf("op_1"))
      yield* interrupted(script, "op_3", "op_2", 11)
      expect(yield* cursorOf("op_3")).toMatchObject({ epoch: 2, phase: "validating" })
      const report = yield* train("op_4", "op_3")
      expect(Trainings.essence(report)).toEqual(Trainings.essence(whole))
      expect(report.interruptions).toBe(3)
      expect(report.duration_seconds).toBe(2)
      const models = yield* ModelStore.ModelStore
      const { receipt, history } = yield* models.read((yield* models.ids)[1]!)
      expect(receipt.interruptions.map(({ operation }) => operation)).toEqual(["op_1", "op_2", "op_3"])
      expect(receipt.started).toBe(Date.UTC(2026, 0, 5))
      expect(history).toEqual((yield* models.read((yield* models.ids)[0]!)).history)
      for (const id of ["op_1", "op_2", "op_3", "op_4"]) expect(yield* cursorOf(id)).toBeNull()
    }).pipe(Effect.provide(Trainings.layer({ trainer })))
  })

  it.effect("goes on with the bars that it began with, though there are more by now", () => {
    const { script, trainer } = scripted()
    return Effect.gen(function* () {
      yield* Trainings.ready
      const whole = yield* train("op_0")
      yield* interrupted(script, "op_1", undefined, 5)
      yield* Trainings.load(Strategies.walk(48, Strategies.monday + Trainings.count * Strategies.hour))
      expect(Trainings.essence(yield* train("op_2", "op_1"))).toEqual(Trainings.essence(whole))
      expect((yield* train("op_3")).rows).not.toEqual(whole.rows)
    }).pipe(Effect.provide(Trainings.layer({ trainer })))
  })

  it.effect("begins anew where nothing was kept, and says so", () =>
    Effect.gen(function* () {
      yield* Trainings.ready
      const report = yield* train("op_2", "op_1")
      expect(report.warnings).toEqual(["op_1 left no checkpoint: the training begins anew"])
      expect(report.interruptions).toBe(0)
    }).pipe(Effect.provide(Trainings.layer())),
  )

  it.effect("goes on from an earlier run where the one before ended before it began", () => {
    const { script, trainer } = scripted()
    return Effect.gen(function* () {
      yield* Trainings.ready
      const whole = yield* train("op_0")
      yield* interrupted(script, "op_1", undefined, 17)
      const manager = yield* TrainingManager
      const run = { operationId: "op_3", resumedFrom: "op_2", earlier: ["op_1"] }
      const report = yield* manager.train(request, run)
      expect(Trainings.essence(report)).toEqual(Trainings.essence(whole))
      expect(report.interruptions).toBe(1)
      expect(yield* cursorOf("op_1")).toBeNull()
    }).pipe(Effect.provide(Trainings.layer({ trainer })))
  })

  it.effect("refuses other bars and another strategy, and what was kept stays", () => {
    const { script, trainer } = scripted()
    return Effect.gen(function* () {
      yield* Trainings.ready
      yield* interrupted(script, "op_1", undefined, 17)
      const kept = yield* cursorOf("op_1")
      const other = { ...request, strategy: Trainings.strategy([["seed: 7", "seed: 8"]]) }
      expect(yield* Effect.flip(train("op_2", "op_1", other))).toMatchObject({ reason: "OtherStrategy" })
      yield* Trainings.load(Strategies.walk(Trainings.count, Strategies.monday, Strategies.hour, 5))
      expect(yield* Effect.flip(train("op_3", "op_1"))).toMatchObject({
        reason: "OtherStrategy",
        advice: "Bars were changed since it began: train from the beginning",
      })
      expect(yield* cursorOf("op_1")).toEqual(kept)
    }).pipe(Effect.provide(Trainings.layer({ trainer })))
  })

  for (const reason of ["DamagedCheckpoint", "NewerVersion", "StoreUnreadable"] as const) {
    it.effect(`fails with ${reason} where the checkpoint is so, and trains nothing`, () => {
      const error = new TrainingError({ ...full, reason })
      const checkpoints = Layer.succeed(Checkpoint.Checkpoints, {
        write: () => Effect.dieMessage("written"),
        find: () => Effect.fail(error),
        remove: () => Effect.dieMessage("removed"),
      })
      const trainer: Trainer.Service = { where: { kind: "local" }, train: () => Stream.dieMessage("trained") }
      return Effect.gen(function* () {
        yield* Trainings.ready
        expect(yield* Effect.flip(train("op_2", "op_1"))).toMatchObject({ reason })
      }).pipe(Effect.provide(Trainings.layer({ trainer, checkpoints })))
    })
  }
})

describe("a disk that is full", () => {
  it.effect("while checkpoints are written costs one warning", () => {
    const { script, trainer } = scripted()
    script.options = { keepEvery: 1 }
    const checkpoints = Layer.succeed(Checkpoint.Checkpoints, {
      write: () => Effect.fail(full),
      find: () => Effect.succeedNone,
      remove: () => Effect.void,
    })
    return Effect.gen(function* () {
      yield* Trainings.ready
      const { warnings, epochs } = yield* train("op_1")
      expect(epochs).toBe(3)
      expect(warnings).toEqual([`A checkpoint was not kept: ${full.message}`])
    }).pipe(Effect.provide(Trainings.layer({ trainer, checkpoints })))
  })

  it.effect("when the model is stored fails, and resuming stores it without training", () => {
    const { script, trainer } = scripted()
    let isFull = true
    const models = Layer.effect(
      ModelStore.ModelStore,
      Effect.map(ModelStore.ModelStore, (store) => ({
        ...store,
        save: (model) => (isFull ? Effect.fail(full) : store.save(model)),
      })),
    ).pipe(Layer.provide(ModelStore.layerMemory))
    return Effect.gen(function* () {
      yield* Trainings.ready
      expect(yield* Effect.flip(train("op_1"))).toMatchObject({ reason: "StoreUnwritable" })
      isFull = false
      let steps = 0
      script.options = { before: () => Effect.sync(() => void steps++) }
      const report = yield* train("op_2", "op_1")
      expect(steps).toBe(1)
      expect(report).toMatchObject({ epochs: 3, interruptions: 1 })
      expect(yield* cursorOf("op_1")).toBeNull()
    }).pipe(Effect.provide(Trainings.layer({ trainer, models })))
  })
})

describe("refusals", () => {
  it.effect("bars that are missing, unless that is allowed, which the receipt says", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 0, 5))
      yield* Trainings.load(without(Strategies.walk(Trainings.count), 500, 507))
      const error = yield* Effect.flip(train("op_1"))
      expect(error).toMatchObject({ reason: "IncompleteData", place: "AAPL 1h" })
      expect(error.message).toContain("1,193 of 1,200 expected bars present, 7 pending")
      expect(error.message).toContain("ktrdr data load AAPL 1h --mode full")
      expect(error.message).toContain("--allow-gaps")
      const report = yield* train("op_2", undefined, { ...request, allowGaps: true })
      expect(report).toMatchObject({ gaps_allowed: true, warnings: [expect.stringContaining("7 pending")] })
      const models = yield* ModelStore.ModelStore
      const { receipt } = yield* models.read((yield* models.ids)[0]!)
      expect(receipt).toMatchObject({ gapsAllowed: true, series: [{ coverage: { pending: 7 } }] })
    }).pipe(Effect.provide(Trainings.layer())),
  )

  it.effect("a series that was never stored, saying how to load it", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(train("op_1"))).toMatchObject({
        _tag: "DataError",
        reason: "NotFound",
        advice: "Load it first: ktrdr data load AAPL 1h",
      })
    }).pipe(Effect.provide(Trainings.layer())),
  )

  const wrong: ReadonlyArray<readonly [string, Strategy.Strategy, object]> = [
    [
      "a strategy that makes no sense",
      { ...request.strategy, split: { ...request.strategy.split, test: 0.5 } },
      { reason: "InvalidStrategy", place: "strategy mean_reversion, split" },
    ],
    [
      "a name that nothing may have",
      {
        ...request.strategy,
        indicators: { ...request.strategy.indicators, "a b": { type: "rsi", period: 3 } },
      },
      { reason: "InvalidStrategy", place: "strategy mean_reversion, indicators.a b" },
    ],
    [
      "a lookback longer than the data",
      { ...request.strategy, features: { ...request.strategy.features, lookback: 500, fuzzy: [] } },
      { reason: "NotEnoughData" },
    ],
    [
      "a class that never occurs",
      { ...request.strategy, labels: { type: "zigzag", threshold: 5, lookahead: 5 } },
      { reason: "NoSuchClass" },
    ],
    [
      "a loss that is not finite",
      {
        ...request.strategy,
        training: { ...request.strategy.training, optimizer: "sgd", learning_rate: 1, momentum: 0.99 },
        model: { ...request.strategy.model, hidden_layers: [] },
        labels: { type: "forward_return", lookahead: 5, regression: true },
        features: { ...request.strategy.features, lookback: 100 },
      },
      { reason: "NotFinite", place: expect.stringMatching(/^epoch \d+ batch \d+/) },
    ],
  ]
  for (const [name, strategy, expected] of wrong) {
    it.effect(name, () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.UTC(2026, 0, 5))
        yield* Trainings.load(Strategies.walk(name.includes("lookback") ? 400 : Trainings.count))
        expect(yield* Effect.flip(train("op_1", undefined, { ...request, strategy }))).toMatchObject(expected)
      }).pipe(Effect.provide(Trainings.layer())),
    )
  }
})
