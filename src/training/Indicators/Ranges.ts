/**
 * How far prices range, and how directed their moves are.
 */
import { ATR, WSMA } from "trading-signals"
import { bars, define } from "./Definition.js"

/**
 * Wilder's average true range. Outputs: `value`, in the price's currency, and `percent` of the close. The first
 * bar's true range is its high less its low.
 */
export const atr = define({
  type: "atr",
  fields: { period: bars(2, 14) },
  outputs: ["value", "percent"],
  warmup: ({ period }) => [period - 1, period - 1],
  start: ({ period }, { high, low, close }) => {
    const of = new ATR(period)
    return (from, to, [value, percent]) => {
      for (let row = from; row < to; row++) {
        const bar = { high: high[row]!, low: low[row]!, close: close[row]! }
        const range = of.update(bar, false) ?? Number.NaN
        value![row] = range
        percent![row] = (100 * range) / bar.close
      }
    }
  },
})

/**
 * Wilder's directional movement, all 0 to 100: `adx`, how directed the moves are, `plus_di` and `minus_di`, those
 * up and down. Moves begin with the second bar; a bar that goes as far up as down has none; where prices do not
 * range at all, all three are 0. It is ktrdr's own over the library's smoothing, as the library counts both of two
 * equal moves, and has no value ever again after prices that do not range.
 */
export const adx = define({
  type: "adx",
  fields: { period: bars(2, 14) },
  outputs: ["adx", "plus_di", "minus_di"],
  warmup: ({ period }) => [2 * period - 1, period, period],
  window: () => 50,
  start: ({ period }, { high, low, close }) => {
    const [range, up, down, smoothed] = [period, period, period, period].map((of) => new WSMA(of)) as Four
    return (from, to, [adx, plus, minus]) => {
      for (let row = Math.max(1, from); row < to; row++) {
        const rise = high[row]! - high[row - 1]!
        const fall = low[row - 1]! - low[row]!
        const before = close[row - 1]!
        const all = range.update(Math.max(high[row]!, before) - Math.min(low[row]!, before), false)
        const ups = up.update(rise > fall && rise > 0 ? rise : 0, false)
        const downs = down.update(fall > rise && fall > 0 ? fall : 0, false)
        if (all === null || ups === null || downs === null) continue
        const sum = ups + downs
        plus![row] = all === 0 ? 0 : (100 * ups) / all
        minus![row] = all === 0 ? 0 : (100 * downs) / all
        adx![row] = smoothed.update(sum === 0 ? 0 : (100 * Math.abs(ups - downs)) / sum, false) ?? Number.NaN
      }
    }
  },
})

// ---------------------------------------------------------------------------------------------------------

type Four = [WSMA, WSMA, WSMA, WSMA]
