/**
 * The verdicts on a stored series: which bars should be there, and what became of each. Asks no source.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Calendars from "./Calendars.js"
import type { Description } from "./CandleStore.js"
import type * as Coverage from "./Coverage.js"
import type { DataError } from "./DataError.js"
import type * as Instrument from "./Instrument.js"
import * as LoadMode from "./LoadMode.js"
import * as Slices from "./Slices.js"
import type * as TimeRange from "./TimeRange.js"
import * as TradingCalendar from "./TradingCalendar.js"

/** A part of a series, `end` exclusive; without bounds, all that is stored. */
export interface Span {
  readonly start?: number
  readonly end?: number
}

export interface CoverageReport extends Coverage.Coverage {
  readonly instrument: Instrument.Instrument
  readonly range: TimeRange.TimeRange
  readonly warnings: ReadonlyArray<string>
  /** What the counts were made of, for counting again by month or by week. */
  readonly known: Coverage.Known
}

/** What a span of a series comes to, and the calendar that says which bars should be in it. */
export interface Reach {
  readonly calendar: TradingCalendar.TradingCalendar
  readonly range: TimeRange.TimeRange
  readonly warnings: ReadonlyArray<string>
}

/** Fails with `InvalidInput` where the span's end is not after its start. */
export const reach = Effect.fn("SeriesCoverage.reach")(function* (
  { series, instrument, first, newest }: Description,
  { start, end }: { readonly [_ in keyof Span]?: Span[_] | undefined },
): Effect.fn.Return<Reach, DataError> {
  const { calendar, warning } = yield* Calendars.forVenue(instrument.venue)
  const { range } = yield* LoadMode.reach({
    mode: "local",
    start,
    end,
    head: undefined,
    last: end === undefined ? newest : undefined,
    first,
    newest,
    upTo: TradingCalendar.completeBefore(calendar, series, yield* Clock.currentTimeMillis),
  })
  return { calendar, range, warnings: warning === undefined ? [] : [warning] }
})

/** `present` are the sorted starts of stored bars, those in the range at least. */
export const report = Effect.fn("SeriesCoverage.report")(function* (
  { series, instrument, noData }: Description,
  { calendar, range, warnings }: Reach,
  present: Float64Array,
): Effect.fn.Return<CoverageReport> {
  const expected = yield* Slices.expected(calendar, series, range)
  const known: Coverage.Known = { expected, present, noData, refused: [], failed: [], range }
  return { ...(yield* Slices.coverage(known)), known, instrument, range, warnings }
})
