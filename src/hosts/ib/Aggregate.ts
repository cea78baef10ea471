/**
 * Longer bars out of shorter ones.
 */
import * as Candle from "../../data/Candle.js"

/**
 * The bars to be made, as columns of equal length (epoch ms UTC): bar `i` is stamped `starts[i]` and gathers
 * what starts inside `[from[i], to[i])`. The spans come in order and do not overlap.
 */
export interface Spans {
  readonly starts: Float64Array
  readonly from: Float64Array
  readonly to: Float64Array
}

/**
 * One bar per span that has bars: first open, highest high, lowest low, last close, summed volume (unknown as
 * soon as one of the volumes is). Bars outside all spans are left out.
 */
export const aggregate = (bars: Candle.Candles, spans: Spans): Candle.Candles => {
  const whole = Candle.allocate(spans.starts.length)
  const { start, open, high, low, close, volume } = bars
  const count = start.length
  let size = 0
  let i = 0
  for (let span = 0; span < spans.starts.length; span++) {
    const from = spans.from[span]!
    const to = spans.to[span]!
    while (i < count && start[i]! < from) i++
    if (i === count || start[i]! >= to) continue
    let highest = high[i]!
    let lowest = low[i]!
    let sum = 0
    whole.open[size] = open[i]!
    for (; i < count && start[i]! < to; i++) {
      if (high[i]! > highest) highest = high[i]!
      if (low[i]! < lowest) lowest = low[i]!
      sum += volume[i]!
    }
    whole.start[size] = spans.starts[span]!
    whole.high[size] = highest
    whole.low[size] = lowest
    whole.close[size] = close[i - 1]!
    whole.volume[size] = sum
    size++
  }
  return Candle.slice(whole, 0, size)
}
