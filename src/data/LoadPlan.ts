/**
 * What a load will ask for, worked out before anything is asked: a value that can be printed and tested.
 */
import * as Effect from "effect/Effect"
import { breathe } from "../internal/breathe.js"
import * as Calendars from "./Calendars.js"
import type { Listing } from "./CandleSource.js"
import type { DataError } from "./DataError.js"
import * as Gap from "./Gap.js"
import * as LoadMode from "./LoadMode.js"
import * as Segment from "./Segment.js"
import type { Series } from "./Series.js"
import * as Slices from "./Slices.js"
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
  const { calendar, warning } = yield* Calendars.forVenue(listing.instrument.venue)
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
  const expected = yield* Slices.expected(calendar, series, range)
  const gaps = yield* breathe(() => (mode === "local" ? [] : Gap.find(expected, stored, options.noData)))
  const segments = yield* Slices.run(
    Segment.planning({
      expected,
      gaps,
      timeframe: series.timeframe,
      order: mode === "tail" ? "newest" : "oldest",
    }),
  )
  return { range, expected, segments, warnings: warning === undefined ? warnings : [warning, ...warnings] }
})
