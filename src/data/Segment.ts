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
 * that began in the middle does not shift those after it. Cuts do not depend on `order`. Yields between stretches of
 * some milliseconds.
 */
export function* planning(options: Options): Generator<void, ReadonlyArray<Segment>> {
  const lacking = indexes(options.gaps)
  const cuts = yield* placeCuts(options.expected, lacking, Timeframe.info(options.timeframe).segmentMillis)
  const segments = cuts.map((cut, position) => {
    const from = lacking[cut]!
    const to = lacking[(cuts[position + 1] ?? lacking.length) - 1]!
    const range = { start: options.expected.starts[from]!, end: options.expected.ends[to]! }
    return { range, bars: to - from + 1 }
  })
  if (options.order === "newest") segments.reverse()
  return segments.map((segment, index) => ({ index, ...segment }))
}

/** What `planning` comes to, in one stretch. */
export const plan = (options: Options): ReadonlyArray<Segment> => {
  const work = planning(options)
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
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
function* placeCuts(
  { starts, ends }: Expected,
  lacking: Uint32Array,
  limit: number,
): Generator<void, ReadonlyArray<number>> {
  const latest = fromOldest(starts, ends, lacking, limit)
  const earliest = fromNewest(starts, ends, lacking, limit)
  let looked = 0
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
    looked += latest[segment]! - earliest[segment]! + 1
    if (looked < lookedAtOnce) continue
    looked = 0
    yield
  }
  return cuts
}

/** Places for a cut that are looked at between two turns. */
const lookedAtOnce = 200_000

const fromOldest = (
  starts: Float64Array,
  ends: Float64Array,
  lacking: Uint32Array,
  limit: number,
): ReadonlyArray<number> => {
  const cuts: Array<number> = []
  for (let position = 0; position < lacking.length; ) {
    cuts.push(position)
    const bound = starts[lacking[position]!]! + limit
    position = firstAfter(position + 1, lacking.length, (at) => ends[lacking[at]!]! > bound)
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
  for (let after = lacking.length; after > 0; ) {
    const bound = ends[lacking[after - 1]!]! - limit
    after = firstAfter(0, after - 1, (at) => starts[lacking[at]!]! >= bound)
    cuts.push(after)
  }
  return cuts.toReversed()
}

/** The first of `[from, to)` from which on all are so; `to` where none is. */
const firstAfter = (from: number, to: number, isSo: (at: number) => boolean): number => {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isSo(middle)) high = middle
    else low = middle + 1
  }
  return low
}
