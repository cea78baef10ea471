import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import { HostError } from "../../../src/HostError.js"
import * as Weights from "../../../src/training/Network/Weights.js"
import type { Event, Snapshot } from "../../../src/training/Trainer.js"
import * as Command from "../../utils/Command.js"
import * as FaultProxy from "../../utils/FaultProxy.js"
import * as TrainerJobs from "../../utils/TrainerJobs.js"
import { serve as serveBars } from "../ib/Hosts.js"
import * as Remote from "./Remote.js"
import * as TrainingHosts from "./TrainingHosts.js"

/** Takes some seconds. */
const long = { rows: 1500, training: { epochs: 150 } } as const
const endless = { rows: 3000, training: { epochs: 100_000 } } as const

const serve = (options: Parameters<typeof TrainingHosts.serve>[0] = {}) =>
  TrainingHosts.serve({ trainer: Remote.eager, ...options })

/** A way to a host that can be cut. */
const behind = (url: string, line: FaultProxy.Options["line"] = {}) =>
  Effect.map(FaultProxy.make({ port: Remote.portOf(url), line }), (proxy) => ({
    ...proxy,
    url: `http://127.0.0.1:${proxy.port}`,
  }))

const quiet = <A, E, R>(effect: Effect.Effect<A, E, R>) => Logger.withMinimumLogLevel(effect, LogLevel.None)

const live = (name: string, test: () => Effect.Effect<void, unknown, never>) =>
  it.live(name, () => quiet(test()))

type Followed = Effect.Effect.Success<ReturnType<typeof Remote.follow>>

const trainedOf = (events: ReadonlyArray<Event>) => {
  const last = events.at(-1)
  return last?._tag === "Finished" ? last.trained : undefined
}

/** That a training came to what the same steps come to here. */
const expectSame = (found: Followed, job: TrainerJobs.Recorded["job"]) => {
  const trained = trainedOf(found.events)
  if (trained === undefined) throw new Error(`it came to no model: ${found.exit}`)
  const expected = TrainerJobs.expected(job)
  expect(Weights.encode(trained.weights)).toEqual(Weights.encode(expected.weights))
  expect(trained.history).toEqual(expected.history)
}

const epochsOf = (events: ReadonlyArray<Event>) =>
  events.flatMap((event) => (event._tag === "Epoch" ? [event.report.epoch] : []))

describe("RemoteTrainer over ktrdr's host", () => {
  beforeAll(() => Command.prepare())

  live("has the session stopped and its checkpoint kept within two seconds of a cancellation", () =>
    Effect.gen(function* () {
      const url = yield* serve()
      const { job, kept, released } = TrainerJobs.make(endless)
      const service = yield* Remote.trainer({ baseUrl: url })
      const { exit, taken } = yield* Remote.interrupted(service, job, (event) => Remote.workOf(event) >= 20)
      expect(Exit.isInterrupted(exit)).toBe(true)
      expect(Duration.toSeconds(taken)).toBeLessThan(2)
      expect(released).toEqual([{ _tag: "Stopped" }])
      const { position } = kept.at(-1)!
      const { body } = yield* TrainingHosts.ask(url, "GET", `/training/status/${job.operation}`)
      expect([body.status, body.ktrdr.checkpoint.position]).toEqual(["stopped", position])
    }).pipe(Effect.scoped),
  )

  live("lets go of a host that is gone within five seconds, names it, and goes on when it is back", () =>
    Effect.gen(function* () {
      const way = yield* behind(yield* serve())
      const recorded = TrainerJobs.make(long)
      const { job, released } = recorded
      const service = yield* Remote.trainer({ baseUrl: way.url })
      const { taken } = yield* Remote.interrupted(service, job, (event) => {
        if (Remote.workOf(event) < 100) return false
        Effect.runSync(way.down)
        return true
      })
      expect(Duration.toSeconds(taken)).toBeLessThan(5)
      expect(released).toEqual([{ _tag: "Unconfirmed", place: `${way.url} session ${job.operation}` }])

      yield* way.up
      const again = TrainerJobs.again(recorded)
      const later = yield* Remote.trainer({ baseUrl: way.url })
      expectSame(yield* Remote.follow(later, again.job), job)
      expect(again.released).toEqual([])
    }).pipe(Effect.scoped),
  )

  live(
    "fails once the host is gone for longer than the client is patient, and says which session it was",
    () =>
      Effect.gen(function* () {
        const way = yield* behind(yield* serve())
        const recorded = TrainerJobs.make(long)
        const { job, kept, released } = recorded
        const service = yield* Remote.trainer({ baseUrl: way.url, deadline: "3 seconds" })
        const cut = { ...job, keep: (snapshot: Snapshot) => Effect.zipLeft(job.keep(snapshot), way.down) }
        const [taken, { exit }] = yield* Effect.timed(Remote.follow(service, cut))
        expect(Duration.toSeconds(taken)).toBeLessThan(10)
        expect(exit).toMatchObject({ cause: { error: { _tag: "TrainingError", reason: "TrainerFailed" } } })
        const error = (exit as any).cause.error
        expect(error.place).toContain(`${way.url} session ${job.operation}`)
        expect(error.advice).toBe(
          "See that the training host runs and can be reached, then resume the training",
        )
        expect(error.cause).toBeInstanceOf(HostError)
        expect(kept.length).toBe(1)
        expect(released).toEqual([{ _tag: "Unconfirmed", place: `${way.url} session ${job.operation}` }])

        yield* way.up
        const later = yield* Remote.trainer({ baseUrl: way.url })
        expectSame(yield* Remote.follow(later, TrainerJobs.again(recorded).job), job)
      }).pipe(Effect.scoped),
  )

  live("goes on at the next host where the first is lost, and tells everything once", () =>
    Effect.gen(function* () {
      const way = yield* behind(yield* serve(), { roundTripMillis: 100 })
      const second = yield* serve()
      const { job, kept, released } = TrainerJobs.make(long)
      const service = yield* Remote.trainer({ baseUrl: `${way.url},${second}` })
      expect(service.where).toEqual({ kind: "host", url: `${way.url},${second}` })
      let isDown = false
      const found = yield* Remote.follow(service, {
        ...job,
        keep: (snapshot) => {
          const cut = isDown ? Effect.void : way.down
          isDown = true
          return Effect.zipLeft(job.keep(snapshot), cut)
        },
      })
      expectSame(found, job)
      const { events } = found
      expect(trainedOf(events)?.where).toEqual({ kind: "host", url: second })
      expect(epochsOf(events)).toEqual(Array.from({ length: 150 }, (_, index) => index + 1))
      const works = events.map(Remote.workOf).filter((work) => work > 0)
      expect(works).toEqual([...works].sort((a, b) => a - b))
      expect(kept.at(-1)?.position.phase).toBe("ending")
      expect(released).toEqual([])
    }).pipe(Effect.scoped),
  )

  live("fails where somebody stops the session at the host, with what it had come to kept first", () =>
    Effect.gen(function* () {
      const url = yield* serve()
      const recorded = TrainerJobs.make(long)
      const { job, kept, released } = recorded
      const service = yield* Remote.trainer({ baseUrl: url })
      const stop = TrainingHosts.ask(url, "POST", "/training/stop", { body: { session_id: job.operation } })
      const [{ exit }] = yield* Effect.all(
        [
          Remote.follow(service, job),
          Effect.zipRight(
            TrainingHosts.until(url, job.operation, ({ progress }) => progress?.items_processed > 50),
            stop,
          ),
        ],
        { concurrency: "unbounded" },
      )
      expect(exit).toMatchObject({
        cause: {
          error: {
            reason: "TrainerFailed",
            place: `${url} session ${job.operation}`,
            found: "one that was stopped at the host",
          },
        },
      })
      expect(released).toEqual([])
      const { body } = yield* TrainingHosts.ask(url, "GET", `/training/status/${job.operation}`)
      expect(kept.at(-1)?.position).toEqual(body.ktrdr.checkpoint.position)
      expectSame(yield* Remote.follow(service, TrainerJobs.again(recorded).job), job)
    }).pipe(Effect.scoped),
  )

  live("goes on from what the host has, where nothing was kept here", () =>
    Effect.gen(function* () {
      const url = yield* serve()
      const recorded = TrainerJobs.make({ rows: 1500, training: { epochs: 600 } })
      const service = yield* Remote.trainer({ baseUrl: url })
      const forgetful = { ...recorded.job, keep: () => Effect.void }
      yield* Remote.interrupted(service, forgetful, (event) => Remote.workOf(event) > 700)
      const { job } = TrainerJobs.again(recorded)
      expect(job.from).toBeUndefined()
      const found = yield* Remote.follow(service, job)
      expect(epochsOf(found.events)[0]).toBeGreaterThan(10)
      expectSame(found, job)
    }).pipe(Effect.scoped),
  )

  live("runs a session once for two clients that start the same, and refuses another under its name", () =>
    Effect.gen(function* () {
      const url = yield* serve({ maxSessions: 3 })
      const { job } = TrainerJobs.make(long)
      const [one, two] = [yield* Remote.trainer({ baseUrl: url }), yield* Remote.trainer({ baseUrl: url })]
      const found = yield* Effect.all([Remote.follow(one, job), Remote.follow(two, job)], {
        concurrency: "unbounded",
      })
      for (const one of found) expectSame(one, job)
      const { body } = yield* TrainingHosts.ask(url, "GET", "/training/sessions")
      expect(body.total_sessions).toBe(1)

      const other = { ...TrainerJobs.make({ training: { seed: 8 } }).job, operation: job.operation }
      const error = yield* Remote.failure(one, other)
      expect(error).toMatchObject({ reason: "TrainerFailed", cause: { status: 409 } })
    }).pipe(Effect.scoped),
  )

  live("says how to get in where the host asks for a token, and shows none", () =>
    Effect.gen(function* () {
      const token = Redacted.make("open-sesame")
      const url = yield* serve({ token })
      const { job } = TrainerJobs.make({ training: { epochs: 1 } })
      const stranger = yield* Remote.trainer({ baseUrl: url, token: Redacted.make("other-words") })
      const error = yield* Remote.failure(stranger, job)
      expect(error).toMatchObject({ cause: { status: 401 }, advice: expect.stringContaining("_TOKEN") })
      expect(JSON.stringify(error)).not.toMatch(/other-words|open-sesame/)
      expectSame(yield* Remote.follow(yield* Remote.trainer({ baseUrl: url, token }), job), job)
    }).pipe(Effect.scoped),
  )

  live("says that the host is busy", () =>
    Effect.gen(function* () {
      const url = yield* serve()
      const first = yield* Remote.trainer({ baseUrl: url })
      const second = yield* Remote.trainer({ baseUrl: url, attempts: 1 })
      const blocker = TrainerJobs.make(endless).job
      const error = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Effect.forkScoped(Remote.follow(first, blocker))
          yield* TrainingHosts.until(url, blocker.operation, ({ status }) => status === "running")
          return yield* Remote.failure(second, TrainerJobs.make().job)
        }),
      )
      expect(error).toMatchObject({ reason: "TrainerFailed", cause: { reason: "Unavailable" } })
      expect(error).toMatchObject({ advice: expect.stringMatching(/^Wait until the host/) })
    }).pipe(Effect.scoped),
  )

  live("goes to the next host where the first is busy", () =>
    Effect.gen(function* () {
      const [url, second] = [yield* serve(), yield* serve()]
      const blocker = TrainerJobs.make(endless)
      const { job, released } = TrainerJobs.make({ training: { epochs: 2 } })
      const service = yield* Remote.trainer({ baseUrl: `${url},${second}`, attempts: 1 })
      const found = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Effect.forkScoped(Remote.follow(yield* Remote.trainer({ baseUrl: url }), blocker.job))
          yield* TrainingHosts.until(url, blocker.job.operation, ({ status }) => status === "running")
          return yield* Remote.follow(service, job)
        }),
      )
      expectSame(found, job)
      expect(trainedOf(found.events)?.where).toEqual({ kind: "host", url: second })
      expect([released, blocker.released]).toEqual([[], [{ _tag: "Stopped" }]])
    }).pipe(Effect.scoped),
  )

  live("refuses a host of bars", () =>
    Effect.gen(function* () {
      const url = yield* serveBars()
      const error = yield* Remote.failure(yield* Remote.trainer({ baseUrl: url }), TrainerJobs.make().job)
      expect(error).toMatchObject({ reason: "TrainerFailed", place: url, expected: "a training host" })
    }).pipe(Effect.scoped),
  )
})
