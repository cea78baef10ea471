/** What becomes of loads, event streams and requests when the server ends. */
import * as Net from "node:net"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Operations from "../../../src/Operations.js"
import { eventsOf, held, send, serve, until } from "./Served.js"

/** A server in a scope of its own, and its end, measured in milliseconds. */
const ending = (options: Parameters<typeof serve>[0]) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const server = yield* Scope.extend(serve(options), scope)
    const close = Effect.gen(function* () {
      const began = yield* Clock.currentTimeMillis
      yield* Scope.close(scope, Exit.void)
      return (yield* Clock.currentTimeMillis) - began
    })
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    return { ...server, close }
  })

/** Reads a stream to its end; returns once it has begun. */
const watch = (url: string) =>
  Effect.gen(function* () {
    const begun = yield* Deferred.make<void>()
    const fiber = yield* Effect.promise(async (signal) => {
      const reader = (await fetch(url, { signal })).body?.pipeThrough(new TextDecoderStream()).getReader()
      let text = ""
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true }
        Deferred.unsafeDone(begun, Effect.void)
        if (done) return text
        text += value
      }
    }).pipe(Effect.fork)
    yield* Deferred.await(begun)
    return fiber
  })

const load = (symbol: string) => ({
  symbol,
  timeframe: "1h",
  mode: "full",
  start_date: "2022-01-01",
  end_date: "2024-01-01",
})

const isRunning = (operations: Operations.Service, count: number) =>
  Effect.map(operations.list({ statuses: ["running"] }), ({ total }) => total === count)

describe("the end of a server", () => {
  it.scopedLive(
    "with three loads and five event streams: loads cancelled, streams told, within two seconds",
    () =>
      Effect.gen(function* () {
        const { source } = yield* held
        const { api, close, operations } = yield* ending({ source })
        const ids: Array<string> = []
        for (const symbol of ["AAPL", "MSFT", "IBM"]) {
          const { body } = yield* send("POST", `${api}/data/load?async_mode=1`, load(symbol))
          ids.push(body.data.operation_id)
        }
        yield* until(isRunning(operations, 3))
        const streams = yield* Effect.forEach([...ids, ids[0], ids[1]], (id) =>
          watch(`${api}/operations/${id}/events`),
        )
        expect(yield* close).toBeLessThan(2000)
        for (const stream of streams) {
          const last = eventsOf(yield* Fiber.join(stream)).at(-1)
          expect(last?.name).toBe("cancelled")
          expect(JSON.parse(last?.data ?? "")).toMatchObject({ status: "cancelled", kind: "data_load" })
        }
        for (const id of ids) {
          expect(yield* operations.get(id)).toMatchObject({
            status: "cancelled",
            cancellation: { reason: "the server that ran it ended" },
          })
        }
      }),
  )

  it.scopedLive("waits neither for readers that stall nor for idle connections", () =>
    Effect.gen(function* () {
      const { api, close, operations, url } = yield* ending({})
      const { id } = yield* operations.startKind("count", { name: "s", ticks: 1000, millis: 5 })
      const { hostname, port } = new URL(url)
      for (let index = 0; index < 3; index++) {
        const socket = Net.connect(Number(port), hostname).pause()
        socket.on("error", () => {})
        socket.write(`GET /api/v1/operations/${id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`)
        yield* Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))
      }
      yield* send("GET", `${api}/health`)
      yield* Effect.sleep("200 millis")
      expect(yield* close).toBeLessThan(2000)
      expect((yield* operations.get(id)).status).toBe("cancelled")
    }),
  )

  it.scopedLive("ends the stream of an operation that goes on elsewhere", () =>
    Effect.gen(function* () {
      const { api, close, operations } = yield* ending({})
      const { id } = yield* operations.startKind("count", { name: "o", ticks: 0, last: "wait" })
      Object.assign(operations, { changes: () => Stream.never })
      const stream = yield* watch(`${api}/operations/${id}/events`)
      expect(yield* close).toBeLessThan(2000)
      expect(eventsOf(yield* Fiber.join(stream))).toEqual([])
    }),
  )

  it.scopedLive("refuses what comes while it ends, and says so", () =>
    Effect.gen(function* () {
      const { source } = yield* held
      const { api, close, manager, operations } = yield* ending({ source })
      const asked = yield* Deferred.make<void>()
      Object.assign(manager, {
        coverage: () => Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never),
      })
      const hanging = yield* Effect.fork(send("GET", `${api}/data/AAPL/1d/coverage`))
      yield* Deferred.await(asked)
      const waiting = yield* Effect.fork(send("POST", `${api}/data/load`, load("AAPL")))
      yield* until(isRunning(operations, 1))
      const closing = yield* Effect.fork(close)
      yield* Effect.sleep("150 millis")
      const late = yield* send("GET", `${api}/health`)
      expect([late.status, late.body.error.code, late.headers.get("retry-after")]).toEqual([
        503,
        "SERVICE_UNAVAILABLE",
        "5",
      ])
      expect((yield* Fiber.join(waiting)).body.error.code).toBe("OPERATION-Cancelled")
      const cut = yield* Fiber.join(hanging)
      expect([cut.status, cut.body.error.code]).toEqual([503, "SERVICE_UNAVAILABLE"])
      expect(yield* Fiber.join(closing)).toBeLessThan(2000)
    }),
  )
})

describe("a client that waits for a load", () => {
  it.scopedLive("and leaves, cancels it", () =>
    Effect.gen(function* () {
      const { source } = yield* held
      const { api, operations } = yield* serve({ source })
      const fiber = yield* Effect.fork(send("POST", `${api}/data/load`, load("AAPL")))
      yield* until(isRunning(operations, 1))
      yield* Fiber.interrupt(fiber)
      yield* until(isRunning(operations, 0))
      const { operations: all } = yield* operations.list()
      expect(yield* operations.get(all[0]?.id ?? "")).toMatchObject({
        status: "cancelled",
        cancellation: { reason: "the client that waited for it left" },
      })
    }),
  )

  it.scopedLive("is told when somebody else cancels it", () =>
    Effect.gen(function* () {
      const { gate, source } = yield* held
      const { api, operations } = yield* serve({ source })
      const fiber = yield* Effect.fork(send("POST", `${api}/data/load`, load("AAPL")))
      yield* until(isRunning(operations, 1))
      const { operations: all } = yield* operations.list()
      yield* send("DELETE", `${api}/operations/${all[0]?.id}`, { reason: "not now" })
      const answer = yield* Fiber.join(fiber)
      expect([answer.status, answer.body.error.code]).toEqual([409, "OPERATION-Cancelled"])
      expect(answer.body.detail).toContain("not now")
      yield* Deferred.succeed(gate, undefined)
    }),
  )
})
