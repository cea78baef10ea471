import * as Net from "node:net"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { fromEncoded } from "../../../src/internal/operationFeed.js"
import * as EventHub from "../../../src/node/api/EventHub.js"
import { EventWatcher, frameOf } from "../../../src/node/api/EventWatcher.js"
import { call, eventsOf, send, serve, until, withClient } from "./Served.js"

const counting = (ticks: number, millis: number, last = "end") => ({ name: "e", ticks, millis, last })

const changeOf = (sequence: number, status: "running" | "completed") =>
  frameOf(fromEncoded("a", sequence, status, JSON.stringify({ sequence })))

describe.concurrent("event streams", () => {
  it.scopedLive("tell the progress as it is encoded once, and end with how it ended", () =>
    Effect.gen(function* () {
      const { api, operations } = yield* serve()
      const { id } = yield* operations.startKind("count", counting(6, 100))
      const answers = yield* Effect.all(
        Array.from({ length: 3 }, () => call(`${api}/operations/${id}/events`)),
        { concurrency: "unbounded" },
      )
      const [first] = answers
      expect(first?.headers.get("content-type")).toBe("text/event-stream; charset=utf-8")
      expect(first?.headers.get("cache-control")).toBe("no-store")
      expect(new Set(answers.map(({ text }) => eventsOf(text).at(-1)?.data)).size).toBe(1)
      const events = eventsOf(first?.text ?? "")
      expect(events.length).toBeGreaterThan(2)
      expect(events.length).toBeLessThan(7)
      expect(events.slice(0, -1).map(({ name }) => name)).toEqual(events.slice(0, -1).map(() => "progress"))
      const last = events.at(-1)
      const { sequence } = yield* operations.get(id)
      expect([last?.name, last?.id]).toEqual(["completed", String(sequence + 1)])
      const ids = events.map((one) => Number(one.id))
      expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b))
      expect(JSON.parse(last?.data ?? "")).toMatchObject({
        status: "completed",
        fraction: 1,
        operationId: id,
      })
    }),
  )

  it.scopedLive("go on behind the last event id, and have nothing for who has had the last one", () =>
    Effect.gen(function* () {
      const { api, operations } = yield* serve()
      const { id } = yield* operations.startKind("count", counting(5, 260))
      const all = eventsOf((yield* call(`${api}/operations/${id}/events`)).text)
      const before = all.at(-2)
      const last = all.at(-1)
      const again = yield* call(`${api}/operations/${id}/events?last_event_id=${before?.id}`)
      expect(eventsOf(again.text)).toEqual([last])
      const seen = yield* send("GET", `${api}/operations/${id}/events`, undefined, {
        "last-event-id": last?.id ?? "",
      })
      expect([seen.status, seen.text]).toEqual([204, ""])
      const future = yield* call(`${api}/operations/${id}/events?last_event_id=999999`)
      expect(future.status).toBe(204)
      const odd = yield* call(`${api}/operations/${id}/events?last_event_id=x`)
      expect(odd.body.detail[0]).toMatchObject({ type: "int_parsing", loc: ["query", "last_event_id"] })

      const replayed = yield* operations.startKind("count", counting(4, 260, "wait"))
      yield* until(Effect.map(operations.get(replayed.id), ({ sequence }) => sequence >= 3))
      const fiber = yield* Effect.fork(call(`${api}/operations/${replayed.id}/events?last_event_id=1`))
      yield* Effect.sleep("100 millis")
      yield* operations.cancel(replayed.id)
      const events = eventsOf((yield* Fiber.join(fiber)).text)
      expect(events.slice(0, 2).map((event) => event.id)).toEqual(["2", "3"])
      expect(events.at(-1)?.name).toBe("cancelled")
    }),
  )

  it.scopedLive("a reader that stalls or leaves holds up nobody, and leaves nothing", () =>
    Effect.gen(function* () {
      const { api, operations, url } = yield* serve()
      const { id } = yield* operations.startKind("count", counting(20, 100))
      const { hostname, port } = new URL(url)
      const request = `GET /api/v1/operations/${id}/events HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`
      const stalled = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Net.connect(Number(port), hostname, () => stalled.write(request)).pause(),
        ) as Effect.Effect<Net.Socket>,
        (socket) => Effect.sync(() => socket.destroy()),
      )
      const leaving = yield* Effect.fork(call(`${api}/operations/${id}/events`))
      const reader = yield* Effect.fork(call(`${api}/operations/${id}/events`))
      yield* Effect.sleep("300 millis")
      yield* Fiber.interrupt(leaving)
      const events = eventsOf((yield* Fiber.join(reader)).text)
      expect(events.at(-1)?.name).toBe("completed")
      expect(events.length).toBeGreaterThan(4)
    }),
  )

  it.scopedLive("a failed operation ends its stream as failed, one that waits is told at once", () =>
    Effect.gen(function* () {
      const { api, operations } = yield* serve()
      const { id } = yield* operations.startKind("count", counting(1, 0, "fail"))
      yield* operations.await(id)
      expect(eventsOf((yield* call(`${api}/operations/${id}/events`)).text).map(({ name }) => name)).toEqual([
        "failed",
      ])
    }),
  )

  it.scoped("a comment comes every 15 seconds, and nobody is listened to for nobody", () =>
    Effect.gen(function* () {
      let listening = 0
      const changes = () =>
        Stream.never.pipe(
          Stream.onStart(Effect.sync(() => listening++)),
          Stream.ensuring(Effect.sync(() => listening--)),
        )
      const hub = yield* EventHub.make({ changes }, yield* Deferred.make<void>())
      const watchers = [yield* hub.watch("a", 0), yield* hub.watch("a", 0), yield* hub.watch("b", 0)]
      const texts = watchers.map(() => "")
      watchers.forEach((watcher, index) => watcher.on("data", (bytes) => (texts[index] += String(bytes))))
      yield* TestClock.adjust("44 seconds")
      yield* Effect.promise(() => new Promise(setImmediate))
      expect([hub.size(), listening, texts[0]]).toEqual([3, 2, ":\n\n: alive\n\n: alive\n\n"])
      yield* TestClock.adjust("1 seconds")
      expect(texts).toEqual(watchers.map(() => ":\n\n: alive\n\n: alive\n\n: alive\n\n"))
      for (const watcher of watchers) watcher.destroy()
      yield* Effect.promise(() => new Promise(setImmediate))
      yield* TestClock.adjust("1 seconds")
      expect([hub.size(), listening]).toEqual([0, 0])
    }),
  )

  it.effect("a reader that takes nothing is kept the newest only, and the last one in any case", () =>
    Effect.gen(function* () {
      const watcher = new EventWatcher(
        2,
        [2, 3, 4].map((one) => changeOf(one, "running")),
        () => {},
      )
      for (let sequence = 5; sequence < 2000; sequence++) {
        watcher.offer(changeOf(sequence, "running"))
        watcher.beat()
      }
      watcher.offer(changeOf(2000, "completed"))
      expect(watcher.readableLength).toBeLessThan(10)
      const text = yield* Effect.promise(async () => (await watcher.toArray()).join(""))
      expect(eventsOf(text).map(({ id, name }) => [id, name])).toEqual([
        ["3", "progress"],
        ["4", "progress"],
        ["2001", "completed"],
      ])
    }),
  )
})

describe.concurrent("the client", () => {
  it.scopedLive("reads the changes of an operation to its end", () =>
    Effect.gen(function* () {
      const { client, operations } = yield* withClient()
      const { id } = yield* operations.startKind("count", counting(5, 130))
      const changes = Chunk.toReadonlyArray(yield* Stream.runCollect(client.operations.changes(id)))
      expect(changes.at(-1)).toMatchObject({ id, status: "completed" })
      expect(changes.at(-1)?.snapshot()).toEqual((yield* operations.get(id)).progress)
      expect(changes[0]?.snapshot().message).toMatch(/^Counting e: \d$/)
      const behind = changes.at(-1)?.sequence ?? 0
      const rest = yield* Stream.runCollect(client.operations.changes(id, behind - 1))
      expect(Chunk.toReadonlyArray(rest).map(({ status }) => status)).toEqual(["completed"])
      expect(yield* Effect.either(Stream.runDrain(client.operations.changes("nope")))).toMatchObject(
        Either.left({ _tag: "OperationError", reason: "UnknownId" }),
      )
    }),
  )

  it.scopedLive("connects again where a connection is lost, and tells nothing twice", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const proxy = yield* breaking(server.url)
      const { make } = yield* Effect.promise(() => import("../../../src/node/api/Client.js"))
      const client = yield* make({ url: proxy.url })
      const { id } = yield* server.operations.startKind("count", counting(1000, 50))
      let heard = 0
      const listening = Stream.tap(client.operations.changes(id), () => Effect.sync(() => heard++))
      const fiber = yield* Effect.fork(Stream.runCollect(listening))
      for (let cut = 0; cut < 2; cut++) {
        const before = heard
        yield* until(Effect.sync(() => heard > before && proxy.connections() > cut))
        proxy.cut()
      }
      yield* server.operations.cancel(id)
      const changes = Chunk.toReadonlyArray(yield* Fiber.join(fiber))
      expect(proxy.connections()).toBeGreaterThan(2)
      expect(changes.at(-1)?.status).toBe("cancelled")
      const told = changes.map(({ sequence }) => sequence)
      expect(told).toEqual([...new Set(told)].sort((a, b) => a - b))
    }),
  )

  it.scopedLive("says at once that there is no server, and what to do", () =>
    Effect.gen(function* () {
      const { make } = yield* Effect.promise(() => import("../../../src/node/api/Client.js"))
      const client = yield* make({ url: "http://127.0.0.1:9/api/v1/" })
      const advice = expect.stringContaining("ktrdr serve runs at http://127.0.0.1:9: start it")
      for (const asked of [client.health, Stream.runDrain(client.operations.changes("x"))]) {
        expect(yield* Effect.either(asked as Effect.Effect<unknown, unknown>)).toMatchObject(
          Either.left({ _tag: "HostError", reason: "ConnectionRefused", advice }),
        )
      }
      expect(yield* Effect.either(make({ url: "nonsense" }))).toMatchObject(
        Either.left({ _tag: "HostError", reason: "InvalidConfig" }),
      )
    }),
  )
})

/** Passes connections on until it is told to cut them. */
const breaking = (target: string) =>
  Effect.acquireRelease(
    Effect.async<{
      readonly url: string
      readonly cut: () => void
      readonly connections: () => number
      readonly close: () => void
    }>((resume) => {
      const { hostname, port } = new URL(target)
      const open = new Set<Net.Socket>()
      let count = 0
      const server = Net.createServer((socket) => {
        count++
        const behind = Net.connect(Number(port), hostname)
        open.add(socket)
        for (const one of [socket, behind]) one.on("error", () => {})
        socket.pipe(behind).pipe(socket)
        socket.on("close", () => {
          open.delete(socket)
          behind.destroy()
        })
      })
      const cut = () => {
        for (const socket of open) socket.destroy()
      }
      server.listen(0, "127.0.0.1", () => {
        const address = server.address() as Net.AddressInfo
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${address.port}`,
            cut,
            connections: () => count,
            close: () => {
              cut()
              server.close()
            },
          }),
        )
      })
    }),
    ({ close }) => Effect.sync(close),
  )
