/**
 * Bars over HTTP: load them, look at them, and what is known of them.
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { LoadMode } from "../../data/LoadMode.js"
import * as DataWire from "./DataWire.js"
import * as ErrorBody from "./ErrorBody.js"
import * as Parameters from "./Parameters.js"

/**
 * `include_extended` is for the series of extended hours; what is loaded is always within the trading hours of the
 * one or the other, so `trading_hours_only` alters nothing. The last instant, `end_date`, is included.
 */
export const LoadRequest = Schema.Struct({
  symbol: Parameters.symbol,
  timeframe: Parameters.timeframe,
  mode: Schema.optionalWith(LoadMode, { exact: true }),
  start_date: Parameters.nullable(Parameters.moment),
  end_date: Parameters.nullable(Parameters.moment),
  filters: Parameters.nullable(
    Schema.Struct({
      trading_hours_only: Schema.optionalWith(Schema.Boolean, { exact: true }),
      include_extended: Schema.optionalWith(Schema.Boolean, { exact: true }),
    }),
  ),
})
  .pipe(Schema.filter(Parameters.beginsBeforeItEnds))
  .annotations({ identifier: "LoadRequest", ...Parameters.exact })
export type LoadRequest = typeof LoadRequest.Type

/** With `async_mode` the answer comes once the load has been started; else once it has ended. */
export const LoadQuery = Schema.Struct({
  async_mode: Parameters.optional(Parameters.boolean),
}).annotations(Parameters.exact)

const span = {
  start_date: Parameters.optional(Parameters.instant),
  end_date: Parameters.optional(Parameters.instant),
  include_extended: Parameters.optional(Parameters.boolean),
}

/** The last instant, `end_date`, is included. */
export const SpanQuery = Schema.Struct(span).annotations(Parameters.exact)
export type SpanQuery = typeof SpanQuery.Type

/** `limit` leaves the first bars of the span, with `tail` the last. */
export const BarsQuery = Schema.Struct({
  ...span,
  trading_hours_only: Parameters.optional(Parameters.boolean),
  limit: Parameters.optional(Parameters.integer(1, 1e9)),
  tail: Parameters.optional(Parameters.boolean),
}).annotations(Parameters.exact)
export type BarsQuery = typeof BarsQuery.Type

export const RangeRequest = Schema.Struct({ symbol: Schema.String, timeframe: Schema.String }).annotations({
  identifier: "RangeRequest",
  ...Parameters.exact,
})

const notFound = ErrorBody.withStatus(404)
const symbol = HttpApiSchema.param("symbol", Parameters.symbol)
const timeframe = HttpApiSchema.param("timeframe", Parameters.timeframe)

export const LoadAnswer = DataWire.answer("LoadAnswer", DataWire.LoadData)
export const BarsAnswer = DataWire.answer("BarsAnswer", DataWire.Bars)

export const group = HttpApiGroup.make("data")
  .add(
    HttpApiEndpoint.post("load", "/data/load")
      .setPayload(LoadRequest)
      .setUrlParams(LoadQuery)
      .addSuccess(LoadAnswer)
      .addError(ErrorBody.withStatus(400))
      .addError(notFound)
      .addError(ErrorBody.withStatus(409))
      .annotate(OpenApi.Summary, "Load the bars that a series lacks; who waits for it and leaves cancels it"),
  )
  .add(
    HttpApiEndpoint.get("bars")`/data/${symbol}/${timeframe}`
      .setUrlParams(BarsQuery)
      .addSuccess(BarsAnswer)
      .annotate(OpenApi.Summary, "The bars that are stored; none where the series is not known"),
  )
  .add(
    HttpApiEndpoint.post("range", "/data/range")
      .setPayload(RangeRequest)
      .addSuccess(DataWire.answer("RangeAnswer", DataWire.StoredRange))
      .addError(notFound)
      .annotate(OpenApi.Summary, "The first and the last bar that are stored of a series"),
  )
  .add(
    HttpApiEndpoint.get("coverage")`/data/${symbol}/${timeframe}/coverage`
      .setUrlParams(SpanQuery)
      .addSuccess(DataWire.answer("CoverageAnswer", DataWire.CoverageData))
      .addError(notFound)
      .annotate(OpenApi.Summary, "A verdict for every bar that should exist"),
  )
  .add(
    HttpApiEndpoint.get("quality")`/data/${symbol}/${timeframe}/quality`
      .setUrlParams(SpanQuery)
      .addSuccess(DataWire.answer("QualityAnswer", DataWire.QualityData))
      .addError(notFound)
      .annotate(OpenApi.Summary, "What is wrong with the bars that are stored"),
  )
  .add(
    HttpApiEndpoint.get("symbols", "/symbols")
      .addSuccess(DataWire.answer("SymbolsAnswer", Schema.Array(DataWire.KnownSymbol)))
      .annotate(OpenApi.Summary, "The symbols of which bars are stored"),
  )
  .add(
    HttpApiEndpoint.get("timeframes", "/timeframes")
      .addSuccess(DataWire.answer("TimeframesAnswer", Schema.Array(DataWire.KnownTimeframe)))
      .annotate(OpenApi.Summary, "How long bars may last"),
  )
  .annotate(OpenApi.Description, "Bars, and what is known of them")
