/**
 * Bars that no check has anything to say of, for any starts.
 */
import * as Candle from "../../src/data/Candle.js"

/** A walk of small steps, the same for the same starts. */
export const candles = (starts: Float64Array): Candle.Candles => {
  const all = Candle.allocate(starts.length)
  let state = 1
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  let price = 100
  for (let index = 0; index < starts.length; index++) {
    const open = price
    price = Math.max(50, Math.min(200, price * (1 + (next() - 0.5) * 0.002)))
    all.start[index] = starts[index]!
    all.open[index] = open
    all.high[index] = Math.max(open, price) * 1.0002
    all.low[index] = Math.min(open, price) * 0.9998
    all.close[index] = price
    all.volume[index] = Math.floor(1000 + next() * 1000)
  }
  return all
}
