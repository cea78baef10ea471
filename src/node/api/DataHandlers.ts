/**
 * What the routes of `DataApi` do.
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Candle from "../../data/Candle.js"
import type { DataError } from "../../data/DataError.js"
import * as DataManager from "../../data/DataManager.js"
import { LoadData, type Payload } from "../../data/LoadData.js"
import type { Series } from "../../data/Series.js"
import type { Symbol } from "../../data/Symbol.js"
import * as Timeframe from "../../data/Timeframe.js"
import * as Operation from "../../Operation.js"
import * as Operations from "../../Operations.js"
import { Api } from "../Api.js"
import * as BarsText from "./BarsText.js"
import type * as DataApi from "./DataApi.js"
import * as DataWire from "./DataWire.js"
import * as Payloads from "./Payloads.js"
import * as Refusal from "./Refusal.js"

export const layer = HttpApiBuilder.group(Api, "data", (handlers) =>
  Effect.gen(function* () {
    const manager = yield* DataManager.DataManager
    const operations = yield* Operations.Operations
    return handlers
      .handle("load", ({ payload, urlParams }) =>
        Refusal.refusing(load(operations, manager, payload, urlParams.async_mode === true)),
      )
      .handleRaw("bars", ({ path, urlParams }) => Refusal.refusing(bars(manager, path, urlParams)))
      .handle("range", ({ payload }) => Refusal.refusing(range(manager, payload)))
      .handle("coverage", ({ path, urlParams }) =>
        Refusal.refusing(
          known(seriesOf(path, urlParams), (series) =>
            Effect.map(manager.coverage(series, spanOf(urlParams)), (report) =>
              DataWire.answered(DataWire.coverageOf(series, report)),
            ),
          ),
        ),
      )
      .handle("quality", ({ path, urlParams }) =>
        Refusal.refusing(
          known(seriesOf(path, urlParams), (series) =>
            Effect.map(manager.check(series, spanOf(urlParams)), ({ instrument, ...report }) =>
              DataWire.answered({ ...series, venue: instrument.venue, ...report }),
            ),
          ),
        ),
      )
      .handle("symbols", () =>
        Refusal.refusing(Effect.map(manager.list, (all) => DataWire.answered(DataWire.symbolsOf(all)))),
      )
      .handle("timeframes", () => Effect.succeed(DataWire.answered(Timeframe.all.map(DataWire.timeframeOf))))
  }),
)

// ---------------------------------------------------------------------------------------------------------

interface Named {
  readonly symbol: Symbol
  readonly timeframe: Timeframe.Timeframe
}

const seriesOf = ({ symbol, timeframe }: Named, given: DataApi.SpanQuery): Series => ({
  symbol,
  timeframe,
  session: given.include_extended === true ? "extended" : "regular",
})

/** KTRDR's last instant is included; here the end is not. */
const spanOf = (given: {
  readonly start_date?: number | null
  readonly end_date?: number | null
}): DataManager.Span => ({
  ...(typeof given.start_date === "number" ? { start: given.start_date } : {}),
  ...(typeof given.end_date === "number" ? { end: given.end_date + 1 } : {}),
})

const isNotFound = ({ reason }: DataError): boolean => reason === "NotFound"

const unknown = (symbol: string, timeframe: string): Refusal.Refusal =>
  new Refusal.Refusal(404, "DATA-NotFound", `Data not found for ${symbol} (${timeframe})`, {
    details: { advice: `Load it first: POST /api/v1/data/load, or ktrdr data load ${symbol} ${timeframe}` },
  })

const known = <A>(
  series: Series,
  look: (series: Series) => Effect.Effect<A, DataError>,
): Effect.Effect<A, DataError | Refusal.Refusal> =>
  Effect.catchIf(look(series), isNotFound, () => Effect.fail(unknown(series.symbol, series.timeframe)))

const bars = Effect.fn("Api.bars")(function* (
  manager: DataManager.Service,
  path: Named,
  given: DataApi.BarsQuery,
) {
  const series = seriesOf(path, given)
  const stored = yield* Effect.catchIf(manager.show(series, spanOf(given)), isNotFound, () =>
    Effect.succeed(Candle.empty),
  )
  const all =
    given.trading_hours_only === true && Candle.size(stored) > 0
      ? BarsText.starting(stored, (yield* manager.coverage(series, spanOf(given))).known.expected.starts)
      : stored
  const total = Candle.size(all)
  const size = Math.min(total, given.limit ?? total)
  const from = given.tail === true ? total - size : 0
  return BarsText.response(series, Candle.slice(all, from, from + size))
})

/** A timeframe that nobody knows has no data either. */
const range = Effect.fn("Api.range")(function* (
  manager: DataManager.Service,
  { symbol, timeframe }: typeof DataApi.RangeRequest.Type,
) {
  const name = symbol.trim().toUpperCase().replaceAll("/", ".")
  const all = yield* manager.list
  const found = all.find(
    ({ series, rows }) =>
      series.symbol === name && series.timeframe === timeframe && series.session === "regular" && rows > 0,
  )
  return found === undefined
    ? yield* Effect.fail(unknown(symbol, timeframe))
    : DataWire.answered(DataWire.rangeOf(found))
})

const payloadOf = (given: DataApi.LoadRequest): Payload => {
  const { symbol, timeframe, mode = "local" } = given
  const session = given.filters?.include_extended === true ? "extended" : "regular"
  return { symbol, timeframe, mode, session, recheck: false, ...spanOf(given) }
}

const load = Effect.fn("Api.load")(function* (
  operations: Operations.Service,
  manager: DataManager.Service,
  given: DataApi.LoadRequest,
  isAsync: boolean,
) {
  const payload = payloadOf(given)
  const series = DataWire.identity(payload)
  const isCached = yield* manager.show(series, { start: 0, end: 0 }).pipe(
    Effect.as(true),
    Effect.catchIf(isNotFound, () => Effect.succeed(false)),
  )
  const told = { cached_before: isCached, merged_file: "", error_message: null }
  if (isAsync) {
    const { id } = yield* operations.start(LoadData, payload)
    const counters = {
      fetched_bars: 0,
      gaps_analyzed: 0,
      segments_fetched: 0,
      ib_requests_made: 0,
      execution_time_seconds: 0,
    }
    return DataWire.answered({ status: "started" as const, operation_id: id, ...counters, ...told })
  }
  const id = yield* Operation.makeId(LoadData.kind)
  const exit = yield* Operations.run(LoadData, payload, {
    id,
    reason: "the client that waited for it left",
  }).pipe(Effect.provideService(Operations.Operations, operations), Effect.exit)
  if (Exit.isFailure(exit)) {
    return yield* Cause.isInterrupted(exit.cause)
      ? Effect.fail(yield* cancelled(operations, id))
      : Effect.failCause(exit.cause)
  }
  const { progress } = yield* operations.get(id)
  return DataWire.answered({ operation_id: id, ...Payloads.loadCounters(exit.value, progress), ...told })
})

/** Somebody cancelled the load that a client waits for. */
const cancelled = (operations: Operations.Service, id: string) =>
  Effect.map(
    operations.get(id),
    ({ cancellation, kept }) =>
      new Refusal.Refusal(
        409,
        "OPERATION-Cancelled",
        `Operation ${id} was cancelled: ${cancellation?.reason ?? ""}`,
        {
          details: { operation_id: id, cancellation_reason: cancellation?.reason ?? null, kept },
        },
      ),
  )
