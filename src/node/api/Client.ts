/**
 * ktrdr's own client of its API: derived from the declaration, over one pool of connections, in the terms of the
 * domain. What the server refuses fails as it would have failed in the server's process.
 */
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Agent } from "@effect/platform-node/Undici"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Candles } from "../../data/Candle.js"
import type { Span } from "../../data/DataManager.js"
import type { Series } from "../../data/Series.js"
import * as HostConfig from "../../HostConfig.js"
import type { HostError } from "../../HostError.js"
import * as HostPool from "../../HostPool.js"
import * as HostFailure from "../../internal/hostFailure.js"
import * as Record from "../../OperationRecord.js"
import type { Page, Query } from "../../OperationStore.js"
import type { CancelAnswer, CancelOptions, Change } from "../../Operations.js"
import { Api } from "../Api.js"
import * as ClientEvents from "./ClientEvents.js"
import * as ClientFailure from "./ClientFailure.js"
import * as ClientWire from "./ClientWire.js"
import type { CoverageData, KnownSymbol, QualityData } from "./DataWire.js"
import type { Health } from "./HealthApi.js"
import * as OperationWire from "./OperationWire.js"

export interface Options {
  /** `http://127.0.0.1:8000`, with or without `/api/v1`. */
  readonly url: string
  readonly token?: Redacted.Redacted | undefined
}

export type Failure = ClientFailure.Failure

type Call<A> = Effect.Effect<A, Failure>

export interface ApiClient {
  /** Of the server, without a path. */
  readonly url: string
  readonly health: Call<Health>
  readonly operations: {
    readonly list: (query?: Query) => Call<Page>
    readonly children: (id: string) => Call<Page>
    readonly get: (id: string) => Call<Record.OperationRecord>
    /** Returns the record of the new operation, as do `resume` and `retry`. */
    readonly start: (kind: string, payload: unknown) => Call<Record.OperationRecord>
    readonly cancel: (
      id: string,
      options?: CancelOptions & { readonly force?: boolean },
    ) => Call<CancelAnswer>
    readonly resume: (id: string) => Call<Record.OperationRecord>
    readonly retry: (id: string) => Call<Record.OperationRecord>
    /** From behind `sequence` on, or from now, to its end; a connection that is lost is made again. */
    readonly changes: (id: string, sequence?: number) => Stream.Stream<Change, Failure>
  }
  readonly data: {
    /** The bars that are stored, with `limit` the newest of them; none where the series is not known. */
    readonly show: (series: Series, span?: Span & { readonly limit?: number | undefined }) => Call<Candles>
    /** Fails with `NotFound` where the series was never written, as do the next two. */
    readonly coverage: (series: Series, span?: Span) => Call<CoverageData>
    readonly quality: (series: Series, span?: Span) => Call<QualityData>
    readonly symbols: Call<ReadonlyArray<typeof KnownSymbol.Type>>
  }
  /** The client as it is derived, for whatever else the API has. */
  readonly derived: Derived
}

/** Every declared route as a function, failing as the declaration says. */
export type Derived = Effect.Effect.Success<ReturnType<typeof derive>>

/** Calls but for those that wait for the end of something are over by then, or fail, in milliseconds. */
const patience = 60_000

/** Connections live as long as the scope. Fails with `InvalidConfig` for what is no URL. */
export const make = (options: Options): Effect.Effect<ApiClient, HostError, Scope.Scope> =>
  Effect.gen(function* () {
    const config = yield* HostConfig.make(ClientFailure.host, {
      baseUrl: options.url.replace(/\/+$/, "").replace(/\/api\/v1$/, ""),
      connections: 16,
      maxBodyBytes: ClientFailure.maxBodyBytes,
    })
    const url = config.baseUrl
    const pool = Context.get(yield* Layer.build(HostPool.layer(config)), HttpClient.HttpClient)
    const derived = yield* derive(authorized(pool, options.token), url)
    const http = authorized(yield* streaming, options.token)

    /** One call; a `GET` that met a connection the server was closing is sent again. */
    const call = <A, E extends ClientFailure.Raw>(
      method: "GET" | "POST" | "DELETE",
      path: string,
      effect: Effect.Effect<A, E>,
    ): Call<A> => {
      const place = { url, method, path: `/api/v1${path}` }
      const attempt = Effect.mapError(effect, ClientFailure.of(place))
      const isStale = (error: Failure) =>
        method === "GET" && error._tag === "HostError" && HostFailure.isStale(error)
      return attempt.pipe(
        Effect.catchIf(isStale, () => attempt),
        Effect.timeoutFail({
          duration: patience,
          onTimeout: () => ClientFailure.late(place, patience),
        }),
      )
    }

    const { data, health, operations } = derived
    const record = <E extends ClientFailure.Raw>(
      method: "GET" | "POST",
      path: string,
      effect: Effect.Effect<{ readonly data: OperationWire.Operation }, E>,
    ): Call<Record.OperationRecord> =>
      Effect.map(call(method, path, effect), (answer) => OperationWire.recordOf(answer.data))

    const get = (id: string): Call<Record.OperationRecord> =>
      Effect.gen(function* () {
        const found = yield* record("GET", `/operations/${id}`, operations.get(at(id)))
        if (found.status !== "completed") return found
        const results = yield* call("GET", `/operations/${id}/results`, operations.results(at(id)))
        return { ...found, result: results.data.results }
      })

    return {
      url,
      derived,
      health: call("GET", "/health", health.health({})),
      operations: {
        list: (query = {}) =>
          query.parent === undefined
            ? ClientWire.listed(query, (urlParams) =>
                call("GET", "/operations", operations.list({ urlParams })),
              )
            : Effect.map(
                call("GET", `/operations/${query.parent}/children`, operations.children(at(query.parent))),
                ClientWire.pageOf,
              ),
        children: (id) =>
          Effect.map(
            call("GET", `/operations/${id}/children`, operations.children(at(id))),
            ClientWire.pageOf,
          ),
        get,
        start: (kind, payload) =>
          record(
            "POST",
            `/operations/${kind}`,
            operations.start({ path: { kind: encodeURIComponent(kind) }, payload }),
          ),
        cancel: (id, { reason, force } = {}) =>
          Effect.gen(function* () {
            const payload = {
              ...(reason === undefined ? {} : { reason }),
              ...(force === undefined ? {} : { force }),
            }
            const answer = yield* call(
              "DELETE",
              `/operations/${id}`,
              operations.cancel({ ...at(id), payload }),
            )
            const counted = answer.data.cancellation_reason
            const isFirst = counted === (reason ?? null)
            return { record: yield* get(id), isFirst }
          }),
        resume: (id) => record("POST", `/operations/${id}/resume`, operations.resume(at(id))),
        retry: (id) => record("POST", `/operations/${id}/retry`, operations.retry(at(id))),
        changes: (id, sequence) => ClientEvents.changes({ url, http }, id, sequence),
      },
      data: {
        show: (series, { limit, ...span } = {}) =>
          Effect.map(
            call(
              "GET",
              seriesPath(series),
              data.bars({ ...seriesAt(series), urlParams: ClientWire.barsQuery(series, span, limit) }),
            ),
            (answer) => ClientWire.candlesOf(answer.data),
          ),
        coverage: (series, span = {}) =>
          Effect.map(
            call(
              "GET",
              `${seriesPath(series)}/coverage`,
              data.coverage({ ...seriesAt(series), urlParams: ClientWire.spanQuery(series, span) }),
            ),
            (answer) => answer.data,
          ),
        quality: (series, span = {}) =>
          Effect.map(
            call(
              "GET",
              `${seriesPath(series)}/quality`,
              data.quality({ ...seriesAt(series), urlParams: ClientWire.spanQuery(series, span) }),
            ),
            (answer) => answer.data,
          ),
        symbols: Effect.map(call("GET", "/symbols", data.symbols({})), (answer) => answer.data),
      },
    }
  })

/** `KTRDR_API_TOKEN`, which the server wants to see. */
export const token: Config.Config<Redacted.Redacted | undefined> = Config.option(
  Config.nonEmptyString("KTRDR_API_TOKEN"),
).pipe(Config.map((given) => Option.getOrUndefined(Option.map(given, Redacted.make))))

/** The same with the token of the environment. */
export const fromUrl = (url: string): Effect.Effect<ApiClient, HostError | ConfigError, Scope.Scope> =>
  Effect.flatMap(token, (given) => make({ url, token: given }))

// ---------------------------------------------------------------------------------------------------------

const at = (id: string) => ({ path: { id: encodeURIComponent(id) } })

const seriesAt = ({ symbol, timeframe }: Series) => ({ path: { symbol, timeframe } })

const seriesPath = ({ symbol, timeframe }: Series): string => `/data/${symbol}/${timeframe}`

const derive = (httpClient: HttpClient.HttpClient, baseUrl: string) =>
  HttpApiClient.makeWith(Api, { httpClient, baseUrl })

const authorized = (
  client: HttpClient.HttpClient,
  given: Redacted.Redacted | undefined,
): HttpClient.HttpClient =>
  HttpClient.withTracerDisabledWhen(
    given === undefined ? client : HttpClient.mapRequest(client, HttpClientRequest.bearerToken(given)),
    () => true,
  )

/** Reads answers as they come. Each has a connection of its own. */
const streaming: Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => new Agent()),
    (agent) =>
      Effect.promise(() => agent.destroy()).pipe(Effect.interruptible, Effect.timeoutOption("1 second")),
  ),
  (agent) => NodeHttpClient.makeUndici(agent),
)
