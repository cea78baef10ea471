/** A training host that trains on its own bars, as KTRDR's clients have it do, and evaluates what came out. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Strategies from "../../utils/Strategies.js"
import * as Hosts from "./TrainingHosts.js"

const changes = [
  ["epochs: 50, batch_size: 128", "epochs: 3, batch_size: 64"],
  ["[32, 16]", "[6]"],
  ["threshold: 0.002", "threshold: 0.001"],
] as const

const body = {
  model_configuration: {
    strategy_config: "/ktrdr/strategies/reverting.yaml",
    symbols: ["AAPL"],
    timeframes: ["1h"],
    model_type: "mlp",
    multi_symbol: false,
  },
  training_configuration: {
    validation_split: 0.2,
    start_date: "2024-01-10",
    end_date: "2024-02-20",
    data_mode: "local",
    learning_rate: 0.002,
    batch_size: 32,
    epochs: 2,
    optimizer: "SGD",
    early_stopping: { enabled: true, patience: 15, monitor: "val_accuracy" },
    estimated_duration_minutes: 1.5,
  },
  data_configuration: { symbols: ["AAPL"], timeframes: ["1h"], data_source: "local" },
  gpu_configuration: { enable_gpu: true, memory_fraction: 0.8, mixed_precision: true },
}

const served = Effect.gen(function* () {
  const options = yield* Hosts.stocked("reverting", Strategies.monday, ["AAPL", "MSFT"], changes)
  return yield* Hosts.serve({ ...options, trainer: Hosts.calm })
})

const withConfiguration = (more: object) => ({
  ...body,
  training_configuration: { ...body.training_configuration, ...more },
})

describe("a training host with bars", () => {
  it.scopedLive(
    "trains the strategy of a file with what the client changes, and keeps and evaluates the model",
    () =>
      Effect.gen(function* () {
        const base = yield* served
        const { body: started } = yield* Hosts.ask(base, "POST", "/training/start", { body })
        expect(started).toMatchObject({ status: "started", estimated_duration_minutes: 1.5 })
        const { body: status } = yield* Hosts.until(base, started.session_id, Hosts.isOver)
        expect([status.status, status.error]).toEqual(["completed", null])
        expect(status.progress).toMatchObject({ epoch: 2, total_epochs: 2, progress_percent: 100 })
        expect(status.artifacts.model_path).toBe("models/reverting/AAPL_1h/v1")
        const { body: result } = yield* Hosts.ask(base, "GET", `/training/result/${started.session_id}`)
        expect(result.session_info).toMatchObject({
          strategy_name: "reverting",
          start_date: "2024-01-10",
          end_date: "2024-02-20",
        })
        expect(result.training_metrics).toMatchObject({ epochs_completed: 2, final_learning_rate: 0.002 })
        const { test } = result.trained.metrics
        expect(result.test_metrics).toMatchObject({ test_loss: test.loss, test_accuracy: test.accuracy })
        expect(result.trained.metrics.validation.rows / test.rows).toBeCloseTo(0.2 / 0.15, 1)

        const evaluate = (model_path: string, data_config: object = {}) =>
          Effect.map(
            Hosts.ask(base, "POST", "/training/evaluate", { body: { model_path, data_config } }),
            ({ body, status }) => [status, body.results ?? body.detail] as const,
          )
        const whole = yield* evaluate("/ktrdr/models/reverting/AAPL_1h_v1/model.pt")
        expect(whole).toEqual([
          200,
          expect.objectContaining({ accuracy: expect.any(Number), f1_score: expect.any(Number) }),
        ])
        expect(yield* evaluate("models/reverting/AAPL_1h/v1")).toEqual(whole)
        expect(yield* evaluate("reverting")).toEqual(whole)
        const days = { start_date: "2024-02-01", end_date: "2024-02-10" }
        expect((yield* evaluate("reverting", days))[1].rows).toBe(10 * 24 - 5)
        const later = yield* evaluate("reverting", { start_date: "2024-02-21" })
        expect(later[1]).not.toEqual(whole[1])
        expect((yield* evaluate("reverting", { symbols: ["MSFT"] }))[0]).toBe(200)
        expect(yield* evaluate("x")).toEqual([
          404,
          expect.stringMatching(/^Failed to evaluate model: model x: expected the name of one model/),
        ])
        for (const wrong of [
          { timeframes: ["1d"] },
          { symbols: ["?"] },
          { start_date: "soon" },
          { symbols: 5 },
        ]) {
          expect((yield* evaluate("reverting", wrong))[0]).toBe(422)
        }
        expect((yield* evaluate("reverting", { symbols: ["NOSUCH"] }))[0]).toBe(404)
      }),
  )

  it.scopedLive(
    "refuses what leads out of its folder, or fits no strategy, and says so of bars that it lacks",
    () =>
      Effect.gen(function* () {
        const base = yield* served
        const refused = (body: object) =>
          Effect.map(Hosts.ask(base, "POST", "/training/start", { body }), ({ body, status }) => [
            status,
            body.detail,
          ])
        const named = (strategy_config: string) => ({ ...body, model_configuration: { strategy_config } })
        for (const name of ["/etc/passwd", "../../secret.yaml", "..", "", "/x/revertin.yaml"]) {
          expect([name, ...(yield* refused(named(name)))]).toEqual([
            name,
            422,
            expect.stringMatching(
              /^Failed to start training: model_configuration.strategy_config: expected .*reverting/,
            ),
          ])
        }
        const wrong = [
          { start_date: "overwritten" },
          { epochs: 0 },
          { epochs: "many" },
          { validation_split: 0.9 },
          { optimizer: "rprop" },
          { start_date: "2024-02-01", end_date: "2024-01-01" },
        ]
        for (const one of wrong) {
          expect([one, (yield* refused(withConfiguration(one)))[0]]).toEqual([one, 422])
        }
        const model_configuration = { ...body.model_configuration, symbols: ["NOSUCH"] }
        const { body: started } = yield* Hosts.ask(base, "POST", "/training/start", {
          body: { ...body, model_configuration },
        })
        const { body: status } = yield* Hosts.until(base, started.session_id, Hosts.isOver)
        expect(status).toMatchObject({ status: "failed", error: expect.stringContaining("NOSUCH 1h") })
        expect(status.metrics).toEqual({})
      }),
  )
})
