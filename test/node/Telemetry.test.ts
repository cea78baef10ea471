import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as CandleSource from "../../src/data/CandleSource.js"
import * as CandleStore from "../../src/data/CandleStore.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as LoadData from "../../src/data/LoadData.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as SimulatedMarket from "../../src/hosts/ib/SimulatedMarket.js"
import * as Telemetry from "../../src/node/Telemetry.js"
import * as Operation from "../../src/Operation.js"
import * as Operations from "../../src/Operations.js"
import type { ProgressSnapshot } from "../../src/ProgressSnapshot.js"
import * as FakeHost from "../utils/FakeHost.js"

const provided = (environment: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))

const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"

/** Runs the program with the exporters, and returns the warnings, and how long the end took. */
const exporting = <A, E>(environment: Readonly<Record<string, string>>, program: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const warnings: Array<string> = []
    let ended = 0
    yield* program.pipe(
      Effect.ensuring(Effect.sync(() => (ended = performance.now()))),
      Effect.provide(Telemetry.layer),
      Effect.provide(
        Logger.replace(
          Logger.defaultLogger,
          Logger.make(({ message }) => void warnings.push(String(message))),
        ),
      ),
      provided(environment),
    )
    return { warnings, flushMillis: performance.now() - ended }
  })

interface Span {
  readonly name: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly status: { readonly code: number; readonly message?: string }
}

const sent = (host: FakeHost.FakeHost, path: string): ReadonlyArray<any> =>
  host.requests.filter(({ url }) => url === path).map(({ body }) => JSON.parse(body))

const spansOf = (host: FakeHost.FakeHost): ReadonlyArray<Span> =>
  sent(host, "/v1/traces").flatMap(({ resourceSpans }) => resourceSpans[0].scopeSpans[0].spans)

const decoded = (environment: Readonly<Record<string, string>>) => provided(environment)(Telemetry.settings)

const headersOf = (target: Telemetry.Target | undefined) => target && Redacted.value(target.headers)

/** The name of a span that is no step. */
const serviceMethod = /^[A-Z]\w+\.\w+$/

describe("settings", () => {
  it.effect("are none where no endpoint is named, or telemetry is off", () =>
    Effect.gen(function* () {
      const off: ReadonlyArray<Readonly<Record<string, string>>> = [
        {},
        { [endpoint]: "" },
        { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", OTEL_SERVICE_NAME: "x" },
        { [endpoint]: "http://127.0.0.1:4318", OTEL_SDK_DISABLED: "TRUE" },
        {
          [endpoint]: "http://127.0.0.1:4318",
          OTEL_TRACES_EXPORTER: "none",
          OTEL_METRICS_EXPORTER: "none",
          OTEL_LOGS_EXPORTER: "none",
        },
      ]
      for (const environment of off) expect(yield* decoded(environment)).toBeUndefined()
    }),
  )

  it.effect("are those of OpenTelemetry", () =>
    Effect.gen(function* () {
      const one = yield* decoded({
        [endpoint]: "http://collector:4318/otlp/",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example/in?x=1",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20a%3Db, x-team = bars",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-team=candles",
        OTEL_EXPORTER_OTLP_TIMEOUT: "500",
        OTEL_LOGS_EXPORTER: "none",
        OTEL_RESOURCE_ATTRIBUTES: "service.name=other,deployment.environment=a%2Cb",
        OTEL_METRIC_EXPORT_INTERVAL: "1000",
      })
      expect(one).toMatchObject({
        serviceName: "other",
        attributes: { "deployment.environment": "a,b" },
        metricInterval: 1000,
        targets: {
          traces: { url: "https://traces.example/in?x=1", protocol: "http/json", timeout: 500 },
          metrics: { url: "http://collector:4318/otlp/v1/metrics", protocol: "http/protobuf" },
          logs: undefined,
        },
      })
      expect(headersOf(one?.targets.traces)).toEqual({ authorization: "Bearer a=b", "x-team": "candles" })
      expect(headersOf(one?.targets.metrics)).toEqual({ authorization: "Bearer a=b", "x-team": "bars" })
      const least = yield* decoded({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://127.0.0.1:4318/m" })
      expect(least).toMatchObject({
        serviceName: "ktrdr",
        metricInterval: 60_000,
        targets: { traces: undefined, metrics: { url: "http://127.0.0.1:4318/m", timeout: 10_000 } },
      })
      const named = yield* decoded({ [endpoint]: "http://127.0.0.1", OTEL_SERVICE_NAME: "loader" })
      expect(named).toMatchObject({
        serviceName: "loader",
        targets: { logs: { url: "http://127.0.0.1/v1/logs" } },
      })
    }),
  )

  it.effect("that ask for what is not there are refused, and secrets in them not repeated", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<readonly [variable: string, value: string, message: RegExp]> = [
        ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", /http\/json or http\/protobuf, found "grpc"/],
        ["OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "thrift", /found "thrift"/],
        ["OTEL_TRACES_EXPORTER", "zipkin", /otlp or none, found "zipkin"/],
        ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "127.0.0.1:4318", /an http or https URL/],
        ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://me:hush@host/", /URL without a user/],
        ["OTEL_EXPORTER_OTLP_HEADERS", "hush", /pairs such as name=value/],
        ["OTEL_EXPORTER_OTLP_HEADERS", "a=%hush", /percent-encoded/],
        ["OTEL_EXPORTER_OTLP_HEADERS", "a b=hush", /headers such as/],
        ["OTEL_EXPORTER_OTLP_HEADERS", "a=hush%0D%0Ax", /headers such as/],
        ["OTEL_EXPORTER_OTLP_TIMEOUT", "soon", /milliseconds, .* found "soon"/],
        ["OTEL_METRIC_EXPORT_INTERVAL", "0", /milliseconds/],
        ["OTEL_RESOURCE_ATTRIBUTES", "region", /pairs such as/],
      ]
      for (const [variable, value, message] of wrong) {
        const result = yield* Effect.either(
          decoded({ [endpoint]: "http://127.0.0.1:4318", [variable]: value }),
        )
        const error = Either.getOrThrow(Either.flip(result))
        expect(error).toMatchObject({ _op: "InvalidData", path: [variable] })
        expect(String(error)).toMatch(message)
        expect(String(error)).not.toContain("hush")
      }
    }),
  )
})

describe("a collector", () => {
  it.live("gets a trace that is the progress tree of a load", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const seen: Array<ProgressSnapshot> = []
      const load = LoadData.Payload.make({
        symbol: Either.getOrThrow(Symbol.parse("AAPL")),
        timeframe: "1d",
        mode: "full",
        start: Date.UTC(2022, 0, 1),
        end: Date.UTC(2024, 0, 1),
      })
      const market = SimulatedMarket.make({ seed: 7 })
      const system = Operations.layerTest(Operation.group(LoadData.LoadData)).pipe(
        Layer.provide(LoadData.layer),
        Layer.provide(DataManager.layer),
        Layer.provide([
          CandleStore.layerMemory,
          Layer.succeed(CandleSource.CandleSource, {
            ...market,
            fetch: (request) => Effect.delay(market.fetch(request), "250 millis"),
          }),
        ]),
      )
      const observer = (snapshot: ProgressSnapshot) => Effect.sync(() => void seen.push(snapshot))
      const { warnings } = yield* exporting(
        { [endpoint]: host.url, OTEL_SERVICE_NAME: "loader" },
        Operations.run(LoadData.LoadData, load, { observer }).pipe(Effect.provide(system)),
      )
      expect(warnings).toEqual([])

      expect(seen.at(-1)?.status).toBe("completed")
      const steps = new Map(seen.flatMap(({ steps }) => steps.map((step) => [step.id, step])))
      const stepPath = (id: number | null): ReadonlyArray<string> => {
        const step = id === null ? undefined : steps.get(id)
        return step === undefined ? [] : [...stepPath(step.parent), ...(step.name === "" ? [] : [step.name])]
      }
      const stepPaths = [...steps.keys()].map(stepPath).filter(({ length }) => length > 0)
      const spans = spansOf(host)
      const ofSteps = spans.filter(({ name }) => !serviceMethod.test(name))
      const spanPath = (span: Span): ReadonlyArray<string> => {
        const parent = spans.find(({ spanId }) => spanId === span.parentSpanId)
        const above = parent === undefined ? [] : spanPath(parent)
        return ofSteps.includes(span) ? [...above, span.name] : above
      }
      expect(spans.filter(({ parentSpanId }) => parentSpanId === undefined)).toMatchObject([
        { name: "data_load" },
      ])
      const sorted = ofSteps.map((span) => spanPath(span).join(" > ")).sort()
      expect(sorted).toEqual(stepPaths.map((path) => path.join(" > ")).sort())
      expect(sorted.filter((path) => path.startsWith("data_load > fetch > "))).toHaveLength(2)
    }).pipe(Effect.scoped),
  )

  it.live("gets metrics, logs and failed spans, with the resource and the headers", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const program = Effect.logInfo("seen").pipe(
        Effect.zipRight(Metric.increment(Metric.counter("telemetry_test", { incremental: true }))),
        Effect.zipRight(Effect.exit(Effect.withSpan(Effect.fail(new Error("on purpose")), "broken"))),
      )
      yield* exporting(
        {
          [endpoint]: `${host.url}/in`,
          OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20hush",
          OTEL_RESOURCE_ATTRIBUTES: "region=a=b",
        },
        program,
      )
      expect(host.requests.map(({ url }) => url).sort()).toEqual([
        "/in/v1/logs",
        "/in/v1/metrics",
        "/in/v1/traces",
      ])
      for (const { headers, method } of host.requests) {
        expect([method, headers["authorization"]]).toEqual(["POST", "Bearer hush"])
        expect(headers["content-type"]).toBe("application/json")
      }
      const [traces] = sent(host, "/in/v1/traces")
      expect(traces.resourceSpans[0].resource.attributes).toEqual([
        { key: "region", value: { stringValue: "a=b" } },
        { key: "service.name", value: { stringValue: "ktrdr" } },
        { key: "service.version", value: { stringValue: expect.any(String) } },
      ])
      expect(traces.resourceSpans[0].scopeSpans[0].spans).toMatchObject([
        { name: "broken", status: { code: 2, message: "on purpose" } },
      ])
      const [logs] = sent(host, "/in/v1/logs")
      expect(logs.resourceLogs[0].scopeLogs[0].logRecords).toMatchObject([
        { severityText: "INFO", body: { stringValue: "seen" } },
      ])
      const [metrics] = sent(host, "/in/v1/metrics")
      const named = metrics.resourceMetrics[0].scopeMetrics[0].metrics.find(
        ({ name }: { name: string }) => name === "telemetry_test",
      )
      expect(named.sum).toMatchObject({ isMonotonic: true, dataPoints: [{ asDouble: expect.any(Number) }] })
      for (const { body } of host.requests) expect(body).not.toContain("hush")
    }).pipe(Effect.scoped),
  )

  it.live("gets protocol buffers where it asks for them, and only the signals that it is for", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      yield* exporting(
        {
          OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${host.url}/t`,
          OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
        },
        Effect.withSpan(Effect.void, "empty"),
      )
      expect(host.requests).toMatchObject([
        { url: "/t", headers: { "content-type": "application/x-protobuf" } },
      ])
      expect(host.requests[0]?.body).toContain("empty")
    }).pipe(Effect.scoped),
  )
})

describe("a collector that is not well", () => {
  const work = Effect.as(Effect.withSpan(Effect.void, "work"), "done")

  it.live("changes neither the work nor how long it takes, and is told of once", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const closed = yield* Effect.scoped(FakeHost.makeTcp())
      const cases: ReadonlyArray<
        readonly [url: string, replies: FakeHost.Reply, found: RegExp, within: number]
      > = [
        [`http://127.0.0.1:${closed.port}`, FakeHost.json({}), /found connect ECONNREFUSED/, 300],
        [`${host.url}/a`, FakeHost.json({}, 404), /found status 404/, 300],
        [`${host.url}/b`, FakeHost.json({}, 503), /found status 503/, 300],
        [`${host.url}/c`, FakeHost.Reply.Reset(), /found read ECONNRESET|found other side closed/, 300],
        [`${host.url}/d`, FakeHost.Reply.Hang(), /found no answer within 500 ms at the end/, 800],
        [`${host.url}/e`, FakeHost.Reply.Stall(), /found no answer within 500 ms at the end/, 800],
      ]
      for (const [url, reply, found, within] of cases) {
        host.otherwise = () => reply
        let result = ""
        const { flushMillis, warnings } = yield* exporting(
          { [endpoint]: url },
          Effect.map(work, (value) => (result = value)),
        )
        expect(result).toBe("done")
        expect(warnings).toHaveLength(1)
        expect(warnings[0]).toMatch(found)
        expect(warnings[0]).toContain(`${url}/v1/`)
        expect(flushMillis).toBeLessThan(within)
      }
    }).pipe(Effect.scoped),
  )

  it.live("loses no span to an export that is under way at the end", () =>
    Effect.gen(function* () {
      const host = yield* FakeHost.make()
      const many = Effect.forEach(
        Array.from({ length: 1500 }),
        (_, index) => Effect.withSpan(Effect.void, `s${index}`),
        {
          discard: true,
        },
      )
      yield* exporting({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${host.url}/v1/traces` }, many)
      expect(new Set(spansOf(host).map(({ name }) => name)).size).toBe(1500)
    }).pipe(Effect.scoped),
  )
})

it.effect("what is asked for in vain fails the command, as a matter of usage", () =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(Effect.provide(Effect.void, Telemetry.layer)).pipe(
      provided({ [endpoint]: "ftp://x" }),
    )
    expect(exit._tag === "Failure" && Cause.pretty(exit.cause)).toContain("an http or https URL")
  }),
)
