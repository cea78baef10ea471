import { inspect } from "node:util"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as HostClient from "../src/HostClient.js"
import * as HostError from "../src/HostError.js"
import { Archive, busy, connect, failureOf, quick, response, turn } from "./utils/Archive.js"
import * as FakeHost from "./utils/FakeHost.js"

const { Reply } = FakeHost

describe("a call", () => {
  it.scoped("sends what it is told and decodes the answer", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(
        { url: `${host.url}/api` },
        { headers: { "x-team": "blue" }, token: Redacted.make("hush") },
      )
      expect(
        yield* client.get("/things?fixed=1", { query: { q: "a b&c", empty: "", none: undefined }, response }),
      ).toEqual({ n: 1 })
      expect(
        yield* client.post("/things", {
          body: { at: new Date(0) },
          bodySchema: Schema.Struct({ at: Schema.Date }),
          idempotencyKey: "k1",
          response,
        }),
      ).toEqual({ n: 2 })
      expect(yield* client.text("PUT", "raw", { body: HttpBody.text("plain", "text/plain") })).toBe('{"n":3}')
      const [get, post, put] = host.requests
      expect(get).toMatchObject({ method: "GET", url: "/api/things?fixed=1&q=a+b%26c&empty=", body: "" })
      expect(get?.headers).toMatchObject({ "x-team": "blue", authorization: "Bearer hush" })
      expect(get?.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
      expect(post?.body).toBe('{"at":"1970-01-01T00:00:00.000Z"}')
      expect(post?.headers).toMatchObject({ "content-type": "application/json", "idempotency-key": "k1" })
      expect(put).toMatchObject({ method: "PUT", url: "/api/raw", body: "plain" })
    }),
  )

  it.scoped("is not sent when it cannot be", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      const misfit = client.post("/x", { body: "text" as never, bodySchema: Schema.Number, response })
      for (const call of [misfit, client.post("/x", { body: { n: 1n }, response })]) {
        expect(yield* failureOf(call)).toMatchObject({ reason: "InvalidRequest", attempts: 0 })
      }
      expect(host.requests).toEqual([])
    }),
  )

  it.scoped("takes an empty body for null", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      host.script.push(Reply.Answer({ status: 204, headers: {}, body: "" }))
      expect(yield* client.request("DELETE", "/x", { response: Schema.Null })).toBeNull()
    }),
  )

  it.scoped("goes over TLS to a host whose authority is trusted, and to no other", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make({ tls: true })
      const client = yield* connect(host)
      expect(yield* client.get("/", { response })).toEqual({ n: 1 })
      const other = yield* FakeHost.make({ tls: true })
      for (const ca of [undefined, other.ca]) {
        const stranger = yield* connect({ url: host.url, ca })
        const error = yield* failureOf(stranger.get("/", { response }))
        expect(error).toMatchObject({
          reason: "ConnectFailed",
          attempts: 1,
          expected: expect.stringContaining("certificate authority"),
          advice: expect.stringContaining("certificate authority"),
        })
      }
      expect(host.requests.length).toBe(1)
    }),
  )

  it.scoped("keeps its token out of errors, spans and logs, whatever the host sends back", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const token = "s3cret-token"
      const headers = { "x-key": "s3cret-token-of-mine" }
      const client = yield* connect(host, { token: Redacted.make(token), attempts: 1 })
      const keyed = yield* connect(host, { headers, attempts: 1 })
      const gone = yield* connect(yield* Effect.scoped(FakeHost.make()), {
        token: Redacted.make(token),
        attempts: 1,
      })
      host.otherwise = ({ headers }) => FakeHost.json({ detail: `no such ${headers.authorization}` }, 401)
      const refusal = yield* failureOf(client.get("/", { response }))
      host.otherwise = ({ headers }) => FakeHost.json({ detail: headers.authorization ?? headers["x-key"] })
      const misfits = [
        yield* failureOf(client.get("/", { response: Schema.Struct({ detail: Schema.Number }) })),
        yield* failureOf(keyed.get("/", { response: Schema.Struct({ detail: Schema.Number }) })),
      ]
      host.otherwise = ({ headers }) =>
        Reply.Answer({ status: 200, headers: {}, body: `<${headers.authorization ?? headers["x-key"]}>` })
      misfits.push(yield* failureOf(client.get("/", { response })))
      misfits.push(yield* failureOf(keyed.get("/", { response })))
      expect(misfits.map(({ found }) => found)).toContain("<Bearer <redacted>>")
      host.otherwise = () => Reply.Reset()
      const reset = yield* failureOf(client.get("/", { response }))
      host.otherwise = () => Reply.Truncated()
      const truncated = yield* failureOf(client.get("/", { response }))
      const refused = yield* failureOf(gone.get("/", { response }))
      const invalid = yield* failureOf(client.get("/", { response, query: { a: "\uD800" } }))
      expect(refusal.body).toBe('{"detail":"no such Bearer <redacted>"}')
      for (const error of [refusal, ...misfits, reset, truncated, refused, invalid]) {
        const shown = [
          String(error),
          JSON.stringify(error),
          inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }),
          Cause.pretty(Cause.fail(error), { renderErrorCause: true }),
          inspect(yield* client.stats, { depth: 9 }),
          inspect(client.config, { depth: 9 }),
        ]
        expect(shown.join("\n")).not.toContain(token)
      }
    }),
  )

  it.scoped("is one span, whatever the attempts", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const native = yield* Effect.tracer
      const tracer = Tracer.make({
        context: native.context,
        span: (...args) => {
          const span = native.span(...args)
          spans.push(span)
          return span
        },
      })
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      yield* Effect.withTracer(client.get("/x?secret=1", { response }), tracer)
      expect(spans.map((span) => span.name)).toEqual(["HostClient.GET"])
      expect(Object.fromEntries(spans[0]!.attributes)).toEqual({
        host: "archive",
        method: "GET",
        path: "/x",
        url: host.url,
        attempts: 1,
      })
      host.script.push(busy(404))
      yield* failureOf(Effect.withTracer(client.get("/y", { response }), tracer))
      expect(Object.fromEntries(spans[1]!.attributes)).toMatchObject({
        url: host.url,
        attempts: 1,
        last_failure: "Status",
      })
    }),
  )

  it.scoped("runs on any HttpClient", () =>
    Effect.gen(function* () {
      const broken = HttpClient.make((request) =>
        Effect.fail(
          new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error("no") }),
        ),
      )
      const client = yield* Effect.map(
        Layer.build(Archive.layerWithoutPool({ baseUrl: "http://127.0.0.1:1" })),
        Context.get(Archive),
      ).pipe(Effect.provideService(HttpClient.HttpClient, broken))
      expect(yield* failureOf(client.get("/", { response }))).toMatchObject({
        reason: "ConnectFailed",
        found: "no",
      })
    }),
  )
})

describe("a bad answer", () => {
  it.scoped("is told as a person would want it", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      const message = (reply: FakeHost.Reply) => {
        host.script.push(reply)
        return Effect.map(failureOf(client.get("/things", { response })), (error) => error.message)
      }
      expect(yield* message(FakeHost.html(500, "<h1>\u001b[31mOops</h1>\r\n"))).toBe(
        "archive: GET /things: expected a 2xx answer, found 500 <h1> [31mOops</h1>. See the host's log, then try again.",
      )
      expect(yield* message(FakeHost.html(200))).toContain(
        "expected JSON, found <!doctype html> <title>Oops</title>.",
      )
      expect(yield* message(FakeHost.json({ n: "one" }))).toContain('found n: Expected number, actual "one".')
    }),
  )

  it.scoped("keeps the body of a refusal, bounded", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      host.script.push(
        FakeHost.json({ detail: [{ type: "missing" }] }, 422),
        FakeHost.html(500, "x".repeat(50_000)),
      )
      const error = yield* failureOf(client.get("/", { response }))
      expect(error).toMatchObject({ reason: "Status", status: 422, body: '{"detail":[{"type":"missing"}]}' })
      const long = yield* failureOf(client.get("/", { response }))
      expect(long.body?.length).toBe(HostError.maxBody)
      expect(long.message.length).toBeLessThan(400)
    }),
  )

  it.scoped("is cut off at the limit while it comes", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { maxBodyBytes: 1000 })
      const sized = (length: number) => Reply.Answer({ status: 200, headers: {}, body: "x".repeat(length) })
      host.script.push(sized(1000), sized(1001), Reply.Flood())
      expect((yield* client.text("GET", "/")).length).toBe(1000)
      expect((yield* failureOf(client.text("GET", "/"))).reason).toBe("TooLarge")
      const error = yield* failureOf(client.text("GET", "/"))
      expect(error.message).toContain("at most 1000 bytes")
      yield* host.until(() => host.requests[2]?.state === "closed")
    }),
  )

  it.scoped("comes from what is no host at all", () =>
    Effect.gen(function* () {
      const stranger = yield* FakeHost.makeTcp((socket) => socket.end("220 mail.example ESMTP\r\n"))
      const client = yield* connect({ url: `http://127.0.0.1:${stranger.port}` })
      expect(yield* failureOf(client.get("/", { response }))).toMatchObject({
        reason: "Malformed",
        expected: "an HTTP answer",
        attempts: 1,
      })
    }),
  )
})

describe("limits and counts", () => {
  it.scoped("no more than maxOpen requests are open", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, { maxOpen: 3 })
      host.otherwise = () => Reply.Hang()
      const fibers = yield* Effect.replicateEffect(Effect.fork(client.get("/", { response })), 12)
      yield* host.until(() => host.requests.length === 3)
      for (let turns = 0; turns < 20; turns++) yield* turn
      expect(host.requests.length).toBe(3)
      expect((yield* client.stats).inFlight).toBe(3)
      yield* Fiber.interruptAll(fibers)
      expect((yield* client.stats).inFlight).toBe(0)
    }),
  )

  it.scoped("200 requests at 16 at once use the pool's connections", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host)
      const attempts = { requests: 0 }
      yield* Effect.forEach(Array.from({ length: 200 }), () => client.get("/", { response }), {
        concurrency: 16,
        discard: true,
      }).pipe(Effect.provideService(HostClient.Attempts, attempts))
      expect(host.connections.opened).toBeLessThanOrEqual(10)
      expect(attempts.requests).toBe(200)
      expect(yield* client.stats).toEqual({
        requests: 200,
        failures: {},
        retries: 0,
        inFlight: 0,
        connectionsOpened: host.connections.opened,
        connectionsOpen: host.connections.open,
        url: host.url,
        state: "closed",
        nextTryMillis: null,
        lastError: null,
      })
    }),
  )

  it.live("every attempt is counted where it belongs", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const client = yield* connect(host, quick)
      const [mine, yours] = [{ requests: 0 }, { requests: 0 }]
      host.script.push(busy(503), busy(429), Reply.Reset())
      yield* client.get("/", { response }).pipe(Effect.provideService(HostClient.Attempts, mine))
      yield* client.get("/", { response }).pipe(Effect.provideService(HostClient.Attempts, yours))
      expect([mine.requests, yours.requests]).toEqual([host.requests.length - 1, 1])
      expect(yield* client.stats).toMatchObject({
        requests: 5,
        retries: 3,
        failures: { Unavailable: 1, RateLimited: 1, ConnectionReset: 1 },
      })
    }).pipe(Effect.scoped),
  )

  it.live("metrics carry the host's name", () =>
    Effect.gen(function* () {
      class Metered extends HostClient.Tag("metered")<Metered>() {}
      const host = yield* FakeHost.make()
      host.script.push(busy(503))
      yield* Effect.flatMap(Metered, (client) => client.get("/", { response })).pipe(
        Effect.provide(Metered.layer({ baseUrl: host.url, ...quick })),
      )
      const pairs = yield* Metric.snapshot
      const states = Object.fromEntries(
        pairs
          .filter(({ metricKey }) =>
            metricKey.tags.some((tag) => tag.key === "host" && tag.value === "metered"),
          )
          .map(({ metricKey, metricState }) => [metricKey.name, metricState]),
      )
      expect(states).toMatchObject({
        host_requests: { count: 2 },
        host_failures: { count: 1 },
        host_retries: { count: 1 },
        host_in_flight: { value: 0 },
        host_latency_millis: { count: 2 },
        host_connections_opened: { count: host.connections.opened },
      })
    }).pipe(Effect.scoped),
  )

  it.scoped("several hosts live side by side", () =>
    Effect.gen(function* () {
      class Other extends HostClient.Tag("other")<Other>() {}
      const [one, two] = [yield* FakeHost.make(), yield* FakeHost.make()]
      yield* Effect.zip(
        Effect.flatMap(Archive, (client) => client.get("/one", { response })),
        Effect.flatMap(Other, (client) => client.get("/two", { response })),
      ).pipe(Effect.provide([Archive.layer({ baseUrl: one.url }), Other.layer({ baseUrl: two.url })]))
      expect([one.requests[0]?.url, two.requests[0]?.url]).toEqual(["/one", "/two"])
    }),
  )
})
