import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import * as HostConfig from "../../src/HostConfig.js"
import * as HostError from "../../src/HostError.js"
import * as HostRetry from "../../src/internal/hostRetry.js"
import { asleepWithin, busy, connect, failureOf, quick, response, turn } from "../utils/Archive.js"
import * as FakeHost from "../utils/FakeHost.js"

const { Reply } = FakeHost

const retried: ReadonlyArray<readonly [HostError.Reason, FakeHost.Reply]> = [
  ["Unavailable", busy(408)],
  ["RateLimited", busy(429)],
  ["Unavailable", busy(502)],
  ["Unavailable", busy(503)],
  ["Unavailable", busy(504)],
  ["ConnectionReset", Reply.Reset()],
  ["AttemptTimeout", Reply.Hang()],
  ["AttemptTimeout", Reply.Stall()],
  ["Truncated", Reply.ResetInHeaders()],
  ["Truncated", Reply.ResetInBody()],
  ["Truncated", Reply.Truncated()],
]

const final: ReadonlyArray<readonly [HostError.Reason, FakeHost.Reply]> = [
  ["Status", busy(500)],
  ["Status", busy(404)],
  ["Status", busy(301)],
  ["TooLarge", Reply.Flood()],
  ["Malformed", FakeHost.html(200)],
  ["Malformed", FakeHost.json({ n: "one" })],
  ["Malformed", Reply.Answer({ status: 200, headers: {}, body: '{"n":' })],
]

describe("retries", () => {
  it.live("what the table says is worth it, and nothing else", () =>
    Effect.gen(function* () {
      for (const [reason, reply] of retried) {
        const host = yield* FakeHost.make()
        const client = yield* connect(host, { ...quick, attemptTimeout: "200 millis", attempts: 2 })
        host.script.push(reply)
        expect(yield* client.get("/", { response }), reason).toEqual({ n: 2 })
        expect(yield* client.stats).toMatchObject({ requests: 2, retries: 1, failures: { [reason]: 1 } })
      }
      for (const [reason, reply] of final) {
        const host = yield* FakeHost.make()
        const client = yield* connect(host, { ...quick, maxBodyBytes: 200_000 })
        host.script.push(reply)
        expect(yield* failureOf(client.get("/", { response }))).toMatchObject({ reason, attempts: 1 })
        expect(host.requests.length).toBe(1)
        expect(yield* client.stats).toMatchObject({
          requests: 1,
          retries: 0,
          inFlight: 0,
          failures: { [reason]: 1 },
        })
      }
    }).pipe(Effect.scoped),
  )

  it.live("no plain POST, whatever happens", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { ...quick, attemptTimeout: "200 millis", breakerThreshold: 100 })
      yield* client.get("/", { response })
      for (const [reason, reply] of retried) {
        host.script.push(reply)
        const before = host.requests.length
        expect(yield* failureOf(client.post("/", { body: {}, response }))).toMatchObject({
          reason,
          attempts: 1,
        })
        expect(host.requests.length - before).toBe(1)
      }
    }).pipe(Effect.scoped),
  )

  it.live("a POST that says it may be repeated, with the same key each time", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, quick)
      for (const options of [{ idempotencyKey: "once" }, { idempotent: true }]) {
        host.script.push(busy(503), Reply.Reset())
        yield* client.post("/", { body: { a: 1 }, response, ...options })
      }
      expect(host.requests.map((seen) => seen.headers["idempotency-key"])).toEqual([
        "once",
        "once",
        "once",
        undefined,
        undefined,
        undefined,
      ])
      expect(new Set(host.requests.map((seen) => seen.body))).toEqual(new Set(['{"a":1}']))
    }).pipe(Effect.scoped),
  )

  it.live("a refused connection, and says in the end how often", () =>
    Effect.gen(function* () {
      const gone = yield* Effect.scoped(FakeHost.make())
      const client = yield* connect(gone, quick)
      const error = yield* failureOf(client.get("/things", { response }))
      expect(error).toMatchObject({ reason: "ConnectionRefused", attempts: 4, path: "/things" })
      expect(error.message).toMatch(
        /archive: GET \/things: expected a connection.*after 4 attempts.*Start the host/,
      )
      expect(yield* client.stats).toMatchObject({
        requests: 4,
        retries: 3,
        failures: { ConnectionRefused: 4 },
      })
    }).pipe(Effect.scoped),
  )

  it.scoped("after 1 s, 2 s and 4 s", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      host.otherwise = () => busy(503)
      const fiber = yield* Effect.fork(failureOf(client.get("/", { response })))
      for (const [count, seconds] of [
        [1, 1],
        [2, 2],
        [3, 4],
      ] as const) {
        yield* asleepWithin(Duration.seconds(seconds))
        yield* TestClock.adjust(seconds * 1000 - 1)
        yield* turn
        expect(host.requests.length).toBe(count)
        yield* TestClock.adjust(1)
        yield* host.until(() => host.requests.length === count + 1)
      }
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "Unavailable", attempts: 4 })
    }).pipe(Effect.withRandom(Random.fixed([0.5]))),
  )

  it.scoped("when the host says so, by seconds or by date", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse("2024-01-02T03:04:05Z"))
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      for (const after of ["7", "Tue, 02 Jan 2024 03:04:19 GMT"]) {
        host.script.push(FakeHost.json({}, 429, { "retry-after": after }))
        const before = host.requests.length
        const fiber = yield* Effect.fork(client.get("/", { response }))
        yield* asleepWithin("7 seconds")
        yield* TestClock.adjust("6999 millis")
        yield* turn
        expect(host.requests.length).toBe(before + 1)
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(fiber)
        expect(host.requests.length).toBe(before + 2)
      }
    }),
  )

  it.scoped("not at all where the pause would outlast the deadline", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      host.script.push(FakeHost.json({ detail: "pacing" }, 429, { "retry-after": "600" }))
      expect(yield* failureOf(client.get("/", { response }))).toMatchObject({
        reason: "RateLimited",
        status: 429,
        retryAfterMillis: 600_000,
        body: '{"detail":"pacing"}',
        attempts: 1,
      })
    }),
  )

  it.scoped("at once, and once, when a pooled connection turns out stale", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { connections: 1, attempts: 1 })
      yield* client.get("/", { response })
      host.script.push(Reply.Reset())
      expect(yield* client.get("/", { response })).toEqual({ n: 3 })
      expect(host.requests.map((seen) => seen.connection)).toEqual([1, 1, 2])
      host.script.push(Reply.Reset(), Reply.Reset())
      expect(yield* failureOf(client.get("/", { response }))).toMatchObject({
        reason: "ConnectionReset",
        attempts: 2,
      })
      host.script.push(Reply.Reset())
      expect(yield* failureOf(client.get("/", { response }))).toMatchObject({ attempts: 1 })
    }),
  )

  it.prop(
    "pauses within their bounds",
    {
      attempt: fc.integer({ min: 1, max: 40 }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    },
    ({ attempt, random }) => {
      const config = Either.getOrThrow(HostConfig.make("archive", { baseUrl: "http://127.0.0.1" }))
      const plain = Math.min(1000 * 2 ** (attempt - 1), 30_000)
      const pause = HostRetry.pause(config, attempt, undefined, random)
      expect(pause).toBeGreaterThanOrEqual(plain * 0.8)
      expect(pause).toBeLessThan(plain * 1.2 + 1e-6)
      expect(HostRetry.pause(config, attempt, 1234, random)).toBe(1234)
    },
  )

  it.prop("read Retry-After", { seconds: fc.integer({ min: 0, max: 1_000_000 }) }, ({ seconds }) => {
    const now = Date.parse("2024-01-02T03:04:05Z")
    expect(HostRetry.retryAfter(` ${seconds} `, now)).toBe(seconds * 1000)
    const date = new Date(now + seconds * 1000).toUTCString()
    expect(HostRetry.retryAfter(date, now)).toBe(seconds * 1000)
    expect(HostRetry.retryAfter(date, now + 2_000_000_000)).toBe(0)
    for (const text of [undefined, "", "soon", "-1", "1e3", "2024-01-02"]) {
      expect(HostRetry.retryAfter(text, now)).toBeUndefined()
    }
  })
})
