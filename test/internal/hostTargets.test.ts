import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type * as HostClient from "../../src/HostClient.js"
import { busy, connect, failureOf, quick, response } from "../utils/Archive.js"
import * as FakeHost from "../utils/FakeHost.js"

const { Reply } = FakeHost

/** A client of several hosts. */
const connectTo = (hosts: ReadonlyArray<{ readonly url: string }>, options = {}) =>
  connect({ url: hosts.map(({ url }) => url).join(",") }, options)

const get = (client: HostClient.HostClient, path = "/") => client.get(path, { response })

/** The URL of a host that is closed. */
const dead = Effect.scoped(FakeHost.make())

/** Hosts in a scope of their own, so that the first may die. */
const mortal = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const first = yield* Scope.extend(FakeHost.make(), scope)
  return { first, second: yield* FakeHost.make(), die: Scope.close(scope, Exit.void) }
})

describe("a host of several URLs", () => {
  it.scoped("is asked at the next where the first is dead, and stays there", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* dead, yield* FakeHost.make()]
      const client = yield* connectTo([first, second])
      expect([client.url, client.targets.map(({ url }) => url)]).toEqual([
        `${first.url},${second.url}`,
        [first.url, second.url],
      ])
      for (const n of [1, 2, 3]) expect(yield* get(client, `/things?a=${n}`)).toEqual({ n })
      expect(second.requests.map(({ url }) => url)).toEqual(["/things?a=1", "/things?a=2", "/things?a=3"])
      const [one, two] = yield* Effect.forEach(client.targets, ({ stats }) => stats)
      expect(one).toMatchObject({ requests: 1, failures: { ConnectionRefused: 1 }, url: first.url })
      expect(two).toMatchObject({ requests: 3, retries: 1, failures: {}, lastError: null, url: second.url })
      expect(yield* client.stats).toMatchObject({
        requests: 4,
        retries: 1,
        failures: { ConnectionRefused: 1 },
        state: "closed",
        connectionsOpened: second.connections.opened,
        lastError: { reason: "ConnectionRefused" },
      })
    }),
  )

  it.scoped("loses no call when the first dies under a load of them", () =>
    Effect.gen(function* () {
      for (const warm of [false, true]) {
        const { die, first, second } = yield* mortal
        const client = yield* connectTo([first, second])
        if (warm)
          yield* Effect.all(
            Array.from({ length: 8 }, () => get(client)),
            { concurrency: 8 },
          )
        const before = first.requests.length
        first.otherwise = () => Reply.Hang()
        const calls = yield* Effect.forEach(Array.from({ length: 8 }), (_, index) =>
          Effect.fork(get(client, `/${index}`)),
        )
        yield* first.until(() => first.requests.length === before + 8)
        yield* die
        expect((yield* Fiber.join(Fiber.all(calls))).length).toBe(8)
        expect(second.requests.map(({ url }) => url).sort()).toEqual(calls.map((_, index) => `/${index}`))
        expect((yield* client.stats).inFlight).toBe(0)
      }
    }),
  )

  it.scoped("is sent nothing twice that may not be repeated", () =>
    Effect.gen(function* () {
      const { die, first, second } = yield* mortal
      const client = yield* connectTo([first, second])
      first.otherwise = () => Reply.Hang()
      const post = (options = {}) => client.post("/start", { body: {}, response, ...options })
      const calls = yield* Effect.replicateEffect(Effect.fork(Effect.either(post())), 4)
      const keyed = yield* Effect.fork(post({ idempotencyKey: "k" }))
      yield* first.until(() => first.requests.length === 5)
      yield* die
      for (const call of yield* Fiber.join(Fiber.all(calls))) {
        expect(Either.getOrThrow(Either.flip(call))).toMatchObject({ reason: "ConnectionReset", attempts: 1 })
      }
      yield* Fiber.join(keyed)
      expect(second.requests.map(({ headers }) => headers["idempotency-key"])).toEqual(["k"])
    }),
  )

  it.scoped("is sent at the next what the first has refused to connect for", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* dead, yield* FakeHost.make()]
      const client = yield* connectTo([first, second])
      expect(yield* client.post("/start", { body: {}, response })).toEqual({ n: 1 })
    }),
  )

  it.scoped("goes back to the first when the second fails", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* FakeHost.make(), yield* FakeHost.make()]
      const client = yield* connectTo([first, second])
      first.script.push(busy(503))
      yield* get(client)
      second.script.push(Reply.Truncated())
      yield* get(client)
      yield* get(client)
      expect([first.requests.length, second.requests.length]).toEqual([3, 2])
    }),
  )

  it.scoped("is not left for a refusal that is meant for the caller", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* FakeHost.make(), yield* FakeHost.make()]
      const client = yield* connectTo([first, second], { attempts: 1 })
      first.script.push(busy(404), busy(500), busy(429), FakeHost.json({}, 503, { "retry-after": "1" }))
      for (let calls = 0; calls < 4; calls++) yield* failureOf(get(client))
      expect([first.requests.length, second.requests.length]).toEqual([4, 0])
    }),
  )

  it.live("fails when all of them do, after as many rounds as there are attempts", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* FakeHost.make(), yield* FakeHost.make()]
      const client = yield* connectTo([first, second], { ...quick, attempts: 3 })
      first.otherwise = second.otherwise = () => busy(503)
      expect(yield* failureOf(get(client))).toMatchObject({ reason: "Unavailable", status: 503, attempts: 6 })
      expect([first.requests.length, second.requests.length]).toEqual([3, 3])
    }).pipe(Effect.scoped),
  )

  it.scoped("fails at once while all circuits are open, and tries the one whose time comes first", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* FakeHost.make(), yield* FakeHost.make()]
      const client = yield* connectTo([first, second], { attempts: 1, breakerThreshold: 1 })
      const [one, two] = [client.targets[0]!, client.targets[1]!]
      second.script.push(busy(502))
      yield* failureOf(get(two))
      yield* TestClock.adjust("600 millis")
      expect((yield* client.stats).state).toBe("closed")
      first.script.push(busy(502))
      yield* failureOf(get(one))
      expect(yield* failureOf(get(client))).toMatchObject({
        attempts: 0,
        nextTryMillis: 1000,
        retryAfterMillis: 400,
      })
      expect(yield* client.stats).toMatchObject({ state: "open", nextTryMillis: 1000 })
      yield* TestClock.adjust("400 millis")
      expect(yield* get(client)).toEqual({ n: 2 })
      expect([first.requests.length, second.requests.length]).toEqual([1, 2])
    }),
  )

  it.scoped("is healthy if one of them is", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* dead, yield* FakeHost.make()]
      const client = yield* connectTo([first, second])
      expect((yield* client.health).body).toEqual({ n: 1 })
      const none = yield* connectTo([first, yield* dead])
      expect((yield* failureOf(none.health)).reason).toBe("ConnectionRefused")
    }),
  )
})
