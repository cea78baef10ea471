/**
 * New York stocks: the holidays, early closes and special closures of the New York Stock Exchange.
 */
import type { Rule, Weekday } from "../Holiday.js"

const days: ReadonlyArray<Weekday> = ["Mon", "Tue", "Wed", "Thu", "Fri"]

const on = (date: string): Rule => ({ rule: "date", date })

const holidays: ReadonlyArray<Rule> = [
  { rule: "fixed", month: 1, day: 1, observed: "monday" },
  { rule: "nth", month: 1, weekday: "Mon", nth: 3, from: 1998 },
  { rule: "nth", month: 2, weekday: "Mon", nth: 3 },
  { rule: "easter", plusDays: -2 },
  { rule: "nth", month: 5, weekday: "Mon", nth: -1 },
  { rule: "fixed", month: 6, day: 19, observed: "nearest", from: 2022 },
  { rule: "fixed", month: 7, day: 4, observed: "nearest" },
  { rule: "nth", month: 9, weekday: "Mon", nth: 1 },
  { rule: "nth", month: 11, weekday: "Thu", nth: 4 },
  { rule: "fixed", month: 12, day: 25, observed: "nearest" },
]

const specialClosures: ReadonlyArray<Rule> = [
  "2001-09-11",
  "2001-09-12",
  "2001-09-13",
  "2001-09-14",
  "2004-06-11",
  "2007-01-02",
  "2012-10-29",
  "2012-10-30",
  "2018-12-05",
  "2025-01-09",
].map(on)

const earlyCloses: ReadonlyArray<Rule> = [
  { rule: "nth", month: 11, weekday: "Thu", nth: 4, plusDays: 1 },
  { rule: "fixed", month: 12, day: 24, weekdays: ["Mon", "Tue", "Wed", "Thu"] },
  { rule: "fixed", month: 7, day: 3, weekdays: ["Mon", "Tue", "Thu"] },
  { rule: "fixed", month: 7, day: 3, weekdays: ["Wed"], from: 2013 },
  { rule: "fixed", month: 7, day: 5, weekdays: ["Fri"], until: 2012 },
  on("2003-12-26"),
]

/**
 * Complete from 2000 on. Before 2000 the rules are applied as they stand, without the special closures and
 * early closes of those years, so nothing is promised there.
 */
export const calendar = {
  venue: "XNYS",
  timeZone: "America/New_York",
  source:
    "New York Stock Exchange hours and holidays, special closures 2000 to 2025-01-09; table of 2026-11-23",
  regular: [{ days, open: "09:30", close: "16:00" }],
  extended: [{ days, open: "04:00", close: "20:00" }],
  closed: [...holidays, ...specialClosures],
  changed: [
    { on: earlyCloses, regular: { close: "13:00" }, extended: { close: "17:00" } },
    { on: [on("2002-09-11")], regular: { open: "12:00" }, extended: { open: "12:00" } },
  ],
}
