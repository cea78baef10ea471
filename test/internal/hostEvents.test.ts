import type * as Http from "node:http"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import type * as HostClient from "../../src/HostClient.js"
import * as HostEvents from "../../src/internal/hostEvents.js"
import { asleepWithin, connect, failureOf, response, turn } from "../utils/Archive.js"
import * as FakeHost from "../utils/FakeHost.js"

const { Reply } = FakeHost

/** An event stream that does what `play` says. */
const stream = (play: (response: Http.ServerResponse) => void): FakeHost.Reply =>
  Reply.Play({
    play: (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" })
      play(response)
    },
  })

const parsed = (bytes: ReadonlyArray<Uint8Array>, limit = 1000) =>
  HostEvents.parse(Stream.fromIterable(bytes), limit, () => "too large" as const).pipe(
    Stream.map(({ data, event, id }) => ({ data, event, id })),
    Stream.runCollect,
    Effect.map(Chunk.toReadonlyArray),
  )

const bytes = (text: string) => [new TextEncoder().encode(text)]

const all = (client: HostClient.HostClient, options: HostClient.Listening = {}) =>
  Effect.map(Stream.runCollect(client.events("/events", { response, ...options })), Chunk.toReadonlyArray)

describe("parsing", () => {
  const line = fc.string({ unit: fc.constantFrom(..."aZ0 :é☃{}"), minLength: 1, maxLength: 12 })
  const event = fc.record({
    id: fc.option(line, { nil: undefined }),
    event: line,
    lines: fc.array(line, { minLength: 1, maxLength: 3 }),
    comments: fc.array(fc.constantFrom(": life", ":", "unknown: field"), { maxLength: 2 }),
  })

  it.effect.prop(
    "gives the events that were sent, however the lines end and wherever the bytes are cut",
    {
      events: fc.array(event, { maxLength: 5 }),
      end: fc.constantFrom("\n", "\r\n"),
      cuts: fc.array(fc.nat(400), { maxLength: 8 }),
    },
    ({ cuts, end, events }) =>
      Effect.gen(function* () {
        const text = events
          .flatMap(({ comments, event, id, lines }) => [
            ...comments,
            ...(id === undefined ? [] : [`id: ${id}`]),
            `event: ${event}`,
            ...lines.map((line) => `data: ${line}`),
            "",
          ])
          .map((line) => `${line}${end}`)
          .join("")
        const whole = new TextEncoder().encode(text)
        const places = [0, ...cuts.filter((at) => at < whole.length).sort((a, b) => a - b), whole.length]
        const pieces = places.slice(1).map((to, index) => whole.subarray(places[index], to))
        expect(yield* parsed(pieces)).toEqual(
          events.map(({ event, id, lines }) => ({ id, event, data: lines.join("\n") })),
        )
      }),
    { fastCheck: { numRuns: 50 } },
  )

  it.effect("drops what is not finished, and stops at an event that is too long", () =>
    Effect.gen(function* () {
      expect(yield* parsed(bytes("data: 1\n\ndata: 2\n"))).toEqual([
        { id: undefined, event: "message", data: "1" },
      ])
      expect(yield* Effect.flip(parsed(bytes(`data: 1\n\ndata: ${"x".repeat(1000)}`)))).toBe("too large")
    }),
  )
})

describe("events of a host", () => {
  it.scoped("come as they are sent, decoded, over one connection, until the host ends", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { connections: 2 })
      let answer: Http.ServerResponse | undefined
      host.script.push(
        stream((response) => {
          answer = response
          response.write('id: a\ndata: {"n":1}\n\n')
        }),
      )
      const seen: Array<unknown> = []
      yield* client.events("/events", { response, lastEventId: "z", query: { q: 1 } }).pipe(
        Stream.runForEach((event) =>
          Effect.sync(() => {
            seen.push(event)
            if (event.data.n === 1) answer?.write(': life\n\ndata: {"n":2}\n\n')
            else answer?.end()
          }),
        ),
      )
      expect(seen).toEqual([
        { id: "a", data: { n: 1 } },
        { id: undefined, data: { n: 2 } },
      ])
      expect(host.requests[0]).toMatchObject({ method: "GET", url: "/events?q=1" })
      expect(host.requests[0]?.headers).toMatchObject({
        accept: "text/event-stream",
        "accept-encoding": "identity",
        "last-event-id": "z",
      })
      expect(host.connections.opened).toBe(1)
      expect(yield* client.stats).toMatchObject({ requests: 1, failures: {}, inFlight: 0 })
    }),
  )

  it.scoped("fail as told: a refusal with its body, something else, a break, a misfit", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { attempts: 1 })
      const first = 'data: {"n":1}\n\n'
      const cases: ReadonlyArray<readonly [FakeHost.Reply, object]> = [
        [
          FakeHost.json({ detail: "none" }, 404),
          { reason: "Status", status: 404, body: '{"detail":"none"}' },
        ],
        [FakeHost.json({ n: 1 }), { reason: "Malformed", found: "application/json" }],
        [
          stream((response) => response.write(first, () => response.destroy())),
          { reason: "Truncated", path: "/events" },
        ],
        [stream((response) => response.end(`${first}data: {"m":1}\n\n`)), { reason: "Malformed" }],
        [stream((response) => response.end("data: {\n\n")), { reason: "Malformed" }],
      ]
      for (const [reply, expected] of cases) {
        host.script.push(reply)
        expect(yield* failureOf(all(client))).toMatchObject({ ...expected, attempts: 1 })
      }
      expect((yield* client.stats).failures).toEqual({ Status: 1, Malformed: 3, Truncated: 1 })
    }),
  )

  it.scoped("are opened with the retries of any call", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { backoff: "1 millis" })
      host.script.push(
        Reply.Reset(),
        FakeHost.json({}, 503),
        stream((response) => response.end('data: {"n":1}\n\n')),
      )
      const fiber = yield* Effect.fork(all(client))
      yield* asleepWithin("10 millis")
      yield* TestClock.adjust("10 millis")
      expect(yield* Fiber.join(fiber)).toEqual([{ id: undefined, data: { n: 1 } }])
      expect(yield* client.stats).toMatchObject({ requests: 3, retries: 2 })
    }),
  )

  it.scoped("live while anything comes, and fail when nothing does for too long", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { attempts: 1 })
      let answer: Http.ServerResponse | undefined
      host.script.push(
        stream((response) => {
          answer = response
          response.write(": hello\n\n")
        }),
      )
      const fiber = yield* Effect.fork(failureOf(all(client, { idleTimeout: "3 seconds" })))
      yield* host.until(() => host.requests.length === 1)
      for (let beat = 0; beat < 5; beat++) {
        yield* asleepWithin("3 seconds")
        yield* TestClock.adjust("2 seconds")
        answer?.write(": life\n\n")
        for (let turns = 0; turns < 20; turns++) yield* turn
        expect(fiber.unsafePoll()).toBeNull()
      }
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({
        reason: "AttemptTimeout",
        expected: "an event or a comment within 3000 ms",
      })
      yield* host.until(() => host.connections.open === 0)
    }),
  )

  it.scoped("interrupted close the socket at once, and give their connection back", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { connections: 2 })
      for (let round = 0; round < 5; round++) {
        host.script.push(stream((response) => response.write('data: {"n":1}\n\n')))
        const fiber = yield* Effect.fork(all(client))
        yield* host.until(() => host.requests.length === round + 1)
        for (let turns = 0; turns < round * 3; turns++) yield* turn
        yield* Fiber.interrupt(fiber)
        yield* host.until(() => host.connections.open === 0)
      }
      expect(host.requests.every(({ state }) => state === "closed")).toBe(true)
    }),
  )

  it.scoped("leave one connection to everybody else", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { connections: 3 })
      host.otherwise = ({ url }) =>
        url === "/events" ? stream((response) => response.flushHeaders()) : FakeHost.json({ n: 1 })
      const fibers = yield* Effect.forEach([1, 2], () => Effect.fork(all(client)))
      yield* host.until(() => host.requests.length === 2)
      expect(yield* failureOf(all(client))).toMatchObject({ reason: "InvalidConfig", attempts: 0 })
      const gets = Effect.forEach(Array.from({ length: 20 }), () => client.get("/", { response }), {
        concurrency: 20,
      })
      expect((yield* gets).length).toBe(20)
      expect(host.connections.opened).toBe(3)
      yield* Effect.forEach(fibers, Fiber.interrupt)
      const next = yield* Effect.fork(all(client))
      yield* host.until(() => host.requests.filter(({ url }) => url === "/events").length === 3)
      yield* Fiber.interrupt(next)
    }),
  )
})
