/**
 * What a load will ask for, worked out before anything is asked: a value that can be printed and tested.
 */
import * as Effect from "effect/Effect"
import { breathe } from "../internal/breathe.js"
import type { Listing } from "./CandleSource.js"
import type { DataError } from "./DataError.js"
import * as Gap from "./Gap.js"
import * as LoadMode from "./LoadMode.js"
import * as Segment from "./Segment.js"
import type { Series } from "./Series.js"
import * as Timeframe from "./Timeframe.js"
import type { TimeRange } from "./TimeRange.js"
import * as TradingCalendar from "./TradingCalendar.js"

export interface LoadPlan {
  /** The span that the load answers for. */
  readonly range: TimeRange
  /** Every bar that should exist in it. */
  readonly expected: TradingCalendar.Expected
  /** The requests to make, in order; empty when nothing is missing or the mode is `local`. */
  readonly segments: ReadonlyArray<Segment.Segment>
  readonly warnings: ReadonlyArray<string>
}

export interface Options {
  readonly series: Series
  readonly mode: LoadMode.LoadMode
  /** Given by the caller, epoch milliseconds, `end` exclusive. */
  readonly start: number | undefined
  readonly end: number | undefined
  readonly listing: Listing
  /** Sorted starts of the stored bars. */
  readonly stored: Float64Array
  /** Where the source is known to have none, so that it is not asked again. */
  readonly noData: ReadonlyArray<TimeRange>
  readonly now: number
}

/** Depends on nothing but the options; an effect only so that a million bars do not hold other fibers up. */
export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<LoadPlan, DataError> {
  const { series, mode, listing, stored } = options
  const { calendar, warning } = TradingCalendar.forVenue(listing.instrument.venue)
  const { range, warnings } = yield* LoadMode.reach({
    mode,
    start: options.start,
    end: options.end,
    head: listing.head,
    last: listing.last,
    first: stored[0],
    newest: stored.at(-1),
    upTo: TradingCalendar.completeBefore(calendar, series, options.now),
  })
  const expected = yield* expectedBars(calendar, series, range)
  const gaps = yield* breathe(() => (mode === "local" ? [] : Gap.find(expected, stored, options.noData)))
  const segments = yield* breathe(() =>
    Segment.plan({
      expected,
      gaps,
      timeframe: series.timeframe,
      order: mode === "tail" ? "newest" : "oldest",
    }),
  )
  return { range, expected, segments, warnings: warning === undefined ? warnings : [warning, ...warnings] }
})

/** `TradingCalendar.expected`, a slice at a time. */
export const expectedBars = Effect.fnUntraced(function* (
  calendar: TradingCalendar.TradingCalendar,
  series: Series,
  range: TimeRange,
): Effect.fn.Return<TradingCalendar.Expected> {
  const length = Timeframe.info(series.timeframe).millis * barsASlice
  const parts: Array<TradingCalendar.Expected> = []
  for (let start = range.start; start < range.end; start += length) {
    const slice = { start, end: Math.min(start + length, range.end) }
    parts.push(yield* breathe(() => TradingCalendar.expected(calendar, series, slice)))
  }
  return {
    starts: concat(parts.map(({ starts }) => starts)),
    ends: concat(parts.map(({ ends }) => ends)),
  }
})

/** Of a market that never closes; others have fewer in the same time. */
const barsASlice = 250_000

const concat = (parts: ReadonlyArray<Float64Array>): Float64Array => {
  const whole = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
