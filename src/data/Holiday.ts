/**
 * Rules that name one day of a year: how an exchange writes its holidays down.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as TimeRange from "./TimeRange.js"
import { day, modulo } from "./TimeZone.js"

export const Weekday = Schema.Literal("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat").annotations({
  identifier: "Weekday",
})
export type Weekday = typeof Weekday.Type

const Month = Schema.Int.pipe(Schema.between(1, 12))
/** First and last year in which the rule holds, both included. */
const years = {
  from: Schema.optionalWith(Schema.Int, { exact: true }),
  until: Schema.optionalWith(Schema.Int, { exact: true }),
}
const plusDays = { plusDays: Schema.optionalWith(Schema.Int, { exact: true }) }

/**
 * - `date`: one day, `2018-12-05`
 * - `fixed`: the same day each year that has it. `observed` moves one that falls on a weekend: `nearest` from Saturday
 *   to Friday and from Sunday to Monday, `monday` from Sunday to Monday only. With `weekdays` the rule holds
 *   in the years only in which the day is one of them
 * - `nth`: the nth weekday of a month, from its end when negative, moved by `plusDays`
 * - `easter`: Easter Sunday (western), moved by `plusDays`
 */
export const Rule = Schema.Union(
  Schema.Struct({
    rule: Schema.Literal("date"),
    date: Schema.String.pipe(
      Schema.pattern(/^\d{4}-\d{2}-\d{2}$/),
      Schema.filter((text) => Either.isRight(TimeRange.parseInstant("date", text)), {
        message: () => "expected a day that the calendar has",
      }),
    ),
  }),
  Schema.Struct({
    rule: Schema.Literal("fixed"),
    month: Month,
    day: Schema.Int.pipe(Schema.between(1, 31)),
    observed: Schema.optionalWith(Schema.Literal("nearest", "monday"), { exact: true }),
    weekdays: Schema.optionalWith(Schema.Array(Weekday), { exact: true }),
    ...years,
  }),
  Schema.Struct({
    rule: Schema.Literal("nth"),
    month: Month,
    weekday: Weekday,
    nth: Schema.Literal(1, 2, 3, 4, -1),
    ...plusDays,
    ...years,
  }),
  Schema.Struct({ rule: Schema.Literal("easter"), ...plusDays, ...years }),
).annotations({ identifier: "HolidayRule" })
export type Rule = typeof Rule.Type

/** The weekday of a date given as its 00:00 UTC. */
export const weekday = (date: number): Weekday => Weekday.literals[new Date(date).getUTCDay()]!

/** 00:00 UTC of the Monday on or before the date. */
export const monday = (date: number): number => {
  const midnight = date - modulo(date, day)
  return midnight - modulo(new Date(midnight).getUTCDay() - 1, 7) * day
}

/** The day (its 00:00 UTC) that the rule names for `year`; none when it does not hold then. */
export const dateIn = (rule: Rule, year: number): number | undefined => {
  if (rule.rule === "date") return rule.date.startsWith(`${year}-`) ? Date.parse(rule.date) : undefined
  if (year < (rule.from ?? year) || year > (rule.until ?? year)) return undefined
  switch (rule.rule) {
    case "fixed": {
      const date = Date.UTC(year, rule.month - 1, rule.day)
      if (new Date(date).getUTCMonth() !== rule.month - 1) return undefined
      if (rule.weekdays !== undefined && !rule.weekdays.includes(weekday(date))) return undefined
      return observed(date, rule.observed)
    }
    case "nth": {
      const first = Date.UTC(year, rule.nth > 0 ? rule.month - 1 : rule.month, 1)
      const wanted = Weekday.literals.indexOf(rule.weekday)
      const ahead = modulo(wanted - new Date(first).getUTCDay(), 7)
      return first + (ahead + 7 * (rule.nth > 0 ? rule.nth - 1 : rule.nth) + (rule.plusDays ?? 0)) * day
    }
    case "easter":
      return easter(year) + (rule.plusDays ?? 0) * day
  }
}

// -----------------------------------------------------------------------------

const observed = (date: number, move: "nearest" | "monday" | undefined): number => {
  const name = weekday(date)
  if (name === "Sun" && move !== undefined) return date + day
  return name === "Sat" && move === "nearest" ? date - day : date
}

/** Western Easter Sunday, by the anonymous Gregorian computus (Meeus, Jones, Butcher). */
const easter = (year: number): number => {
  const golden = year % 19
  const century = Math.floor(year / 100)
  const inCentury = year % 100
  const correction = Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3)
  const epact = (19 * golden + century - Math.floor(century / 4) - correction + 15) % 30
  const lead = (32 + 2 * (century % 4) + 2 * Math.floor(inCentury / 4) - epact - (inCentury % 4)) % 7
  const late = Math.floor((golden + 11 * epact + 22 * lead) / 451)
  const index = epact + lead - 7 * late + 114
  return Date.UTC(year, Math.floor(index / 31) - 1, (index % 31) + 1)
}
