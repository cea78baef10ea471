/** A week of daily bars, for tests that only need some. */
import * as Candle from "../../src/data/Candle.js"
import { day } from "./Calendars.js"

/** Their first day, a Monday. */
export const monday = Date.UTC(2024, 0, 8)

/** Five, from Monday to Friday. */
export const candles = Candle.fromRows(
  Array.from({ length: 5 }, (_, index) => ({
    start: monday + index * day,
    open: 1,
    high: 2,
    low: 1,
    close: 2,
    volume: 3,
  })),
)
