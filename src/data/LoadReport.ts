/**
 * What a load did, and what became of every bar it answers for. Field names are those of the JSON line.
 */
import * as Schema from "effect/Schema"
import { Coverage, format as formatCoverage } from "./Coverage.js"
import { Reason } from "./DataError.js"
import { LoadMode } from "./LoadMode.js"
import { Issue } from "./Quality.js"
import { Session } from "./Series.js"
import { Symbol } from "./Symbol.js"
import { Timeframe } from "./Timeframe.js"
import { Instant } from "./TimeRange.js"

/** A segment that failed for good: its span, its expected bars, and why. */
export const GivenUp = Schema.Struct({
  start: Instant,
  end: Instant,
  bars: Schema.NonNegativeInt,
  reason: Reason,
  message: Schema.String,
}).annotations({ identifier: "GivenUp" })
export type GivenUp = typeof GivenUp.Type

/**
 * `expected` to `missing` are the coverage of `[start, end)` after the load; `fetched` counts the bars that
 * came in, `requests` what was really sent to the source, retries included.
 */
export const LoadReport = Schema.Struct({
  symbol: Symbol,
  timeframe: Timeframe,
  session: Session,
  mode: LoadMode,
  source: Schema.String,
  start: Instant,
  end: Instant,
  ...Coverage.fields,
  fetched: Schema.NonNegativeInt,
  requests: Schema.NonNegativeInt,
  given_up: Schema.Array(GivenUp),
  warnings: Schema.Array(Schema.String),
  /** What a check of the whole series found; none when nothing came in, so nothing was checked. */
  issues: Schema.NullOr(Schema.Array(Issue)),
  duration_seconds: Schema.Number,
}).annotations({ identifier: "LoadReport" })
export type LoadReport = typeof LoadReport.Type

/** True when nothing that was asked for failed: bars may still lack where the source has none. */
export const isComplete = (report: LoadReport): boolean => report.given_up.length === 0

/** `SPX 1d: 5,105 of 5,105 expected bars present` */
export const format = (report: LoadReport): string =>
  `${report.symbol} ${report.timeframe}: ${formatCoverage(report)}`
