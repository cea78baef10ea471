/**
 * Columns of several symbols to rows of one array.
 */
import * as Effect from "effect/Effect"
import type { Symbol } from "../../data/Symbol.js"
import type { Inputs, Scaling } from "../Dataset.js"
import * as Features from "../Features.js"
import * as Stretches from "../Stretches.js"

/** Bars `[from, to)` of one symbol, which become rows one after another. */
export interface Block {
  readonly columns: ReadonlyArray<Float32Array>
  readonly starts: Float64Array
  /** The symbol's place among all. */
  readonly symbol: number
  readonly from: number
  readonly to: number
}

/** What a feature's values are like. */
export interface Fit {
  readonly mean: number
  readonly deviation: number
  readonly least: number
  readonly most: number
}

/** One fit a feature, over the rows of the blocks: mean and standard deviation of the population. */
export const fit = Effect.fnUntraced(function* (
  turns: Stretches.Turns,
  { features }: Features.Plan,
  blocks: ReadonlyArray<Block>,
): Effect.fn.Return<ReadonlyArray<Fit>> {
  const rows = blocks.reduce((sum, { from, to }) => sum + to - from, 0)
  const over = (of: (values: Float32Array) => void, feature: number) =>
    Effect.forEach(
      blocks,
      ({ columns, from, to }) =>
        Stretches.run(turns, {
          rows: to - from,
          stretch: Stretches.easyRows,
          fill: (start, end) => of(columns[feature]!.subarray(from + start, from + end)),
        }),
      { discard: true },
    )
  return yield* Effect.forEach(features, (one, feature) =>
    Effect.gen(function* () {
      const bounds = { sum: 0, least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY }
      yield* over((values) => bound(bounds, values), feature)
      const { sum, least, most } = bounds
      const mean = sum / rows
      let squares = 0
      if (Features.isScaled(one))
        yield* over((values) => {
          squares += squaresAround(mean, values)
        }, feature)
      return { mean, deviation: Math.sqrt(squares / rows), least, most }
    }),
  )
})

/** A feature of a bar before is scaled as that of the row's own bar. */
export const scaling = ({ features, names }: Features.Plan, fits: ReadonlyArray<Fit>): Scaling =>
  names.map((feature, index) => {
    const at = index % features.length
    return Features.isScaled(features[at]!)
      ? { feature, mean: fits[at]!.mean, deviation: fits[at]!.deviation }
      : { feature, mean: 0, deviation: 1 }
  })

/** Rows of the blocks in their order, scaled. */
export const fill = Effect.fnUntraced(function* (
  turns: Stretches.Turns,
  { names, features }: Features.Plan,
  scaling: Scaling,
  blocks: ReadonlyArray<Block>,
  symbols: ReadonlyArray<{ readonly symbol: Symbol }>,
): Effect.fn.Return<Inputs> {
  const width = names.length
  const rows = blocks.reduce((sum, { from, to }) => sum + to - from, 0)
  const x = new Float32Array(rows * width)
  const times = new Float64Array(rows)
  const symbol = new Uint16Array(rows)
  let first = 0
  for (const block of blocks) {
    const offset = first
    yield* Stretches.run(turns, {
      rows: block.to - block.from,
      stretch: Math.max(64, Math.floor(cells / width)),
      fill: (start, end) => {
        times.set(block.starts.subarray(block.from + start, block.from + end), offset + start)
        symbol.fill(block.symbol, offset + start, offset + end)
        for (let row = start; row < end; row += tileRows) {
          const until = Math.min(end, row + tileRows)
          for (let column = 0; column < width; column++) {
            const { mean, deviation } = scaling[column]!
            const values = block.columns[column % features.length]!
            const from = block.from - Math.floor(column / features.length)
            write(
              values,
              from + row,
              from + until,
              mean,
              deviation,
              x,
              (offset + row) * width + column,
              width,
            )
          }
        }
      },
    })
    first += block.to - block.from
  }
  return { x, rows, features: names, times, symbol, symbols: symbols.map((one) => one.symbol) }
})

// ---------------------------------------------------------------------------------------------------------

/** Rows that the nearest memory holds while every column of them is written. */
const tileRows = 256

const bound = (bounds: { sum: number; least: number; most: number }, values: Float32Array): void => {
  let { sum, least, most } = bounds
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!
    sum += value
    if (value < least) least = value
    if (value > most) most = value
  }
  Object.assign(bounds, { sum, least, most })
}

const squaresAround = (mean: number, values: Float32Array): number => {
  let squares = 0
  for (let row = 0; row < values.length; row++) squares += (values[row]! - mean) ** 2
  return squares
}

/** The values `[from, to)`, scaled, to every `width`th cell from `cell` on. */
const write = (
  values: Float32Array,
  from: number,
  to: number,
  mean: number,
  deviation: number,
  x: Float32Array,
  cell: number,
  width: number,
): void => {
  for (let row = from, at = cell; row < to; row++, at += width) x[at] = (values[row]! - mean) / deviation
}

/** How many cells of rows take some milliseconds. */
const cells = 500_000
