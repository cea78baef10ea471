import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { sha256 } from "../../../src/internal/sha256.js"
import * as Weights from "../../../src/training/Network/Weights.js"
import * as TrainerJobs from "../../utils/TrainerJobs.js"
import * as Hosts from "./TrainingHosts.js"

/** Far more than is waited for. */
const endless = { rows: 3000, training: { epochs: 100_000 } }

describe("a training host", () => {
  it.scopedLive("trains rows that are handed over to the same bytes as here", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve()
      const { job } = TrainerJobs.make()
      const started = yield* Hosts.start(base, job, { session_id: "one" })
      expect([started.status, started.body]).toEqual([
        200,
        {
          session_id: "one",
          status: "started",
          message: "Training session one started successfully",
          gpu_allocated: false,
          estimated_duration_minutes: null,
        },
      ])
      const events = Chunk.toReadonlyArray(yield* Stream.runCollect(Hosts.events(base, "one")))
      const expected = TrainerJobs.expected(job)
      expect(events.flatMap(({ data }) => data.ktrdr.epochs)).toEqual(expected.history)
      expect(events.at(-1)).toMatchObject({ id: `6.${events.length}`, data: { status: "completed" } })
      expect(events.slice(0, -1).every(({ data }) => !Hosts.isOver(data))).toBe(true)
      const { body: result } = yield* Hosts.ask(base, "GET", "/training/result/one")
      const { history, metrics } = expected
      expect(result.trained).toMatchObject({ reason: "completed", epochs: 6, history, metrics })
      expect(result.session_info).toMatchObject({ session_id: "one", host_status: "completed" })
      const { bytes, headers } = yield* Hosts.ask(base, "GET", "/training/result/one/weights", {
        headers: { "accept-encoding": "identity" },
      })
      expect(yield* sha256(bytes)).toBe(result.trained.weights.sha256)
      const digest = Buffer.from(result.trained.weights.sha256, "hex").toString("base64")
      expect(headers.get("content-digest")).toBe(`sha-256=:${digest}:`)
      expect(Either.getOrThrow(Weights.decode(bytes, "there"))).toEqual(expected.weights)

      const { body: status } = yield* Hosts.ask(base, "GET", "/training/status/one?epochs_from=4")
      expect(status.ktrdr.epochs).toEqual(history.slice(4))
      expect(status.metrics.validation.val_loss).toBe((metrics.validation as any).loss)
      expect(status.metrics.training).toMatchObject({ epochs_completed: 6, early_stopped: false })
      expect(status.progress).toMatchObject({ epoch: 6, total_epochs: 6, progress_percent: 100 })
      expect(status.model_info).toMatchObject({ model_size_bytes: bytes.length, architecture: "mlp 4-8-4-3" })
      const again = Hosts.events(base, "one", { "last-event-id": "5.9" })
      const rest = Chunk.toReadonlyArray(yield* Stream.runCollect(again))
      expect(rest.map(({ data, id }) => [id, data.ktrdr.epochs])).toEqual([["6.10", history.slice(5)]])

      expect((yield* Hosts.ask(base, "DELETE", "/training/sessions/one")).status).toBe(200)
      for (const path of ["status/one", "result/one", "checkpoint/one", "events/one"]) {
        expect((yield* Hosts.ask(base, "GET", `/training/${path}`)).status).toBe(404)
      }
    }),
  )

  it.scopedLive("stops once the checkpoint is on the disk, and goes on from it to the same bytes", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve({ maxSessions: 3, trainer: Hosts.calm })
      const { job } = TrainerJobs.make({ rows: 1500, training: { epochs: 800 } })
      yield* Hosts.start(base, job, { session_id: "first" })
      yield* Hosts.until(base, "first", ({ ktrdr }) => ktrdr.epochs_total >= 1)
      const running = yield* Hosts.ask(base, "GET", "/training/result/first")
      expect([running.status, running.body.detail]).toEqual([
        409,
        "Failed to get the result: Session first is still running",
      ])
      expect((yield* Hosts.ask(base, "DELETE", "/training/sessions/first")).status).toBe(409)
      const stopping = { body: { session_id: "first", save_checkpoint: true } }
      const { body: stopped } = yield* Hosts.ask(base, "POST", "/training/stop", stopping)
      expect(stopped).toEqual({
        session_id: "first",
        status: "stopped",
        message: "Training session first stopped successfully",
        checkpoint_saved: true,
      })
      const again = yield* Hosts.ask(base, "POST", "/training/stop", stopping)
      expect([again.status, again.body.detail]).toEqual([
        409,
        "Failed to stop training: Session first is not running (status: stopped)",
      ])
      const { body: status } = yield* Hosts.ask(base, "GET", "/training/status/first")
      expect([status.status, status.error, status.ktrdr.stopped_by]).toEqual(["stopped", null, "client"])
      const checkpoint = yield* Hosts.ask(base, "GET", "/training/checkpoint/first")
      const position = JSON.parse(checkpoint.headers.get("x-checkpoint-position") ?? "")
      expect(position).toEqual(status.ktrdr.checkpoint.position)
      expect(Number(checkpoint.headers.get("x-checkpoint-serial"))).toBe(status.ktrdr.checkpoint.serial)
      expect(TrainerJobs.inProcess(job, checkpoint.bytes).position()).toMatchObject(position)

      const expected = TrainerJobs.expected(job)
      const state = { sha256: yield* Hosts.handOver(base, checkpoint.bytes), position }
      const beginnings = [
        ["by its session", { sessions: ["nobody", "first"], state: null }],
        ["by its state", { sessions: [], state }],
        [
          "by what is further",
          { sessions: ["first"], state: { ...state, position: { ...position, epoch: 1 } } },
        ],
      ] as const
      for (const [name, resume] of beginnings) {
        const session_id = name.replaceAll(" ", "-")
        expect((yield* Hosts.start(base, job, { session_id, resume })).status).toBe(200)
      }
      for (const [name] of beginnings) {
        const id = name.replaceAll(" ", "-")
        const { body: last } = yield* Hosts.until(base, id, Hosts.isOver, "?epochs_from=0")
        expect([name, last.status, last.error]).toEqual([name, "completed", null])
        expect(last.ktrdr.epochs).toEqual(expected.history.slice(800 - last.ktrdr.epochs_total))
        expect(last.ktrdr.epochs_total).toBeLessThan(800)
        const { bytes } = yield* Hosts.ask(base, "GET", `/training/result/${id}/weights`)
        expect(Either.getOrThrow(Weights.decode(bytes, name))).toEqual(expected.weights)
      }
    }),
  )

  it.scopedLive("keeps no checkpoint where it is told so", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve()
      yield* Hosts.start(base, TrainerJobs.make(endless).job, { session_id: "one" })
      yield* Hosts.until(base, "one", ({ ktrdr }) => ktrdr.checkpoint !== null)
      const body = { session_id: "one", save_checkpoint: false }
      expect((yield* Hosts.ask(base, "POST", "/training/stop", { body })).body.checkpoint_saved).toBe(false)
      expect((yield* Hosts.ask(base, "GET", "/training/checkpoint/one")).status).toBe(404)
    }),
  )

  it.scopedLive("says why a session failed", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve()
      const { job } = TrainerJobs.make()
      job.dataset.x[4 * 300] = Number.NaN
      yield* Hosts.start(base, job, { session_id: "one" })
      const { body: status } = yield* Hosts.until(base, "one", Hosts.isOver)
      expect(status.status).toBe("failed")
      expect(status.error).toMatch(/^epoch 1 batch \d+: expected finite numbers, found a loss of NaN\./)
      expect(status.ktrdr.error).toMatchObject({ _tag: "TrainingError", reason: "NotFinite" })
      const { status: code, body } = yield* Hosts.ask(base, "GET", "/training/result/one")
      expect([code, body.detail]).toEqual([
        409,
        "Failed to get the result: Session one has no result (status: failed)",
      ])
    }),
  )

  it.scopedLive("asks for its token, takes nothing from pages, and nothing that is too long", () =>
    Effect.gen(function* () {
      const base = yield* Hosts.serve({ token: Redacted.make("s3cret") })
      for (const authorization of [undefined, "Bearer s3cre", "Bearer s3cret2", "Basic s3cret"]) {
        const headers = authorization === undefined ? {} : { authorization }
        const refused = yield* Hosts.ask(base, "GET", "/health", { headers })
        expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, "Bearer"])
      }
      const headers = { authorization: "Bearer s3cret", "x-request-id": "r-1" }
      const answered = yield* Hosts.ask(base, "GET", "/health", { headers })
      expect([answered.status, answered.headers.get("x-request-id")]).toEqual([200, "r-1"])
      const foreign = { ...headers, origin: "http://elsewhere.example" }
      expect((yield* Hosts.ask(base, "GET", "/health", { headers: foreign })).status).toBe(403)
      const long = { headers, body: { model_configuration: { strategy_yaml: "x".repeat(1024 * 1024) } } }
      expect((yield* Hosts.ask(base, "POST", "/training/start", long)).status).toBe(413)
      const bytes = new Uint8Array(8 * 1024 * 1024 + 1)
      const part = yield* Hosts.ask(base, "PUT", `/training/datasets/${"0".repeat(64)}`, { headers, bytes })
      expect(part.status).toBe(413)
    }),
  )

  it.scopedLive("ends within two seconds, its sessions stopped and who follows them told", () =>
    Effect.gen(function* () {
      const directory = yield* Hosts.home
      const scope = yield* Scope.make()
      const base = yield* Scope.extend(Hosts.serve({ directory }), scope)
      const { job } = TrainerJobs.make(endless)
      yield* Hosts.start(base, job, { session_id: "one" })
      const following = yield* Effect.fork(Stream.runCollect(Hosts.events(base, "one")))
      yield* Hosts.until(base, "one", ({ ktrdr }) => ktrdr.epochs_total >= 1)
      const [took] = yield* Effect.timed(Scope.close(scope, Exit.void))
      expect(Duration.toMillis(took)).toBeLessThan(2000)
      const last = Chunk.toReadonlyArray(yield* Fiber.join(following)).at(-1)
      expect(last?.data).toMatchObject({ status: "stopped", error: "the host that trained it ended" })
      expect(last?.data.ktrdr.stopped_by).toBe("host")

      const next = yield* Hosts.serve({ directory })
      const { body: status } = yield* Hosts.ask(next, "GET", "/training/status/one?epochs_from=0")
      const { ktrdr, progress: _, ...rest } = last!.data
      expect(status).toMatchObject(rest)
      expect(status.ktrdr.batch.workTotal).toBe(ktrdr.batch.workTotal)
      expect(status.ktrdr.checkpoint.position).toEqual(ktrdr.checkpoint.position)
      expect(status.ktrdr.epochs_total).toBeGreaterThanOrEqual(ktrdr.epochs_total)
      expect(status.ktrdr.epochs.length).toBe(status.ktrdr.epochs_total)
      const { bytes } = yield* Hosts.ask(next, "GET", "/training/checkpoint/one")
      expect(TrainerJobs.inProcess(job, bytes).position()).toMatchObject(status.ktrdr.checkpoint.position)
    }),
  )
})
