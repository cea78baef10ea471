import type * as NodeHttp from "node:http"
import * as Net from "node:net"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Http from "../../src/node/Http.js"

describe("an answer", () => {
  it.scopedLive("is over at once for a client that has left", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<NodeHttp.ServerResponse>()
      const server = Http.createServer().on("request", (_, response) =>
        Deferred.unsafeDone(asked, Effect.succeed(response)),
      )
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close()),
      )
      const { port } = server.address() as Net.AddressInfo
      const client = Net.connect(port, "127.0.0.1").on("error", () => {})
      client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      const response = yield* Deferred.await(asked)
      yield* Effect.async<void>((resume) => {
        response.once("close", () => resume(Effect.void))
        client.resetAndDestroy()
      })
      const isOver = Effect.async<string>(
        (resume) => void response.end("late", () => resume(Effect.succeed("over"))),
      )
      expect(yield* Effect.timeout(isOver, "1 second")).toBe("over")
    }),
  )
})

describe("a server that listens", () => {
  it.scopedLive("answers what came before it was served", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Http.layer({ host: "127.0.0.1", port: 0 }))
      const url = yield* Effect.provide(Http.url, context)
      const { port } = new URL(url)
      const client = yield* Effect.acquireRelease(
        Effect.async<Net.Socket>((resume) => {
          const socket = Net.connect(Number(port), "127.0.0.1", () => resume(Effect.succeed(socket)))
        }),
        (socket) => Effect.sync(() => socket.destroy()),
      )
      const server = yield* Effect.provide(HttpServer.HttpServer, context)
      const answers = yield* Effect.fork(
        Effect.async<string>((resume) => {
          client.on("data", (bytes) => {
            if (bytes.includes("early")) resume(Effect.succeed(String(bytes)))
          })
          client.write("POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nearly")
        }),
      )
      yield* Effect.sleep("50 millis")
      yield* server.serve(
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
          Effect.map(Effect.orDie(request.text), (text) => HttpServerResponse.text(`${request.url} ${text}`)),
        ),
      )
      expect(yield* Effect.timeout(Fiber.join(answers), "2 seconds")).toContain("/first early")
    }),
  )
})
