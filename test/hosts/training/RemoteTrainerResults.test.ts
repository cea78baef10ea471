import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as FakeHost from "../../utils/FakeHost.js"
import * as TrainerJobs from "../../utils/TrainerJobs.js"
import * as OwnHost from "./OwnHost.js"
import * as Remote from "./Remote.js"

const statuses = [FakeHost.json(OwnHost.status("running")), FakeHost.json(OwnHost.status("completed"))]
const kept = (serial: number, word = "running") =>
  FakeHost.json(
    OwnHost.status(word, { checkpoint: { serial, position: { epoch: 1, phase: "training", cursor: 0 } } }),
  )

const recorded = TrainerJobs.make({ training: { epochs: 2 } })
const { job } = recorded

/** How the training of the job ends at a host that does so. */
const failing = (script: OwnHost.Script, options: { readonly maxBodyBytes?: number } = {}) =>
  Effect.gen(function* () {
    const host = yield* OwnHost.make(script)
    const service = yield* Remote.trainer({ baseUrl: host.url, ...options })
    return { host, error: yield* Remote.failure(service, job) }
  })

const live = (name: string, test: Effect.Effect<void, unknown, never>) =>
  it.live(name, () => Logger.withMinimumLogLevel(test, LogLevel.None))

describe("what RemoteTrainer makes of a result", () => {
  live(
    "is the model, where all is well",
    Effect.gen(function* () {
      const { bytes, result } = yield* OwnHost.ended(job)
      const host = yield* OwnHost.make({ statuses, result, weights: bytes })
      const { events } = yield* Remote.follow(yield* Remote.trainer({ baseUrl: host.url }), job)
      expect(events).toEqual([{ _tag: "Finished", trained: TrainerJobs.expected(job) }])
    }).pipe(Effect.scoped),
  )

  live(
    "is none where the weights are not those that the host means",
    Effect.gen(function* () {
      const { bytes, result } = yield* OwnHost.ended(job)
      for (const weights of [bytes.slice(0, -1), bytes.map((byte, at) => (at === 99 ? byte ^ 1 : byte))]) {
        const { error, host } = yield* failing({ statuses, result, weights })
        expect(error).toMatchObject({
          reason: "DamagedModel",
          place: `result of ${host.url} session ${job.operation}`,
          found: expect.stringMatching(new RegExp(`^${weights.length} bytes of SHA-256 [0-9a-f]{12}$`)),
        })
      }
    }).pipe(Effect.scoped),
  )

  live(
    "is none where it is of another network, or of none at all",
    Effect.gen(function* () {
      const other = yield* OwnHost.ended(TrainerJobs.make({ hidden: [3], training: { epochs: 1 } }).job)
      const mixed = yield* failing({ statuses, result: other.result, weights: other.bytes })
      expect(mixed.error).toMatchObject({ reason: "DamagedModel", found: expect.stringContaining("[3]") })

      const { result } = yield* OwnHost.ended(job)
      const nothing = yield* failing({ statuses, result: { ...result, trained: { epochs: 2 } } })
      expect(nothing.error).toMatchObject({ reason: "TrainerFailed", cause: { reason: "Malformed" } })
    }).pipe(Effect.scoped),
  )

  live(
    "is none where it is larger than an answer may be, which says how to allow it",
    Effect.gen(function* () {
      const { result } = yield* OwnHost.ended(job)
      const { error, host } = yield* failing(
        { statuses, result, weights: new Uint8Array(20_000) },
        { maxBodyBytes: 10_000 },
      )
      expect(error).toMatchObject({
        reason: "TrainerFailed",
        place: `${host.url} session ${job.operation}: GET /training/result/${job.operation}/weights`,
        advice: "Raise TRAINING_HOST_SERVICE_MAX_BODY_BYTES, then resume the training",
        cause: { reason: "TooLarge" },
      })
    }).pipe(Effect.scoped),
  )

  live(
    "is none where the session was deleted meanwhile",
    Effect.gen(function* () {
      const gone = FakeHost.json({ detail: "Failed to get training status: Session any not found" }, 404)
      const { error } = yield* failing({ statuses: [statuses[0]!, gone] })
      expect(error).toMatchObject({
        reason: "TrainerFailed",
        found: "404: Failed to get training status: Session any not found",
        advice: "Resume the training; what was kept is not lost",
      })
    }).pipe(Effect.scoped),
  )

  live(
    "comes although a checkpoint cannot be taken, which costs one warning",
    Effect.gen(function* () {
      const { bytes, result } = yield* OwnHost.ended(job)
      const damaged = FakeHost.Reply.Answer({ status: 200, headers: {}, body: bytes.slice(0, 50) })
      for (const checkpoint of [damaged, FakeHost.json({ detail: "disk on fire" }, 500)]) {
        const host = yield* OwnHost.make({
          statuses: [kept(1), kept(2), kept(3, "completed")],
          result,
          weights: bytes,
          checkpoint,
        })
        const service = yield* Remote.trainer({ baseUrl: host.url })
        const before = recorded.kept.length
        const [{ events }, lines] = yield* Remote.logged(Remote.follow(service, job))
        expect(events.length).toBe(1)
        expect(recorded.kept.length).toBe(before)
        expect(lines.filter((line) => line.startsWith("WARN A checkpoint")).length).toBe(1)
      }
    }).pipe(Effect.scoped),
  )

  live(
    "comes from the next host where the first has ended itself, which fails where there is none",
    Effect.gen(function* () {
      const { bytes, result } = yield* OwnHost.ended(job)
      const leaving = { ...OwnHost.status("stopped", { stopped_by: "host" }), error: "the host ends" }
      const first = yield* OwnHost.make({ statuses: [FakeHost.json(leaving)] })
      const second = yield* OwnHost.make({ statuses: [statuses.at(-1)!], result, weights: bytes })
      const both = yield* Remote.trainer({ baseUrl: `${first.url},${second.url}` })
      const { events } = yield* Remote.follow(both, job)
      expect(events.at(-1)?._tag).toBe("Finished")
      const error = yield* Remote.failure(yield* Remote.trainer({ baseUrl: first.url }), job)
      expect(error).toMatchObject({ found: "one that was stopped at the host: the host ends" })
    }).pipe(Effect.scoped),
  )

  live(
    "comes although a checkpoint is slow",
    Effect.gen(function* () {
      const { bytes, result } = yield* OwnHost.ended(job)
      const checkpoint = FakeHost.Reply.Hang()
      const host = yield* OwnHost.make({
        statuses: [kept(1), kept(1, "completed")],
        result,
        weights: bytes,
        checkpoint,
      })
      const service = yield* Remote.trainer({ baseUrl: host.url, attempts: 1, attemptTimeout: "500 millis" })
      const { events } = yield* Remote.follow(service, job)
      expect(events.at(-1)?._tag).toBe("Finished")
    }).pipe(Effect.scoped),
  )

  live(
    "leaves a checkpoint that did not come, which is told",
    Effect.gen(function* () {
      const host = yield* OwnHost.make({
        statuses: [kept(1), statuses[0]!],
        checkpoint: FakeHost.json({ detail: "disk on fire" }, 500),
      })
      const { job, released } = TrainerJobs.make()
      const service = yield* Remote.trainer({ baseUrl: host.url, attempts: 1 })
      const fiber = yield* Effect.fork(Remote.follow(service, job))
      yield* host.until(() => host.requests.filter(({ url }) => url.includes("/status/")).length > 1)
      yield* Fiber.interrupt(fiber)
      expect(released).toEqual([{ _tag: "NotKept" }])
    }).pipe(Effect.scoped),
  )

  live(
    "is fetched once for each checkpoint that is new",
    Effect.gen(function* () {
      const whole = TrainerJobs.make({ training: { epochs: 2 } })
      const run = TrainerJobs.inProcess(whole.job)
      run.step()
      const body = run.state()
      const { bytes, result } = yield* OwnHost.ended(whole.job)
      const host = yield* OwnHost.make({
        statuses: [kept(4), statuses[0]!, kept(4), kept(5), kept(5, "completed")],
        result,
        weights: bytes,
        checkpoint: FakeHost.Reply.Answer({ status: 200, headers: {}, body }),
      })
      yield* Remote.follow(yield* Remote.trainer({ baseUrl: host.url }), whole.job)
      const { epoch, phase, cursor } = run.position()
      const snapshot = { state: body, position: { epoch, phase, cursor } }
      expect(whole.kept).toEqual([snapshot, snapshot])
    }).pipe(Effect.scoped),
  )
})
