/**
 * The rules of a series over any number of bars, a slice at a time, so that a million of them do not hold other
 * fibers up.
 */
import * as Effect from "effect/Effect"
import { breathe } from "../internal/breathe.js"
import { type Candles, size, slice } from "./Candle.js"
import * as Coverage from "./Coverage.js"
import * as Quality from "./Quality.js"
import * as Timeframe from "./Timeframe.js"
import type { TimeRange } from "./TimeRange.js"
import * as TradingCalendar from "./TradingCalendar.js"

/** `TradingCalendar.expected` */
export const expected = Effect.fnUntraced(function* (
  calendar: TradingCalendar.TradingCalendar,
  bars: TradingCalendar.Bars,
  range: TimeRange,
): Effect.fn.Return<TradingCalendar.Expected> {
  const length = Timeframe.info(bars.timeframe).millis * expectedBars
  const parts: Array<TradingCalendar.Expected> = []
  for (let start = range.start; start < range.end; start += length) {
    const part = { start, end: Math.min(start + length, range.end) }
    parts.push(yield* breathe(() => TradingCalendar.expected(calendar, bars, part)))
  }
  return {
    starts: concat(parts.map(({ starts }) => starts)),
    ends: concat(parts.map(({ ends }) => ends)),
  }
})

/** `Coverage.make` */
export const coverage = (known: Coverage.Known): Effect.Effect<Coverage.Coverage> => {
  const pieces = Coverage.split(known, sliceBars)
  return Effect.map(
    Effect.forEach(pieces, (piece) => breathe(() => Coverage.make(piece))),
    (parts) => Coverage.join(pieces, parts),
  )
}

/** `Quality.check` of sorted bars */
export const check = (candles: Candles): Effect.Effect<ReadonlyArray<Quality.Issue>> =>
  Effect.map(
    Effect.forEach(Array.from({ length: Math.ceil(size(candles) / sliceBars) }), (_, index) =>
      breathe(() => Quality.check(slice(candles, index * sliceBars, (index + 1) * sliceBars))),
    ),
    Quality.join,
  )

// ---------------------------------------------------------------------------------------------------------

/** How many bars are looked at between two turns of the event loop. */
const sliceBars = 25_000

/** The same where a bar costs next to nothing; a market that closes has fewer in that time. */
const expectedBars = 250_000

const concat = (parts: ReadonlyArray<Float64Array>): Float64Array => {
  const whole = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
