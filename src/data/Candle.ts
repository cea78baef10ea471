/**
 * Bars. One by one for people, as columns wherever there are many.
 */
import * as Schema from "effect/Schema"
import type { TimeRange } from "./TimeRange.js"

/** A bar: its start (epoch milliseconds UTC), its prices in the instrument's currency, its volume if known. */
export const Candle = Schema.Struct({
  start: Schema.Number,
  open: Schema.Number,
  high: Schema.Number,
  low: Schema.Number,
  close: Schema.Number,
  volume: Schema.NullOr(Schema.Number),
}).annotations({ identifier: "Candle" })
export type Candle = typeof Candle.Type

/** Bars as columns of equal length, sorted by strictly rising `start`. An unknown volume is `NaN`. */
export interface Candles {
  readonly start: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
}

/** The columns in the order in which every file and table has them. */
export const columns = ["start", "open", "high", "low", "close", "volume"] as const

/** Columns of `length` zeros, to be filled in. */
export const allocate = (length: number): Candles => ({
  start: new Float64Array(length),
  open: new Float64Array(length),
  high: new Float64Array(length),
  low: new Float64Array(length),
  close: new Float64Array(length),
  volume: new Float64Array(length),
})

export const empty: Candles = allocate(0)

export const size = (candles: Candles): number => candles.start.length

/** The bar at `index`, which must be in bounds. */
export const at = (candles: Candles, index: number): Candle => {
  const volume = candles.volume[index]!
  return {
    start: candles.start[index]!,
    open: candles.open[index]!,
    high: candles.high[index]!,
    low: candles.low[index]!,
    close: candles.close[index]!,
    volume: Number.isNaN(volume) ? null : volume,
  }
}

export const toRows = (candles: Candles): ReadonlyArray<Candle> =>
  Array.from(candles.start, (_, index) => at(candles, index))

/** Columns of rows that are already sorted. */
export const fromRows = (rows: ReadonlyArray<Candle>): Candles => {
  const candles = allocate(rows.length)
  rows.forEach((row, index) => {
    for (const column of columns) candles[column][index] = row[column] ?? Number.NaN
  })
  return candles
}

/** Views, not copies, of the bars `[from, to)`. */
export const slice = (candles: Candles, from: number, to: number): Candles => ({
  start: candles.start.subarray(from, to),
  open: candles.open.subarray(from, to),
  high: candles.high.subarray(from, to),
  low: candles.low.subarray(from, to),
  close: candles.close.subarray(from, to),
  volume: candles.volume.subarray(from, to),
})

/** How many of the sorted `starts` lie before `instant`. */
export const lowerBound = (starts: Float64Array, instant: number): number => {
  let low = 0
  let high = starts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (starts[middle]! < instant) low = middle + 1
    else high = middle
  }
  return low
}

/** Views of the bars that start inside the range. */
export const within = (candles: Candles, range: TimeRange): Candles =>
  slice(candles, lowerBound(candles.start, range.start), lowerBound(candles.start, range.end))

/** The bars of all parts, one after another; the parts must not overlap and must come in order. */
export const concat = (parts: ReadonlyArray<Candles>): Candles => {
  const whole = allocate(parts.reduce((sum, part) => sum + size(part), 0))
  let offset = 0
  for (const part of parts) {
    for (const column of columns) whole[column].set(part[column], offset)
    offset += size(part)
  }
  return whole
}

/**
 * The merge law: the union by start, sorted, where both have a bar the `newer` one wins. Idempotent, and
 * commutative where the two share no start.
 */
export const merge = (older: Candles, newer: Candles): Candles => {
  if (size(older) === 0) return newer
  if (size(newer) === 0) return older
  if (older.start[size(older) - 1]! < newer.start[0]!) return concat([older, newer])
  if (newer.start[size(newer) - 1]! < older.start[0]!) return concat([newer, older])
  const whole = allocate(size(older) + size(newer))
  let i = 0
  let j = 0
  let k = 0
  while (i < size(older) || j < size(newer)) {
    const a = i < size(older) ? older.start[i]! : Number.POSITIVE_INFINITY
    const b = j < size(newer) ? newer.start[j]! : Number.POSITIVE_INFINITY
    const from = b <= a ? newer : older
    const index = b <= a ? j++ : i++
    if (a === b) i++
    for (const column of columns) whole[column][k] = from[column][index]!
    k++
  }
  return slice(whole, 0, k)
}
