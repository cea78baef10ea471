import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import type * as HostClient from "../src/HostClient.js"
import * as HostFollow from "../src/HostFollow.js"
import { asleepWithin, connect, failureOf, turn } from "./utils/Archive.js"
import * as FakeHost from "./utils/FakeHost.js"

const { Reply } = FakeHost

const Status = Schema.Struct({ n: Schema.Number, over: Schema.Boolean })

const follow = (
  client: HostClient.HostClient,
  options: Partial<HostFollow.Options<typeof Status.Type, typeof Status.Encoded, never>> = {},
) =>
  HostFollow.follow(client, { status: "/status", response: Status, isOver: ({ over }) => over, ...options })

const events = { events: "/events" }

const numbers = (statuses: ReturnType<typeof follow>) =>
  Effect.map(Stream.runCollect(statuses), (all) => Chunk.toReadonlyArray(all).map(({ n }) => n))

const status = (n: number, over = false) => ({ n, over })

/** Events of the statuses up to `last`, each named by its number, from behind the one that was seen or with it. */
const sent = (seen: FakeHost.Seen, last: number, isRepeated = false) => {
  const from = Math.max(0, Number(seen.headers["last-event-id"] ?? 0) - (isRepeated ? 1 : 0))
  return Array.from({ length: last - from }, (_, index) => from + index + 1)
    .map((n) => `id: ${n}\nevent: status\ndata: ${JSON.stringify(status(n, n === last))}\n\n`)
    .join("")
}

const head = { "content-type": "text/event-stream" }

const stream = (text: string, isWhole: boolean): FakeHost.Reply =>
  Reply.Play({
    play: (response) => {
      response.writeHead(200, head)
      if (isWhole) response.end(text)
      else response.write(text === "" ? ":" : text, () => response.destroy())
    },
  })

const patient = { backoff: "1 millis", attempts: 12, breakerThreshold: 1000, connections: 2 } as const

describe("events", () => {
  it.live("give every status once and in order, wherever the stream breaks", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const host = yield* FakeHost.make()
        const client = yield* connect(host, patient)
        const cut = fc.record({ at: fc.nat(300), isEnd: fc.boolean(), isRepeated: fc.boolean() })
        const one = fc.record({ last: fc.integer({ min: 1, max: 6 }), cuts: fc.array(cut, { maxLength: 6 }) })
        for (const { cuts, last } of fc.sample(one, 40)) {
          const left = [...cuts]
          host.otherwise = (seen) => {
            const next = left.shift()
            const text = sent(seen, last, next?.isRepeated)
            return next === undefined ? stream(text, true) : stream(text.slice(0, next.at), next.isEnd)
          }
          const expected = Array.from({ length: last }, (_, index) => index + 1)
          expect([cuts, yield* numbers(follow(client, events))]).toEqual([cuts, expected])
        }
        expect(host.requests.every(({ url }) => url === "/events")).toBe(true)
      }),
    ),
  )

  it.scoped("end with the status that is over, and the connection with them", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, patient)
      host.otherwise = () =>
        Reply.Play({
          play: (response) => {
            response.writeHead(200, head)
            response.write(
              `data: ${JSON.stringify(status(1, true))}\n\ndata: ${JSON.stringify(status(2))}\n\n`,
            )
          },
        })
      expect(yield* numbers(follow(client, events))).toEqual([1])
      yield* host.until(() => host.connections.open === 0)
    }),
  )

  it.scoped("that do not exist are made up for by asking", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, patient)
      const replies = [
        ...[404, 405, 406, 501].map((code) => FakeHost.json({ detail: "no" }, code)),
        FakeHost.html(200),
      ]
      for (const reply of replies) {
        host.requests.length = 0
        host.script.push(reply, FakeHost.json(status(5, true)))
        expect(yield* numbers(follow(client, events))).toEqual([5])
        expect(host.requests.map(({ url }) => url)).toEqual(["/events", "/status"])
      }
      const single = yield* connect(host, { ...patient, connections: 1 })
      host.script.push(FakeHost.json(status(6, true)))
      expect(yield* numbers(follow(single, events))).toEqual([6])
    }),
  )

  it.scoped("that end again and again are made up for by asking, too", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { ...patient, attempts: 2 })
      host.otherwise = ({ url }) =>
        url === "/events" ? stream("", true) : FakeHost.json(status(host.requests.length, true))
      const fiber = yield* Effect.fork(numbers(follow(client, events)))
      yield* host.until(() => host.requests.length === 1)
      yield* asleepWithin("10 millis")
      yield* TestClock.adjust("10 millis")
      expect(yield* Fiber.join(fiber)).toEqual([3])
    }),
  )

  it.live(
    "fail once the attempts since the last event are used up, and at once for what no repeat mends",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const host = yield* FakeHost.make()
          const client = yield* connect(host, { ...patient, attempts: 3 })
          const one = `id: 1\ndata: ${JSON.stringify(status(1))}\n\n`
          host.script.push(stream("", false), stream(one, false))
          host.otherwise = () => stream(": alive\n\n", false)
          const seen: Array<number> = []
          const error = yield* follow(client, events).pipe(
            Stream.runForEach(({ n }) => Effect.sync(() => seen.push(n))),
            failureOf,
          )
          expect(error).toMatchObject({ reason: "Truncated", path: "/events" })
          expect([seen, host.requests.length]).toEqual([[1], 4])
          host.script.push(stream(`${one}data: {"m":1}\n\n`, true))
          expect(yield* failureOf(numbers(follow(client, events)))).toMatchObject({ reason: "Malformed" })
          expect(host.requests.length).toBe(5)
        }),
      ),
  )
})

/** Nothing is asked a millisecond before `millis` have passed, and one question then. */
const waits = (host: FakeHost.FakeHost, millis: number) =>
  Effect.gen(function* () {
    const before = host.requests.length
    yield* asleepWithin("2 seconds")
    yield* TestClock.adjust(millis - 1)
    for (let turns = 0; turns < 5; turns++) yield* turn
    expect([millis, host.requests.length]).toEqual([millis, before])
    yield* TestClock.adjust(1)
    yield* host.until(() => host.requests.length === before + 1)
  })

const query = (last: typeof Status.Type | undefined) => ({ from: last?.n })

describe("asking", () => {
  it.scoped("goes from 300 ms to 2 s while nothing changes, and back", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, patient)
      let current = status(1)
      host.otherwise = () => FakeHost.json(current)
      const seen: Array<number> = []
      const fiber = yield* follow(client).pipe(
        Stream.runForEach(({ n }) => Effect.sync(() => seen.push(n))),
        Effect.fork,
      )
      yield* host.until(() => host.requests.length === 1)
      for (const millis of [300, 450, 675, 1012.5, 1518.75, 2000]) yield* waits(host, millis)
      current = status(2)
      yield* waits(host, 2000)
      yield* waits(host, 300)
      current = status(3, true)
      yield* waits(host, 450)
      yield* Fiber.join(fiber)
      expect(seen).toEqual([1, 2, 3])
    }),
  )

  it.scoped("says what is known already", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, patient)
      const told = `id: x\ndata: ${JSON.stringify(status(4))}\n\n`
      host.script.push(
        stream(told, false),
        FakeHost.json({}, 404),
        FakeHost.json(status(5)),
        FakeHost.json(status(6, true)),
      )
      const fiber = yield* Effect.fork(numbers(follow(client, { ...events, query, fast: "10 millis" })))
      for (const count of [1, 3]) {
        yield* host.until(() => host.requests.length === count)
        yield* asleepWithin("10 millis")
        yield* TestClock.adjust("10 millis")
      }
      expect(yield* Fiber.join(fiber)).toEqual([4, 5, 6])
      expect(host.requests.map(({ url }) => url)).toEqual([
        "/events",
        "/events",
        "/status?from=4",
        "/status?from=5",
      ])
    }),
  )

  it.scoped("fails with what a call fails with", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, patient)
      host.script.push(FakeHost.json({ detail: "none" }, 404), FakeHost.json({ m: 1 }))
      expect(yield* failureOf(numbers(follow(client)))).toMatchObject({ reason: "Status", status: 404 })
      expect(yield* failureOf(numbers(follow(client)))).toMatchObject({ reason: "Malformed" })
      expect((yield* client.stats).failures).toEqual({ Status: 1, Malformed: 1 })
    }),
  )
})
