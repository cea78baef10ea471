/**
 * The contract of the IB host service as a value: paths, what goes in, what comes out.
 *
 * Every `/data` route answers 200 with a `success` flag, errors included. What KTRDR's host leaves out or
 * sends as null is optional here, so the same schemas read its answers and ktrdr's own.
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { Session } from "../../data/Series.js"

/** What may be absent or null in an answer; this host always sends it. */
const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

const refusal = {
  error: maybe(Schema.String),
  /** ktrdr's addition: the reason of a `DataError`. */
  error_code: maybe(Schema.String),
  /** ktrdr's addition: how long to wait before asking again. */
  retry_after_seconds: maybe(Schema.Number),
}

/** Stamps are ISO instants with an offset. `session` is ktrdr's addition. */
export const HistoricalRequest = Schema.Struct({
  symbol: Schema.String,
  timeframe: Schema.String,
  start: Schema.String,
  end: Schema.String,
  instrument_type: maybe(Schema.String),
  session: maybe(Session),
}).annotations({ identifier: "HistoricalRequest" })

/**
 * `data` is text that holds JSON: an object keyed by each bar's ISO start, its values
 * `{open, high, low, close, volume}`; a volume of -1 is unknown. `rows` counts them.
 */
export const HistoricalAnswer = Schema.Struct({
  success: Schema.Boolean,
  data: maybe(Schema.String),
  rows: maybe(Schema.NonNegativeInt),
  ...refusal,
}).annotations({ identifier: "HistoricalAnswer" })
export type HistoricalAnswer = typeof HistoricalAnswer.Type

export const ValidateRequest = Schema.Struct({
  symbol: Schema.String,
  timeframes: maybe(Schema.Array(Schema.String)),
}).annotations({ identifier: "ValidateRequest" })

/** KTRDR's client breaks on any key beside these eleven. */
export const ContractInfo = Schema.Struct({
  symbol: Schema.String,
  contract: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
  /** `STK`, `CASH`, `FUT`, `IND`, `CRYPTO`. */
  asset_type: Schema.String,
  exchange: Schema.String,
  currency: Schema.String,
  description: Schema.String,
  /** Seconds since the epoch. */
  validated_at: Schema.Number,
  trading_hours: maybe(Schema.Unknown),
  head_timestamp: maybe(Schema.String),
  head_timestamp_timeframes: maybe(
    Schema.Record({ key: Schema.String, value: Schema.NullOr(Schema.String) }),
  ),
  head_timestamp_fetched_at: maybe(Schema.Number),
}).annotations({ identifier: "ContractInfo" })
export type ContractInfo = typeof ContractInfo.Type

export const ValidateAnswer = Schema.Struct({
  success: Schema.Boolean,
  is_valid: Schema.optional(Schema.Boolean),
  error_message: maybe(Schema.String),
  contract_info: maybe(ContractInfo),
  /** The first bar's start for each timeframe that was asked about. */
  head_timestamps: maybe(Schema.Record({ key: Schema.String, value: Schema.NullOr(Schema.String) })),
  ...refusal,
  /** ktrdr's addition: the start of the last bar that the source can have, if it says. */
  last_timestamp: maybe(Schema.String),
}).annotations({ identifier: "ValidateAnswer" })
export type ValidateAnswer = typeof ValidateAnswer.Type

/** `success` with a `timestamp` of null is an unknown symbol. */
export const HeadAnswer = Schema.Struct({
  success: Schema.Boolean,
  timestamp: maybe(Schema.String),
  ...refusal,
}).annotations({ identifier: "HeadAnswer" })
export type HeadAnswer = typeof HeadAnswer.Type

const health = { healthy: Schema.Boolean, service: Schema.String, timestamp: Schema.String }

export const Root = Schema.Struct({
  service: Schema.String,
  version: Schema.String,
  status: Schema.String,
  timestamp: Schema.String,
}).annotations({ identifier: "Root" })

/** Says that the service runs; it proves nothing about the gateway behind it. */
export const Health = Schema.Struct({ ...health, status: Schema.String }).annotations({
  identifier: "Health",
})

export const HealthStatus = Schema.Struct({
  ...health,
  ib_status: Schema.Struct({ connected: Schema.Boolean, connection_count: Schema.NonNegativeInt }),
  connection_info: Schema.Struct({ service_running: Schema.Boolean, last_check: Schema.String }),
  error: Schema.NullOr(Schema.String),
}).annotations({ identifier: "HealthStatus" })

export const HealthDetailed = Schema.Struct({
  ...health,
  ib_gateway_connected: Schema.Boolean,
  /** `/data` requests being answered now, and all since the start; those answered with an error. */
  active_connections: Schema.NonNegativeInt,
  total_requests: Schema.NonNegativeInt,
  error_count: Schema.NonNegativeInt,
  last_error: Schema.NullOr(Schema.String),
  uptime_seconds: Schema.Number,
  connection_pool_status: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
}).annotations({ identifier: "HealthDetailed" })

/** What is wrong with a request, one entry for each place, as pydantic 2 words it. */
export const ValidationError = Schema.Struct({
  detail: Schema.Array(
    Schema.Struct({
      type: Schema.String,
      loc: Schema.Array(Schema.Union(Schema.String, Schema.Number)),
      msg: Schema.String,
      input: Schema.Unknown,
      ctx: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
    }),
  ),
}).annotations({ identifier: "ValidationError", ...HttpApiSchema.annotations({ status: 422 }) })
export type ValidationError = typeof ValidationError.Type

/** Where everything is, and by which method. */
export const paths = {
  root: "/",
  health: "/health",
  healthStatus: "/health/",
  healthDetailed: "/health/detailed",
  historical: "/data/historical",
  validate: "/data/validate",
  symbolInfo: "/data/symbol-info/:symbol",
  headTimestamp: "/data/head-timestamp",
  openApi: "/openapi.json",
} as const

const status = HttpApiGroup.make("status")
  .add(HttpApiEndpoint.get("root", paths.root).addSuccess(Root))
  .add(HttpApiEndpoint.get("health", paths.health).addSuccess(Health))
  .add(HttpApiEndpoint.get("healthStatus", paths.healthStatus).addSuccess(HealthStatus))
  .add(HttpApiEndpoint.get("healthDetailed", paths.healthDetailed).addSuccess(HealthDetailed))

const data = HttpApiGroup.make("data")
  .add(
    HttpApiEndpoint.post("historical", paths.historical)
      .setPayload(HistoricalRequest)
      .addSuccess(HistoricalAnswer)
      .addError(ValidationError),
  )
  .add(
    HttpApiEndpoint.post("validate", paths.validate)
      .setPayload(ValidateRequest)
      .addSuccess(ValidateAnswer)
      .addError(ValidationError),
  )
  .add(
    HttpApiEndpoint.get("symbolInfo", paths.symbolInfo)
      .setPath(Schema.Struct({ symbol: Schema.String }))
      .addSuccess(ValidateAnswer),
  )
  .add(
    HttpApiEndpoint.get("headTimestamp", paths.headTimestamp)
      .setUrlParams(
        Schema.Struct({
          symbol: Schema.String,
          timeframe: Schema.String,
          instrument_type: Schema.optional(Schema.String),
        }),
      )
      .addSuccess(HeadAnswer)
      .addError(ValidationError),
  )

export const api = HttpApi.make("ib-host")
  .add(status)
  .add(data)
  .annotateContext(
    OpenApi.annotations({
      title: "IB Connector Host Service",
      version: "1.0.0",
      description: "Bars of Interactive Brokers over HTTP",
    }),
  )

/** The contract as an OpenAPI document. */
export const openApi = (): OpenApi.OpenAPISpec => OpenApi.fromApi(api)
