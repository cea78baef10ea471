/**
 * Gaps: what the calendar expects and the store lacks. A closed market is no gap.
 */
import { lowerBound } from "./Candle.js"
import type { TimeRange } from "./TimeRange.js"
import type { Expected } from "./TradingCalendar.js"

/** A maximal run of expected bars that are absent and about which nothing is known. */
export interface Gap {
  /** Indexes `[from, to)` into the expected bars. */
  readonly from: number
  readonly to: number
  /** From the start of its first bar to the end of its last. */
  readonly range: TimeRange
}

/**
 * The gaps, oldest first. `present` holds the sorted starts of stored bars, expected ones or not; expected
 * bars that start inside one of `noData` (sorted, disjoint) are settled. Linear in the two; long runs of absent bars
 * are leapt over.
 */
export const find = (
  expected: Expected,
  present: Float64Array,
  noData: ReadonlyArray<TimeRange>,
): ReadonlyArray<Gap> => {
  const { starts, ends } = expected
  const size = starts.length
  const gaps: Array<Gap> = []
  let stored = 0
  let settled = 0
  let from = 0
  const close = (to: number) => {
    if (from < to) gaps.push({ from, to, range: { start: starts[from]!, end: ends[to - 1]! } })
    from = to + 1
  }
  for (let index = 0; index < size; ) {
    const start = starts[index]!
    while (stored < present.length && present[stored]! < start) stored++
    while (settled < noData.length && noData[settled]!.end <= start) settled++
    const isStored = stored < present.length && present[stored] === start
    const isSettled = settled < noData.length && noData[settled]!.start <= start
    if (isStored || isSettled) close(index++)
    else {
      const known = Math.min(
        present[stored] ?? Number.POSITIVE_INFINITY,
        noData[settled]?.start ?? Number.POSITIVE_INFINITY,
      )
      index = Math.max(index + 1, lowerBound(starts, known))
    }
  }
  close(size)
  return gaps
}

/** How many bars the gaps lack together. */
export const count = (gaps: ReadonlyArray<Gap>): number =>
  gaps.reduce((sum, { from, to }) => sum + to - from, 0)
