/**
 * Bars and what is known of them as KTRDR's clients know them.
 */
import * as Schema from "effect/Schema"
import type { Description } from "../../data/CandleStore.js"
import { Coverage } from "../../data/Coverage.js"
import type { CoverageReport } from "../../data/DataManager.js"
import { Issue } from "../../data/Quality.js"
import * as Series from "../../data/Series.js"
import { Symbol } from "../../data/Symbol.js"
import * as Timeframe from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"

/** KTRDR's envelope. */
export const answer = <A, I>(identifier: string, data: Schema.Schema<A, I>) =>
  Schema.Struct({ success: Schema.Literal(true), data, error: Schema.Null }).annotations({ identifier })

export const answered = <A>(data: A) => ({ success: true as const, data, error: null })

const texts = Schema.declare(
  (value: unknown): value is ReadonlyArray<string> =>
    Array.isArray(value) && value.every((one) => typeof one === "string"),
  { identifier: "Stamps", jsonSchema: { type: "array", items: { type: "string" } } },
)

const rows = Schema.declare(
  (value: unknown): value is ReadonlyArray<ReadonlyArray<number | null>> =>
    Array.isArray(value) && value.every((row) => Array.isArray(row) && row.length === 5),
  {
    identifier: "Rows",
    jsonSchema: {
      type: "array",
      items: { type: "array", items: { type: ["number", "null"] }, minItems: 5, maxItems: 5 },
    },
  },
)

/** `dates` are UTC without an offset; a row holds open, high, low, close and volume (null where unknown). */
export const Bars = Schema.Struct({
  dates: texts,
  ohlcv: rows,
  points: Schema.Null,
  metadata: Schema.Union(
    Schema.Struct({
      symbol: Schema.String,
      timeframe: Schema.String,
      start_date: Schema.String,
      end_date: Schema.String,
      point_count: Schema.Number,
    }),
    Schema.Struct({
      symbol: Schema.String,
      timeframe: Schema.String,
      start: Schema.Literal(""),
      end: Schema.Literal(""),
      points: Schema.Literal(0),
    }),
  ),
}).annotations({ identifier: "Bars" })

/** The first and the last bar that are stored, and how many there are. */
export const StoredRange = Schema.Struct({
  symbol: Schema.String,
  timeframe: Schema.String,
  start_date: Schema.String,
  end_date: Schema.String,
  point_count: Schema.Number,
}).annotations({ identifier: "StoredRange" })

/** A symbol of which bars are stored. */
export const KnownSymbol = Schema.Struct({
  symbol: Schema.String,
  name: Schema.String,
  type: Schema.String,
  exchange: Schema.String,
  currency: Schema.String,
  available_timeframes: Schema.Array(Schema.String),
  trading_hours: Schema.Null,
}).annotations({ identifier: "KnownSymbol" })

export const KnownTimeframe = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  description: Schema.String,
}).annotations({ identifier: "KnownTimeframe" })

const about = {
  symbol: Symbol,
  timeframe: Timeframe.Timeframe,
  session: Series.Session,
  venue: Schema.String,
}

/** A verdict for every bar that should be in `[start, end)`. */
export const CoverageData = Schema.Struct({
  ...about,
  start: TimeRange.Instant,
  end: TimeRange.Instant,
  ...Coverage.fields,
  warnings: Schema.Array(Schema.String),
}).annotations({ identifier: "CoverageData" })
export type CoverageData = typeof CoverageData.Type

/** What is wrong with the bars that are stored. */
export const QualityData = Schema.Struct({
  ...about,
  bars: Schema.Number,
  issues: Schema.Array(Issue),
  warnings: Schema.Array(Schema.String),
}).annotations({ identifier: "QualityData" })
export type QualityData = typeof QualityData.Type

/** What a load did, or that it was started: then everything is 0 that is yet to come. */
export const LoadData = Schema.Struct({
  status: Schema.Literal("success", "partial", "started"),
  operation_id: Schema.String,
  fetched_bars: Schema.Number,
  /** Whether anything was stored before. */
  cached_before: Schema.Boolean,
  /** Bars are in no single file: always empty. */
  merged_file: Schema.String,
  gaps_analyzed: Schema.Number,
  segments_fetched: Schema.Number,
  ib_requests_made: Schema.Number,
  execution_time_seconds: Schema.Number,
  error_message: Schema.NullOr(Schema.String),
}).annotations({ identifier: "LoadOutcome" })

export const coverageOf = (series: Series.Series, report: CoverageReport): CoverageData => {
  const { expected, present, no_data, refused, failed, pending, unexpected, missing } = report
  const counts = { expected, present, no_data, refused, failed, pending, unexpected }
  const { instrument, range, warnings } = report
  return { ...identity(series), venue: instrument.venue, ...range, ...counts, missing, warnings }
}

export const identity = ({ symbol, timeframe, session }: Series.Series): Series.Series => ({
  symbol,
  timeframe,
  session,
})

export const rangeOf = ({ series, rows, first, newest }: Description) => ({
  symbol: series.symbol,
  timeframe: series.timeframe,
  start_date: TimeRange.formatInstant(first ?? 0),
  end_date: TimeRange.formatInstant(newest ?? 0),
  point_count: rows,
})

/** One entry a symbol, in the order of the alphabet. */
export const symbolsOf = (all: ReadonlyArray<Description>): ReadonlyArray<typeof KnownSymbol.Type> => {
  const bySymbol = new Map<string, Array<Description>>()
  for (const one of all) {
    bySymbol.set(one.series.symbol, [...(bySymbol.get(one.series.symbol) ?? []), one])
  }
  return [...bySymbol]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([symbol, series]) => {
      const { instrument } = series[0]!
      const has = new Set(series.map((one) => one.series.timeframe))
      return {
        symbol,
        name: instrument.description ?? symbol,
        type: instrument.type,
        exchange: instrument.venue,
        currency: instrument.currency ?? "unknown",
        available_timeframes: Timeframe.all.filter((timeframe) => has.has(timeframe)),
        trading_hours: null,
      }
    })
}

/** `4h` is called `4 Hours`. */
export const timeframeOf = (id: Timeframe.Timeframe): typeof KnownTimeframe.Type => {
  const [count, unit] = [Number.parseInt(id, 10), units[id.at(-1)!]!]
  if (unit.adverb !== undefined) return { id, name: unit.adverb, description: `${unit.adverb} interval data` }
  const name = `${count} ${unit.name}${count === 1 ? "" : "s"}`
  return { id, name, description: `${numerals[count]}-${unit.name.toLowerCase()} interval data` }
}

// ---------------------------------------------------------------------------------------------------------

const units: Readonly<Record<string, { readonly name: string; readonly adverb?: string }>> = {
  s: { name: "Second" },
  m: { name: "Minute" },
  h: { name: "Hour" },
  d: { name: "Day", adverb: "Daily" },
  w: { name: "Week", adverb: "Weekly" },
}

const numerals: Readonly<Record<number, string>> = {
  1: "One",
  4: "Four",
  5: "Five",
  10: "Ten",
  15: "Fifteen",
  30: "Thirty",
}
