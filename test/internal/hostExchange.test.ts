import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as HostClient from "../../src/HostClient.js"
import * as HostConfig from "../../src/HostConfig.js"
import * as HostError from "../../src/HostError.js"
import * as HostPool from "../../src/HostPool.js"
import type * as Expiry from "../../src/internal/expiry.js"
import * as HostBreaker from "../../src/internal/hostBreaker.js"
import * as HostExchange from "../../src/internal/hostExchange.js"
import * as HostMetrics from "../../src/internal/hostMetrics.js"
import { asleepWithin, busy, connect, failureOf, response, turn } from "../utils/Archive.js"
import * as FakeHost from "../utils/FakeHost.js"

const { Reply } = FakeHost

/** Interrupts the fiber and checks that the client is as good as new. */
const interruptAndCheck = (client: HostClient.HostClient, fiber: Fiber.RuntimeFiber<unknown, unknown>) =>
  Effect.gen(function* () {
    expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
    expect((yield* client.stats).inFlight).toBe(0)
  })

/** How many of the process's resources of a kind are open. */
const count = (name: string) => process.getActiveResourcesInfo().filter((open) => open === name).length

describe("time", () => {
  it.scoped("runs out before the headers and inside the body", () =>
    Effect.gen(function* () {
      for (const [reply, expected] of [
        [Reply.Hang(), "an answer within 30000 ms"],
        [Reply.Stall(), "the end of the answer within 30000 ms"],
      ] as const) {
        const host = yield* FakeHost.make()
        const client = yield* connect(host, { attempts: 1 })
        host.script.push(reply)
        const fiber = yield* Effect.fork(failureOf(client.get("/", { response })))
        yield* host.until(() => host.requests.length === 1)
        for (let turns = 0; turns < 20; turns++) yield* turn
        yield* TestClock.adjust("30 seconds")
        expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "AttemptTimeout", expected, attempts: 1 })
        yield* host.until(() => host.requests[0]?.state === "closed")
      }
    }),
  )

  it.scoped("runs out while connecting", () =>
    Effect.gen(function* () {
      const silent = yield* FakeHost.makeTcp()
      const client = yield* connect({ url: `https://127.0.0.1:${silent.port}` })
      const fiber = yield* Effect.fork(
        failureOf(client.get("/", { attempts: 1, timeout: "2 seconds", response })),
      )
      yield* silent.until(() => silent.connections.open === 1)
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "AttemptTimeout" })
      yield* silent.until(() => silent.connections.open === 0)
    }),
  )

  it.scoped("runs out for the call as a whole", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      host.otherwise = () => Reply.Hang()
      const fiber = yield* Effect.fork(failureOf(client.get("/", { deadline: "40 seconds", response })))
      yield* host.until(() => host.requests.length === 1)
      yield* TestClock.adjust("30 seconds")
      yield* asleepWithin("1200 millis")
      yield* TestClock.adjust("1200 millis")
      yield* host.until(() => host.requests.length === 2)
      yield* TestClock.adjust("8800 millis")
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "DeadlineExceeded", attempts: 2 })
      yield* host.until(() => host.connections.open === 0)
    }),
  )

  it.scoped("runs out while waiting for a slot", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { maxOpen: 1 })
      host.script.push(Reply.Hang())
      yield* Effect.fork(client.get("/first", { response }))
      yield* host.until(() => host.requests.length === 1)
      const second = yield* Effect.fork(failureOf(client.get("/", { deadline: "5 seconds", response })))
      yield* asleepWithin("5 seconds")
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(second)).toMatchObject({
        reason: "DeadlineExceeded",
        attempts: 0,
        expected: "a free slot within 5000 ms",
      })
      expect(host.requests.length).toBe(1)
    }),
  )

  it.scoped("is no longer watched once a call has ended, however it did", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const config = Either.getOrThrow(HostConfig.make("archive", { baseUrl: host.url }))
      const client = yield* Effect.map(
        Layer.build(HostPool.layer(config)),
        Context.get(HttpClient.HttpClient),
      )
      const watched = new Set<unknown>()
      const expiry = {
        watch: (wait: Expiry.Wait) => Effect.sync(() => watched.add(wait)),
        drop: (wait: Expiry.Wait) => watched.delete(wait),
      }
      const breaker = new HostBreaker.Breaker(config, () => {})
      const exchange = HostExchange.make(config, client, HostMetrics.make("archive"), expiry, breaker)
      const call: HostExchange.Call<string> = {
        request: HttpClientRequest.get(host.url),
        read: (response) => response.text,
        urgent: false,
        fail: HostError.about({ host: "archive", method: "GET", path: "/" }),
        attempts: { requests: 0 },
        timeoutMillis: 1000,
        deadlineMillis: 1000,
        until: 1000,
      }
      host.script.push(FakeHost.json(1), busy(503), Reply.Hang())
      yield* exchange(call, 1)
      yield* failureOf(exchange(call, 1))
      const fiber = yield* Effect.fork(exchange(call, 1))
      yield* host.until(() => host.requests.length === 3)
      expect(watched.size).toBe(1)
      yield* Fiber.interrupt(fiber)
      expect(watched.size).toBe(0)
    }),
  )

  it.scoped("is kept apart for calls with different limits", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { attempts: 1 })
      host.otherwise = () => Reply.Hang()
      const times = [9, 3, 6]
      const fibers = yield* Effect.forEach(times, (seconds) =>
        Effect.fork(failureOf(client.get("/", { timeout: Duration.seconds(seconds), response }))),
      )
      yield* host.until(() => host.requests.length === 3)
      for (const index of [1, 2, 0]) {
        yield* TestClock.adjust("2999 millis")
        yield* turn
        expect(fibers[index]!.unsafePoll()).toBeNull()
        yield* TestClock.adjust("1 millis")
        expect((yield* Fiber.join(fibers[index]!)).reason).toBe("AttemptTimeout")
      }
    }),
  )
})

describe("interruption", () => {
  it.scoped("closes the socket while waiting for headers, and inside the body", () =>
    Effect.gen(function* () {
      for (const reply of [Reply.Hang(), Reply.Stall(), Reply.Flood()]) {
        const host = yield* FakeHost.make()
        const client = yield* connect(host, { connections: 1, maxBodyBytes: 2 ** 40 })
        host.script.push(reply)
        const fiber = yield* Effect.fork(client.get("/", { response }))
        yield* host.until(() => host.requests.length === 1)
        for (let turns = 0; turns < 20; turns++) yield* turn
        yield* interruptAndCheck(client, fiber)
        yield* host.until(() => host.requests[0]?.state === "closed" && host.connections.open === 0)
        expect(yield* client.get("/", { response })).toEqual({ n: 2 })
      }
    }),
  )

  it.scoped("closes the socket between headers and body, at whatever turn it comes", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      host.otherwise = () => Reply.Stall()
      for (let turns = 0; turns < 30; turns++) {
        const fiber = yield* Effect.fork(client.get("/", { response }))
        for (let done = 0; done < turns; done++) yield* turn
        yield* interruptAndCheck(client, fiber)
        yield* host.until(() => host.connections.open === 0)
      }
    }),
  )

  it.scoped("closes the socket while connecting", () =>
    Effect.gen(function* () {
      const silent = yield* FakeHost.makeTcp()
      const client = yield* connect({ url: `https://127.0.0.1:${silent.port}` })
      const fiber = yield* Effect.fork(client.get("/", { response }))
      yield* silent.until(() => silent.connections.open === 1)
      yield* interruptAndCheck(client, fiber)
      yield* silent.until(() => silent.connections.open === 0)
    }),
  )

  it.scoped("leaves the queue, and sends nothing", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { maxOpen: 1 })
      host.script.push(Reply.Hang())
      const first = yield* Effect.fork(client.get("/first", { response }))
      yield* host.until(() => host.requests.length === 1)
      const second = yield* Effect.fork(client.get("/second", { response }))
      yield* turn
      expect(Exit.isInterrupted(yield* Fiber.interrupt(second))).toBe(true)
      yield* interruptAndCheck(client, first)
      expect(yield* client.get("/third", { response })).toEqual({ n: 2 })
      expect(host.requests.map((seen) => seen.url)).toEqual(["/first", "/third"])
    }),
  )

  it.scoped("ends a pause, and no attempt follows", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      host.otherwise = () => busy(503)
      const fiber = yield* Effect.fork(client.get("/", { response }))
      yield* asleepWithin("1200 millis")
      yield* interruptAndCheck(client, fiber)
      yield* TestClock.adjust("1 minute")
      yield* turn
      expect(host.requests.length).toBe(1)
    }),
  )

  it.live("leaves no socket and no timer when the client's scope closes, hung calls included", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const names = ["TCPSocketWrap", "TCPConnectWrap", "Timeout"]
      const before = names.map(count)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const client = yield* connect(host)
          host.script.push(Reply.Hang(), Reply.Stall())
          yield* Effect.forkDaemon(client.get("/", { response }))
          yield* Effect.forkDaemon(client.get("/", { response }))
          yield* host.until(() => host.requests.length === 2)
        }),
      )
      yield* host.until(() => host.connections.open === 0)
      yield* turn
      names.forEach((name, index) => expect(count(name), name).toBeLessThanOrEqual(before[index]!))
    }).pipe(Effect.scoped),
  )
})
