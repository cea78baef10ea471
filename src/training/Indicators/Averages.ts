/**
 * Averages of a price and what is made of them. In the price's currency, but for what is said to be in percent.
 */
import { BollingerBands, EMA, MACD, SMA, WMA } from "trading-signals"
import * as Fields from "../Strategy/Fields.js"
import { bars, type Definition, define, source } from "./Definition.js"
import { sameRun } from "./Extremes.js"

interface Average {
  readonly update: (price: number, replace: boolean) => number | null
}

/** Outputs: `value`, and `distance`: how many percent the price is above it. */
const average = (type: string, window: boolean, make: (period: number) => Average): Definition =>
  define({
    type,
    fields: { period: bars(2, 20), source },
    outputs: ["value", "distance"],
    warmup: ({ period }) => [period - 1, period - 1],
    window: ({ period }) => (window ? period : 1),
    start: ({ period, source }, candles) => {
      const prices = candles[source]
      const of = make(period)
      return (from, to, [value, distance]) => {
        for (let row = from; row < to; row++) {
          const price = prices[row]!
          const mean = of.update(price, false) ?? Number.NaN
          value![row] = mean
          distance![row] = 100 * (price / mean - 1)
        }
      }
    },
  })

/** The mean of the last `period` prices. */
export const sma = average("sma", true, (period) => new SMA(period))

/** Exponential: weight 2 / (period + 1) for the newest price, begun at the first price of the series. */
export const ema = average("ema", false, (period) => new EMA(period))

/** Linear weights, 1 for the oldest of `period` prices and `period` for the newest. */
export const wma = average("wma", true, (period) => new WMA(period))

/**
 * `macd`: EMA(fast) less EMA(slow); `signal`: an EMA of that, begun at its first value; `histogram`: the one less
 * the other.
 */
export const macd = define({
  type: "macd",
  fields: { fast: bars(2, 12), slow: bars(2, 26), signal: bars(2, 9), source },
  outputs: ["macd", "signal", "histogram"],
  fault: ({ fast, slow }) =>
    fast < slow
      ? undefined
      : { parameter: "fast", expected: `fewer bars than slow, which has ${slow}`, found: String(fast) },
  warmup: ({ slow, signal }) => [slow - 1, slow + signal - 2, slow + signal - 2],
  start: ({ fast, slow, signal, source }, candles) => {
    const prices = candles[source]
    const of = new MACD(new EMA(fast), new EMA(slow), new EMA(signal))
    return (from, to, [macd, line, histogram]) => {
      for (let row = from; row < to; row++) {
        const result = of.update(prices[row]!, false)
        macd![row] = result?.macd ?? Number.NaN
        line![row] = result?.signal ?? Number.NaN
        histogram![row] = result?.histogram ?? Number.NaN
      }
    }
  },
})

/**
 * `middle`: the mean of `period` prices; `upper`, `lower`: so many standard deviations (of the population) above
 * and below; `percent_b`: where the price is between them, 0 at the lower and 1 at the upper, 0.5 where they are
 * one; `width`: how far they are apart, in percent of the middle.
 */
export const bollinger = define({
  type: "bollinger",
  fields: { period: bars(2, 20), deviations: Fields.withDefault(Fields.above(0, 10), () => 2), source },
  outputs: ["middle", "upper", "lower", "percent_b", "width"],
  warmup: ({ period }) => Array.from({ length: 5 }, () => period - 1),
  window: ({ period }) => 6 * period,
  start: ({ period, deviations, source }, candles) => {
    const prices = candles[source]
    const of = new BollingerBands(period, deviations)
    const run = sameRun(prices)
    return (from, to, [middle, upper, lower, percentB, width]) => {
      for (let row = from; row < to; row++) {
        const same = run(row)
        const result = of.update(prices[row]!, false)
        if (result === null) continue
        const apart = same >= period ? 0 : result.upper - result.lower
        middle![row] = result.middle
        upper![row] = result.upper
        lower![row] = result.lower
        percentB![row] = apart === 0 ? 0.5 : (prices[row]! - result.lower) / apart
        width![row] = (100 * apart) / result.middle
      }
    }
  },
})
