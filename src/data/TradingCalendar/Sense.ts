/**
 * What the schema of a calendar cannot say: whether its hours, its rules and its changes make sense together.
 */
import * as Schema from "effect/Schema"
import type { Rule } from "../Holiday.js"
import * as Holiday from "../Holiday.js"
import * as Instrument from "../Instrument.js"
import type { TradingCalendar } from "../TradingCalendar.js"

/** The first thing that is wrong: where in the calendar, what was expected there, what was found. */
export interface Fault {
  readonly path: ReadonlyArray<PropertyKey>
  readonly expected: string
  readonly found: string
}

/**
 * None for a calendar that can be used: its venue can be a folder of the store; there are sessions, each of
 * some days, in order and without overlap, across midnight and the weekend too, regular and extended ones
 * each; every rule names a day in some year; every change is of hours that exist, and leaves a session.
 */
export const firstFault = (calendar: TradingCalendar): Fault | undefined => {
  for (const fault of faults(calendar)) return fault
  return undefined
}

// -----------------------------------------------------------------------------

type Hours = TradingCalendar["regular"][number]
type Path = ReadonlyArray<PropertyKey>

const minutesOfDay = 24 * 60

const minutes = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3))

/** Open and close in minutes from the midnight at which the session's date begins. */
const span = ({ open, close }: Hours) => ({
  open: minutes(open) - (minutes(open) < minutes(close) ? 0 : minutesOfDay),
  close: minutes(close),
})

const isVenue: (venue: string) => boolean = Schema.is(Instrument.Instrument.fields.venue)

function* faults(calendar: TradingCalendar): Iterable<Fault> {
  const { venue, closed, changed } = calendar
  if (!isVenue(venue)) {
    yield {
      path: ["venue"],
      expected: "letters, digits, '-' and '_', at most 20 characters: a name that can be a folder",
      found: JSON.stringify(venue.slice(0, 60)),
    }
  }
  for (const kind of ["regular", "extended"] as const) yield* hours([kind], calendar[kind])
  for (const [index, rule] of closed.entries()) yield* ruleFaults(["closed", index], rule)
  for (const [index, change] of changed.entries()) {
    const at = ["changed", index]
    if (change.on.length === 0) yield none([...at, "on"], "one rule or more")
    for (const [place, rule] of change.on.entries()) yield* ruleFaults([...at, "on", place], rule)
    yield* changeFaults(at, calendar, change)
  }
}

const none = (path: Path, expected: string): Fault => ({ path, expected, found: "none" })

function* hours(path: Path, all: ReadonlyArray<Hours> | undefined): Iterable<Fault> {
  if (all === undefined) return
  if (all.length === 0) yield none(path, "one session or more")
  for (const [index, { days, open }] of all.entries()) {
    if (days.length === 0) yield none([...path, index, "days"], "one weekday or more")
    const twice = days.find((day, place) => days.indexOf(day) !== place)
    if (twice !== undefined)
      yield { path: [...path, index, "days"], expected: "each weekday once", found: `${twice} twice` }
    if (open === "24:00") {
      yield {
        path: [...path, index, "open"],
        expected: "an opening from 00:00 to 23:59",
        found: JSON.stringify(open),
      }
    }
  }
  const week = Holiday.Weekday.literals.flatMap((day, date) =>
    all.flatMap((one, index) => {
      const { open, close } = span(one)
      const starts = date * minutesOfDay
      return one.days.includes(day) ? [{ day, index, open: starts + open, close: starts + close }] : []
    }),
  )
  for (const [place, session] of week.entries()) {
    const following = week[(place + 1) % week.length]!
    const opens = following.open + (place + 1 < week.length ? 0 : 7 * minutesOfDay)
    if (session.close > opens) {
      yield {
        path: [...path, following.index],
        expected: `a session of ${following.day} that opens once that of ${session.day} (${shown(path, session.index)}) is over`,
        found: `${all[following.index]!.open} to ${all[following.index]!.close} after ${all[session.index]!.open} to ${all[session.index]!.close}`,
      }
    }
  }
}

const shown = (path: Path, index: number): string => `${path.map(String).join(".")}[${index}]`

function* ruleFaults(path: Path, rule: Rule): Iterable<Fault> {
  if (rule.rule === "date") return
  const { from, until } = rule
  if (from !== undefined && until !== undefined && from > until)
    yield { path: [...path, "until"], expected: `a year not before ${from}`, found: String(until) }
  if (rule.rule === "fixed") {
    if (new Date(Date.UTC(leapYear, rule.month - 1, rule.day)).getUTCMonth() !== rule.month - 1)
      yield {
        path: [...path, "day"],
        expected: `a day that month ${rule.month} has`,
        found: String(rule.day),
      }
    if (rule.weekdays?.length === 0) yield none([...path, "weekdays"], "one weekday or more")
  } else if (Math.abs(rule.plusDays ?? 0) > farthest) {
    yield {
      path: [...path, "plusDays"],
      expected: `a number from -${farthest} to ${farthest}`,
      found: String(rule.plusDays),
    }
  }
}

const leapYear = 2000

/** A rule of one year is looked for in the years beside it, not further. */
const farthest = 200

function* changeFaults(
  path: Path,
  calendar: TradingCalendar,
  change: TradingCalendar["changed"][number],
): Iterable<Fault> {
  if (Object.keys({ ...change.regular, ...change.extended }).length === 0)
    yield none(path, "an open or a close that differs on those days")
  for (const kind of ["regular", "extended"] as const) {
    const { open, close } = change[kind] ?? {}
    if (open === undefined && close === undefined) continue
    const all = calendar[kind]
    if (all === undefined) {
      yield { path: [...path, kind], expected: "no change of hours that the calendar lacks", found: "one" }
      continue
    }
    const spans = all.map(span)
    const [first, last] = [open ?? "00:00", close ?? "24:00"].map(minutes) as [number, number]
    const text = [open, close].map((clock) => clock ?? "as ever").join(" to ")
    if (close !== undefined && !spans.some((_) => _.close > last))
      yield {
        path: [...path, kind, "close"],
        expected: "a close before that of a session",
        found: JSON.stringify(close),
      }
    if (open !== undefined && !spans.some((_) => _.open < first))
      yield {
        path: [...path, kind, "open"],
        expected: "an open after that of a session",
        found: JSON.stringify(open),
      }
    if (!spans.some((_) => Math.max(_.open, open === undefined ? _.open : first) < Math.min(_.close, last)))
      yield {
        path: [...path, kind],
        expected: "hours that leave some of a session (a day without any belongs under closed)",
        found: text,
      }
  }
}
