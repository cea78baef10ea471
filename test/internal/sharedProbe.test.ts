import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { busy, connect, failureOf, turn } from "../utils/Archive.js"
import * as FakeHost from "../utils/FakeHost.js"

const { Reply } = FakeHost

describe("health", () => {
  it.scoped("is asked once for all who ask, and again when it is stale", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { healthPath: "/up" })
      host.script.push(FakeHost.json({ healthy: true }))
      const all = yield* Effect.replicateEffect(client.health, 8).pipe(
        Effect.zip(
          Effect.all(
            Array.from({ length: 8 }, () => client.health),
            { concurrency: "unbounded" },
          ),
          {
            concurrent: true,
          },
        ),
      )
      expect(all.flat()).toHaveLength(16)
      expect(all.flat().every((health) => JSON.stringify(health.body) === '{"healthy":true}')).toBe(true)
      expect(host.requests.map((seen) => seen.url)).toEqual(["/up"])
      yield* TestClock.adjust("4999 millis")
      yield* client.health
      expect(host.requests.length).toBe(1)
      yield* TestClock.adjust("1 millis")
      expect((yield* client.health).checkedAtMillis).toBe(5000)
      expect(host.requests.length).toBe(2)
    }),
  )

  it.scoped("is stale where the clock was put back", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      yield* TestClock.setTime(60_000)
      yield* client.health
      yield* TestClock.setTime(50_000)
      yield* client.health
      expect(host.requests.length).toBe(2)
    }),
  )

  it.scoped("keeps a failure as long, and takes what is no JSON", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      host.script.push(busy(503), Reply.Answer({ status: 200, headers: {}, body: "OK" }))
      for (let asked = 0; asked < 3; asked++) {
        expect(yield* failureOf(client.health)).toMatchObject({ reason: "Unavailable", attempts: 1 })
      }
      expect(host.requests.length).toBe(1)
      yield* TestClock.adjust("5 seconds")
      expect((yield* client.health).body).toBe("OK")
    }),
  )

  it.scoped("outlives the one who asked first, but not the last", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      host.script.push(Reply.Hang())
      const first = yield* Effect.fork(client.health)
      yield* host.until(() => host.requests.length === 1)
      const last = yield* Effect.fork(client.health)
      yield* Fiber.interrupt(first)
      yield* turn
      expect(host.requests[0]?.state).toBe("open")
      yield* Fiber.interrupt(last)
      yield* host.until(() => host.requests[0]?.state === "closed")
      expect((yield* client.health).body).toEqual({ n: 2 })
    }),
  )

  it.scoped("does not wait longer than its own time", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      host.script.push(Reply.Hang())
      const fiber = yield* Effect.fork(failureOf(client.health))
      yield* host.until(() => host.requests.length === 1)
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(fiber)).reason).toBe("AttemptTimeout")
    }),
  )
})
