/**
 * The rules of a series over any number of bars, a slice at a time, so that a million of them do not hold other
 * fibers up.
 */
import * as Effect from "effect/Effect"
import { breathe } from "../internal/breathe.js"
import * as Candle from "./Candle.js"
import { type Candles, size, slice } from "./Candle.js"
import * as Coverage from "./Coverage.js"
import type { Watcher } from "./Quality/Issue.js"
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
    starts: yield* concat(parts.map(({ starts }) => starts)),
    ends: yield* concat(parts.map(({ ends }) => ends)),
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

/** `Coverage.byBucket` */
export const byBucket = (
  known: Coverage.Known,
  edges: Float64Array,
): Effect.Effect<ReadonlyArray<Coverage.Counts>> =>
  Effect.map(
    Effect.forEach(Coverage.split(known, sliceBars), (piece) =>
      breathe(() => Coverage.byBucket(piece, edges)),
    ),
    (parts) => parts.reduce((sum, part) => sum.map((counts, index) => Coverage.add(counts, part[index]!))),
  )

/** `Candle.merge` */
export const merge = Effect.fnUntraced(function* (older: Candles, newer: Candles): Effect.fn.Return<Candles> {
  if (size(older) === 0 || size(newer) === 0 || size(older) + size(newer) <= mergeBars) {
    return Candle.merge(older, newer)
  }
  const whole = Candle.allocate(size(older) + size(newer))
  let [i, j, k] = [0, 0, 0]
  while (i < size(older) || j < size(newer)) {
    const edge = Math.min(
      older.start[i + mergeBars] ?? Number.POSITIVE_INFINITY,
      newer.start[j + mergeBars] ?? Number.POSITIVE_INFINITY,
    )
    const [a, b] = [Candle.lowerBound(older.start, edge), Candle.lowerBound(newer.start, edge)]
    const part = yield* breathe(() => Candle.merge(slice(older, i, a), slice(newer, j, b)))
    for (const column of Candle.columns) whole[column].set(part[column], k)
    k += size(part)
    i = a
    j = b
  }
  return slice(whole, 0, k)
})

/** The union of parts by the merge law, later ones newer. */
export const mergeAll = (parts: ReadonlyArray<Candles>): Effect.Effect<Candles> => {
  if (parts.length <= 1) return Effect.succeed(parts[0] ?? Candle.empty)
  const middle = Math.ceil(parts.length / 2)
  const halves = Effect.zip(mergeAll(parts.slice(0, middle)), mergeAll(parts.slice(middle)))
  return Effect.flatMap(halves, ([older, newer]) => merge(older, newer))
}

/** Shows bars to a watcher; see `Quality.watch`. */
export const watch = (watcher: Watcher, candles: Candles): Effect.Effect<void> =>
  Effect.forEach(
    Array.from({ length: Math.ceil(size(candles) / sliceBars) }),
    (_, index) => breathe(() => watcher.add(slice(candles, index * sliceBars, (index + 1) * sliceBars))),
    { discard: true },
  )

/** Runs a rule that yields between stretches of some milliseconds. */
export const run = <A>(rule: Generator<void, A>): Effect.Effect<A> =>
  Effect.gen(function* () {
    while (true) {
      const next = yield* breathe(() => rule.next())
      if (next.done === true) return next.value
    }
  })

// ---------------------------------------------------------------------------------------------------------

/** How many bars are looked at between two turns of the event loop. */
const sliceBars = 25_000

/** How many bars of each side are merged between two turns. */
const mergeBars = 8192

/** The same where a bar costs next to nothing; a market that closes has fewer in that time. */
const expectedBars = 100_000

const concat = Effect.fnUntraced(function* (parts: ReadonlyArray<Float64Array>) {
  if (parts.length === 1) return parts[0]!
  const whole = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    yield* breathe(() => whole.set(part, offset))
    offset += part.length
  }
  return whole
})
