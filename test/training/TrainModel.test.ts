import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Candle from "../../src/data/Candle.js"
import * as LoadData from "../../src/data/LoadData.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as Operation from "../../src/Operation.js"
import { OperationRecord } from "../../src/OperationRecord.js"
import * as Operations from "../../src/Operations.js"
import { ProgressSnapshot } from "../../src/ProgressSnapshot.js"
import * as TimeEstimator from "../../src/TimeEstimator.js"
import { TrainingReport } from "../../src/training/TrainingReport.js"
import * as TrainModel from "../../src/training/TrainModel.js"
import * as ScriptedTrainer from "../utils/ScriptedTrainer.js"
import * as Strategies from "../utils/Strategies.js"
import * as Trainings from "../utils/Trainings.js"

const group = Operation.group(LoadData.LoadData, TrainModel.TrainModel)

const system = (options: () => ScriptedTrainer.Options = () => ({})) =>
  Operations.layerTest(group).pipe(
    Layer.provide([TrainModel.layer, LoadData.layer]),
    Layer.provideMerge(Trainings.layer({ trainer: ScriptedTrainer.make(options) })),
    Layer.provideMerge(TimeEstimator.layerMemory),
    Layer.provideMerge(Logger.remove(Logger.defaultLogger)),
  )

const payload = TrainModel.Payload.make({ strategy: Trainings.strategy() })

/** Hangs at a step, in the first of the runs. */
const hanging = (steps: number) => {
  const reached = Deferred.unsafeMake<void>(FiberId.none)
  let runs = 0
  const options = (): ScriptedTrainer.Options =>
    runs++ > 0
      ? { before: () => Effect.sleep(1) }
      : {
          before: (done) =>
            done === steps
              ? Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)
              : Effect.void,
        }
  return { options, reached: Deferred.await(reached) }
}

const decodeReport = Schema.decodeUnknown(TrainingReport)

describe("TrainModel", () => {
  it.live("is cancelled with what it kept, and resumed to the same bytes", () => {
    const { options, reached } = hanging(17)
    return Effect.gen(function* () {
      yield* Trainings.load()
      const operations = yield* Operations.Operations
      const { id } = yield* operations.start(TrainModel.TrainModel, payload)
      yield* reached
      const { record } = yield* operations.cancel(id, { reason: "enough" })
      expect(record).toMatchObject({
        status: "cancelled",
        kept: "checkpoint of epoch 2 batch 2 kept",
        cancellation: { reason: "enough" },
      })
      expect(record.message).toMatch(
        /^Training MLP model on AAPL \[1h\] \[epoch 2\/3\] \(batch 2\/13\) loss \d/,
      )
      const resumed = yield* operations.await((yield* operations.resume(id)).id)
      expect(resumed).toMatchObject({
        status: "completed",
        kept: null,
        resumedFrom: id,
        attempt: 2,
        warnings: [],
      })
      const report = yield* decodeReport(resumed.result)
      const whole = yield* operations.await((yield* operations.start(TrainModel.TrainModel, payload)).id)
      const straight = yield* decodeReport(whole.result)
      expect(report).toMatchObject({ weights: straight.weights, metrics: straight.metrics, interruptions: 1 })
      expect(straight.interruptions).toBe(0)
      const { key } = TrainModel.TrainModel.definition.estimate(payload)
      const learned = yield* (yield* TimeEstimator.TimeEstimator).runs(key)
      expect(learned.map(({ units }) => units)).toEqual([42 - 16, 42])
    }).pipe(Effect.provide(system(options)))
  })

  it.live("fails with its own reason, and can be resumed", () =>
    Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const { id } = yield* operations.start(TrainModel.TrainModel, payload)
      expect(yield* operations.await(id)).toMatchObject({
        status: "failed",
        failure: {
          tag: "DataError",
          reason: "NotFound",
          message: expect.stringContaining("ktrdr data load AAPL 1h"),
        },
        kept: "nothing kept: no checkpoint was written yet",
      })
      yield* Trainings.load(
        Candle.concat([
          Strategies.walk(600),
          Strategies.walk(600, Strategies.monday + 640 * Strategies.hour),
        ]),
      )
      const again = yield* operations.await((yield* operations.resume(id)).id)
      expect(again).toMatchObject({
        failure: { tag: "TrainingError", reason: "IncompleteData" },
        warnings: [`${id} left no checkpoint: the training begins anew`],
      })
    }).pipe(Effect.provide(system())),
  )

  it.live("is shown as a load is: records and snapshots have one shape", () =>
    Effect.gen(function* () {
      yield* Trainings.load()
      const operations = yield* Operations.Operations
      const symbol = Symbol.Symbol.make("AAPL")
      const load = LoadData.Payload.make({ symbol, timeframe: "1h", mode: "local" })
      const loaded = yield* operations.await((yield* operations.start(LoadData.LoadData, load)).id)
      const trained = yield* operations.await((yield* operations.start(TrainModel.TrainModel, payload)).id)
      expect([loaded.status, trained.status]).toEqual(["completed", "completed"])
      const [one, other] = [loaded, trained].map((record) => Schema.encodeSync(OperationRecord)(record))
      expect(shape(other!)).toEqual(shape(one!))
      expect(shape(other!)).toContain("progress.steps[].name")
      const snapshots = [loaded, trained].map(({ progress }) =>
        Schema.encodeSync(ProgressSnapshot)(progress!),
      )
      expect(shape(snapshots[1]!)).toEqual(shape(snapshots[0]!))
    }).pipe(Effect.provide(system())),
  )

  it("asks for the same work where strategy, bounds and gaps are the same", () => {
    const key = TrainModel.TrainModel.definition.idempotencyKey
    expect(key({ ...payload, text: "# the same" })).toBe(key(payload))
    expect(key({ ...payload, allow_gaps: true })).not.toBe(key(payload))
    expect(key({ ...payload, end: 5 })).not.toBe(key(payload))
    expect(key({ ...payload, strategy: Trainings.strategy([["seed: 7", "seed: 8"]]) })).not.toBe(key(payload))
  })

  it.effect("runs as a plain program", () =>
    Effect.gen(function* () {
      yield* Trainings.ready
      const { model, interruptions } = yield* TrainModel.run({ strategy: Trainings.strategy() })
      expect({ model, interruptions }).toEqual({ model: "mean_reversion/AAPL_1h/v1", interruptions: 0 })
    }).pipe(
      Effect.provide(
        Layer.provideMerge(TrainModel.layer, Trainings.layer({ trainer: ScriptedTrainer.make() })),
      ),
    ),
  )

  it.effect("refuses a payload from outside that is none, naming the place", () =>
    Effect.gen(function* () {
      const { strategy } = yield* Schema.encode(TrainModel.Payload)(payload)
      const decode = TrainModel.TrainModel.decode
      expect(yield* decode({ strategy })).toEqual(payload)
      const wrong = {
        ...strategy,
        indicators: { ...strategy.indicators, rsi14: { type: "rsj", period: 14 } },
      }
      for (const given of [{}, { strategy: wrong }, { strategy, epochs: 3 }, { strategy, end: "soon" }]) {
        expect(yield* Effect.flip(decode(given))).toMatchObject({ reason: "InvalidPayload" })
      }
    }),
  )
})

/** Every path through it but those into what an operation itself gave, whether or not there is something there. */
const shape = (value: object, before = ""): ReadonlyArray<string> => {
  const paths = Object.entries(value).flatMap(([key, inner]) => {
    const path = `${before}${key}`
    if (["payload", "result", "context", "items", "eta", "settings"].includes(key)) return [path]
    if (Array.isArray(inner)) {
      return [
        path,
        ...inner.filter((one) => typeof one === "object").flatMap((one) => shape(one, `${path}[].`)),
      ]
    }
    return typeof inner === "object" && inner !== null ? [path, ...shape(inner, `${path}.`)] : [path]
  })
  return [...new Set(paths)].sort()
}
