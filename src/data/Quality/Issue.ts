/**
 * What a check says of bars: one kind of fault, on how many bars, where.
 */
import * as Schema from "effect/Schema"
import type { Candles } from "../Candle.js"
import * as TimeRange from "../TimeRange.js"

/**
 * - of one bar: `not_sorted`, `duplicate_start`, `missing_value`, `price_not_positive`, `high_low_crossed`,
 *   `negative_volume`
 * - of a bar among its neighbours: `zero_volume_run`, `price_jump`, `volume_spike`, `stale_price_run`
 * - of a bar and the calendar: `clock_shift`, `impossible_calendar`, `outside_session`, `missing_bars`
 */
export const Kind = Schema.Literal(
  "not_sorted",
  "duplicate_start",
  "missing_value",
  "price_not_positive",
  "high_low_crossed",
  "negative_volume",
  "zero_volume_run",
  "price_jump",
  "volume_spike",
  "stale_price_run",
  "clock_shift",
  "impossible_calendar",
  "outside_session",
  "missing_bars",
).annotations({ identifier: "QualityKind" })
export type Kind = typeof Kind.Type

export const Severity = Schema.Literal("error", "warning").annotations({ identifier: "QualitySeverity" })
export type Severity = typeof Severity.Type

/** A clock that was wrong: bars fit the sessions only after it is put right. */
export const Shift = Schema.Struct({
  /** The rule in words: `New York's UTC offset applied twice too often: +8 h in summer, +10 h in winter`. */
  rule: Schema.String,
  /** The time zone whose offset was applied, and how often too often (too rarely where negative). */
  zone: Schema.NullOr(Schema.String),
  times: Schema.NullOr(Schema.Int),
  /** A fixed offset: how many minutes stamps are late. */
  offset_minutes: Schema.NullOr(Schema.Number),
  /** Bars that the rule puts into the sessions. */
  explained: Schema.NonNegativeInt,
  /** Bars outside the sessions that no rule explains. */
  unexplained: Schema.NonNegativeInt,
  /** Bars that fit with and without the rule, among shifted ones: left as they are. */
  undecided: Schema.NonNegativeInt,
  /** Stamps of the first and the last bar that the rule explains. */
  first: TimeRange.Instant,
  last: TimeRange.Instant,
  /** The bars of each year of the span, by stamp, and how many of them the rule explains. */
  years: Schema.Array(
    Schema.Struct({ year: Schema.Int, bars: Schema.NonNegativeInt, explained: Schema.NonNegativeInt }),
  ),
}).annotations({ identifier: "ClockShift" })
export interface Shift extends Schema.Schema.Type<typeof Shift> {}

/** One kind of fault found: on how many bars, and the starts (ISO) of the first few of them. */
export const Issue = Schema.Struct({
  kind: Kind,
  severity: Severity,
  count: Schema.NonNegativeInt,
  places: Schema.Array(Schema.String),
  /** What there is to know besides, as a sentence without a final stop. */
  detail: Schema.optionalWith(Schema.String, { exact: true }),
  /** Of a `clock_shift`: the rules found, the one that explains the most bars first. */
  shifts: Schema.optionalWith(Schema.Array(Shift), { exact: true }),
}).annotations({ identifier: "QualityIssue" })
export interface Issue extends Schema.Schema.Type<typeof Issue> {}

/** Counts the bars of one kind of fault and keeps the first few places. */
export interface Tally {
  /** `bars` more of them, the first of which starts at `start`, the bar `index` of all. */
  readonly add: (bars: number, start: number, index: number) => void
  /** One issue, or none where nothing was counted. */
  readonly issues: (detail?: string) => ReadonlyArray<Issue>
}

export const tally = (kind: Kind, severity: Severity): Tally => {
  let count = 0
  const places: Array<string> = []
  return {
    add: (bars, start, index) => {
      count += bars
      if (places.length < shown) places.push(place(start, index))
    },
    issues: (detail) =>
      count === 0 ? [] : [{ kind, severity, count, places, ...(detail === undefined ? {} : { detail }) }],
  }
}

/** A start as an ISO instant; the number of the bar where the start is no instant. */
export const place = (start: number, index: number): string =>
  Math.abs(start) <= 8.64e15 ? TimeRange.formatInstant(start) : `bar ${index}`

/** Something that is shown the bars of a series part by part, in order, and then asked what it found. */
export interface Watcher {
  readonly add: (candles: Candles) => void
  readonly issues: () => ReadonlyArray<Issue>
}

// -----------------------------------------------------------------------------

/** How many places an issue names. */
const shown = 5
