/**
 * The columns that features are read from, and how they become features.
 */
import * as Effect from "effect/Effect"
import type { Candles } from "../../data/Candle.js"
import * as TimeRange from "../../data/TimeRange.js"
import type { Feature } from "../Features.js"
import * as FuzzySets from "../FuzzySets.js"
import * as Indicators from "../Indicators.js"
import * as Stretches from "../Stretches.js"
import { TrainingError } from "../TrainingError.js"

export interface Column {
  readonly column: Float64Array
  /** Rows at its beginning without a value. */
  readonly warmup: number
}

/** All outputs of the feature's indicator, or the three price columns. */
export const make = Effect.fnUntraced(function* (
  turns: Stretches.Turns,
  { of }: Feature,
  candles: Candles,
): Effect.fn.Return<ReadonlyArray<Column>> {
  if (typeof of === "string") {
    const work = prices(candles)
    yield* Stretches.run(turns, work)
    return work.columns.map((column) => ({ column, warmup: 1 }))
  }
  const work = Indicators.start(of.output.definition, of.output.spec, candles)
  yield* Stretches.run(turns, work)
  return work.columns.map((column, output) => ({ column, warmup: work.warmup[output]! }))
})

/** Fails where a value after the warm-up is no number. */
export const check = Effect.fnUntraced(function* (
  turns: Stretches.Turns,
  { of }: Feature,
  { column, warmup }: Column,
  candles: Candles,
  place: string,
): Effect.fn.Return<void, TrainingError> {
  let wrong = -1
  yield* Stretches.run(turns, {
    rows: column.length,
    stretch: Stretches.easyRows,
    fill: (from, to) => {
      for (let row = Math.max(from, warmup); wrong < 0 && row < to; row++) {
        if (!Number.isFinite(column[row])) wrong = row
      }
    },
  })
  if (wrong < 0) return
  const what =
    typeof of === "string"
      ? of
      : `indicator ${of.output.name} (${of.output.spec.type} ${of.output.definition.outputs[of.output.output]})`
  return yield* new TrainingError({
    reason: "NotFinite",
    place: `${place}, ${what}, row ${wrong} at ${TimeRange.formatInstant(candles.start[wrong]!)}`,
    expected: `a number for each bar after its warm-up of ${warmup}`,
    found: String(column[wrong]),
    advice: "Check that the bars have what it is made of, such as a volume, or leave it out",
  })
})

/** What of the values a feature is, and how it is made of one. */
export const read = ({ of }: Feature, values: ReadonlyArray<Column>) =>
  typeof of === "string"
    ? { of: (value: number) => value, output: values[["return", "range", "body"].indexOf(of)]! }
    : { of: FuzzySets.membership(of.set), output: values[of.output.output]! }

/** Work that fills a feature's column, one value a base bar. */
export const spread = (
  of: (value: number) => number,
  values: Float64Array,
  join: Int32Array | undefined,
  column: Float32Array,
): Stretches.Work => ({
  rows: column.length,
  stretch: Stretches.easyRows,
  fill: (from, to) => {
    for (let row = from; row < to; row++) {
      const at = join === undefined ? row : join[row]! - 1
      column[row] = at < 0 ? Number.NaN : of(values[at]!)
    }
  },
})

// ---------------------------------------------------------------------------------------------------------

const prices = ({ open, high, low, close }: Candles) => {
  const rows = close.length
  const columns = [new Float64Array(rows), new Float64Array(rows), new Float64Array(rows)] as const
  const fill = (from: number, to: number) => {
    for (let row = from; row < to; row++) {
      const before = row === 0 ? Number.NaN : close[row - 1]!
      columns[0][row] = Math.log(close[row]! / before)
      columns[1][row] = (high[row]! - low[row]!) / before
      columns[2][row] = (close[row]! - open[row]!) / before
    }
  }
  return { rows, stretch: Stretches.easyRows, fill, columns }
}
