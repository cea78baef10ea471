/**
 * A generic adapter for a remote host that speaks JSON over HTTP: pooled connections, timeouts, retries,
 * health, counts. What the answers mean is the business of whoever wraps it.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as HostConfig from "./HostConfig.js"
import type * as HostError from "./HostError.js"
import * as Host from "./internal/host.js"
import type * as HostBreaker from "./internal/hostBreaker.js"
import type * as HostCall from "./internal/hostCall.js"
import type * as HostEvents from "./internal/hostEvents.js"
import type * as HostMetrics from "./internal/hostMetrics.js"

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

/** What is asked for of a stream of events. */
export interface Listening {
  /** The id of the last event that came over an earlier connection, so that the host goes on behind it. */
  readonly lastEventId?: string | undefined
  /** The longest time without an event or a comment, instead of the configuration's `idleTimeout`. */
  readonly idleTimeout?: Duration.DurationInput | undefined
}

/** An event, with what its data holds. */
export type Event<A> = HostEvents.Event<A>

/** The answer to a health check that the host passed. */
export interface Health {
  /** The body as JSON, or as text where it is none. */
  readonly body: unknown
  readonly checkedAtMillis: number
}

/** Whether calls go to a host (`closed`), fail at once (`open`), or wait for one of them to tell (`half_open`). */
export type Circuit = HostBreaker.Circuit

/** Counts since the client was made, and how the host is; of several targets, the sums and the best of them. */
export interface Stats {
  readonly url: string
  /** Attempts made, whether or not the host could be reached. */
  readonly requests: number
  /** Attempts that failed, by reason, and calls that never got a slot; interruptions are none of them. */
  readonly failures: { readonly [R in HostError.Reason]?: number }
  readonly retries: number
  readonly inFlight: number
  /** Connections: 0 where the `HttpClient` is not that of `HostPool`. */
  readonly connectionsOpened: number
  readonly connectionsOpen: number
  readonly state: Circuit
  /** When the host is tried again, in epoch milliseconds; `null` unless `state` is `open`. */
  readonly nextTryMillis: number | null
  /** The last attempt that failed, and when (epoch ms). */
  readonly lastError: HostMetrics.LastError | null
}

/**
 * A client of one host. Interrupting a call closes its connection at once, whether it is connecting, waits
 * for headers or reads the body; no answer is left unread.
 *
 * A host that failed `config.breakerThreshold` times in a row is left alone for a while: a new call fails at once
 * with `Unavailable` and `nextTryMillis`, one that was sent before waits within its deadline, and the first
 * attempt after `nextTryMillis` tells whether the host is back. Where the host has several base URLs, calls go to
 * the one that worked last, or to the first whose circuit is closed; a call that meets a dead one goes on at the
 * next at once, unless it might have arrived and may not be repeated.
 */
export interface HostClient {
  readonly config: HostConfig.HostConfig
  /** The base URL; of several targets, all of them, separated by commas. */
  readonly url: string
  /** A client for each base URL of the host, in their order; where there is one, this client itself. */
  readonly targets: ReadonlyArray<HostClient>
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
  /** Any method, decoded, and the text that it was decoded from. */
  readonly answer: <A, I, R, B = unknown, J = unknown, S = never>(
    method: Method,
    path: string,
    options: Options & Decoded<A, I, R> & Body<B, J, S>,
  ) => Effect.Effect<{ readonly value: A; readonly text: string }, HostError.HostError, R | S>
  /** Any method, the body as it came: for adapters that decode a large answer themselves. */
  readonly text: <B = unknown, J = unknown, S = never>(
    method: Method,
    path: string,
    options?: Options & Body<B, J, S>,
  ) => Effect.Effect<string, HostError.HostError, S>
  /** Any method, the body as bytes. */
  readonly bytes: <B = unknown, J = unknown, S = never>(
    method: Method,
    path: string,
    options?: Options & Body<B, J, S>,
  ) => Effect.Effect<Uint8Array, HostError.HostError, S>
  /**
   * Server-sent events, over one pooled connection that stays in use until the stream ends. `timeout`,
   * `deadline` and `attempts` hold for its opening alone. The stream ends when the host ends it, and fails when
   * the connection breaks or nothing at all came for `idleTimeout`. One connection is left to other calls: a
   * stream too many fails with `InvalidConfig`.
   */
  readonly events: <A, I, R>(
    path: string,
    options: Options & Decoded<A, I, R> & Listening,
  ) => Stream.Stream<Event<A>, HostError.HostError, R>
  /** Asks `config.healthPath`, once for all who ask within `config.healthTtl`; fails if the host does. */
  readonly health: Effect.Effect<Health, HostError.HostError>
  readonly stats: Effect.Effect<Stats>
}

export { Attempts, Gate } from "./internal/hostGate.js"

/** Decides when an attempt may be made. */
export type Gatekeeper = HostCall.Gatekeeper

/**
 * A client for one host on the given `HttpClient`; the layers of a `Tag` give it a pool of its own. Fails
 * with `InvalidConfig`.
 */
export const make = (
  name: string,
  options: HostConfig.Options,
): Effect.Effect<HostClient, HostError.HostError, HttpClient.HttpClient | Scope.Scope> =>
  Effect.flatMap(HostConfig.make(name, options), Host.make)

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
