/**
 * A generic adapter for a remote host that speaks JSON over HTTP: pooled connections, timeouts, retries,
 * health, counts. What the answers mean is the business of whoever wraps it.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as HostConfig from "./HostConfig.js"
import * as HostError from "./HostError.js"
import { Connections } from "./internal/connections.js"
import * as Expiry from "./internal/expiry.js"
import * as HostCall from "./internal/hostCall.js"
import * as HostCodec from "./internal/hostCodec.js"
import * as HostExchange from "./internal/hostExchange.js"
import * as HostMetrics from "./internal/hostMetrics.js"
import * as SharedProbe from "./internal/sharedProbe.js"

export type Method = HostCall.Method

/** What a call may say besides its path and its body. */
export type Options = HostCall.Options

/** The schema that an answer's JSON must fit; an empty body is `null`. */
export interface Decoded<A, I, R> {
  readonly response: Schema.Schema<A, I, R>
}

/**
 * What is sent: a JSON value, encoded by `bodySchema` where there is one; or an `HttpBody` for anything else
 * (not a stream, which could not be sent again).
 */
export interface Body<B, J, S> {
  readonly body?: NoInfer<B>
  readonly bodySchema?: Schema.Schema<B, J, S> | undefined
}

/** The answer to a health check that the host passed. */
export interface Health {
  /** The body as JSON, or as text where it is none. */
  readonly body: unknown
  readonly checkedAtMillis: number
}

/** Counts since the client was made. */
export interface Stats {
  /** Attempts made, whether or not the host could be reached. */
  readonly requests: number
  /** Attempts that failed, by reason, and calls that never got a slot; interruptions are none of them. */
  readonly failures: { readonly [R in HostError.Reason]?: number }
  readonly retries: number
  readonly inFlight: number
  /** 0 where the `HttpClient` is not that of `HostPool`. */
  readonly connectionsOpened: number
}

/**
 * A client of one host. Interrupting a call closes its connection at once, whether it is connecting, waits
 * for headers or reads the body; no answer is left unread.
 */
export interface HostClient {
  readonly config: HostConfig.HostConfig
  readonly get: <A, I, R>(
    path: string,
    options: Options & Decoded<A, I, R>,
  ) => Effect.Effect<A, HostError.HostError, R>
  readonly post: <A, I, R, B = unknown, J = unknown, S = never>(
    path: string,
    options: Options & Decoded<A, I, R> & Body<B, J, S>,
  ) => Effect.Effect<A, HostError.HostError, R | S>
  /** Any method, decoded. */
  readonly request: <A, I, R, B = unknown, J = unknown, S = never>(
    method: Method,
    path: string,
    options: Options & Decoded<A, I, R> & Body<B, J, S>,
  ) => Effect.Effect<A, HostError.HostError, R | S>
  /** Any method, the body as it came: for adapters that decode a large answer themselves. */
  readonly text: <B = unknown, J = unknown, S = never>(
    method: Method,
    path: string,
    options?: Options & Body<B, J, S>,
  ) => Effect.Effect<string, HostError.HostError, S>
  /** Asks `config.healthPath`, once for all who ask within `config.healthTtl`; fails if the host does. */
  readonly health: Effect.Effect<Health, HostError.HostError>
  readonly stats: Effect.Effect<Stats>
}

/** Counts the attempts made while an effect ran: provide a counter, run the effect, read the counter. */
export class Attempts extends Context.Reference<Attempts>()("ktrdr/HostClient/Attempts", {
  defaultValue: (): { requests: number } => ({ requests: 0 }),
}) {}

/** Decides when an attempt may be made. */
export type Gatekeeper = HostCall.Gatekeeper

/**
 * What every attempt passes through, repeats included: it may hold the attempt back, and sees how it ends. The
 * time that it is held back counts towards neither the attempt nor the call; it holds no slot meanwhile.
 */
export class Gate extends Context.Reference<Gate>()("ktrdr/HostClient/Gate", {
  defaultValue: (): Gatekeeper => ({ pass: (attempt) => attempt }),
}) {}

/**
 * A client for one host on the given `HttpClient`; the layers of a `Tag` give it a pool of its own. Fails
 * with `InvalidConfig`.
 */
export const make = (
  name: string,
  options: HostConfig.Options,
): Effect.Effect<HostClient, HostError.HostError, HttpClient.HttpClient | Scope.Scope> =>
  Effect.flatMap(HostConfig.make(name, options), fromConfig)

/** The class that `Tag` makes: a service tag with the layers of its host. */
export interface TagClass<Self> extends Context.TagClass<Self, string, HostClient> {
  /** A client with its own connection pool. Fails with `InvalidConfig`. */
  readonly layer: (options: HostConfig.Options) => Layer.Layer<Self, HostError.HostError>
  /** The same from configuration: `HostConfig.config(prefix)`, or a record of `Config`s. */
  readonly layerConfig: (
    config: Config.Config.Wrap<HostConfig.Options>,
  ) => Layer.Layer<Self, HostError.HostError | ConfigError>
  /** A client on the `HttpClient` of the environment. */
  readonly layerWithoutPool: (
    options: HostConfig.Options,
  ) => Layer.Layer<Self, HostError.HostError, HttpClient.HttpClient>
}

/**
 * The tag of one host, so that several may live in one program:
 *
 * ```ts
 * class Archive extends HostClient.Tag("archive")<Archive>() {}
 *
 * Effect.flatMap(Archive, (archive) => archive.get("/entries", { response: Entries })).pipe(
 *   Effect.provide(Archive.layer({ baseUrl: "http://127.0.0.1:5001" })),
 * )
 * ```
 */
export const Tag =
  (name: string) =>
  <Self>(): TagClass<Self> => {
    const tag = Context.Tag(`ktrdr/HostClient/${name}`)<Self, HostClient>()
    const layerWithoutPool = (options: HostConfig.Options) => Layer.scoped(tag, make(name, options))
    const layer = (options: HostConfig.Options) =>
      Layer.unwrapEffect(
        Effect.flatMap(HostConfig.make(name, options), (config) =>
          Effect.map(
            Effect.promise(() => import("./HostPool.js")),
            (HostPool) => Layer.provide(layerWithoutPool(options), HostPool.layer(config)),
          ),
        ),
      )
    return Object.assign(tag, {
      layer,
      layerWithoutPool,
      layerConfig: (config: Config.Config.Wrap<HostConfig.Options>) =>
        Layer.unwrapEffect(Effect.map(Config.unwrap(config), layer)),
    })
  }

// -----------------------------------------------------------------------------

type Fail = (details: HostError.Details) => HostError.HostError

const fromConfig = (
  config: HostConfig.HostConfig,
): Effect.Effect<HostClient, never, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const connections = yield* Connections
    const metrics = HostMetrics.make(config.name)
    const exchange = HostExchange.make(config, yield* HttpClient.HttpClient, metrics, yield* Expiry.make)
    const send = HostCall.make(config, metrics, exchange)

    const call = <A, R, B, J, S>(
      method: Method,
      path: string,
      options: Options & Body<B, J, S>,
      decode: (answer: HostCall.Answer, fail: Fail) => Effect.Effect<A, HostError.HostError, R>,
    ): Effect.Effect<A, HostError.HostError, R | S> => {
      const route = path.startsWith("/") ? path : `/${path}`
      const place = { host: config.name, method, path: route.replace(/[?#].*$/s, "") }
      const fail = HostError.about(place)
      return Effect.useSpan(
        `HostClient.${method}`,
        { kind: "client", captureStackTrace: false, attributes: place },
        (span) =>
          Effect.flatMap(HostCodec.encode(options.body, options.bodySchema, fail), (body) =>
            Effect.flatMap(Effect.zip(Attempts, Gate), ([attempts, gate]) =>
              Effect.flatMap(
                send({ method, path: route, body, fail, attempts, gate, span }, options),
                (answer) => {
                  span.attribute("attempts", answer.attempts)
                  return decode(answer, fail)
                },
              ),
            ),
          ),
      )
    }

    const request: HostClient["request"] = (method, path, options) =>
      call(method, path, options, HostCodec.decode(options.response, metrics))

    const healthOptions = { attempts: 1, timeout: config.healthTimeout, deadline: config.healthTimeout }
    const health = yield* SharedProbe.make(
      call("GET", config.healthPath, healthOptions, (answer) =>
        Effect.map(Clock.currentTimeMillis, (checkedAtMillis) => ({
          body: Either.getOrElse(HostCodec.parseJson(answer.text), () => answer.text),
          checkedAtMillis,
        })),
      ),
      Duration.toMillis(config.healthTtl),
    )

    return {
      config,
      request,
      get: (path, options) => request("GET", path, options),
      post: (path, options) => request("POST", path, options),
      text: (method, path, options = {}) =>
        call(method, path, options, (answer) => Effect.succeed(answer.text)),
      health,
      stats: Effect.sync(() => ({
        ...metrics.counts,
        failures: { ...metrics.counts.failures },
        connectionsOpened: connections.opened,
      })),
    }
  })
