/**
 * Labels: what a row should have foretold, made of the bars that come after it.
 *
 * A row's label looks at the `lookahead` bars after its own, never further, and counts as looking at all of them
 * even where the answer was clear before: rows are then dropped, purged and kept whatever their label is, so that
 * none of it changes how often a class occurs.
 */
import * as Schema from "effect/Schema"
import { type Candles, size } from "../data/Candle.js"
import * as Fields from "./Strategy/Fields.js"
import type * as Stretches from "./Stretches.js"

/** What the classes are called, by their number. */
export const classes = ["BUY", "HOLD", "SELL"] as const

const lookahead = Fields.integer(1, 1000)
const move = Fields.above(0, 10)

/**
 * - `zigzag`: BUY where, within `lookahead` bars, a close is above the row's close by the share `threshold` before
 *   one is below it by that share; SELL where the move down comes first; else HOLD.
 * - `triple_barrier`: BUY where a high reaches `take_profit` above the row's close before a low reaches `stop_loss`
 *   below it, SELL where the stop comes first, HOLD where `lookahead` bars pass without either, or where one bar
 *   reaches both, as bars do not tell which came first.
 * - `forward_return`: the close `lookahead` bars on over the row's close, less 1: BUY where it is `threshold` or
 *   more, SELL where it is -`threshold` or less, else HOLD; with `regression: true` that return itself.
 */
export const Labels = Schema.Union(
  Schema.Struct({ type: Schema.Literal("zigzag"), threshold: move, lookahead }),
  Schema.Struct({
    type: Schema.Literal("triple_barrier"),
    take_profit: move,
    stop_loss: Fields.above(0, 1),
    lookahead,
  }),
  Schema.Struct({
    type: Schema.Literal("forward_return"),
    lookahead,
    threshold: Fields.optional(move),
    regression: Fields.withDefault(Schema.Boolean, () => false),
  }),
).annotations({ identifier: "Labels" })
export type Labels = typeof Labels.Type

export const types = ["zigzag", "triple_barrier", "forward_return"] as const

/** True where a row's label is a number, not a class. */
export const isRegression = (labels: Labels): boolean => labels.type === "forward_return" && labels.regression

/** Work that fills `values`: one for each bar that has `lookahead` bars after it; the later ones have no label. */
export interface Labelling extends Stretches.Work {
  /** Class numbers, or returns. */
  readonly values: Uint8Array | Float32Array
}

export const start = (labels: Labels, candles: Candles): Labelling => {
  const rows = Math.max(0, size(candles) - labels.lookahead)
  const values = isRegression(labels) ? new Float32Array(rows) : new Uint8Array(rows)
  const of = rule(labels, candles)
  return {
    rows,
    stretch: Math.max(256, Math.floor(stretchBars / labels.lookahead)),
    values,
    fill: (from, to) => {
      for (let row = from; row < to; row++) values[row] = of(row)
    },
  }
}

/**
 * True where a column is the labels under another name: the same throughout each class and another in each, or,
 * where labels are numbers, in a straight line with them. False for too few rows to tell.
 */
export const isLeaked = (column: Float32Array, from: number, labels: Uint8Array | Float32Array): boolean => {
  if (labels.length - from < leastTelling) return false
  return labels instanceof Uint8Array ? isOneForOne(column, from, labels) : isStraight(column, from, labels)
}

// ---------------------------------------------------------------------------------------------------------

const [buy, hold, sell] = [0, 1, 2]

/** What a move may fall short of by the arithmetic: 100 times 1.1 is a little more than 110. */
const rounding = 1e-12

/** How many bars are looked at in some milliseconds. */
const stretchBars = 2_000_000

/** With fewer rows, a feature may be one for one with the labels by chance. */
const leastTelling = 30

const rule = (labels: Labels, { high, low, close }: Candles): ((row: number) => number) => {
  switch (labels.type) {
    case "zigzag":
      return first(labels, close, close, close, labels.threshold, labels.threshold)
    case "triple_barrier":
      return first(labels, close, high, low, labels.take_profit, labels.stop_loss)
    case "forward_return": {
      const { lookahead, regression, threshold = Number.NaN } = labels
      return (row) => {
        const gain = close[row + lookahead]! / close[row]! - 1
        if (regression) return gain
        return gain >= threshold - rounding ? buy! : gain <= rounding - threshold ? sell! : hold!
      }
    }
  }
}

/** Which of two prices is reached first. */
const first =
  (
    { lookahead }: Labels,
    close: Float64Array,
    tops: Float64Array,
    bottoms: Float64Array,
    rise: number,
    fall: number,
  ) =>
  (row: number): number => {
    const above = close[row]! * (1 + rise - rounding)
    const below = close[row]! * (1 - fall + rounding)
    for (let bar = row + 1; bar <= row + lookahead; bar++) {
      const isUp = tops[bar]! >= above
      const isDown = bottoms[bar]! <= below
      if (isUp || isDown) return isUp && isDown ? hold! : isUp ? buy! : sell!
    }
    return hold!
  }

const isOneForOne = (column: Float32Array, from: number, labels: Uint8Array): boolean => {
  const byClass = new Map<number, number>()
  for (let row = from; row < labels.length; row++) {
    const known = byClass.get(labels[row]!)
    if (known === undefined) byClass.set(labels[row]!, column[row]!)
    else if (known !== column[row]) return false
  }
  return byClass.size > 1 && new Set(byClass.values()).size === byClass.size
}

/** Whether all rows lie, but for what 32 bits can hold, on the line through the lowest and the highest label. */
const isStraight = (column: Float32Array, from: number, labels: Float32Array): boolean => {
  let [least, most] = [from, from]
  for (let row = from; row < labels.length; row++) {
    if (labels[row]! < labels[least]!) least = row
    if (labels[row]! > labels[most]!) most = row
  }
  const span = labels[most]! - labels[least]!
  const slope = (column[most]! - column[least]!) / span
  if (!(span > 0) || slope === 0) return false
  const loose =
    1e-5 * Math.abs(slope * span) + 1e-7 * Math.max(Math.abs(column[least]!), Math.abs(column[most]!))
  if (loose > 1e-3 * Math.abs(slope * span)) return false
  for (let row = from; row < labels.length; row++) {
    const straight = column[least]! + slope * (labels[row]! - labels[least]!)
    if (Math.abs(column[row]! - straight) > loose) return false
  }
  return true
}
