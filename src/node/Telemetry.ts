/**
 * Spans, metrics and logs for an OpenTelemetry collector, where the environment names one, by the variables that
 * OpenTelemetry specifies. Without one nothing is loaded and nothing is done.
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

export type Signal = "traces" | "metrics" | "logs"

export const protocols = ["http/json", "http/protobuf"] as const

/** Where one signal goes. */
export interface Target {
  readonly url: string
  readonly protocol: (typeof protocols)[number]
  readonly headers: Redacted.Redacted<Readonly<Record<string, string>>>
  /** The longest that the collector may take for an answer, in milliseconds. */
  readonly timeout: number
}

export interface Settings {
  readonly targets: { readonly [S in Signal]: Target | undefined }
  readonly serviceName: string
  /** Of the resource, besides the service's name. */
  readonly attributes: Readonly<Record<string, string>>
  /** Milliseconds between two exports of the metrics. */
  readonly metricInterval: number
}

/**
 * What the environment asks for; none without an endpoint, and with `OTEL_SDK_DISABLED=true`. A signal is on when
 * `OTEL_EXPORTER_OTLP_ENDPOINT` or its own endpoint is given, unless its `OTEL_..._EXPORTER` is `none`. Where no
 * protocol is given, it is `http/json`.
 */
export const settings: Effect.Effect<Settings | undefined, ConfigError.ConfigError> = Effect.suspend(() =>
  Effect.flatMap(Config.all(Object.fromEntries(names.map((name) => [name, text(name)]))), (given) =>
    decode((name) => Redacted.value(given[name] ?? Redacted.make(""))),
  ),
)

/** The exporters that the environment asks for. Fails where it asks for what is not there. */
export const layer: Layer.Layer<never, ConfigError.ConfigError> = Layer.unwrapEffect(
  Effect.flatMap(settings, (given) =>
    given === undefined
      ? Effect.succeed(Layer.empty)
      : Effect.map(
          Effect.promise(() => import("./OtlpExport.js")),
          (otlp) => otlp.layer(given),
        ),
  ),
)

// ---------------------------------------------------------------------------------------------------------

type Decoded<A> = Either.Either<A, ConfigError.ConfigError>
type Given = (name: string) => string

const signals = ["TRACES", "METRICS", "LOGS"] as const
type Name = (typeof signals)[number]

const perSignal = ["ENDPOINT", "PROTOCOL", "HEADERS", "TIMEOUT"] as const
type Setting = (typeof perSignal)[number]

const ofOtlp = (setting: Setting, signal?: Name): string =>
  ["OTEL_EXPORTER_OTLP", ...(signal === undefined ? [] : [signal]), setting].join("_")

const names = [
  "OTEL_SDK_DISABLED",
  "OTEL_SERVICE_NAME",
  "OTEL_RESOURCE_ATTRIBUTES",
  "OTEL_METRIC_EXPORT_INTERVAL",
  ...signals.map((signal) => `OTEL_${signal}_EXPORTER`),
  ...perSignal.flatMap((setting) => [ofOtlp(setting), ...signals.map((signal) => ofOtlp(setting, signal))]),
]

const text = (name: string): Config.Config<Redacted.Redacted> =>
  Config.redacted(name).pipe(Config.withDefault(Redacted.make("")))

const decode = (given: Given): Decoded<Settings | undefined> =>
  Either.gen(function* () {
    if (given("OTEL_SDK_DISABLED").toLowerCase() === "true") return undefined
    const targets = {
      traces: yield* target(given, "TRACES"),
      metrics: yield* target(given, "METRICS"),
      logs: yield* target(given, "LOGS"),
    }
    if (Object.values(targets).every((one) => one === undefined)) return undefined
    const { "service.name": named, ...attributes } = yield* pairs("OTEL_RESOURCE_ATTRIBUTES", given)
    return {
      targets,
      attributes,
      serviceName: given("OTEL_SERVICE_NAME") || named || "ktrdr",
      metricInterval: yield* millis("OTEL_METRIC_EXPORT_INTERVAL", given, 60_000),
    }
  })

const target = (given: Given, signal: Name): Decoded<Target | undefined> =>
  Either.gen(function* () {
    /** The variable that says it: the signal's own, or that of all. */
    const sayer = (setting: Setting): string => {
      const own = ofOtlp(setting, signal)
      return given(own) === "" ? ofOtlp(setting) : own
    }
    const endpoint = sayer("ENDPOINT")
    if (given(endpoint) === "") return undefined
    const exporter = `OTEL_${signal}_EXPORTER`
    if (given(exporter) === "none") return undefined
    if (!["", "otlp"].includes(given(exporter)))
      return yield* wrong(exporter, "otlp or none", given(exporter))
    const isOwn = endpoint === ofOtlp("ENDPOINT", signal)
    const protocol = given(sayer("PROTOCOL")) || protocols[0]
    const known = protocols.find((one) => one === protocol)
    if (known === undefined) return yield* wrong(sayer("PROTOCOL"), protocols.join(" or "), protocol)
    return {
      url: yield* urlOf(endpoint, given, isOwn ? "" : `v1/${signal.toLowerCase()}`),
      protocol: known,
      headers: Redacted.make({
        ...(yield* headers(ofOtlp("HEADERS"), given)),
        ...(yield* headers(ofOtlp("HEADERS", signal), given)),
      }),
      timeout: yield* millis(sayer("TIMEOUT"), given, 10_000),
    }
  })

const urlOf = (name: string, given: Given, path: string): Decoded<string> => {
  const url = URL.canParse(given(name)) ? new URL(given(name)) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    return wrong(name, "an http or https URL without a user, such as http://127.0.0.1:4318")
  }
  if (path !== "") url.pathname = `${url.pathname.replace(/\/$/, "")}/${path}`
  return Either.right(url.href)
}

const headers = (name: string, given: Given): Decoded<Readonly<Record<string, string>>> =>
  Either.filterOrLeft(
    pairs(name, given),
    (found) =>
      Object.entries(found).every(
        ([key, value]) => /^[\w!#$%&'*+.^`|~-]+$/.test(key) && /^[\t\x20-\xff]*$/.test(value),
      ),
    () => invalid(name, "headers such as name=value,other=value"),
  )

/** `a=b,c=d`, the values percent-encoded. What does not fit is not repeated, for it may be secret. */
const pairs = (name: string, given: Given): Decoded<Readonly<Record<string, string>>> => {
  const entries: Array<readonly [string, string]> = []
  for (const pair of given(name).split(",")) {
    if (pair.trim() === "") continue
    const at = pair.indexOf("=")
    const key = pair.slice(0, at).trim()
    const value = Either.try(() => decodeURIComponent(pair.slice(at + 1).trim()))
    if (at === -1 || key === "" || Either.isLeft(value)) {
      return wrong(name, "pairs such as name=value,other=value, their values percent-encoded")
    }
    entries.push([key, value.right])
  }
  return Either.right(Object.fromEntries(entries))
}

const millis = (name: string, given: Given, fallback: number): Decoded<number> => {
  const value = given(name) === "" ? fallback : Number(given(name))
  return Number.isInteger(value) && value >= 1 && value <= 86_400_000
    ? Either.right(value)
    : wrong(name, "milliseconds, a whole number from 1 to 86400000", given(name))
}

const wrong = (
  name: string,
  expected: string,
  found?: string,
): Either.Either<never, ConfigError.ConfigError> => Either.left(invalid(name, expected, found))

const invalid = (name: string, expected: string, found?: string): ConfigError.ConfigError =>
  ConfigError.InvalidData(
    [name],
    `Expected ${expected}${found === undefined ? "" : `, found ${JSON.stringify(found.slice(0, 60))}`}`,
  )
