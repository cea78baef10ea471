/**
 * How far and how fast a price has moved.
 */
import { CCI, MOM, ROC, RSI, SMA } from "trading-signals"
import { bars, define, source } from "./Definition.js"
import * as Extremes from "./Extremes.js"

/**
 * Wilder's relative strength index, 0 to 100. 100 where there were gains and no losses, 50 as long as the price
 * has not moved at all (where the library says 100).
 */
export const rsi = define({
  type: "rsi",
  fields: { period: bars(2, 14), source },
  outputs: ["value"],
  warmup: ({ period }) => [period],
  window: ({ period }) => 2 * period,
  start: ({ period, source }, candles) => {
    const prices = candles[source]
    const of = new RSI(period)
    let moved = false
    return (from, to, [value]) => {
      for (let row = from; row < to; row++) {
        const result = of.update(prices[row]!, false) ?? Number.NaN
        moved ||= prices[row] !== prices[0]
        value![row] = moved ? result : 50
      }
    }
  },
})

/** The price's change over `period` bars, in percent. */
export const roc = define({
  type: "roc",
  fields: { period: bars(1, 10), source },
  outputs: ["value"],
  warmup: ({ period }) => [period],
  start: ({ period, source }, candles) => {
    const prices = candles[source]
    const of = new ROC(period)
    return (from, to, [value]) => {
      for (let row = from; row < to; row++) value![row] = 100 * (of.update(prices[row]!, false) ?? Number.NaN)
    }
  },
})

/** The price's change over `period` bars, in its currency. */
export const momentum = define({
  type: "momentum",
  fields: { period: bars(1, 10), source },
  outputs: ["value"],
  warmup: ({ period }) => [period],
  start: ({ period, source }, candles) => {
    const prices = candles[source]
    const of = new MOM(period)
    return (from, to, [value]) => {
      for (let row = from; row < to; row++) value![row] = of.update(prices[row]!, false) ?? Number.NaN
    }
  },
})

/**
 * The commodity channel index: how many times 0.015 mean deviations the typical price is from its mean over
 * `period` bars; 0 where the bars were the same throughout (where the library divides by nothing, or by what
 * rounding leaves).
 */
export const cci = define({
  type: "cci",
  fields: { period: bars(2, 20) },
  outputs: ["value"],
  warmup: ({ period }) => [period - 1],
  window: ({ period }) => 2 * period,
  start: ({ period }, { high, low, close }) => {
    const of = new CCI(period)
    const runs = [high, low, close].map(Extremes.sameRun)
    return (from, to, [value]) => {
      for (let row = from; row < to; row++) {
        const bar = { open: 0, high: high[row]!, low: low[row]!, close: close[row]! }
        const same = Math.min(...runs.map((run) => run(row)))
        const result = of.update(bar, false) ?? Number.NaN
        value![row] = same >= period ? 0 : result
      }
    }
  },
})

/**
 * Where the close is between the lowest low and the highest high of `period` bars, 0 to 100, and 50 where these
 * are one. `k` is its mean over `smooth` bars, `d` the mean of `k` over `signal` bars. The extremes are ktrdr's
 * own: the library goes over the whole window for each bar.
 */
export const stochastic = define({
  type: "stochastic",
  fields: { period: bars(2, 14), smooth: bars(1, 3), signal: bars(1, 3) },
  outputs: ["k", "d"],
  warmup: ({ period, smooth, signal }) => [period + smooth - 2, period + smooth + signal - 3],
  window: ({ smooth, signal }) => 10 + smooth + signal,
  start: ({ period, smooth, signal }, { high, low, close }) => {
    const highest = Extremes.highest(high, period)
    const lowest = Extremes.lowest(low, period)
    const smoothed = new SMA(smooth)
    const mean = new SMA(signal)
    return (from, to, [k, d]) => {
      for (let row = from; row < to; row++) {
        const top = highest(row)
        const bottom = lowest(row)
        if (row < period - 1) continue
        const place = top === bottom ? 50 : (100 * (close[row]! - bottom)) / (top - bottom)
        const first = smoothed.update(place, false)
        k![row] = first ?? Number.NaN
        d![row] = first === null ? Number.NaN : (mean.update(first, false) ?? Number.NaN)
      }
    }
  },
})
