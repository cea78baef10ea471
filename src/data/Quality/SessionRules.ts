/**
 * What bars must keep to under the calendar of their venue.
 */
import { count, plural } from "../../ProgressRenderer.js"
import * as Candle from "../Candle.js"
import * as Holiday from "../Holiday.js"
import type { Timeframe } from "../Timeframe.js"
import type { TimeRange } from "../TimeRange.js"
import type { TradingCalendar } from "../TradingCalendar.js"
import { type Found, unexplained } from "./ClockShift.js"
import { type Issue, type Shift, tally } from "./Issue.js"
import { finder, fits, perTurn } from "./Slots.js"

export interface Facts {
  readonly calendar: TradingCalendar
  readonly timeframe: Timeframe
  /** Sorted starts of the stored bars, and what their clock says of them. */
  readonly stamps: Float64Array
  readonly found: Found
  /** Sorted starts of the bars that should exist, beyond the stamps at both ends. */
  readonly expected: Float64Array
  /** Where bars count as missing, from the first stored bar to the last at most. */
  readonly range: TimeRange
  /** Where the source is known to have none: sorted, disjoint. */
  readonly noData: ReadonlyArray<TimeRange>
}

/**
 * - `clock_shift`: bars that a clock rule puts into the sessions (see `ClockShift`)
 * - `impossible_calendar`: daily bars on days of the week on which the venue never trades
 * - `outside_session`: the other bars that the calendar does not expect
 * - `missing_bars`: expected bars that are not there once the clock is put right, and that the source may have
 */
export function* issues(facts: Facts): Generator<void, ReadonlyArray<Issue>> {
  return [...(yield* clockShift(facts)), ...(yield* outside(facts)), ...(yield* missing(facts))]
}

// -----------------------------------------------------------------------------

function* clockShift({ stamps, found }: Facts): Generator<void, ReadonlyArray<Issue>> {
  if (found.rules.length === 0) return []
  const all = tally("clock_shift", "error")
  const spans = found.rules.map(() => ({ first: Number.NaN, last: Number.NaN, explained: 0 }))
  const perYear = new Map<number, Array<number>>()
  const left = yield* unexplained(found)
  let counts: Array<number> = []
  let yearEnd = Number.NEGATIVE_INFINITY
  for (let index = 0; index < stamps.length; index++) {
    const stamp = stamps[index]!
    const rule = found.ruleOf[index]!
    if (stamp >= yearEnd) {
      counts = Array.from({ length: found.rules.length + 1 }, () => 0)
      perYear.set(yearOf(stamp), counts)
      yearEnd = Date.UTC(yearOf(stamp) + 1, 0)
    }
    counts[rule]!++
    if (rule > 0) {
      const span = spans[rule - 1]!
      if (span.explained++ === 0) span.first = stamp
      span.last = stamp
      all.add(1, stamp, index)
    }
    if (index % perTurn === perTurn - 1) yield
  }
  const shifts = found.rules.map(({ rule, words, undecided }, at): Shift => {
    const { first, last, explained } = spans[at]!
    return {
      rule: words,
      zone: rule.kind === "zone" ? rule.zone : null,
      times: rule.kind === "zone" ? rule.times : null,
      offset_minutes: rule.kind === "fixed" ? rule.millis / 60_000 : null,
      explained,
      unexplained: left,
      undecided,
      first,
      last,
      years: [...perYear].flatMap(([year, counts]) =>
        year < yearOf(first) || year > yearOf(last)
          ? []
          : [{ year, bars: counts.reduce((a, b) => a + b), explained: counts[at + 1]! }],
      ),
    }
  })
  const detail = shifts.map((shift) => describe(shift, stamps.length)).join("; ")
  return all.issues(detail).map((issue) => ({ ...issue, shifts }))
}

const describe = ({ rule, explained, unexplained, undecided, years }: Shift, bars: number): string =>
  [
    `${rule}; undoing that puts ${count(explained)} of ${bar(bars)} into the sessions (${periods(years)})`,
    ...(unexplained === 0
      ? []
      : [`${bar(unexplained)} outside the sessions ${unexplained === 1 ? "is" : "are"} not explained by it`]),
    ...(undecided === 0 ? [] : [`${bar(undecided)} would fit either way`]),
  ].join("; ")

/** `2013 to 2024: all 19,313; 2025: 365 of 1,445` */
const periods = (years: Shift["years"]): string => {
  const parts: Array<{ from: number; to: number; bars: number; explained: number }> = []
  for (const { year, bars, explained } of years) {
    const last = parts.at(-1)
    const whole = bars === explained
    if (last !== undefined && whole && last.bars === last.explained && last.to === year - 1) {
      last.to = year
      last.bars += bars
      last.explained += explained
    } else parts.push({ from: year, to: year, bars, explained })
  }
  return parts
    .map(
      ({ from, to, bars, explained }) =>
        `${from === to ? from : `${from} to ${to}`}: ${bars === explained ? `all ${count(bars)}` : `${count(explained)} of ${count(bars)}`}`,
    )
    .join(", ")
}

function* outside({ calendar, timeframe, stamps, found }: Facts): Generator<void, ReadonlyArray<Issue>> {
  const impossible = tally("impossible_calendar", "error")
  const beside = tally("outside_session", "warning")
  const closed = timeframe === "1d" ? closedDays(calendar) : []
  let other = 0
  for (let index = 0; index < stamps.length; index++) {
    const stamp = stamps[index]!
    const fit = found.fit[index]!
    if (fit === fits.nowhere || fit === fits.otherSession) {
      if (closed.includes(Holiday.weekday(stamp))) impossible.add(1, stamp, index)
      else beside.add(1, stamp, index)
      if (fit === fits.otherSession) other++
    }
    if (index % perTurn === perTurn - 1) yield
  }
  return [
    ...impossible.issues(
      `${calendar.venue} never trades on ${closed.map((day) => dayNames[day]).join(" or ")}: bars of such days are invented, and those beside them may be`,
    ),
    ...(other === 0
      ? beside.issues()
      : beside.issues(`${count(other)} of them inside the venue's other session`)),
  ]
}

/** The days of the week on which no session of the venue lies, not even a part of one. */
const closedDays = ({ regular, extended }: TradingCalendar): ReadonlyArray<Holiday.Weekday> => {
  const all = Holiday.Weekday.literals
  const open = new Set(
    [...regular, ...(extended ?? [])].flatMap(({ days, open: opens, close }) =>
      days.flatMap((day) =>
        opens < close ? [day] : [day, all[(all.indexOf(day) + all.length - 1) % all.length]!],
      ),
    ),
  )
  return all.filter((day) => !open.has(day))
}

const dayNames: { readonly [K in Holiday.Weekday]: string } = {
  Sun: "Sundays",
  Mon: "Mondays",
  Tue: "Tuesdays",
  Wed: "Wednesdays",
  Thu: "Thursdays",
  Fri: "Fridays",
  Sat: "Saturdays",
}

function* missing({ expected, found, range, noData }: Facts): Generator<void, ReadonlyArray<Issue>> {
  const from = Candle.lowerBound(expected, range.start)
  const to = Candle.lowerBound(expected, range.end)
  const present = new Uint8Array(expected.length)
  const slotAt = finder(expected)
  for (let index = 0; index < found.starts.length; index++) {
    const slot = slotAt(found.starts[index]!)
    if (slot >= 0) present[slot] = 1
    if (index % perTurn === perTurn - 1) yield
  }
  const absent = tally("missing_bars", "warning")
  const runs = { count: 0, bars: 0, start: 0 }
  const close = () => {
    if (runs.bars > 0) {
      absent.add(runs.bars, runs.start, from)
      runs.count++
    }
    runs.bars = 0
  }
  let settled = 0
  for (let slot = from; slot < to; slot++) {
    const start = expected[slot]!
    while (settled < noData.length && noData[settled]!.end <= start) settled++
    if (present[slot] === 1 || (noData[settled]?.start ?? Number.POSITIVE_INFINITY) <= start) close()
    else if (runs.bars++ === 0) runs.start = start
    if (slot % perTurn === perTurn - 1) yield
  }
  close()
  const clock = found.rules.length === 0 ? "" : " once the clock is put right"
  return absent.issues(
    `of ${bar(to - from)} expected, in ${count(runs.count)} ${plural("run", runs.count)}${clock}`,
  )
}

const bar = (bars: number): string => `${count(bars)} ${plural("bar", bars)}`

const yearOf = (millis: number): number => new Date(millis).getUTCFullYear()
