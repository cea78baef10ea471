/**
 * When a venue trades, as data, and from it the exact start of every bar that should exist.
 */
import * as Schema from "effect/Schema"
import { lowerBound } from "./Candle.js"
import * as Holiday from "./Holiday.js"
import type { Session } from "./Series.js"
import * as Timeframe from "./Timeframe.js"
import type { TimeRange } from "./TimeRange.js"
import * as TimeZone from "./TimeZone.js"
import * as Continuous from "./TradingCalendar/Continuous.js"
import * as Forex from "./TradingCalendar/Forex.js"
import * as NewYork from "./TradingCalendar/NewYork.js"

/** A reading of the venue's clock, `09:30`; `24:00` is the end of the day. */
const Clock = Schema.String.pipe(
  Schema.pattern(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, {
    identifier: "Clock",
    message: () => "expected a reading of the clock such as 09:30",
  }),
)

/** A session of each of the `days`. One that opens at or after its close opens on the evening before. */
const Hours = Schema.Struct({
  days: Schema.Array(Holiday.Weekday),
  open: Clock,
  close: Clock,
}).annotations({ identifier: "Hours" })

const Change = Schema.Struct({
  open: Schema.optionalWith(Clock, { exact: true }),
  close: Schema.optionalWith(Clock, { exact: true }),
}).annotations({ identifier: "Change" })

/**
 * A venue's calendar. A day may have several sessions (a lunch break); they come in order and do not
 * overlap. A venue without `extended` has one kind of session only.
 */
export const TradingCalendar = Schema.Struct({
  venue: Schema.String,
  /** A name of the time-zone database; every clock time of the table is of this zone. */
  timeZone: Schema.String.pipe(
    Schema.filter(TimeZone.isKnown, { message: () => "expected a time zone such as America/New_York" }),
  ),
  /** Where the table comes from, and its date. */
  source: Schema.String,
  regular: Schema.Array(Hours),
  extended: Schema.optionalWith(Schema.Array(Hours), { exact: true }),
  /** Session dates without any session. */
  closed: Schema.Array(Holiday.Rule),
  /** Session dates that open later or close earlier, by the clock of those dates themselves. */
  changed: Schema.Array(
    Schema.Struct({
      on: Schema.Array(Holiday.Rule),
      regular: Schema.optionalWith(Change, { exact: true }),
      extended: Schema.optionalWith(Change, { exact: true }),
    }),
  ),
}).annotations({ identifier: "TradingCalendar" })
export interface TradingCalendar extends Schema.Schema.Type<typeof TradingCalendar> {}

/** Which bars of a calendar: a `Series` will do. */
export interface Bars {
  readonly timeframe: Timeframe.Timeframe
  readonly session: Session
}

/**
 * The bars that should exist, as two columns (epoch ms UTC). An intraday bar that its session cuts short
 * ends with it; a daily bar ends a day, a weekly one seven days after its start.
 */
export interface Expected {
  readonly starts: Float64Array
  readonly ends: Float64Array
}

/** One session: its exact span (epoch ms UTC) and the date it belongs to, as 00:00 UTC of that date. */
export interface Trading {
  readonly open: number
  readonly close: number
  readonly date: number
}

/** `XNYS`, `FOREX` and `24x7` */
export const builtIn: ReadonlyArray<TradingCalendar> = [NewYork.calendar, Forex.calendar, Continuous.calendar]

/** What is known of a venue. */
export interface ForVenue {
  readonly calendar: TradingCalendar
  readonly warning: string | undefined
}

/** The first calendar of the venue's name. An unknown venue is taken to be open always, with a warning. */
export const forVenue = (venue: string, calendars: ReadonlyArray<TradingCalendar> = builtIn): ForVenue => {
  const known = calendars.find((calendar) => calendar.venue === venue)
  return known !== undefined
    ? { calendar: known, warning: undefined }
    : { calendar: Continuous.calendar, warning: `no calendar for venue ${venue}: taken to be open 24x7` }
}

/** The sessions that overlap the range, whole, in order. A venue without extended hours answers with its regular ones. */
export const sessions = (
  calendar: TradingCalendar,
  session: Session,
  range: TimeRange,
): ReadonlyArray<Trading> => {
  const found: Array<Trading> = []
  const first = Math.floor(range.start / TimeZone.day) - margin
  const last = Math.floor(range.end / TimeZone.day) + margin
  for (let date = first; date <= last; date++) {
    for (const trading of sessionsOn(calendar, session, date * TimeZone.day)) {
      if (trading.close > range.start && trading.open < range.end) found.push(trading)
    }
  }
  return found
}

/**
 * Every bar that starts inside the half-open range, in order. Intraday bars are aligned to the clock of the
 * venue's zone, and the first of a session starts at its open. About 10 ms for a million bars, at 16 bytes each:
 * ten years of one-minute bars are fine, ten years of seconds are not.
 */
export const expected = (calendar: TradingCalendar, bars: Bars, range: TimeRange): Expected => {
  if (range.end <= range.start) return { starts: new Float64Array(0), ends: new Float64Array(0) }
  const all = Timeframe.info(bars.timeframe).intraday
    ? intraday(calendar, bars, range)
    : stamped(calendar, bars, range)
  const from = lowerBound(all.starts, range.start)
  const to = lowerBound(all.starts, range.end)
  return { starts: all.starts.subarray(from, to), ends: all.ends.subarray(from, to) }
}

export const expectedStarts = (calendar: TradingCalendar, bars: Bars, range: TimeRange): Float64Array =>
  expected(calendar, bars, range).starts

/**
 * Bars that start strictly before the answer are over at `now`, all others are not; never later than `now`.
 * An intraday bar is over at its end, a daily one when the last session of its date closes, a weekly one
 * when the last session of its week does.
 */
export const completeBefore = (calendar: TradingCalendar, bars: Bars, now: number): number => {
  if (Timeframe.info(bars.timeframe).intraday) {
    const around = expected(calendar, bars, { start: now - 2 * TimeZone.day, end: now })
    const running = around.ends.findIndex((end) => end > now)
    return running === -1 ? now : around.starts[running]!
  }
  const recent = { start: Holiday.monday(now - TimeZone.day), end: Holiday.monday(now) + 7 * TimeZone.day }
  const open = sessions(calendar, bars.session, recent).find(({ close }) => close > now)
  if (open === undefined) return now
  return Math.min(now, bars.timeframe === "1w" ? Holiday.monday(open.date) : open.date)
}

// -----------------------------------------------------------------------------

/** Days by which the span of a session can differ from the UTC day of its date, at most. */
const margin = 2

const clock = (text: string): number => (Number(text.slice(0, 2)) * 60 + Number(text.slice(3))) * 60_000

interface Exceptions {
  readonly closed: ReadonlySet<number>
  readonly changed: ReadonlyMap<number, TradingCalendar["changed"][number]>
}

const remembered = new WeakMap<TradingCalendar, Map<number, Exceptions>>()

/** A rule of one year may name a day of its neighbour: New Year's Day observed on December 31. */
const exceptions = (calendar: TradingCalendar, year: number): Exceptions => {
  let years = remembered.get(calendar)
  if (years === undefined) remembered.set(calendar, (years = new Map()))
  const known = years.get(year)
  if (known !== undefined) return known
  const dates = (rules: ReadonlyArray<Holiday.Rule>) =>
    rules.flatMap((rule) => [year - 1, year, year + 1].flatMap((_) => Holiday.dateIn(rule, _) ?? []))
  const made = {
    closed: new Set(dates(calendar.closed)),
    changed: new Map(
      calendar.changed.flatMap((change) => dates(change.on).map((date) => [date, change] as const)),
    ),
  }
  years.set(year, made)
  return made
}

const sessionsOn = (calendar: TradingCalendar, session: Session, date: number): ReadonlyArray<Trading> => {
  const { closed, changed } = exceptions(calendar, new Date(date).getUTCFullYear())
  if (closed.has(date)) return []
  const weekday = Holiday.weekday(date)
  const kind = calendar.extended === undefined ? "regular" : session
  const change = changed.get(date)?.[kind]
  return (calendar[kind] ?? []).flatMap(({ days, open, close }) => {
    if (!days.includes(weekday)) return []
    const at = (text: string) => TimeZone.toUtc(calendar.timeZone, date + clock(text))
    const opens = clock(open) < clock(close) ? 0 : TimeZone.day
    const from = TimeZone.toUtc(calendar.timeZone, date + clock(open) - opens)
    const trading = {
      open: change?.open === undefined ? from : Math.max(from, at(change.open)),
      close: change?.close === undefined ? at(close) : Math.min(at(close), at(change.close)),
      date,
    }
    return trading.open < trading.close ? [trading] : []
  })
}

const intraday = (calendar: TradingCalendar, bars: Bars, range: TimeRange): Expected => {
  const { millis } = Timeframe.info(bars.timeframe)
  const trading = sessions(calendar, bars.session, range)
  const room = trading.reduce((sum, _) => sum + Math.ceil((_.close - _.open) / millis) + 1, 0)
  const starts = new Float64Array(room)
  const ends = new Float64Array(room)
  let size = 0
  for (const one of trading) size = cut(calendar.timeZone, one, millis, { starts, ends }, size)
  return { starts: starts.subarray(0, size), ends: ends.subarray(0, size) }
}

/** Writes the bars of one session from `index` on, and says where the next session's go. */
const cut = (
  zone: string,
  { open, close }: Trading,
  millis: number,
  into: Expected,
  index: number,
): number => {
  const offset = TimeZone.offsetAt(zone, open)
  const steady = offset === TimeZone.offsetAt(zone, close)
  let next = open - TimeZone.modulo(open + offset, millis)
  for (let start = open; start < close; start = next) {
    next = steady ? next + millis : nextOnClock(zone, start, millis)
    into.starts[index] = start
    into.ends[index++] = Math.min(next, close)
  }
  return index
}

/** The next reading of the zone's clock that `millis` divides, where the zone's offset may change on the way. */
const nextOnClock = (zone: string, instant: number, millis: number): number => {
  const offset = TimeZone.offsetAt(zone, instant)
  const next = instant - TimeZone.modulo(instant + offset, millis) + millis
  const shift = TimeZone.offsetAt(zone, next) - offset
  return shift % millis === 0 ? next : next - shift
}

const stamped = (calendar: TradingCalendar, bars: Bars, range: TimeRange): Expected => {
  const weekly = bars.timeframe === "1w"
  const found = new Set<number>()
  const first = weekly
    ? Holiday.monday(range.start)
    : range.start - TimeZone.modulo(range.start, TimeZone.day)
  const last = weekly ? Holiday.monday(range.end) + 7 * TimeZone.day : range.end
  for (let date = first; date < last; date += TimeZone.day) {
    if (sessionsOn(calendar, bars.session, date).length > 0) found.add(weekly ? Holiday.monday(date) : date)
  }
  const starts = Float64Array.from(found)
  return { starts, ends: starts.map((start) => start + Timeframe.info(bars.timeframe).millis) }
}
