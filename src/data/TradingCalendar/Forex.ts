/**
 * Spot currencies: around the clock on weekdays, by New York's clock.
 */
import type { Rule, Weekday } from "../Holiday.js"

const days: ReadonlyArray<Weekday> = ["Mon", "Tue", "Wed", "Thu", "Fri"]

const closed: ReadonlyArray<Rule> = [
  { rule: "fixed", month: 12, day: 25 },
  { rule: "fixed", month: 1, day: 1 },
]

/**
 * The session of a date runs from 17:15 of the evening before to 17:00, which makes Sunday 17:15 to Friday
 * 17:00 with a daily break of a quarter of an hour. December 25 and January 1 are the sessions of those
 * dates: trading ends at 17:00 on the eve and begins again at 17:15 on the holiday itself, with the session
 * of the day after (recorded EUR.USD bars begin so on 2025-01-01).
 */
export const calendar = {
  venue: "FOREX",
  timeZone: "America/New_York",
  source: "Interactive Brokers IDEALPRO spot currency hours; table of 2026-11-23",
  regular: [{ days, open: "17:15", close: "17:00" }],
  closed,
  changed: [],
}
