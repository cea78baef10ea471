import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import * as AccessLog from "../../src/hosts/AccessLog.js"

type App = Effect.Effect<HttpServerResponse.HttpServerResponse>

/** How the app ends, 12.5 ms later, when it is asked for a path, and what is logged of that. */
const asked = (path: string, app: App, interrupt = false) =>
  Effect.gen(function* () {
    const lines: Array<unknown> = []
    const log = Logger.make(({ annotations, logLevel, message }) => {
      lines.push({
        level: logLevel.label,
        message: String(message),
        ...Object.fromEntries(HashMap.entries(annotations)),
      })
    })
    const request = HttpServerRequest.fromWeb(new Request(`http://127.0.0.1${path}`, { method: "POST" }))
    const fiber = yield* AccessLog.make(Effect.delay(app, "12500 micros")).pipe(
      Effect.provideService(HttpServerRequest.HttpServerRequest, request),
      Effect.provide(Logger.add(log)),
      Effect.fork,
    )
    yield* TestClock.adjust(interrupt ? "5 millis" : "1 second")
    const exit = yield* interrupt ? Fiber.interrupt(fiber) : Fiber.await(fiber)
    return { exit, lines }
  })

describe("the access log", () => {
  it.effect("has what was asked for, without its query, and how that went", () =>
    Effect.gen(function* () {
      const response = HttpServerResponse.text("", { status: 201, headers: { "x-request-id": "r1" } })
      const { exit, lines } = yield* asked("/data/AAPL?token=hush", Effect.succeed(response))
      expect(exit).toEqual(Exit.succeed(response))
      expect(lines).toEqual([
        {
          level: "INFO",
          message: "POST /data/AAPL 201",
          method: "POST",
          path: "/data/AAPL",
          status: 201,
          duration_ms: 12.5,
          request_id: "r1",
        },
      ])
    }),
  )

  it.effect("has the id of a request whose client left before its answer", () =>
    Effect.gen(function* () {
      const named = Effect.flatMap(AccessLog.RequestId, (told) => {
        told.value = "r2"
        return Effect.never
      })
      const lines: Array<unknown> = []
      const log = Logger.make(({ annotations }) => {
        lines.push(Object.fromEntries(HashMap.entries(annotations)))
      })
      const request = HttpServerRequest.fromWeb(new Request("http://127.0.0.1/"))
      const fiber = yield* AccessLog.make(named).pipe(
        Effect.provideService(HttpServerRequest.HttpServerRequest, request),
        Effect.provide(Logger.add(log)),
        Effect.fork,
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      expect(lines).toMatchObject([{ status: 499, request_id: "r2" }])
    }),
  )

  it.effect("has clients that left, and defects, which stay what they are", () =>
    Effect.gen(function* () {
      const left = yield* asked("/", Effect.succeed(HttpServerResponse.empty()), true)
      expect(Exit.isInterrupted(left.exit)).toBe(true)
      expect(left.lines).toMatchObject([{ message: "POST / 499", duration_ms: 5 }])
      const broken = yield* asked(`/${"x".repeat(5000)}`, Effect.die("a bug"))
      expect(broken.exit).toEqual(Exit.die("a bug"))
      expect(broken.lines).toMatchObject([{ status: 500, path: `/${"x".repeat(199)}` }])
      expect(broken.lines[0]).not.toHaveProperty("request_id")
    }),
  )
})
