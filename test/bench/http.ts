/**
 * What a call through HostClient costs, next to the plain platform client, to bare undici, and to a new
 * connection for every request. The server is a process of its own, so that only clients are measured;
 * variants take turns, and the figures are medians over the rounds: 2,000 requests each, 500 where every one
 * opens a connection.
 */
import { spawn } from "node:child_process"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { type Dispatcher, Pool } from "@effect/platform-node/Undici"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as HostClient from "../../src/HostClient.js"
import * as SelfSigned from "../utils/SelfSigned.js"

const Small = Schema.Struct({ id: Schema.Number, name: Schema.String, tags: Schema.Array(Schema.String) })

const rounds = 20
const perRound = 100
/** A new TLS connection costs milliseconds. */
const perRoundNew = 25

type Request = Effect.Effect<unknown, unknown>

const server = `
const body = JSON.stringify({ id: 7, name: "seven", tags: ["odd", "prime"] })
const answer = (_, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length })
  response.end(body)
}
process.once("message", ({ pair }) => {
  const listen = (server) =>
    new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)))
  const http = require("node:http").createServer(answer)
  const https = require("node:https").createServer(pair, answer)
  http.keepAliveTimeout = https.keepAliveTimeout = 60000
  Promise.all([listen(http), listen(https)]).then(([http, https]) => process.send({ http, https }))
})
process.on("disconnect", () => process.exit())
`

interface Ports {
  readonly http: number
  readonly https: number
}

const startServer = (pair: ReturnType<typeof SelfSigned.make>): Effect.Effect<Ports, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["-e", server], { stdio: ["ignore", "inherit", "inherit", "ipc"] }),
    ),
    (child) =>
      Effect.sync(() => {
        child.kill()
      }),
  ).pipe(
    Effect.flatMap((child) =>
      Effect.async<Ports>((resume) => {
        child.once("message", (ports) => resume(Effect.succeed(ports as Ports)))
        child.send({ pair })
      }),
    ),
  )

class Host extends HostClient.Tag("bench")<Host>() {}

const hostRequest = (options: Parameters<typeof Host.layer>[0]) =>
  Effect.map(
    Layer.build(Host.layer(options)),
    (context): Request => Context.get(context, Host).get("/small", { response: Small }),
  )

const platformRequest = (url: string, pool: Dispatcher) =>
  Effect.map(
    Layer.build(
      Layer.provide(
        NodeHttpClient.layerUndiciWithoutDispatcher,
        Layer.succeed(NodeHttpClient.Dispatcher, pool),
      ),
    ),
    (context): Request =>
      Effect.flatMap(
        Context.get(context, HttpClient.HttpClient).get(`${url}/small`),
        HttpClientResponse.schemaBodyJson(Small),
      ),
  )

const undiciRequest = (url: string, pool: Dispatcher): Request => {
  const decode = Schema.decodeUnknownSync(Small)
  return Effect.promise(async () => {
    const response = await pool.request({ origin: url, path: "/small", method: "GET" })
    return decode(await response.body.json())
  })
}

/** Milliseconds a request. */
const time = (request: Request, count: number, concurrency: number): Effect.Effect<number, unknown> =>
  Effect.suspend(() => {
    const started = performance.now()
    const all =
      concurrency === 1
        ? Effect.repeatN(request, count - 1)
        : Effect.forEach(
            Array.from({ length: concurrency }),
            () => Effect.repeatN(request, Math.round(count / concurrency) - 1),
            { concurrency, discard: true },
          )
    return Effect.map(all, () => (performance.now() - started) / count)
  })

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const round2 = (value: number): number => Math.round(value * 100) / 100

/** Prints a table and one JSON line; takes about 20 s. */
export const bench: Effect.Effect<void, unknown> = Effect.scoped(
  Effect.gen(function* () {
    const pair = SelfSigned.make()
    const ports = yield* startServer(pair)
    const http = `http://127.0.0.1:${ports.http}`
    const https = `https://127.0.0.1:${ports.https}`
    const pool = yield* Effect.acquireRelease(
      Effect.sync(() => new Pool(http, { connections: 16 })),
      (pool) => Effect.promise(() => pool.destroy()),
    )
    const close = { connection: "close" }
    const host = yield* hostRequest({ baseUrl: http, connections: 16 })
    const fresh = yield* hostRequest({ baseUrl: http, connections: 16, headers: close })
    const secure = yield* hostRequest({ baseUrl: https, connections: 16, ca: pair.cert })
    const secureFresh = yield* hostRequest({ baseUrl: https, connections: 16, ca: pair.cert, headers: close })
    const platform = yield* platformRequest(http, pool)
    const undici = undiciRequest(http, pool)
    const variants: Readonly<Record<string, readonly [Request, number, number]>> = {
      "host 1": [host, perRound, 1],
      "platform 1": [platform, perRound, 1],
      "undici 1": [undici, perRound, 1],
      "host 16": [host, perRound * 3.2, 16],
      "platform 16": [platform, perRound * 3.2, 16],
      "undici 16": [undici, perRound * 3.2, 16],
      "host new 1": [fresh, perRoundNew, 1],
      "host new 16": [fresh, perRoundNew * 4, 16],
      "https 1": [secure, perRound, 1],
      "https 16": [secure, perRound * 3.2, 16],
      "https new 1": [secureFresh, perRoundNew, 1],
      "https new 16": [secureFresh, perRoundNew * 2, 16],
    }
    const times: Record<string, Array<number>> = {}
    for (let round = -1; round < rounds; round++) {
      // Back and forth, so that no variant always pays for the garbage of the same other.
      const order = Object.entries(variants)
      if (round % 2 !== 0) order.reverse()
      for (const [name, [request, count, concurrency]] of order) {
        const millis = yield* time(request, count, concurrency)
        if (round >= 0) (times[name] ??= []).push(millis)
      }
    }
    const of = (name: string): ReadonlyArray<number> => times[name] ?? []
    /** The median over the rounds of the one's time over the other's in the same round. */
    const ratio = (name: string, other: string): number =>
      round2(median(of(name).map((millis, round) => millis / (of(other)[round] ?? Number.NaN))))

    for (const name of Object.keys(variants)) {
      const millis = median(of(name))
      console.log(`${name.padEnd(16)} ${millis.toFixed(3)} ms  ${Math.round(1000 / millis)}/s`)
    }
    console.log(
      JSON.stringify({
        bench: "http",
        pooled_vs_new: { http: ratio("host new 16", "host 16"), https: ratio("https new 16", "https 16") },
        pooled_vs_new_sequential: {
          http: ratio("host new 1", "host 1"),
          https: ratio("https new 1", "https 1"),
        },
        vs_platform: {
          sequential: ratio("host 1", "platform 1"),
          concurrent16: ratio("host 16", "platform 16"),
        },
        vs_undici: { sequential: ratio("host 1", "undici 1"), concurrent16: ratio("host 16", "undici 16") },
      }),
    )
  }),
)
