/**
 * Segments: gaps cut to what one request to a source may carry.
 */
import * as Gap from "./Gap.js"
import * as Timeframe from "./Timeframe.js"
import type { TimeRange } from "./TimeRange.js"
import type { Expected } from "./TradingCalendar.js"

export interface Segment {
  /** Its place in the order in which the segments are fetched, from 0. */
  readonly index: number
  /** From the start of a lacking bar to the end of a lacking bar, exactly. */
  readonly range: TimeRange
  /** Expected bars that start inside the range; those that are stored already are fetched again. */
  readonly bars: number
}

export interface Options {
  readonly expected: Expected
  readonly gaps: ReadonlyArray<Gap.Gap>
  readonly timeframe: Timeframe.Timeframe
  readonly order: "oldest" | "newest"
}

/**
 * The fewest segments, none longer than `Timeframe.info(timeframe).segmentMillis`, that leave no lacking bar
 * out and do not overlap. Gaps share a segment where that saves a request, which then spans stored bars too.
 *
 * Where a cut may fall without a further request is known from both ends: filling requests from the oldest
 * bar puts each cut as late, from the newest bar as early as possible. In between, the cut falls where the
 * lacking bars lie furthest apart: between weeks, sessions or gaps rather than within them, so that a day
 * that began in the middle does not shift those after it. Cuts do not depend on `order`.
 */
export const plan = (options: Options): ReadonlyArray<Segment> => {
  const lacking = indexes(options.gaps)
  const cuts = placeCuts(options.expected, lacking, Timeframe.info(options.timeframe).segmentMillis)
  const segments = cuts.map((cut, position) => {
    const from = lacking[cut]!
    const to = lacking[(cuts[position + 1] ?? lacking.length) - 1]!
    const range = { start: options.expected.starts[from]!, end: options.expected.ends[to]! }
    return { range, bars: to - from + 1 }
  })
  if (options.order === "newest") segments.reverse()
  return segments.map((segment, index) => ({ index, ...segment }))
}

// -----------------------------------------------------------------------------

/** The indexes of all lacking bars. */
const indexes = (gaps: ReadonlyArray<Gap.Gap>): Uint32Array => {
  const all = new Uint32Array(Gap.count(gaps))
  let size = 0
  for (const { from, to } of gaps) {
    for (let index = from; index < to; index++) all[size++] = index
  }
  return all
}

/** For each segment the position in `lacking` of its first bar. */
const placeCuts = (
  { starts, ends }: Expected,
  lacking: Uint32Array,
  limit: number,
): ReadonlyArray<number> => {
  const latest = fromOldest(starts, ends, lacking, limit)
  const earliest = fromNewest(starts, ends, lacking, limit)
  const cuts = earliest.slice(0, 1)
  for (let segment = 1; segment < earliest.length; segment++) {
    const bound = starts[lacking[cuts[segment - 1]!]!]! + limit
    let best = earliest[segment]!
    let widest = 0
    for (let cut = best; cut <= latest[segment]!; cut++) {
      const end = ends[lacking[cut - 1]!]!
      if (end > bound) break
      const apart = starts[lacking[cut]!]! - end
      if (apart >= widest) {
        best = cut
        widest = apart
      }
    }
    cuts.push(best)
  }
  return cuts
}

const fromOldest = (
  starts: Float64Array,
  ends: Float64Array,
  lacking: Uint32Array,
  limit: number,
): ReadonlyArray<number> => {
  const cuts: Array<number> = []
  let bound = Number.NEGATIVE_INFINITY
  for (let position = 0; position < lacking.length; position++) {
    if (ends[lacking[position]!]! <= bound) continue
    cuts.push(position)
    bound = starts[lacking[position]!]! + limit
  }
  return cuts
}

const fromNewest = (
  starts: Float64Array,
  ends: Float64Array,
  lacking: Uint32Array,
  limit: number,
): ReadonlyArray<number> => {
  const cuts: Array<number> = []
  let bound = Number.POSITIVE_INFINITY
  for (let position = lacking.length - 1; position >= 0; position--) {
    if (starts[lacking[position]!]! >= bound) continue
    if (position < lacking.length - 1) cuts.push(position + 1)
    bound = ends[lacking[position]!]! - limit
  }
  if (lacking.length > 0) cuts.push(0)
  return cuts.toReversed()
}
