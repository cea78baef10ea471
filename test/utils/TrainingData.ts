/** Rows to train on, whose labels are a known function of their features, or of nothing. */
import * as Seeded from "../../src/training/Seeded.js"
import type * as TrainingRun from "../../src/training/TrainingRun.js"

export interface Options {
  readonly rows: number
  readonly features: number
  readonly seed: number
  /** The share of the rows that are validated on, the last ones; a quarter by default. */
  readonly validation?: number
}

const ranges = ({ rows, validation = 0.25 }: Options) => {
  const border = Math.round(rows * (1 - validation))
  return { train: [{ from: 0, to: border }], validation: [{ from: border, to: rows }] }
}

const numbers = ({ rows, features, seed }: Options): Float32Array => {
  const generator = Seeded.make(seed, 100)
  return Float32Array.from({ length: rows * features }, () => 2 * Seeded.uniform(generator) - 1)
}

/** Three classes that no plane tells apart: by how far the first two features are from the middle. */
export const rings = (options: Options): TrainingRun.Dataset => {
  const x = numbers(options)
  const y = Uint8Array.from({ length: options.rows }, (_, row) => {
    const distance = Math.hypot(x[row * options.features]!, x[row * options.features + 1]!)
    return distance < 0.5 ? 0 : distance < 0.9 ? 1 : 2
  })
  return { x, y, features: options.features, classes: 3, ...ranges(options) }
}

/** Classes in the shares 0.5, 0.3 and 0.2 that have nothing to do with the features. */
export const shuffled = (options: Options): TrainingRun.Dataset => {
  const generator = Seeded.make(options.seed, 200)
  const y = Uint8Array.from({ length: options.rows }, () => {
    const drawn = Seeded.uniform(generator)
    return drawn < 0.5 ? 0 : drawn < 0.8 ? 1 : 2
  })
  return { x: numbers(options), y, features: options.features, classes: 3, ...ranges(options) }
}

/** Values that are the product of the first two features. */
export const products = (options: Options): TrainingRun.Dataset => {
  const x = numbers(options)
  const y = Float32Array.from(
    { length: options.rows },
    (_, row) => x[row * options.features]! * x[row * options.features + 1]!,
  )
  return { x, y, features: options.features, classes: null, ...ranges(options) }
}
