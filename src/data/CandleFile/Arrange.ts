/**
 * Columns in any order to columns sorted by start, in steps of a few milliseconds.
 */
import type { Candles } from "../Candle.js"
import * as Candle from "../Candle.js"

/** Work that may be left alone between any two steps. */
export type Steps<A> = Generator<void, A, void>

/** The columns of all parts, one after another. Takes each part out of the list once it is copied. */
export function* concat(parts: Array<Candles>): Steps<Candles> {
  if (parts.length === 1) return parts[0]!
  const whole = Candle.allocate(parts.reduce((sum, part) => sum + Candle.size(part), 0))
  let offset = 0
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    yield
    for (const column of Candle.columns) whole[column].set(part[column], offset)
    offset += Candle.size(part)
  }
  return whole
}

/** Sorted bars, rows that are equal joined; or two rows that share a start and differ elsewhere. */
export type Arranged = { readonly bars: Candles } | { readonly clash: readonly [number, number] }

/** Sorts the bars, in place where they are in falling order. */
export function* arrange(bars: Candles): Steps<Arranged> {
  const order = direction(bars.start)
  yield
  if (order === "rising") return { bars }
  if (order === "mixed") return yield* join(bars, yield* sort(bars.start))
  for (const column of Candle.columns) {
    bars[column].reverse()
    yield
  }
  return { bars }
}

// -----------------------------------------------------------------------------

const stepRows = 65_536

const direction = (starts: Float64Array): "rising" | "falling" | "mixed" => {
  let rising = true
  let falling = true
  for (let i = 1; i < starts.length && (rising || falling); i++) {
    if (starts[i]! <= starts[i - 1]!) rising = false
    if (starts[i]! >= starts[i - 1]!) falling = false
  }
  return rising ? "rising" : falling ? "falling" : "mixed"
}

/** Indices of the starts in rising order, equal ones as they came (a bottom-up merge sort). */
function* sort(starts: Float64Array): Steps<Uint32Array> {
  let from = Uint32Array.from(starts, (_, index) => index)
  let to = new Uint32Array(from.length)
  for (let width = 1; width < from.length; width *= 2) {
    for (let left = 0; left < from.length; left += 2 * width) {
      const middle = Math.min(left + width, from.length)
      const right = Math.min(left + 2 * width, from.length)
      let i = left
      let j = middle
      for (let k = left; k < right; k++) {
        if (k % stepRows === 0) yield
        const takeLeft = i < middle && (j >= right || starts[from[i]!]! <= starts[from[j]!]!)
        to[k] = from[takeLeft ? i++ : j++]!
      }
    }
    const sorted = to
    to = from
    from = sorted
  }
  return from
}

function* join(bars: Candles, order: Uint32Array): Steps<Arranged> {
  const sorted = Candle.allocate(order.length)
  let count = 0
  let previous = -1
  for (let k = 0; k < order.length; k++) {
    if (k % stepRows === 0) yield
    const row = order[k]!
    if (previous >= 0 && bars.start[row] === bars.start[previous]) {
      const differs = Candle.columns.some((column) => !Object.is(bars[column][row], bars[column][previous]))
      if (differs) return { clash: [previous, row] }
      continue
    }
    for (const column of Candle.columns) sorted[column][count] = bars[column][row]!
    previous = row
    count++
  }
  return { bars: Candle.slice(sorted, 0, count) }
}
