import * as Net from "node:net"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as HostConfig from "../src/HostConfig.js"
import * as HostPool from "../src/HostPool.js"
import * as HostFailure from "../src/internal/hostFailure.js"
import * as Archive from "./utils/Archive.js"
import * as FakeHost from "./utils/FakeHost.js"

const { Reply } = FakeHost

const config = (options: HostConfig.Options) => Either.getOrThrow(HostConfig.make("archive", options))

/** The plain `HttpClient` of a pool, until the test's scope closes. */
const connect = (options: HostConfig.Options) =>
  Effect.map(Layer.build(HostPool.layer(config(options))), Context.get(HttpClient.HttpClient))

const text = (client: HttpClient.HttpClient, url: string) =>
  Effect.flatMap(client.get(url), (response) => response.text)

describe("HostPool", () => {
  it.scoped("keeps connections, and counts what undici opened", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const pool = yield* HostPool.make(config({ baseUrl: host.url, connections: 2 }))
      const ask = Effect.promise(async () => {
        const answer = await pool.dispatcher.request({ origin: host.url, path: "/", method: "GET" })
        return answer.body.text()
      })
      yield* Effect.forEach(Array.from({ length: 40 }), () => ask, { concurrency: 8, discard: true })
      expect(host.requests.length).toBe(40)
      expect(host.connections).toEqual({ opened: 2, open: 2 })
      expect(pool.connections).toEqual({ opened: 2, open: 2 })
      host.script.push(Reply.Reset())
      yield* Effect.exit(ask)
      expect(pool.connections).toEqual({ opened: 2, open: host.connections.open })
    }),
  )

  it.scoped("is for its own origin alone", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* FakeHost.make(), yield* FakeHost.make()]
      const client = yield* connect({ baseUrl: one.url })
      const error = yield* Effect.flip(text(client, two.url))
      expect(String(error.cause)).toContain(`this pool is for ${one.url}, not ${two.url}`)
      expect(two.requests).toEqual([])
    }),
  )

  it.scoped("an interrupted request costs its connection, and opens no other", () =>
    Effect.gen(function* () {
      for (const reply of [Reply.Hang(), Reply.Stall()]) {
        const host = yield* FakeHost.make()
        const client = yield* connect({ baseUrl: host.url })
        host.script.push(reply)
        const fiber = yield* Effect.fork(text(client, host.url))
        yield* host.until(() => host.requests.length === 1)
        yield* Fiber.interrupt(fiber)
        yield* host.until(() => host.connections.open === 0)
        yield* text(client, host.url)
        expect(host.connections).toEqual({ opened: 2, open: 1 })
      }
    }),
  )

  it.scoped("an error says whether its connection was reused, and whether an answer had begun", () =>
    Effect.gen(function* () {
      for (const tls of [false, true]) {
        const host = yield* FakeHost.make({ tls })
        const client = yield* connect({ baseUrl: host.url, ca: host.ca, connections: 1 })
        const outcome = (reply: FakeHost.Reply) => {
          host.script.push(reply)
          return Effect.map(Effect.flip(text(client, host.url)), (error) => {
            const { cause, reason } = HostFailure.transport(error, "headers", 0)
            return [reason, HostFailure.isStale({ reason, cause })]
          })
        }
        expect(yield* outcome(Reply.Reset())).toEqual(["ConnectionReset", false])
        yield* text(client, host.url)
        expect(yield* outcome(Reply.Reset())).toEqual(["ConnectionReset", true])
        yield* text(client, host.url)
        expect(yield* outcome(Reply.ResetInHeaders())).toEqual(["Truncated", false])
      }
    }),
  )

  it.live("closes a connection that is idle for longer than keepAlive", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect({ baseUrl: host.url, keepAlive: "100 millis" })
      yield* text(client, host.url)
      expect(host.connections.open).toBe(1)
      yield* host.until(() => host.connections.open === 0)
    }).pipe(Effect.scoped),
  )

  it.live("closes an idle connection before the time that the host has said", () =>
    Effect.gen(function* () {
      for (const timeout of [2, 3]) {
        const host = yield* FakeHost.make()
        host.otherwise = () => FakeHost.json({}, 200, { "keep-alive": `timeout=${timeout}` })
        const client = yield* connect({ baseUrl: host.url, keepAlive: "1 minute" })
        yield* text(client, host.url)
        yield* host.until(() => host.connections.open === 0)
        expect(host.connections.opened).toBe(1)
      }
    }).pipe(Effect.scoped),
  )

  it.scopedLive("a request that waits for a connection to be made anew ends when its time is up", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make({ tls: true })
      host.otherwise = () => FakeHost.json({ n: 1 }, 200, { connection: "close" })
      let opened = 0
      const front = yield* FakeHost.makeTcp((socket) => {
        if (++opened === 1) socket.pipe(Net.connect(host.port, "127.0.0.1")).pipe(socket)
      })
      const client = yield* Archive.connect(
        { url: `https://127.0.0.1:${front.port}`, ca: host.ca },
        { connections: 1, attempts: 1, attemptTimeout: 1500, deadline: 20_000 },
      )
      yield* client.text("GET", "/")
      const ended = yield* Effect.timeoutOption(Effect.flip(client.text("GET", "/")), 10_000)
      expect(Option.map(ended, ({ reason }) => reason)).toEqual(Option.some("AttemptTimeout"))
      expect(opened).toBe(2)
    }),
  )

  it.scoped("closes every socket with its scope: idle, in use, and still connecting", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const silent = yield* FakeHost.makeTcp()
      const scope = yield* Scope.make()
      const [client, stuck] = yield* Effect.all([
        connect({ baseUrl: host.url }),
        connect({ baseUrl: `https://127.0.0.1:${silent.port}` }),
      ]).pipe(Scope.extend(scope))
      yield* Effect.all([text(client, host.url), text(client, host.url)], { concurrency: 2 })
      host.script.push(Reply.Hang(), Reply.Stall())
      const asking = yield* Effect.forEach(
        [text(client, host.url), text(client, host.url), text(stuck, `https://127.0.0.1:${silent.port}`)],
        (effect) => Effect.fork(effect),
      )
      yield* host.until(() => host.requests.length === 4)
      yield* silent.until(() => silent.connections.open === 1)
      yield* Scope.close(scope, Exit.void)
      yield* host.until(() => host.connections.open === 0)
      yield* silent.until(() => silent.connections.open === 0)
      for (const fiber of asking) expect(Exit.isFailure(yield* Fiber.await(fiber))).toBe(true)
    }),
  )
})
