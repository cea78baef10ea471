/** What a training host makes of starts that come twice, too many at once, too late, or are left alone. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Handed from "../../../src/training/Dataset/Handed.js"
import * as TrainerJobs from "../../utils/TrainerJobs.js"
import * as Hosts from "./TrainingHosts.js"

/** Far more than is waited for. */
const endless = { rows: 3000, training: { epochs: 100_000 } }

const prepared = (base: string) =>
  Effect.gen(function* () {
    const { job } = TrainerJobs.make(endless)
    const dataset = yield* Hosts.handOver(base, yield* Handed.encode(job.dataset))
    const start = (more: object = {}, headers: Hosts.Asking["headers"] = {}) =>
      Effect.map(
        Hosts.ask(base, "POST", "/training/start", { body: Hosts.startOf(job, dataset, more), headers }),
        ({ body, headers, status }) => [status, body.session_id ?? body.detail, headers.get("retry-after")],
      )
    const stop = (session_id: string) =>
      Effect.map(Hosts.ask(base, "POST", "/training/stop", { body: { session_id } }), ({ status }) => status)
    return { start, stop, job, dataset }
  })

const sessions = (base: string) =>
  Effect.map(Hosts.ask(base, "GET", "/training/sessions"), ({ body }) => body.sessions as ReadonlyArray<any>)

describe("starts", () => {
  it.scopedLive("are the same by their key, and by their body within a minute while it runs", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve()
      const { start, stop } = yield* prepared(base)
      const key = { "idempotency-key": "k-1" }
      const busy = [503, "Failed to start training: Maximum concurrent sessions (1) reached", "5"]
      expect(yield* start({ session_id: "a" }, key)).toEqual([200, "a", null])
      expect(yield* start({ session_id: "a" }, key)).toEqual([200, "a", null])
      expect(yield* start({ session_id: "a" })).toEqual([200, "a", null])
      expect(yield* start({ session_id: "b" }, key)).toEqual([
        409,
        "Failed to start training: The Idempotency-Key is that of another start, of session a",
        null,
      ])
      expect(yield* start({ session_id: "b" })).toEqual(busy)
      expect(yield* start()).toEqual(busy)
      const taken = [409, "Failed to start training: Session a already exists", null]
      expect(yield* start({ session_id: "a", more: 1 })).toEqual(taken)
      expect(yield* stop("a")).toBe(200)
      expect(yield* start({ session_id: "a" }, key)).toEqual([200, "a", null])
      expect(yield* start({ session_id: "a" })).toEqual(taken)

      const [status, unnamed] = yield* start()
      expect([status, unnamed]).toEqual([200, expect.stringMatching(/^[0-9a-f-]{36}$/)])
      expect(yield* start()).toEqual([200, unnamed, null])
      expect((yield* sessions(base)).length).toBe(2)
    }),
  )

  it.scopedLive("that come at once begin one session", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve({ maxSessions: 10 })
      const { start } = yield* prepared(base)
      const key = { "idempotency-key": "k-1" }
      const all = yield* Effect.all(
        Array.from({ length: 10 }, () => start({}, key)),
        { concurrency: "unbounded" },
      )
      expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(1)
      expect((yield* sessions(base)).length).toBe(1)
    }),
  )

  it.scopedLive("stop what they go on from once nothing else is in their way", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve()
      const { job, start } = yield* prepared(base)
      yield* start({ session_id: "first" })
      const position = { epoch: 1, phase: "training", cursor: 0 }
      const missing = "0".repeat(64)
      const next = (session_id: string, dataset: string | undefined, state: object | null) => {
        const resume = { sessions: ["first", "first"], state }
        return start({
          session_id,
          resume,
          ...(dataset === undefined ? {} : { data_configuration: { dataset } }),
        })
      }
      const rows = yield* next("second", missing, null)
      expect(rows[1]).toBe(`Failed to start training: Dataset ${missing} was not handed over`)
      const state = yield* next("second", undefined, { sha256: missing, position })
      expect([state[0], state[1]]).toEqual([409, expect.stringMatching(/State .* was not handed over$/)])
      expect(
        (yield* sessions(base)).map(({ session_id, status }) => [session_id, Hosts.isOver({ status })]),
      ).toEqual([["first", false]])
      expect(yield* next("second", undefined, null)).toEqual([200, "second", null])
      const { body } = yield* Hosts.ask(base, "GET", "/training/status/first")
      expect([body.status, body.ktrdr.stopped_by]).toEqual(["stopped", "client"])
      const long = Array.from({ length: 1001 }, () => 1)
      const { body: refused } = yield* Hosts.ask(base, "POST", "/training/start", {
        body: Hosts.startOf(job, missing, { gpu_configuration: { a: [{ long }] } }),
      })
      expect(refused.detail).toMatchObject([
        { type: "too_long", loc: ["body", "gpu_configuration", "a", 0, "long"] },
      ])
      const many = Array.from({ length: 50 }, () => 1)
      const { body: wrong } = yield* Hosts.ask(base, "POST", "/training/start", {
        body: Hosts.startOf(job, missing, { resume: { sessions: many, state: null } }),
      })
      expect(wrong.detail.length).toBe(20)
    }),
  )

  it.scopedLive("that come after the stop that was meant for them begin nothing", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve()
      const { start, stop } = yield* prepared(base)
      expect(yield* stop("late")).toBe(404)
      expect(yield* start({ session_id: "late" })).toEqual([
        409,
        "Failed to start training: Session late was stopped before it had begun",
        null,
      ])
      expect(yield* sessions(base)).toEqual([])
    }),
  )

  it.scopedLive("of rows that were not handed over, or of nothing that can be trained, are refused", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve()
      const { job, start } = yield* prepared(base)
      const unknown = Hosts.startOf(job, "0".repeat(64))
      const refused = (body: object) =>
        Effect.map(Hosts.ask(base, "POST", "/training/start", { body }), ({ body, status }) => [
          status,
          body.detail,
        ])
      expect(yield* refused(unknown)).toEqual([
        409,
        `Failed to start training: Dataset ${"0".repeat(64)} was not handed over`,
      ])
      const text = (strategy_yaml: string) => ({ ...unknown, model_configuration: { strategy_yaml } })
      expect(yield* refused(text("a: ["))).toEqual([
        422,
        expect.stringMatching(/^Failed to start training: strategy_yaml line 1/),
      ])
      expect(yield* start({ session_id: "../up" })).toEqual([
        422,
        [expect.objectContaining({ loc: ["body", "session_id"], type: "string_pattern_mismatch" })],
        null,
      ])
      expect(yield* refused({ ...unknown, data_configuration: { dataset: "x" } })).toEqual([
        422,
        [expect.objectContaining({ loc: ["body", "data_configuration", "dataset"], input: "x" })],
      ])
      expect(yield* sessions(base)).toEqual([])
    }),
  )

  it.scopedLive("whose clients have left are seen, and said to be abandoned once", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        if (logLevel === LogLevel.Warning) lines.push(String(message))
      })
      const base = yield* Hosts.serve({ abandonAfter: 300 }, Logger.replace(Logger.defaultLogger, logger))
      const { start } = yield* prepared(base)
      for (let patience = 1; ; patience++) {
        const leaving = yield* Effect.fork(start({ session_id: "left" }))
        yield* Effect.sleep(patience)
        yield* Fiber.interrupt(leaving)
        if ((yield* sessions(base)).length > 0) break
      }
      const [session] = yield* Effect.repeat(Effect.delay(sessions(base), 20), {
        until: ([one]) => one.abandoned === true,
      })
      expect(session).toMatchObject({ session_id: "left", abandoned: true })
      const { body: health } = yield* Hosts.ask(base, "GET", "/health/detailed")
      expect(health).toMatchObject({ active_training_sessions: 1, abandoned_training_sessions: 1 })
      yield* Effect.repeat(Effect.sleep(20), { until: () => lines.length > 0 })
      yield* Hosts.ask(base, "GET", "/training/status/left")
      expect((yield* sessions(base))[0].abandoned).toBe(false)
      expect(lines).toEqual([
        expect.stringContaining("Session left runs, and nobody has asked about it for 300ms"),
      ])
    }),
  )
})
