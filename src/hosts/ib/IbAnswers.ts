/**
 * What the host answers, from what its source says.
 */
import * as Effect from "effect/Effect"
import * as Candle from "../../data/Candle.js"
import type { Listing } from "../../data/CandleSource.js"
import type { DataError } from "../../data/DataError.js"
import * as Holiday from "../../data/Holiday.js"
import * as TradingCalendar from "../../data/TradingCalendar.js"
import { turn } from "../../internal/breathe.js"
import type { ContractInfo, HeadAnswer, HistoricalAnswer, ValidateAnswer } from "./IbApi.js"
import * as IbBars from "./IbBars.js"
import * as IbRules from "./IbRules.js"

const accepted = { error: null, error_code: null, retry_after_seconds: null }

/** The refusal part of an answer. */
const refused = (error: DataError, words: string) => ({
  error: words,
  error_code: error.reason,
  retry_after_seconds:
    error.reason === "Pacing" ? Math.ceil((error.retryAfterMillis ?? IbRules.pacingMillis) / 1000) : null,
})

/** The words of an unknown symbol. */
const notFound = (symbol: string, suggestion: string | undefined): string =>
  `Symbol ${symbol} not found${suggestion === undefined ? "" : `. Did you mean ${suggestion}?`}`

/**
 * The answer with bars, as the text of its body: they are written once, in slices of a few milliseconds, and
 * never pass through a schema. `spoil` has its way with the text of the bars before it goes in.
 */
export const historical = (
  bars: Candle.Candles,
  spoil: (data: string) => string = (data) => data,
): Effect.Effect<string> =>
  Effect.gen(function* () {
    const rows = Candle.size(bars)
    let data = ""
    for (let from = 0; from < rows; from += slice) {
      yield* turn
      const part = IbBars.print(Candle.slice(bars, from, Math.min(from + slice, rows)))
      data += `${from === 0 ? "" : ","}${JSON.stringify(part.slice(1, -1)).slice(1, -1)}`
    }
    return (
      `{"success":true,"data":"${spoil(`{${data}}`)}","error":null,"rows":${rows},` +
      `"error_code":null,"retry_after_seconds":null}`
    )
  })

/** `symbol` and `asked` are what the request named: `AAPL`, `AAPL 1h`. */
export const historicalRefused = (error: DataError, symbol: string, asked: string): HistoricalAnswer => ({
  success: false,
  data: null,
  rows: null,
  ...refused(
    error,
    error.reason === "UnknownSymbol"
      ? `Symbol validation failed: ${notFound(symbol, error.suggestion)}`
      : words(error, asked),
  ),
})

/** The refusal of a range that ends before the first bar. */
export const historicalBefore = (head: number, start: number): HistoricalAnswer => ({
  success: false,
  data: null,
  rows: null,
  error:
    `Data not available before ${IbBars.printStamp(head)}. ` +
    `Requested start: ${IbBars.printStamp(start)}. Head timestamp: ${IbBars.printStamp(head)}`,
  error_code: "NoData",
  retry_after_seconds: null,
})

export const head = (instant: number | undefined): HeadAnswer => ({
  success: true,
  timestamp: stamp(instant),
  ...accepted,
})

export const headRefused = (error: DataError, asked: string): HeadAnswer => ({
  success: false,
  timestamp: null,
  ...refused(error, words(error, asked)),
})

/**
 * A known symbol. `usual` is its listing for the default timeframe; `heads` are the first bars' starts of the
 * timeframes asked about, undefined where they are unknown. `now` in epoch milliseconds.
 */
export const valid = (
  usual: Listing,
  heads: ReadonlyMap<string, number | undefined>,
  now: number,
): ValidateAnswer => {
  const stamps = Object.fromEntries([...heads].map(([timeframe, instant]) => [timeframe, stamp(instant)]))
  return {
    success: true,
    is_valid: true,
    error_message: null,
    contract_info: contractInfo(usual, stamps, now),
    head_timestamps: stamps,
    ...accepted,
    last_timestamp: stamp(usual.last),
  }
}

export const invalid = (symbol: string, suggestion: string | undefined): ValidateAnswer => ({
  success: true,
  is_valid: false,
  error_message: notFound(symbol, suggestion),
  contract_info: null,
  head_timestamps: {},
  ...accepted,
  last_timestamp: null,
})

export const validateRefused = (error: DataError, asked: string): ValidateAnswer => ({
  success: false,
  is_valid: false,
  error_message: null,
  contract_info: null,
  head_timestamps: {},
  ...refused(error, words(error, asked)),
  last_timestamp: null,
})

// -----------------------------------------------------------------------------

/** Bars written in one go: about 8 ms. */
const slice = 10_000

const stamp = (instant: number | undefined): string | null =>
  instant === undefined ? null : IbBars.printStamp(instant)

/** The words that KTRDR's clients tell errors apart by. */
const words = (error: DataError, asked: string): string => {
  switch (error.reason) {
    case "Pacing":
      return `Error 162: API historical data query cancelled: pacing violation. ${error.message}`
    case "NoPermission":
      return `Error 354: ${error.message}`
    case "Unreachable":
      return `connection closed: ${error.message}`
    case "NoData":
      return `No data returned for ${asked}`
    default:
      return error.message
  }
}

const contractInfo = (
  { instrument, head }: Listing,
  stamps: { readonly [timeframe: string]: string | null },
  now: number,
): ContractInfo => {
  const type = IbRules.assetType[instrument.type]
  const exchange = IbRules.exchange[instrument.type]
  const currency = instrument.currency ?? "USD"
  const pair = instrument.type === "forex" ? /^([A-Z]{3})\.?[A-Z]{3}$/.exec(instrument.symbol) : null
  const symbol = pair?.[1] ?? instrument.symbol
  return {
    symbol,
    contract: { secType: type, symbol, exchange, currency },
    asset_type: type,
    exchange,
    currency,
    description: instrument.description ?? instrument.symbol,
    validated_at: now / 1000,
    trading_hours: tradingHours(instrument.venue),
    head_timestamp: stamp(head),
    head_timestamp_timeframes: { ...stamps, default: stamp(head) },
    head_timestamp_fetched_at: now / 1000,
  }
}

const hours = (kind: TradingCalendar.TradingCalendar["regular"], name: string) =>
  kind.map(({ open, close }) => ({ start: open, end: close, name }))

/** Weekdays are numbered from Monday, 0. */
const tradingHours = (venue: string) => {
  const { calendar } = TradingCalendar.forVenue(venue)
  const days = new Set(calendar.regular.flatMap((_) => _.days))
  return {
    timezone: calendar.timeZone,
    regular_hours: hours(calendar.regular, "Regular")[0],
    extended_hours: hours(calendar.extended ?? [], "Extended"),
    trading_days: [...Holiday.Weekday.literals.slice(1), "Sun" as const].flatMap((day, index) =>
      days.has(day) ? [index] : [],
    ),
    holidays: [],
  }
}
