/**
 * The whole check of a series: the bars by themselves, year by year, and their starts under the calendar.
 */
import * as Effect from "effect/Effect"
import * as Progress from "../Progress.js"
import * as Calendars from "./Calendars.js"
import type { Candles } from "./Candle.js"
import * as Candle from "./Candle.js"
import type * as CandleStore from "./CandleStore.js"
import type { DataError } from "./DataError.js"
import type { Instrument } from "./Instrument.js"
import * as ClockShift from "./Quality/ClockShift.js"
import * as SessionRules from "./Quality/SessionRules.js"
import * as Slots from "./Quality/Slots.js"
import * as Quality from "./Quality.js"
import type { Series } from "./Series.js"
import * as Slices from "./Slices.js"
import * as TimeRange from "./TimeRange.js"
import type { TradingCalendar } from "./TradingCalendar.js"

/** Whose bars they are, and what else is known of them. */
export interface Facts {
  readonly series: Series
  readonly calendar: TradingCalendar
  /** Where the source is known to have no bars: sorted, disjoint. */
  readonly noData: ReadonlyArray<TimeRange.TimeRange>
}

/** What a check of a stored series found. */
export interface CheckReport {
  readonly instrument: Instrument
  /** How many bars were checked. */
  readonly bars: number
  readonly issues: ReadonlyArray<Quality.Issue>
  readonly warnings: ReadonlyArray<string>
}

export interface Checked {
  readonly bars: number
  /** In the order of the kinds, none for clean bars. */
  readonly issues: ReadonlyArray<Quality.Issue>
  /** What the clock of each bar was found to be: what a repair goes by. */
  readonly clock: ClockShift.Found
}

/** The check of the stored bars that start inside the range, under the calendar of the series' venue. */
export const report = Effect.fn("SeriesCheck.report")(function* (
  store: CandleStore.Service,
  { series, instrument, noData }: CandleStore.Description,
  range: TimeRange.TimeRange,
): Effect.fn.Return<CheckReport, DataError> {
  const { calendar, warning } = yield* Calendars.forVenue(instrument.venue)
  const { bars, issues } = yield* stored(store, { series, calendar, noData }, range)
  return { instrument, bars, issues, warnings: warning === undefined ? [] : [warning] }
})

/** The check of sorted bars in memory. */
export const candles = Effect.fn("SeriesCheck.candles")(function* (
  facts: Facts,
  all: Candles,
): Effect.fn.Return<Checked> {
  const watcher = Quality.watch()
  yield* Slices.watch(watcher, all)
  const { issues, clock } = yield* sessions(facts, all.start)
  return { bars: Candle.size(all), issues: [...watcher.issues(), ...issues], clock }
})

/**
 * The check of the stored bars that start inside the range. Reads the starts of the whole series (8 bytes a
 * bar) and its bars some years at a time, which the current step counts.
 */
export const stored = Effect.fn("SeriesCheck.stored")(function* (
  store: CandleStore.Service,
  facts: Facts,
  range: TimeRange.TimeRange,
): Effect.fn.Return<Checked, DataError> {
  const all = yield* store.readStarts(facts.series)
  const starts = all.subarray(Candle.lowerBound(all, range.start), Candle.lowerBound(all, range.end))
  const watcher = Quality.watch()
  yield* Progress.setTotal(starts.length, "bar")
  for (const years of partsOf(starts)) {
    const part = yield* store.read(facts.series, TimeRange.intersect(range, years))
    yield* Slices.watch(watcher, part)
    yield* Progress.advance(Candle.size(part))
  }
  const { issues, clock } = yield* sessions(facts, starts)
  return { bars: starts.length, issues: [...watcher.issues(), ...issues], clock }
})

/** The issues for where a coverage stands beside them, which says what is missing of what was asked for. */
export const withoutMissing = (issues: ReadonlyArray<Quality.Issue>): ReadonlyArray<Quality.Issue> =>
  issues.filter(({ kind }) => kind !== "missing_bars")

/** What the calendar says of sorted starts. */
export const sessions = Effect.fn("SeriesCheck.sessions")(function* (facts: Facts, starts: Float64Array) {
  const clock = yield* clockOf(facts, starts)
  if (starts.length === 0) return { issues: [], clock: clock.found }
  const { calendar, series, noData } = facts
  const { least, most } = yield* Slices.run(boundsOf(clock.found.starts))
  const issues = yield* Slices.run(
    SessionRules.issues({
      calendar,
      timeframe: series.timeframe,
      stamps: starts,
      found: clock.found,
      expected: clock.expected,
      range: TimeRange.make(least, most + 1),
      noData,
    }),
  )
  return { issues, clock: clock.found }
})

// ---------------------------------------------------------------------------------------------------------

const clockOf = Effect.fnUntraced(function* ({ series, calendar }: Facts, starts: Float64Array) {
  const range = TimeRange.make(
    (starts[0] ?? 0) - ClockShift.reach,
    (starts.at(-1) ?? -2 * ClockShift.reach) + ClockShift.reach,
  )
  const own = yield* Slices.expected(calendar, series, range)
  const none = new Float64Array(0)
  const fit = yield* Slices.run(Slots.fitsOf(starts, own.starts, none))
  if (!fit.includes(Slots.fits.nowhere)) {
    return { expected: own.starts, found: ClockShift.nothing(starts, fit) }
  }
  const session = series.session === "regular" ? "extended" : "regular"
  const other =
    calendar.extended === undefined
      ? none
      : (yield* Slices.expected(calendar, { ...series, session }, range)).starts
  const found = yield* Slices.run(ClockShift.find(starts, { own, other, timeZone: calendar.timeZone }))
  return { expected: own.starts, found }
})

/** How many bars are read at a time, unless a year has more. */
const partBars = 100_000

/** Whole years of sorted starts, as many together as have `partBars` bars at most. */
const partsOf = (starts: Float64Array): ReadonlyArray<TimeRange.TimeRange> => {
  const parts: Array<TimeRange.TimeRange> = []
  for (let at = 0; at < starts.length; at = Candle.lowerBound(starts, parts.at(-1)!.end)) {
    const year = yearOf(starts[at]!)
    const last = yearOf(starts[Math.min(at + partBars, starts.length) - 1]!)
    const end = at + partBars < starts.length ? Math.max(last, year + 1) : last + 1
    parts.push(TimeRange.make(Date.UTC(year, 0), Date.UTC(end, 0)))
  }
  return parts
}

const yearOf = (start: number): number => new Date(start).getUTCFullYear()

function* boundsOf(starts: Float64Array): Generator<void, { readonly least: number; readonly most: number }> {
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (let index = 0; index < starts.length; index++) {
    least = Math.min(least, starts[index]!)
    most = Math.max(most, starts[index]!)
    if (index % Slots.perTurn === Slots.perTurn - 1) yield
  }
  return { least, most }
}
