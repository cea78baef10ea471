/**
 * What volume says.
 */
import { OBV } from "trading-signals"
import { define } from "./Definition.js"

/**
 * On-balance volume: volume added on a higher close and taken off on a lower one, from 0 at the series' first bar,
 * so that its level depends on where the series begins. Not a number from the first bar on that
 * would add or take off a volume that is unknown.
 */
export const obv = define({
  type: "obv",
  fields: {},
  outputs: ["value"],
  warmup: () => [1],
  start: (_, { close, volume }) => {
    const of = new OBV(2)
    return (from, to, [value]) => {
      for (let row = from; row < to; row++) {
        const known = volume[row]! >= 0 ? volume[row]! : Number.NaN
        const bar = { open: 0, high: 0, low: 0, close: close[row]!, volume: known }
        value![row] = of.update(bar, false) ?? Number.NaN
      }
    }
  },
})
