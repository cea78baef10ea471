/**
 * Clean bars of markets, some of them missing, and what a check of their clock needs.
 */
import * as fc from "fast-check"
import * as ClockShift from "../../src/data/Quality/ClockShift.js"
import type { Bars, TradingCalendar } from "../../src/data/TradingCalendar.js"
import * as Calendar from "../../src/data/TradingCalendar.js"
import { bars, day, forex, newYork } from "./Calendars.js"

export interface Market {
  readonly name: string
  readonly calendar: TradingCalendar
  readonly bars: Bars
  /** Starts of all bars of the span. */
  readonly starts: Float64Array
  readonly grid: ClockShift.Grid
}

/** The series of a calendar from 2024-02-05 on: five weeks of winter, then summer. */
export const make = (name: string, calendar: TradingCalendar, of: Bars, days: number): Market => {
  const range = { start: Date.UTC(2024, 1, 5), end: Date.UTC(2024, 1, 5) + days * day }
  const around = { start: range.start - 3 * ClockShift.reach, end: range.end + 3 * ClockShift.reach }
  const session = of.session === "regular" ? "extended" : "regular"
  return {
    name,
    calendar,
    bars: of,
    starts: Calendar.expectedStarts(calendar, of, range),
    grid: {
      own: Calendar.expected(calendar, of, around),
      other:
        calendar.extended === undefined
          ? new Float64Array(0)
          : Calendar.expectedStarts(calendar, { ...of, session }, around),
      timeZone: calendar.timeZone,
    },
  }
}

export const stockHours = make("New York 1h", newYork, bars("1h"), 150)
export const extendedHours = make("New York 1h extended", newYork, bars("1h", "extended"), 120)
export const stockMinutes = make("New York 5m", newYork, bars("5m"), 60)
export const extendedMinutes = make("New York 5m extended", newYork, bars("5m", "extended"), 60)
export const stockDays = make("New York 1d", newYork, bars("1d"), 300)
export const forexHours = make("EUR.USD 1h", forex, bars("1h"), 120)

export const all = [stockHours, extendedHours, stockMinutes, extendedMinutes, stockDays, forexHours]

export const any: fc.Arbitrary<Market> = fc.constantFrom(...all)

/** A generator of numbers from 0 to 1, by chance and again the same. */
export const chance = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** All but a share of the starts. */
export const thinned = ({ starts }: Market, share: number, seed: number): Float64Array => {
  const next = chance(seed)
  return starts.filter(() => next() >= share)
}
