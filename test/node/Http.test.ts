import type * as NodeHttp from "node:http"
import * as Net from "node:net"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
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
