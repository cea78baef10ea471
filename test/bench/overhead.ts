/**
 * What a call through `HostClient` costs, its circuit breaker, metrics and spans on, next to the plain platform client
 * on undici and to undici alone: a small JSON answer, read whole and decoded with the same schema. The host is a process
 * of its own, so that only clients are measured; the three take turns, each with a pool of as many connections as there
 * are requests at once.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Agent, type Dispatcher } from "@effect/platform-node/Undici"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as HostClient from "../../src/HostClient.js"
import { table } from "./measure.js"
import * as Part from "./part.js"
import * as Rounds from "./rounds.js"

const rounds = 24
const concurrencies = { sequential: 1, concurrent16: 16, concurrent64: 64 } as const
const counts = { sequential: 150, concurrent16: 480, concurrent64: 640 } as const
const settings = Object.keys(concurrencies) as ReadonlyArray<keyof typeof concurrencies>

const Small = Schema.Struct({ id: Schema.Number, name: Schema.String, tags: Schema.Array(Schema.String) })

/** The host: a process of its own, which answers everything alike. */
export const serving = Effect.gen(function* () {
  const body = JSON.stringify({ id: 7, name: "seven", tags: ["odd", "prime"] })
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length })
    response.end(body)
  })
  server.keepAliveTimeout = 60_000
  yield* Effect.async<void>((resume) => {
    server.listen(0, "127.0.0.1", () => resume(Effect.void))
  })
  yield* Part.tell({ port: (server.address() as AddressInfo).port })
  yield* Effect.never
})

class Host extends HostClient.Tag("bench")<Host>() {}

const ofHost = (baseUrl: string, connections: number) =>
  Effect.map(Layer.build(Host.layer({ baseUrl, connections })), (context) =>
    Context.get(context, Host).get("/small", { response: Small }),
  )

const agent = (connections: number) =>
  Effect.acquireRelease(
    Effect.sync(() => new Agent({ connections, keepAliveTimeout: 30_000 })),
    (agent) => Effect.promise(() => agent.destroy()),
  )

const ofPlatform = (url: string, dispatcher: Dispatcher) =>
  Effect.map(
    Layer.build(
      Layer.provide(
        NodeHttpClient.layerUndiciWithoutDispatcher,
        Layer.succeed(NodeHttpClient.Dispatcher, dispatcher),
      ),
    ),
    (context) =>
      Effect.flatMap(
        Context.get(context, HttpClient.HttpClient).get(`${url}/small`),
        HttpClientResponse.schemaBodyJson(Small),
      ),
  )

const ofUndici = (url: string, dispatcher: Dispatcher) => {
  const decode = Schema.decodeUnknownSync(Small)
  return Effect.promise(async () => {
    const response = await dispatcher.request({ origin: url, path: "/small", method: "GET" })
    return decode(await response.body.json())
  })
}

/** Prints a table and one JSON line; takes about 20 s. */
export const bench = Effect.gen(function* () {
  const { url } = yield* Effect.flatMap(Part.start("overhead-host"), Part.hostOf)
  const variants: Record<string, Rounds.Variant> = {}
  for (const setting of settings) {
    const concurrency = concurrencies[setting]
    const count = counts[setting]
    const add = (name: string, request: Rounds.Variant["request"]) => {
      variants[`${name} ${setting}`] = { request, count, concurrency }
    }
    add("host", yield* ofHost(url, concurrency))
    add("platform", yield* ofPlatform(url, yield* agent(concurrency)))
    add("undici", ofUndici(url, yield* agent(concurrency)))
  }
  const found = yield* Rounds.run(variants, rounds)
  const ratios = (other: string, of: "millis" | "cpu") =>
    Object.fromEntries(
      settings.map((setting) => [setting, found.ratio(`host ${setting}`, `${other} ${setting}`, of)]),
    )
  yield* Console.log(
    table([
      ["requests", "milliseconds each", "of its processor"],
      ...Object.keys(variants).map((name) => [
        name,
        found.median(name).toFixed(3),
        found.median(name, "cpu").toFixed(3),
      ]),
    ]),
  )
  yield* Console.log("host over platform, by time and by processor time: at most 1.3")
  yield* Console.log(
    JSON.stringify({
      bench: "overhead",
      vs_platform: ratios("platform", "millis"),
      vs_platform_cpu: ratios("platform", "cpu"),
      vs_undici: ratios("undici", "millis"),
      vs_undici_cpu: ratios("undici", "cpu"),
    }),
  )
}).pipe(Effect.scoped)
