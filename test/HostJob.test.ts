import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { HostError } from "../src/HostError.js"
import * as HostFollow from "../src/HostFollow.js"
import * as HostJob from "../src/HostJob.js"
import { connect, failureOf, turn } from "./utils/Archive.js"
import * as FakeHost from "./utils/FakeHost.js"

const { Reply } = FakeHost

const Status = Schema.Struct({ n: Schema.Number, over: Schema.Boolean })

const job: HostJob.Job<number, never, never> = {
  id: "job-1",
  start: (host) =>
    host.post("/start", { response: Schema.Unknown, body: { id: "job-1" }, idempotencyKey: "job-1" }),
  follow: (host) =>
    HostFollow.follow(host, {
      status: "/status",
      response: Status,
      isOver: ({ over }) => over,
      fast: "2 millis",
    }).pipe(Stream.map(({ n }) => n)),
  stop: (host) => host.post("/stop", { response: Schema.Unknown, body: {}, idempotent: true }),
}

/** A host that works on one job for as many statuses as it is told. */
const makeWorker = (statuses: number) =>
  Effect.map(FakeHost.make(), (host) => {
    const worker = { host, isRunning: false, n: 0, starts: 0, stops: 0, startsAfterMillis: 0 }
    const begin = () => {
      worker.starts += 1
      worker.isRunning = true
    }
    host.otherwise = ({ url }) => {
      if (url === "/start") {
        if (worker.startsAfterMillis === 0) begin()
        else {
          const { startsAfterMillis } = worker
          return Reply.Play({
            play: (response) => {
              globalThis.setTimeout(() => {
                begin()
                response.end("{}")
              }, startsAfterMillis)
            },
          })
        }
        return FakeHost.json({})
      }
      if (url === "/stop") {
        worker.stops += 1
        worker.isRunning = false
        return FakeHost.json({})
      }
      worker.n += 1
      worker.isRunning = worker.n < statuses
      return FakeHost.json({ n: worker.n, over: !worker.isRunning })
    }
    return worker
  })

const quick = { backoff: "1 millis", breakerThreshold: 1000, attempts: 2 } as const

/** What `released` is told. */
const journal = () => {
  const told: Array<HostJob.Release> = []
  const options = { released: (release: HostJob.Release) => Effect.sync(() => void told.push(release)) }
  return { told, options }
}

const all = (stream: Stream.Stream<number, HostError>) =>
  Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

const confirmed = [HostJob.Release.Confirmed()]

/** Nothing of a host answers any more. */
const silence = (host: FakeHost.FakeHost) => {
  host.otherwise = () => Reply.Hang()
}

/** Interrupts, and says how long that took by the clock of the test. */
const interrupted = (fiber: Fiber.RuntimeFiber<unknown, unknown>, within: number) =>
  Effect.gen(function* () {
    const interruption = yield* Effect.fork(Fiber.interrupt(fiber))
    for (let millis = 0; millis <= within; millis += 50) {
      for (let turns = 0; turns < 10; turns++) yield* turn
      if (interruption.unsafePoll() !== null) return millis
      yield* TestClock.adjust("50 millis")
    }
    return Number.POSITIVE_INFINITY
  })

describe("work that comes to its end", () => {
  it.live("is started once, followed, and not stopped", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const worker = yield* makeWorker(3)
        const client = yield* connect(worker.host, quick)
        const { options, told } = journal()
        expect(yield* all(HostJob.run(client, job, options))).toEqual([1, 2, 3])
        expect(worker).toMatchObject({ starts: 1, stops: 0, isRunning: false })
        expect(told).toEqual([])
        expect(worker.host.requests[0]?.headers["idempotency-key"]).toBe("job-1")
      }),
    ),
  )
})

describe("leaving before the end", () => {
  it.live(
    "at whatever point leaves nothing that runs, and is told once, before the interruption is over",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          for (let turns = 0; turns < 60; turns++) {
            const worker = yield* makeWorker(2)
            worker.startsAfterMillis = turns % 3 === 0 ? 5 : 0
            const client = yield* connect(worker.host, quick)
            const { options, told } = journal()
            const fiber = yield* Effect.fork(all(HostJob.run(client, job, options)))
            for (let done = 0; done < turns; done++) yield* turn
            yield* Fiber.interrupt(fiber)
            const exit = yield* Fiber.await(fiber)
            expect([turns, worker.isRunning]).toEqual([turns, false])
            if (Exit.isSuccess(exit)) expect([turns, told]).toEqual([turns, []])
            else if (worker.starts > 0 && worker.n < 2) expect([turns, told]).toEqual([turns, confirmed])
            else expect(told.length).toBeLessThan(2)
            for (let after = 0; after < 10; after++) yield* turn
            expect([turns, worker.isRunning]).toEqual([turns, false])
          }
        }),
      ),
  )

  it.scoped("while a start hangs cuts it off and stops, twice, for the start may be late", () =>
    Effect.gen(function* () {
      const worker = yield* makeWorker(9)
      const client = yield* connect(worker.host, quick)
      const { options, told } = journal()
      worker.host.script.push(Reply.Hang())
      const fiber = yield* Effect.fork(all(HostJob.run(client, job, options)))
      yield* worker.host.until(() => worker.host.requests.length === 1)
      expect(yield* interrupted(fiber, 4000)).toBeLessThanOrEqual(900)
      expect(told).toEqual(confirmed)
      expect(worker.stops).toBe(2)
      expect(worker.host.requests[0]?.state).toBe("closed")
    }),
  )

  it.scoped("because of a failure, or because there was enough of it, stops the work, too", () =>
    Effect.gen(function* () {
      for (const leave of [
        (stream: Stream.Stream<number, HostError>) => Stream.take(stream, 1),
        (stream: Stream.Stream<number, HostError>) => Stream.mapEffect(stream, () => Effect.fail("enough")),
      ]) {
        const worker = yield* makeWorker(9)
        const client = yield* connect(worker.host, quick)
        const { options, told } = journal()
        yield* Effect.exit(Stream.runDrain(leave(HostJob.run(client, job, options))))
        expect(worker).toMatchObject({ starts: 1, stops: 1, isRunning: false })
        expect(told).toEqual(confirmed)
      }
    }),
  )

  it.scoped("a host that does not answer is over in 4 seconds, and told as unconfirmed", () =>
    Effect.gen(function* () {
      const worker = yield* makeWorker(9)
      const client = yield* connect(worker.host, quick)
      const { options, told } = journal()
      const first = yield* Deferred.make<number>()
      const fiber = yield* HostJob.run(client, job, options).pipe(
        Stream.runForEach((n) => Deferred.succeed(first, n)),
        Effect.fork,
      )
      yield* Deferred.await(first)
      silence(worker.host)
      expect(yield* interrupted(fiber, 5000)).toBe(4000)
      expect(told).toEqual([
        HostJob.Release.Unconfirmed({ url: worker.host.url, id: "job-1", error: undefined }),
      ])
      expect(worker.host.requests.filter(({ state }) => state === "open")).toEqual([])
    }),
  )

  it.live("a host that is gone says why it is not confirmed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { options, told } = journal()
        const worker = yield* makeWorker(9)
        const client = yield* connect(worker.host, quick)
        worker.host.script.push(FakeHost.json({}), FakeHost.json({ n: 1, over: false }))
        worker.host.otherwise = () => Reply.Reset()
        const error = yield* failureOf(all(HostJob.run(client, job, options)))
        expect(error).toMatchObject({ reason: "ConnectionReset", path: "/status" })
        expect(told).toMatchObject([
          { _tag: "Unconfirmed", url: worker.host.url, error: { reason: "ConnectionReset", path: "/stop" } },
        ])
      }),
    ),
  )

  it.scoped("what was never started is not stopped", () =>
    Effect.gen(function* () {
      const worker = yield* makeWorker(9)
      const client = yield* connect(worker.host, quick)
      const { options, told } = journal()
      worker.host.script.push(FakeHost.json({ detail: "no such strategy" }, 422))
      expect(yield* failureOf(all(HostJob.run(client, job, options)))).toMatchObject({ status: 422 })
      expect([worker.stops, told]).toEqual([0, []])
    }),
  )
})

const two = (statuses: number) =>
  Effect.gen(function* () {
    const workers = [yield* makeWorker(statuses), yield* makeWorker(statuses)] as const
    const client = yield* connect({ url: workers.map(({ host }) => host.url).join(",") }, quick)
    return { workers, client }
  })

describe("a host that is lost", () => {
  it.live("at its start or later has its work done by the next one", () =>
    Effect.scoped(
      Effect.gen(function* () {
        for (const whole of [0, 1, 2]) {
          const { client, workers } = yield* two(2)
          const [first, second] = workers
          const { options, told } = journal()
          first.host.script.push(...[FakeHost.json({}), FakeHost.json({ n: 0, over: false })].slice(0, whole))
          first.host.otherwise = () => Reply.Reset()
          const expected = whole === 2 ? [0, 1, 2] : [1, 2]
          expect(yield* all(HostJob.run(client, job, options))).toEqual(expected)
          expect(second).toMatchObject({ starts: 1, stops: 0, isRunning: false })
          expect(first.host.requests.map(({ url }) => url)).toContain("/stop")
          expect(told).toEqual([])
        }
      }),
    ),
  )

  it.live("fails the work where the next one is lost, too, and is told as unconfirmed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { client, workers } = yield* two(2)
        const { options, told } = journal()
        for (const { host } of workers) host.otherwise = () => Reply.Reset()
        expect(yield* failureOf(all(HostJob.run(client, job, options)))).toMatchObject({ path: "/start" })
        expect(told).toMatchObject([{ _tag: "Unconfirmed", url: workers[1].host.url }])
        for (const { host } of workers) {
          expect(host.requests.filter(({ url }) => url === "/start").length).toBe(2)
        }
      }),
    ),
  )

  it.live("is not started again, though it has answered since", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { client, workers } = yield* two(1000)
        const { options, told } = journal()
        const begun = [FakeHost.json({}), FakeHost.json({ n: 0, over: false })]
        for (const { host } of workers) {
          const { otherwise } = host
          host.script.push(...begun)
          host.otherwise = (seen) => (seen.url === "/status" ? Reply.Reset() : otherwise(seen))
        }
        expect(yield* failureOf(all(HostJob.run(client, job, options)))).toMatchObject({ path: "/status" })
        for (const { host } of workers) {
          expect(host.requests.filter(({ url }) => url === "/start").length).toBe(1)
        }
        expect(told).toEqual(confirmed)
      }),
    ),
  )

  it.live("is asked again when the work has come to its end elsewhere", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { client, workers } = yield* two(2)
        const [first, second] = workers
        const { otherwise } = first.host
        let isHanging = true
        first.host.otherwise = (seen) =>
          seen.url === "/start"
            ? Reply.Reset()
            : seen.url === "/stop" && isHanging
              ? Reply.Hang()
              : otherwise(seen)
        const ended = Stream.tap(HostJob.run(client, job), () =>
          Effect.sync(() => {
            isHanging = second.isRunning
          }),
        )
        expect(yield* all(ended)).toEqual([1, 2])
        expect(first.stops).toBe(1)
        yield* first.host.until(() => first.host.requests.every(({ state }) => state !== "open"))
      }),
    ),
  )

  it.live("and does not confirm makes the whole unconfirmed, whatever the next one says", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { client, workers } = yield* two(1000)
        const [first, second] = workers
        const { options, told } = journal()
        first.host.otherwise = () => Reply.Reset()
        yield* Stream.runDrain(Stream.take(HostJob.run(client, job, options), 1))
        expect(second).toMatchObject({ stops: 1, isRunning: false })
        expect(told).toMatchObject([{ _tag: "Unconfirmed", url: first.host.url }])
      }),
    ),
  )

  it.scoped("is asked to stop along with the one that took over", () =>
    Effect.gen(function* () {
      const { client, workers } = yield* two(1000)
      const [first, second] = workers
      const { options, told } = journal()
      let isHanging = true
      const { otherwise } = first.host
      first.host.otherwise = (seen) =>
        seen.url === "/status"
          ? Reply.Reset()
          : seen.url === "/stop" && isHanging
            ? Reply.Hang()
            : otherwise(seen)
      const fiber = yield* Effect.fork(all(HostJob.run(client, job, options)))
      for (let millis = 0; millis < 1000 && second.n === 0; millis += 10) {
        for (let turns = 0; turns < 10; turns++) yield* turn
        yield* TestClock.adjust("10 millis")
      }
      expect(second.n).toBeGreaterThan(0)
      isHanging = false
      expect(yield* interrupted(fiber, 4000)).toBe(0)
      expect(told).toEqual(confirmed)
      expect([first.stops, second.stops]).toEqual([1, 1])
    }),
  )
})
