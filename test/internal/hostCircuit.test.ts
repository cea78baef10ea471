import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type * as HostClient from "../../src/HostClient.js"
import { asleepWithin, busy, connect, failureOf, quick, response, turn } from "../utils/Archive.js"
import * as FakeHost from "../utils/FakeHost.js"

const { Reply } = FakeHost

const get = (client: HostClient.HostClient, options = {}) => client.get("/", { response, ...options })

/** A host with a client whose circuit has just opened, after two failures. */
const opened = (options = {}) =>
  Effect.gen(function* () {
    const host = yield* FakeHost.make()
    const client = yield* connect(host, { attempts: 1, breakerThreshold: 2, ...options })
    host.script.push(busy(503), busy(502))
    yield* failureOf(get(client, { attempts: 1 }))
    yield* failureOf(get(client, { attempts: 1 }))
    return { host, client }
  })

const untilOpen = (client: HostClient.HostClient) =>
  Effect.repeat(Effect.zipRight(turn, client.stats), { until: ({ state }) => state === "open" })

const gauge = (url: string) =>
  Effect.map(Metric.snapshot, (pairs) =>
    pairs
      .filter(
        ({ metricKey }) =>
          metricKey.name === "host_circuit_open" &&
          metricKey.tags.some((tag) => tag.key === "url" && tag.value === url),
      )
      .map(({ metricState }) => metricState),
  )

describe("a circuit", () => {
  it.scoped("opens after so many failures, and then says at once when the host is tried again", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const { client, host } = yield* opened()
      const fiber = yield* Effect.fork(failureOf(get(client, { attempts: 4 })))
      expect(yield* Fiber.join(fiber)).toMatchObject({
        reason: "Unavailable",
        attempts: 0,
        nextTryMillis: 1_001_000,
        retryAfterMillis: 1000,
        found: expect.stringContaining("open since 2 failures, the last: expected a 2xx answer, found 502"),
        advice: expect.stringContaining("1970-01-01T00:16:41.000Z"),
      })
      expect(host.requests.length).toBe(2)
      expect(yield* client.stats).toMatchObject({
        url: host.url,
        requests: 2,
        failures: { Unavailable: 2 },
        state: "open",
        nextTryMillis: 1_001_000,
        lastError: { reason: "Unavailable", message: expect.stringContaining("502"), at: 1_000_000 },
      })
      expect(yield* gauge(host.url)).toMatchObject([{ value: 1 }])
    }),
  )

  it.scoped("counts as closed once its client is", () =>
    Effect.gen(function* () {
      const { host } = yield* Effect.scoped(
        Effect.tap(opened(), ({ host }) =>
          Effect.map(gauge(host.url), (values) => expect(values).toMatchObject([{ value: 1 }])),
        ),
      )
      expect(yield* gauge(host.url)).toMatchObject([{ value: 0 }])
    }),
  )

  it.scoped("lets one attempt through after its time, and all once that is answered", () =>
    Effect.gen(function* () {
      const { client, host } = yield* opened()
      yield* TestClock.adjust("1 seconds")
      expect(yield* client.stats).toMatchObject({ state: "half_open", nextTryMillis: null })
      host.script.push(Reply.Hang())
      const probe = yield* Effect.fork(failureOf(get(client)))
      yield* host.until(() => host.requests.length === 3)
      for (let calls = 0; calls < 5; calls++) {
        expect(yield* failureOf(get(client))).toMatchObject({ reason: "Unavailable", attempts: 0 })
      }
      expect((yield* client.stats).state).toBe("half_open")
      yield* TestClock.adjust("30 seconds")
      expect((yield* Fiber.join(probe)).reason).toBe("AttemptTimeout")
      expect((yield* failureOf(get(client))).retryAfterMillis).toBe(2000)
      yield* TestClock.adjust("2 seconds")
      expect(yield* get(client)).toEqual({ n: 4 })
      expect(yield* client.stats).toMatchObject({ state: "closed", nextTryMillis: null })
      expect(yield* gauge(host.url)).toMatchObject([{ value: 0 }])
      yield* Effect.all([get(client), get(client)], { concurrency: 2 })
      expect(host.requests.length).toBe(6)
    }),
  )

  it.scoped("takes a refusal, a bad answer and an interruption for no failure of the host", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { attempts: 1, breakerThreshold: 1 })
      const refusals = [
        ...[400, 401, 404, 408, 429, 500].map(busy),
        FakeHost.json({}, 503, { "retry-after": "1" }),
        FakeHost.html(200),
      ]
      for (const reply of refusals) {
        host.script.push(reply)
        yield* failureOf(get(client))
        expect((yield* client.stats).state).toBe("closed")
      }
      host.script.push(Reply.Hang())
      const fiber = yield* Effect.fork(get(client))
      yield* host.until(() => host.requests.length === refusals.length + 1)
      yield* Fiber.interrupt(fiber)
      expect(yield* get(client)).toEqual({ n: refusals.length + 2 })
    }),
  )

  it.scoped("takes these for failures of the host", () =>
    Effect.gen(function* () {
      const replies = [busy(502), busy(503), busy(504), Reply.Reset(), Reply.ResetInBody(), Reply.Truncated()]
      for (const reply of replies) {
        const host = yield* FakeHost.make()
        const client = yield* connect(host, { attempts: 1, breakerThreshold: 1 })
        host.script.push(reply)
        yield* failureOf(get(client))
        expect((yield* client.stats).state).toBe("open")
      }
    }),
  )

  it.scoped("gives the place of a probe that is interrupted to the next", () =>
    Effect.gen(function* () {
      const { client, host } = yield* opened()
      yield* TestClock.adjust("1 seconds")
      host.script.push(Reply.Hang())
      const probe = yield* Effect.fork(get(client))
      yield* host.until(() => host.requests.length === 3)
      expect(Exit.isInterrupted(yield* Fiber.interrupt(probe))).toBe(true)
      expect(yield* get(client)).toEqual({ n: 4 })
    }),
  )

  it.scoped("lets a health check through, and closes when that is answered", () =>
    Effect.gen(function* () {
      const { client, host } = yield* opened()
      yield* client.health
      expect(host.requests.at(-1)?.url).toBe("/health")
      expect((yield* client.stats).state).toBe("closed")
      expect(yield* get(client)).toEqual({ n: 4 })
    }),
  )

  it.scoped("keeps no urgent call back, nor its repeats", () =>
    Effect.gen(function* () {
      const { client, host } = yield* opened({ breakerCooldown: "1 hour", ...quick })
      host.script.push(busy(503))
      const fiber = yield* Effect.fork(get(client, { urgent: true, attempts: 2 }))
      yield* host.until(() => host.requests.length === 3)
      yield* asleepWithin("2 millis")
      yield* TestClock.adjust("2 millis")
      expect(yield* Fiber.join(fiber)).toEqual({ n: 4 })
      expect((yield* client.stats).state).toBe("closed")
    }),
  )

  it.scoped("is waited for by calls that were sent before it opened", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, {
        ...quick,
        attempts: 3,
        breakerThreshold: 2,
        breakerCooldown: "5 seconds",
      })
      host.script.push(busy(503), busy(503))
      const fibers = yield* Effect.replicateEffect(Effect.fork(get(client)), 2)
      yield* host.until(() => host.requests.length === 2)
      yield* untilOpen(client)
      yield* asleepWithin("5 seconds")
      yield* TestClock.adjust("4900 millis")
      yield* turn
      expect(host.requests.length).toBe(2)
      yield* TestClock.adjust("100 millis")
      expect((yield* Fiber.join(Fiber.all(fibers))).length).toBe(2)
      expect(host.requests.length).toBe(4)
      expect(yield* client.stats).toMatchObject({ requests: 4, retries: 2, failures: { Unavailable: 2 } })
    }),
  )

  it.live("is waited for in as many rounds as a call has attempts", () =>
    Effect.gen(function* () {
      const gone = yield* Effect.scoped(FakeHost.make())
      const client = yield* connect(gone, {
        ...quick,
        attempts: 3,
        breakerThreshold: 2,
        breakerCooldown: "5 millis",
      })
      const errors = yield* Effect.all(
        Array.from({ length: 6 }, () => failureOf(get(client))),
        { concurrency: 6 },
      )
      for (const error of errors) {
        expect(error.attempts).toBeGreaterThanOrEqual(1)
        expect(error.attempts).toBeLessThanOrEqual(3)
      }
      expect(yield* client.stats).toMatchObject({
        inFlight: 0,
        failures: { ConnectionRefused: expect.any(Number) },
      })
      expect((yield* client.stats).requests).toBeLessThan(18)
    }).pipe(Effect.scoped),
  )

  it.scoped("is no longer waited for by a call that is interrupted", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { ...quick, breakerThreshold: 2 })
      host.script.push(busy(503), busy(503), Reply.Hang())
      const calls = yield* Effect.forEach(["/0", "/1"], (path) => Effect.fork(client.get(path, { response })))
      yield* host.until(() => host.requests.length === 2)
      yield* untilOpen(client)
      yield* asleepWithin("2 millis")
      yield* TestClock.adjust("2 millis")
      yield* Effect.repeat(Effect.zipRight(turn, TestClock.sleeps()), {
        until: (sleeps) => Array.from(sleeps).filter((instant) => instant === 1000).length === 2,
      })
      yield* TestClock.adjust("998 millis")
      yield* host.until(() => host.requests.length === 3)
      yield* turn
      const waiting = calls[host.requests[2]?.url === "/0" ? 1 : 0]!
      expect(waiting.unsafePoll()).toBeNull()
      expect(Exit.isInterrupted(yield* Fiber.interrupt(waiting))).toBe(true)
      yield* Fiber.interruptAll(calls)
      yield* TestClock.adjust("1 minute")
      yield* turn
      expect(host.requests.length).toBe(3)
      expect((yield* client.stats).inFlight).toBe(0)
    }),
  )

  it.scoped("is not waited for beyond a call's deadline", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { ...quick, breakerThreshold: 1, breakerCooldown: "5 seconds" })
      host.script.push(busy(502))
      expect(yield* failureOf(get(client, { deadline: "4 seconds" }))).toMatchObject({
        status: 502,
        attempts: 1,
      })
      expect(host.requests.length).toBe(1)
    }),
  )
})

describe("a host that restarts", () => {
  it.scoped("between two calls costs a connection, and no failure", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const first = yield* Scope.extend(FakeHost.make(), scope)
      const client = yield* connect(first, { attempts: 1, breakerThreshold: 1 })
      yield* Effect.replicateEffect(get(client), 4)
      yield* Scope.close(scope, Exit.void)
      const second = yield* FakeHost.make({ port: first.port })
      const calls = Array.from({ length: 8 }, () => get(client))
      yield* Effect.all(calls, { concurrency: 8 })
      expect(second.requests.length).toBe(8)
      expect((yield* client.stats).state).toBe("closed")
    }),
  )

  it.live("is refused while it is down, and served once it is back", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const first = yield* Scope.extend(FakeHost.make(), scope)
      const client = yield* connect(first, {
        backoff: "10 millis",
        attempts: 12,
        breakerThreshold: 3,
        breakerCooldown: "20 millis",
      })
      first.otherwise = () => Reply.Hang()
      const calls = yield* Effect.replicateEffect(Effect.fork(get(client)), 8)
      yield* first.until(() => first.requests.length === 8)
      yield* Scope.close(scope, Exit.void)
      const isDown = Effect.map(
        client.stats,
        ({ failures, state }) => state !== "closed" && failures.ConnectionRefused,
      )
      yield* Effect.repeat(Effect.zipRight(turn, isDown), { until: (refused) => (refused || 0) >= 3 })
      const second = yield* FakeHost.make({ port: first.port })
      yield* Fiber.join(Fiber.all(calls))
      expect(second.requests.length).toBe(8)
      expect(yield* client.stats).toMatchObject({
        state: "closed",
        inFlight: 0,
        connectionsOpen: second.connections.open,
      })
    }).pipe(Effect.scoped),
  )
})
