import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Strategies from "../../../src/node/api/Strategies.js"
import * as Package from "../../../src/node/Package.js"
import * as Models from "../../utils/Models.js"
import * as Examples from "../../utils/Strategies.js"
import { send, serve, until } from "./Served.js"

const request = { symbols: ["aapl"], timeframes: ["1h"], strategy_name: "test" }

const faults = (answer: {
  readonly status: number
  readonly body: {
    readonly detail: ReadonlyArray<{ readonly loc: ReadonlyArray<unknown>; readonly msg: string }>
  }
}) => {
  expect(answer.status).toBe(422)
  return answer.body.detail.map(({ loc, msg }) => [loc.join("."), msg])
}

describe("trainings over the API", () => {
  it.scopedLive("are started by the name of a strategy, which the request's series replace those of", () =>
    Effect.gen(function* () {
      const { api, operations } = yield* serve()
      const given = {
        ...request,
        symbols: ["eur/usd", "AAPL"],
        timeframes: ["4h", "1d"],
        start_date: "2024-01-02",
        end_date: "2024-03-01",
        task_id: "my-training",
        allow_gaps: true,
        detailed_analytics: false,
      }
      const { body, status } = yield* send("POST", `${api}/trainings/start`, given)
      expect([status, body]).toEqual([
        200,
        {
          success: true,
          task_id: "my-training",
          status: "training_started",
          message: "Neural network training started for EUR.USD, AAPL using test strategy",
          symbols: ["EUR.USD", "AAPL"],
          timeframes: ["4h", "1d"],
          strategy_name: "test",
          estimated_duration_minutes: null,
          warnings: [],
        },
      ])
      const record = yield* operations.await("my-training")
      expect(record).toMatchObject({
        kind: "training",
        status: "completed",
        payload: {
          strategy: { name: "test", symbols: ["EUR.USD", "AAPL"], timeframes: ["4h", "1d"] },
          text: expect.stringContaining("name: test"),
          start: "2024-01-02T00:00:00.000Z",
          end: "2024-03-01T00:00:00.001Z",
          allow_gaps: true,
        },
      })
      const again = yield* send("POST", `${api}/trainings/start`, given)
      expect(faults(again)[0]?.[1]).toContain("my-training")
      const { task_id: _, ...next } = given
      const estimated = yield* send("POST", `${api}/trainings/start`, next)
      expect(estimated.body.estimated_duration_minutes).toBe(1)
      expect(estimated.body.task_id).toMatch(/^op_training_\d{8}_\d{6}_[0-9a-f]{8}$/)
      const other = yield* send("POST", `${api}/trainings/start`, { ...next, timeframes: ["4h"] })
      expect(other.body.estimated_duration_minutes).toBe(null)
    }),
  )

  it.scopedLive("are shown as loads are, under the names that KTRDR has", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { api, operations } = yield* serve({ gate })
      const { body } = yield* send("POST", `${api}/trainings/start`, {
        ...request,
        strategy_name: "held",
        start_date: "2024-01-02",
        end_date: "2024-03-01",
      })
      const id: string = body.task_id
      yield* until(Effect.map(operations.get(id), ({ progress }) => progress?.context["epoch"] === 1))
      const running = yield* send("GET", `${api}/operations/${id}`)
      expect(running.body.data).toMatchObject({
        operation_type: "training",
        status: "running",
        progress: { current_step: expect.stringContaining("Training MLP model on AAPL [1h] [epoch 1/50]") },
        metadata: {
          symbol: "AAPL",
          timeframe: "1h",
          mode: "training",
          start_date: "2024-01-02T00:00:00.000Z",
          end_date: "2024-03-01T00:00:00Z",
        },
        result_summary: null,
      })
      const load = yield* send("POST", `${api}/data/load?async_mode=true`, {
        symbol: "AAPL",
        timeframe: "1d",
      })
      const loading = yield* send("GET", `${api}/operations/${load.body.data.operation_id}`)
      const shape = (value: object): unknown =>
        Object.entries(value)
          .map(([key, inner]) => [key, ["progress", "metadata"].includes(key) ? shape(inner) : true])
          .sort()
      expect(shape(running.body.data)).toEqual(shape(loading.body.data))
      const early = yield* send("GET", `${api}/trainings/${id}/performance`)
      expect([early.status, early.body.detail]).toEqual([
        404,
        `Training task ${id} is not completed (status: running)`,
      ])

      yield* Deferred.succeed(gate, undefined)
      yield* operations.await(id)
      const done = yield* send("GET", `${api}/operations/${id}`)
      const performance = yield* send("GET", `${api}/trainings/${id}/performance`)
      const { metrics } = yield* Models.make()
      const test = metrics.test?.kind === "classification" ? metrics.test : undefined
      expect(performance.body).toEqual({
        success: true,
        task_id: id,
        status: "completed",
        training_metrics: {
          final_train_loss: null,
          final_val_loss: test?.loss,
          final_train_accuracy: null,
          final_val_accuracy: test?.accuracy,
          epochs_completed: 12,
          best_epoch: 9,
          early_stopped: true,
          training_time_minutes: 1.5,
        },
        test_metrics: {
          test_loss: test?.loss,
          test_accuracy: 1,
          precision: 1,
          recall: 1,
          f1_score: 1,
          baseline_accuracy: test?.baseline.accuracy,
          verdict: test?.verdict,
        },
        model_info: {
          model_id: "held/AAPL_1h/v1",
          model_size_bytes: expect.any(Number),
          parameters_count: 31,
          architecture: "mlp 3-32-16-3",
        },
      })
      const { model_size_bytes: _, ...info } = performance.body.model_info
      expect(done.body.data.result_summary).toEqual({
        training_metrics: performance.body.training_metrics,
        validation_metrics: { val_loss: test?.loss, val_accuracy: test?.accuracy },
        test_metrics: performance.body.test_metrics,
        artifacts: { model_path: "held/AAPL_1h/v1", receipt_path: "held/AAPL_1h/v1/receipt.json" },
        session_info: {
          operation_id: id,
          strategy_name: "held",
          symbols: ["AAPL"],
          timeframes: ["1h"],
          training_mode: "local",
          use_host_service: false,
          start_date: "2024-01-02T00:00:00.000Z",
          end_date: "2024-03-01T00:00:00.001Z",
        },
        model_info: info,
      })
      const list = yield* send("GET", `${api}/operations?operation_type=training`)
      expect(list.body.data).toMatchObject([{ operation_id: id, symbol: "AAPL", status: "completed" }])
    }),
  )

  it.scopedLive("are refused, before anything is started, where something does not fit", () =>
    Effect.gen(function* () {
      const { api, operations } = yield* serve()
      const start = (change: object) => send("POST", `${api}/trainings/start`, { ...request, ...change })
      expect(faults(yield* send("POST", `${api}/trainings/start`, {}))).toEqual([
        ["body.symbols", "Field required"],
        ["body.timeframes", "Field required"],
        ["body.strategy_name", "Field required"],
      ])
      expect(faults(yield* start({ symbols: [], timeframes: ["7h"], extra: 1 }))).toEqual([
        ["body.extra", "Extra inputs are not permitted"],
        ["body.symbols", "Value error, At least one symbol must be specified"],
        ["body.timeframes", expect.stringMatching(/^Value error, Timeframe must be one of .* found "7h"$/)],
      ])
      expect(faults(yield* start({ symbols: [" "] }))).toEqual([
        ["body.symbols", "Value error, Symbol cannot be empty"],
      ])
      expect(faults(yield* start({ symbols: ["A", 5] }))).toEqual([
        ["body.symbols.1", "Input should be a valid string"],
      ])
      expect(faults(yield* start({ symbols: ["../x"] }))[0]?.[0]).toBe("body.symbols")
      expect(faults(yield* start({ symbols: ["A", "a"] }))).toEqual([
        ["body.symbols", "Value error, expected each of the symbols once, found A again"],
      ])
      expect(faults(yield* start({ timeframes: ["1d", "1h"] }))[0]?.[1]).toContain("longer than the first")
      for (const name of ["../x", "a/b", "..", "", "a\u0000", "é", "x".repeat(61)]) {
        expect(faults(yield* start({ strategy_name: name }))).toEqual([
          [
            "body.strategy_name",
            "Value error, Strategy name may only contain alphanumerics, dashes, dots or underscores",
          ],
        ])
      }
      expect(faults(yield* start({ start_date: "2024-02-01", end_date: "2024-01-01" }))).toEqual([
        ["body", "Value error, start_date must be before end_date"],
      ])
      const unknown = yield* start({ strategy_name: "nosuch" })
      expect([unknown.status, unknown.body.error.code]).toEqual([404, "TRAINING-NotFound"])
      const wrong = yield* send("POST", `${api}/operations/training`, { strategy: { name: "x" } })
      expect(faults(wrong)[0]?.[0]).toMatch(/^body\.strategy\./)
      expect((yield* operations.list()).total).toBe(0)
    }),
  )

  it.scopedLive("with a strategy of their own are started as any operation is", () =>
    Effect.gen(function* () {
      const { api, operations } = yield* serve()
      const { text } = Examples
      const strategy = { ...Examples.make([["name: mean_reversion", "name: test"]]) }
      const started = yield* send("POST", `${api}/operations/training`, { strategy, text })
      expect(started.status).toBe(202)
      const id: string = started.body.data.operation_id
      expect(yield* operations.await(id)).toMatchObject({ status: "completed", payload: { text } })
      for (const other of [id.replace(/.$/, "x"), "nope"]) {
        const missing = yield* send("GET", `${api}/trainings/${other}/performance`)
        expect([missing.status, missing.body.detail]).toEqual([404, `Training task ${other} not found`])
      }
      const count = yield* operations.startKind("count", { name: "c", ticks: 1 })
      yield* operations.await(count.id)
      const none = yield* send("GET", `${api}/trainings/${count.id}/performance`)
      expect([none.status, none.body.detail]).toEqual([
        404,
        `Training task ${count.id} not found: it is an operation of kind count`,
      ])
    }),
  )
})

describe("models over the API", () => {
  it.scopedLive("are listed, and say what they think of the newest bars", () =>
    Effect.gen(function* () {
      const { api, models } = yield* serve()
      expect((yield* send("GET", `${api}/models`)).body).toEqual({ success: true, models: [], damaged: [] })
      for (const seed of [1, 2]) yield* models.save(yield* Models.make({ seed }))
      yield* models.save(yield* Models.make({ name: "values", symbols: ["MSFT", "AAPL"] }))
      const { body } = yield* send("GET", `${api}/models`)
      expect(
        body.models.map(({ model_id, is_latest }: Record<string, unknown>) => [model_id, is_latest]),
      ).toEqual([
        ["mean_reversion/AAPL_1h/v1", false],
        ["mean_reversion/AAPL_1h/v2", true],
        ["values/AAPL+MSFT_1h/v1", true],
      ])
      expect(body.models[2]).toMatchObject({
        model_name: "values",
        symbol: "MSFT, AAPL",
        timeframe: "1h",
        created_at: expect.stringMatching(/^20\d\d-.*Z$/),
        test_accuracy: 1,
        verdict: expect.any(String),
        description: expect.stringContaining("3 features, 31 parameters, 1 epochs, "),
      })

      const ask = (given: object) => send("POST", `${api}/models/predict`, given)
      const known = { model_name: "mean_reversion/AAPL_1h/v1", symbol: "aapl" }
      const told = yield* ask({ ...known, timeframe: "1h", test_date: "2024-01-09T12:00:00Z", bars: 2 })
      const prediction = {
        time: "2024-01-09T12:00:00.000Z",
        signal: "sell",
        confidence: 0.625,
        signal_strength: 0.375,
        fuzzy_outputs: { bullish: 0.125, neutral: 0.25, bearish: 0.625 },
        value: null,
      }
      expect([told.status, told.body]).toEqual([
        200,
        {
          success: true,
          ...known,
          model_id: known.model_name,
          symbol: "AAPL",
          timeframe: "1h",
          test_date: prediction.time,
          prediction,
          predictions: [{ ...prediction, time: "2024-01-09T11:00:00.000Z" }, prediction],
        },
      ])
      const value = yield* ask({ model_name: "values", symbol: "MSFT" })
      expect(value.body.prediction).toMatchObject({ signal: null, confidence: null, value: 0.25 })
      expect((yield* ask({ model_name: "mean_reversion", symbol: "AAPL" })).body.model_id).toMatch(/v2$/)

      expect(faults(yield* ask({}))).toEqual([
        ["body.model_name", "Field required"],
        ["body.symbol", "Field required"],
      ])
      expect(faults(yield* ask({ ...known, timeframe: "1d" }))).toEqual([
        ["body.timeframe", "Value error, Timeframe of the model is 1h"],
      ])
      expect(faults(yield* ask({ ...known, bars: 0 }))[0]?.[0]).toBe("body.bars")
      const misspelt = yield* ask({ ...known, model_name: "mean_reversoin" })
      expect([misspelt.status, misspelt.body.error]).toMatchObject([
        404,
        { code: "TRAINING-NotFound", details: { suggestion: "mean_reversion" } },
      ])
      expect((yield* ask({ ...known, model_name: "../../etc/passwd" })).status).toBe(400)
      expect((yield* ask({ ...known, symbol: "NOSUCH" })).status).toBe(404)
    }),
  )
})

const read = (folders: ReadonlyArray<string>, name: string) =>
  Effect.flatMap(Strategies.Strategies, (strategies) => strategies.read(name)).pipe(
    Effect.provide(Strategies.layer(folders)),
    Effect.either,
  )

describe("the strategies of a server", () => {
  const folder = Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "strategies-"))),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true })),
  )
  it.scopedLive("are files of its folders, the first of which counts", () =>
    Effect.gen(function* () {
      const own = yield* folder
      const folders = [Path.join(own, "nosuch"), own, Package.strategies()]
      const shipped = yield* read(folders, "mean_reversion")
      expect(Either.getOrThrow(shipped)).toMatchObject({ strategy: { symbols: ["SPX"] }, warnings: [] })
      Fs.writeFileSync(Path.join(own, "mean_reversion.yaml"), Examples.text)
      const mine = Either.getOrThrow(yield* read(folders, "mean_reversion"))
      expect([mine.strategy.symbols, mine.text]).toEqual([["AAPL"], Examples.text])
      const missing = yield* read(folders, "mean_reversoin")
      expect(missing).toMatchObject(
        Either.left({
          reason: "NotFound",
          expected: expect.stringContaining("mean_reversion, trend_following"),
          suggestion: "mean_reversion",
        }),
      )
    }),
  )

  it.scopedLive("are no other files, whatever the name or the file is", () =>
    Effect.gen(function* () {
      const own = yield* folder
      Fs.mkdirSync(Path.join(own, "in"))
      Fs.writeFileSync(Path.join(own, "secret.yaml"), Examples.text)
      Fs.mkdirSync(Path.join(own, "in", "folder.yaml"))
      Fs.writeFileSync(Path.join(own, "in", "long.yaml"), `# ${"x".repeat(300_000)}`)
      Fs.writeFileSync(Path.join(own, "in", "bytes.yaml"), Buffer.from([0x6e, 0x3a, 0x20, 0xff, 0xfe]))
      Fs.writeFileSync(Path.join(own, "in", "wrong.yaml"), "name: [")
      const inside = [Path.join(own, "in")]
      for (const [name, reason] of [
        ["../secret", "NotFound"],
        ["in/../../secret", "NotFound"],
        ["folder", "StoreUnreadable"],
        ["long", "InvalidStrategy"],
        ["bytes", "InvalidStrategy"],
        ["wrong", "InvalidStrategy"],
      ] as const) {
        expect([name, yield* read(inside, name)]).toMatchObject([name, Either.left({ reason })])
      }
    }),
  )
})
