import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { TrainingError } from "../../../src/training/TrainingError.js"
import * as FakeHost from "../../utils/FakeHost.js"
import * as TrainerJobs from "../../utils/TrainerJobs.js"
import * as DeployedHost from "./DeployedHost.js"
import * as Remote from "./Remote.js"

const { status } = DeployedHost

const bodyOf = (host: FakeHost.FakeHost, url: string): unknown =>
  JSON.parse(host.requests.find((seen) => seen.url === url)?.body ?? "null")

const live = (name: string, test: () => Effect.Effect<void, unknown>) =>
  it.live(name, () => Logger.withMinimumLogLevel(test(), LogLevel.None))

describe("RemoteTrainer over KTRDR's host", () => {
  live("starts, follows, and says that it gets no model", () =>
    Effect.gen(function* () {
      const statuses = [
        status("initialized", 0),
        status("running", 4),
        status("RUNNING", 9),
        status("completed", 18),
      ]
      const host = yield* DeployedHost.make({ statuses })
      const service = yield* Remote.trainer({ baseUrl: host.url })
      expect(service.where).toEqual({ kind: "host", url: host.url })
      const { job, kept, released } = TrainerJobs.make()
      const range = { start: Date.parse("2026-01-01"), end: Date.parse("2026-11-01T12:00:00Z") }
      const [{ events, exit }, lines] = yield* Remote.logged(Remote.follow(service, { ...job, range }))

      expect(
        events.map((event) => (event._tag === "Batch" ? [event.epoch, event.batch, event.work] : [])),
      ).toEqual([
        [1, 4, 4],
        [2, 3, 9],
        [3, 6, 18],
      ])
      const place = `${host.url} session ${job.operation}`
      expect(exit).toEqual(
        Exit.fail(
          new TrainingError({
            reason: "TrainerFailed",
            place,
            expected: "a model",
            found: "a host that has trained one, keeps it, and hands out none",
            advice: "Train on a host that ktrdr host training starts, or here",
          }),
        ),
      )
      expect(lines).toEqual([
        `WARN ${host.url} hands out no model: it trains session ${job.operation} from bars of its own, and keeps what comes of it`,
      ])
      expect([kept, released]).toEqual([[], []])
      expect(DeployedHost.journal(host)).toEqual([
        "GET /",
        "POST /training/start",
        ...statuses.map(() => "GET /training/status/ID"),
      ])
      expect(bodyOf(host, "/training/start")).toEqual({
        session_id: job.operation,
        model_configuration: {
          strategy_config: `strategies/${job.strategy.name}.yaml`,
          symbols: job.strategy.symbols,
          timeframes: job.strategy.timeframes,
          model_type: "mlp",
          multi_symbol: false,
        },
        training_configuration: {
          validation_split: job.strategy.split.validation,
          start_date: "2026-01-01",
          end_date: "2026-11-01",
          data_mode: "local",
          learning_rate: 0.01,
          batch_size: 32,
          epochs: 6,
          optimizer: "adam",
        },
        data_configuration: {
          symbols: job.strategy.symbols,
          timeframes: job.strategy.timeframes,
          data_source: "local",
        },
        gpu_configuration: { enable_gpu: true, memory_fraction: 0.8, mixed_precision: true },
      })
    }).pipe(Effect.scoped),
  )

  live("takes the strategy from the folder that it is told", () =>
    Effect.gen(function* () {
      const host = yield* DeployedHost.make({ statuses: [status("completed", 18)] })
      const service = yield* Remote.trainer({ baseUrl: host.url }, { strategies: "/srv/ktrdr/" })
      const { job } = TrainerJobs.make()
      yield* Remote.failure(service, job)
      expect(bodyOf(host, "/training/start")).toMatchObject({
        model_configuration: { strategy_config: `/srv/ktrdr/${job.strategy.name}.yaml` },
      })
    }).pipe(Effect.scoped),
  )

  live("says why a start was refused, and starts nothing twice", () =>
    Effect.gen(function* () {
      const start = DeployedHost.refuse("Failed to start training: Maximum concurrent sessions (1) reached")
      const stop = DeployedHost.refuse("Failed to stop training: Session x not found")
      const host = yield* DeployedHost.make({ statuses: [], start, stop })
      const { job } = TrainerJobs.make()
      const error = yield* Remote.failure(yield* Remote.trainer({ baseUrl: host.url }), job)
      expect(error).toMatchObject({
        reason: "TrainerFailed",
        found: "500: Failed to start training: Maximum concurrent sessions (1) reached",
        advice: "Wait until the host has trained what it trains now, then resume the training",
      })
      expect(DeployedHost.journal(host).filter((line) => line.includes("start")).length).toBe(1)
    }).pipe(Effect.scoped),
  )

  live("takes a start for one that was taken whose answer was lost", () =>
    Effect.gen(function* () {
      const host = yield* DeployedHost.make({
        statuses: [status("completed", 18)],
        start: DeployedHost.refuse("Failed to start training: Session x already exists"),
      })
      host.script.push(FakeHost.json(DeployedHost.root), FakeHost.Reply.Reset())
      const { job } = TrainerJobs.make()
      const { events } = yield* Remote.follow(yield* Remote.trainer({ baseUrl: host.url }), job)
      expect(events.length).toBe(1)
      expect(DeployedHost.journal(host).filter((line) => line.includes("start")).length).toBe(2)
    }).pipe(Effect.scoped),
  )

  const ends = [
    ["a failure", status("failed", 3, { error: "No training data available" }), "No training data available"],
    ["a stop by somebody else", status("Cancelled", 3), "one that was stopped at the host"],
    [
      "a deletion",
      "Failed to get training status: Session any not found",
      "500: Failed to get training status: Session any not found",
    ],
  ] as const
  for (const [what, end, found] of ends) {
    live(`ends with ${what} of the session`, () =>
      Effect.gen(function* () {
        const host = yield* DeployedHost.make({ statuses: [status("running", 2), end] })
        const { job, kept } = TrainerJobs.make()
        const error = yield* Remote.failure(yield* Remote.trainer({ baseUrl: host.url }), job)
        expect(error).toMatchObject({ reason: "TrainerFailed", found })
        expect(error.place).toContain(`${host.url} session ${job.operation}`)
        expect(kept).toEqual([])
      }).pipe(Effect.scoped),
    )
  }

  const stops = [
    ["confirms", undefined, true],
    ["has ended by itself", "Session x is not running (status: completed)", true],
    ["knows none any more", "Session x not found", true],
    ["has not begun", "Session x is not running (status: initialized)", false],
    ["cannot", "Failed to stop training: out of memory", false],
  ] as const
  for (const [what, refusal, isConfirmed] of stops) {
    live(`lets go of a session, where the host ${what}`, () =>
      Effect.gen(function* () {
        const stop = refusal === undefined ? {} : { stop: DeployedHost.refuse(refusal) }
        const host = yield* DeployedHost.make({ statuses: [status("running", 2)], ...stop })
        const { job, released } = TrainerJobs.make()
        const service = yield* Remote.trainer({ baseUrl: host.url })
        const { exit } = yield* Remote.interrupted(service, job, () => true)
        expect(Exit.isInterrupted(exit)).toBe(true)
        const place = `${host.url} session ${job.operation}`
        expect(released).toEqual([isConfirmed ? { _tag: "Stopped" } : { _tag: "Unconfirmed", place }])
        expect(DeployedHost.journal(host).at(-1)).toBe("POST /training/stop")
        expect(bodyOf(host, "/training/stop")).toEqual({ session_id: job.operation, save_checkpoint: true })
      }).pipe(Effect.scoped),
    )
  }

  live("does not wait longer than 4 seconds for a stop that blocks", () =>
    Effect.gen(function* () {
      const host = yield* DeployedHost.make({ statuses: [status("running", 2)], stop: FakeHost.Reply.Hang() })
      const { job, released } = TrainerJobs.make()
      const service = yield* Remote.trainer({ baseUrl: host.url })
      const { taken } = yield* Remote.interrupted(service, job, () => true)
      expect(Duration.toSeconds(taken)).toBeLessThan(5)
      expect(released).toEqual([{ _tag: "Unconfirmed", place: `${host.url} session ${job.operation}` }])
      yield* host.until(() => host.connections.open === 0 || host.requests.at(-1)?.state === "closed")
    }).pipe(Effect.scoped),
  )

  live("refuses a host of another service before it hands it anything", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      host.otherwise = () => FakeHost.json({ ...DeployedHost.root, service: "IB Connector Host Service" })
      const { job } = TrainerJobs.make()
      const error = yield* Remote.failure(yield* Remote.trainer({ baseUrl: host.url }), job)
      expect(error.message).toBe(
        `${host.url}: expected a training host, found IB Connector Host Service. Give the URL of a training host, such as one that ktrdr host training starts.`,
      )
      expect(DeployedHost.journal(host)).toEqual(["GET /"])
    }).pipe(Effect.scoped),
  )
})
