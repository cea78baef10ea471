/** Loads of one-minute bars, as long as a benchmark wants them. */
import type * as LoadData from "../../src/data/LoadData.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"

export type Load = Parameters<typeof LoadData.Payload.make>[0]

export const start = Date.UTC(2014, 0, 1)

export const symbol = Symbol.Symbol.make("AAPL")
/** Loaded first, so that modules which are loaded when they are first needed are there. */
export const other = Symbol.Symbol.make("MSFT")

export const series = { symbol, timeframe: "1m", session: "regular" } as const

/** Where a range from `start` ends that has so many bars; a defect where there are not as many until 2026. */
export const endOf = (bars: number): number => {
  const { calendar } = TradingCalendar.forVenue("XNYS")
  const all = TradingCalendar.expectedStarts(calendar, series, { start, end: Date.UTC(2026, 0, 1) })
  const end = all[bars]
  if (end === undefined) throw new RangeError(`${bars} bars are more than the ${all.length} until 2026`)
  return end
}

/** The load that is measured. */
export const until = (end: number): Load => ({ symbol, timeframe: "1m", mode: "full", start, end })

/** The one before it: 90 days of another symbol. */
export const before = (end: number): Load => ({ ...until(end), symbol: other, start: end - 90 * 86_400_000 })
