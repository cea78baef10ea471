/**
 * Calendars, and their expected bars as texts that a person can compare.
 */
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Session } from "../../src/data/Series.js"
import type { Timeframe } from "../../src/data/Timeframe.js"
import type { TimeRange } from "../../src/data/TimeRange.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"

export const newYork = TradingCalendar.forVenue("XNYS").calendar
export const forex = TradingCalendar.forVenue("FOREX").calendar
export const always = TradingCalendar.forVenue("24x7").calendar

export const hour = 3_600_000
export const day = 24 * hour

/** `2025-01-06T14:30` */
export const iso = (millis: number): string => new Date(millis).toISOString().slice(0, 16)

export const span = (start: string, end: string): TimeRange => ({
  start: Date.parse(start),
  end: Date.parse(end),
})

export const bars = (timeframe: Timeframe, session: Session = "regular") => ({ timeframe, session })

export const starts = (
  calendar: TradingCalendar.TradingCalendar,
  timeframe: Timeframe,
  range: TimeRange,
  session: Session = "regular",
): ReadonlyArray<string> =>
  Array.from(TradingCalendar.expectedStarts(calendar, bars(timeframe, session), range), iso)

/** The dates of the daily bars. */
export const dates = (calendar: TradingCalendar.TradingCalendar, range: TimeRange): ReadonlyArray<string> =>
  starts(calendar, "1d", range).map((text) => text.slice(0, 10))

const market = fileURLToPath(new URL("../../../shared/market/", import.meta.url))

/** Whether the recorded bars lie beside the repository. */
export const hasRecorded = existsSync(market)

/** The starts of recorded bars, epoch ms. */
export const recorded = (file: string): Float64Array =>
  Float64Array.from(readFileSync(`${market}${file}`, "utf8").trim().split("\n").slice(1), (line) =>
    Date.parse(line.split(",")[0]!),
  )
