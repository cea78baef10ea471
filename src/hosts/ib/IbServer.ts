/**
 * ktrdr's own IB host service: the wire of KTRDR's, over any source of candles.
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import type * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Candle from "../../data/Candle.js"
import type * as CandleSource from "../../data/CandleSource.js"
import * as HostHttp from "../HostHttp.js"
import * as HostRequest from "../HostRequest.js"
import * as HostServer from "../HostServer.js"
import * as FaultScript from "./FaultScript.js"
import * as IbAnswers from "./IbAnswers.js"
import * as IbApi from "./IbApi.js"
import * as IbRequest from "./IbRequest.js"
import * as IbService from "./IbService.js"

export interface Options extends HostServer.Options {
  /** Faults that answers of the `/data` routes suffer on purpose. */
  readonly faults?: FaultScript.FaultScript | undefined
}

/** The service as an app for any server. It answers every request and never fails. */
export const app = (
  options: Pick<Options, "faults"> = {},
): Effect.Effect<HttpApp.Default, never, CandleSource.CandleSource> =>
  Effect.gen(function* () {
    const service = yield* IbService.make
    const counters = makeCounters(yield* Clock.currentTimeMillis)
    const data = answering(counters, options.faults)
    return yield* HttpRouter.empty.pipe(
      HttpRouter.get(
        IbApi.paths.root,
        status(() => root),
      ),
      HttpRouter.get(
        IbApi.paths.health,
        status(() => ({ ...alive, status: "operational" })),
      ),
      HttpRouter.get(
        IbApi.paths.healthStatus,
        status((now) => healthStatus(counters, now)),
      ),
      HttpRouter.get(
        IbApi.paths.healthDetailed,
        status((_, millis) => healthDetailed(counters, service, millis)),
      ),
      HttpRouter.get(
        IbApi.paths.openApi,
        Effect.sync(() => HostHttp.json(openApi())),
      ),
      HttpRouter.post(
        IbApi.paths.historical,
        data(FaultScript.Kind.literals, (fault) =>
          Effect.flatMap(HostRequest.read(IbRequest.historical), ({ value: fields }) =>
            Effect.flatMap(service.historical(fields), historical(options.faults, fault)),
          ),
        ),
      ),
      HttpRouter.post(
        IbApi.paths.validate,
        data(transportKinds, () =>
          Effect.flatMap(HostRequest.read(IbRequest.validate), ({ value: fields }) => {
            const timeframes = (fields["timeframes"] ?? []) as ReadonlyArray<string>
            return Effect.map(service.validate(String(fields["symbol"]), timeframes), plain)
          }),
        ),
      ),
      HttpRouter.get(
        IbApi.paths.symbolInfo,
        data(transportKinds, () =>
          Effect.flatMap(HttpRouter.params, (params) =>
            Effect.map(service.symbolInfo(params["symbol"] ?? ""), plain),
          ),
        ),
      ),
      HttpRouter.get(
        IbApi.paths.headTimestamp,
        data(transportKinds, (_, request) =>
          Either.match(
            HostRequest.query(["symbol", "timeframe"], new URLSearchParams(HostHttp.address(request).query)),
            {
              onLeft: (complaints) => Effect.fail(HostRequest.unprocessable(complaints)),
              onRight: (params) =>
                Effect.map(service.headTimestamp(params["symbol"] ?? "", params["timeframe"] ?? ""), plain),
            },
          ),
        ),
      ),
      HostHttp.app,
    )
  })

/** Serves the app until the scope closes, as `HostServer.serve` does. */
export const layer = (
  options: Options = {},
): Layer.Layer<never, never, HttpServer.HttpServer | CandleSource.CandleSource> =>
  Layer.scopedDiscard(Effect.flatMap(app(options), (served) => HostServer.serve(served, options)))

// -----------------------------------------------------------------------------

const alive = { healthy: true, service: "ib-connector" }
const root = { service: "IB Connector Host Service", version: "1.0.0", status: "running" }
const transportKinds = FaultScript.Kind.literals.filter((kind) => kind !== "malformed" && kind !== "floored")

const openApi = (() => {
  let text: string | undefined
  return () => (text ??= JSON.stringify(IbApi.openApi()))
})()

/** What the service has done since it started (epoch ms). */
interface Counters {
  readonly startedAt: number
  active: number
  total: number
  errors: number
  lastError: string | null
  /** Whether the source could be reached when it was last asked. */
  reachable: boolean
}

const makeCounters = (startedAt: number): Counters => ({
  startedAt,
  active: 0,
  total: 0,
  errors: 0,
  lastError: null,
  reachable: true,
})

/** An answer of a `/data` route, and the refusal in it if it is one. */
interface Answer {
  readonly text: string
  readonly refusal: { readonly error: string; readonly code: string | null } | undefined
}

const plain = (answer: IbApi.HistoricalAnswer | IbApi.ValidateAnswer | IbApi.HeadAnswer): Answer => ({
  text: JSON.stringify(answer),
  refusal: answer.success ? undefined : { error: answer.error ?? "", code: answer.error_code ?? null },
})

const historical =
  (faults: FaultScript.FaultScript | undefined, fault: FaultScript.Fault | undefined) =>
  (found: IbService.Historical): Effect.Effect<Answer> => {
    if (Either.isLeft(found)) return Effect.succeed(plain(found.left))
    let bars = found.right
    if (fault?.kind === "floored" && Candle.size(bars) > 1) {
      faults?.count("floored")
      bars = Candle.slice(bars, 1 + Math.floor(fault.severity * (Candle.size(bars) - 1)), Candle.size(bars))
    }
    if (fault?.kind === "malformed") faults?.count("malformed")
    const body = IbAnswers.historical(bars, fault?.kind === "malformed" ? (data) => `${data},` : undefined)
    return Effect.map(body, (text) => ({ text, refusal: undefined }))
  }

/** Counts the request, answers it with the faults of the script, and counts how that went. */
const answering =
  (counters: Counters, faults: FaultScript.FaultScript | undefined) =>
  <R>(
    kinds: ReadonlyArray<FaultScript.Kind>,
    answer: (
      fault: FaultScript.Fault | undefined,
      request: HttpServerRequest.HttpServerRequest,
    ) => Effect.Effect<Answer, HttpServerResponse.HttpServerResponse, R>,
  ) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const respond = (fault: FaultScript.Fault | undefined) =>
        Effect.match(answer(fault, request), {
          onSuccess: ({ text, refusal }) => {
            counters.reachable = refusal?.code !== "Unreachable"
            if (refusal !== undefined) failed(counters, refusal.error)
            return HostHttp.json(text)
          },
          onFailure: (response) => {
            failed(counters, `${request.method} ${HostHttp.address(request).path}: status ${response.status}`)
            return response
          },
        })
      counters.active += 1
      counters.total += 1
      return Effect.ensuring(
        faults === undefined ? respond(undefined) : FaultScript.around(faults, kinds, respond),
        Effect.sync(() => {
          counters.active -= 1
        }),
      )
    })

const failed = (counters: Counters, error: string): void => {
  counters.errors += 1
  counters.lastError = error
}

const status = (content: (now: string, millis: number) => object) =>
  Effect.map(Clock.currentTimeMillis, (millis) => {
    const timestamp = new Date(millis).toISOString()
    return HostHttp.json(JSON.stringify({ ...content(timestamp, millis), timestamp }))
  })

const healthStatus = (counters: Counters, now: string) => ({
  ...alive,
  ib_status: { connected: counters.reachable, connection_count: counters.reachable ? 1 : 0 },
  connection_info: { service_running: true, last_check: now },
  error: null,
})

const healthDetailed = (counters: Counters, service: IbService.IbService, now: number) => ({
  ...alive,
  ib_gateway_connected: counters.reachable,
  active_connections: counters.active,
  total_requests: counters.total,
  error_count: counters.errors,
  last_error: counters.lastError,
  uptime_seconds: (now - counters.startedAt) / 1000,
  connection_pool_status: { pool_initialized: true, source: service.source },
})
