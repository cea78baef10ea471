/** What is made small: how wrong a network's outputs are, and how that changes with each of them. */

/** Class indexes for `cross_entropy`, numbers for `mse`. */
export type Targets = Uint8Array | Float32Array

/** How wrong the outputs for some rows were; sums, so that scores of parts add up to that of the whole. */
export interface Score {
  /** Weighted losses, summed; divided by `weight` they are the loss. */
  readonly loss: number
  readonly weight: number
  /** Rows whose most probable class was theirs; 0 where no classes are told apart. */
  readonly correct: number
  readonly rows: number
}

export const nothing: Score = { loss: 0, weight: 0, correct: 0, rows: 0 }

export const add = (one: Score, other: Score): Score => ({
  loss: one.loss + other.loss,
  weight: one.weight + other.weight,
  correct: one.correct + other.correct,
  rows: one.rows + other.rows,
})

/** The mean loss and the share of right classes; none of rows that there are not. */
export const mean = ({ loss, weight }: Score): number => loss / weight
export const accuracy = ({ correct, rows }: Score): number => correct / rows

/**
 * Cross-entropy of the softmax of `outputs`, whose rows are `stride` apart, to the classes of the `count` rows
 * of `order` from `start` on, times the weights of the classes. Where there are `deltas`, the slopes of the sum
 * are written to them.
 */
export const crossEntropy = (
  outputs: Float64Array,
  stride: number,
  classWeights: Float64Array,
  targets: Targets,
  order: Uint32Array,
  start: number,
  count: number,
  deltas: Float64Array | undefined,
): Score => {
  const classes = classWeights.length
  let loss = 0
  let weight = 0
  let correct = 0
  for (let row = 0; row < count; row++) {
    const from = row * stride
    const target = targets[order[start + row]!]!
    let best = 0
    for (let k = 1; k < classes; k++) if (outputs[from + k]! > outputs[from + best]!) best = k
    const highest = outputs[from + best]!
    let sum = 0
    for (let k = 0; k < classes; k++) sum += Math.exp(outputs[from + k]! - highest)
    const own = classWeights[target]!
    loss += own * (Math.log(sum) + highest - outputs[from + target]!)
    weight += own
    if (best === target) correct++
    if (deltas !== undefined) {
      for (let k = 0; k < classes; k++) {
        deltas[from + k] = own * (Math.exp(outputs[from + k]! - highest) / sum - (k === target ? 1 : 0))
      }
    }
  }
  return { loss, weight, correct, rows: count }
}

/** The square of how far the one output of each row is from its target; otherwise as `crossEntropy`. */
export const squaredError = (
  outputs: Float64Array,
  stride: number,
  targets: Targets,
  order: Uint32Array,
  start: number,
  count: number,
  deltas: Float64Array | undefined,
): Score => {
  let loss = 0
  for (let row = 0; row < count; row++) {
    const error = outputs[row * stride]! - targets[order[start + row]!]!
    loss += error * error
    if (deltas !== undefined) deltas[row * stride] = 2 * error
  }
  return { loss, weight: count, correct: 0, rows: count }
}

/** Turns the `classes` outputs of each of `count` rows into probabilities, row by row in `into`. */
export const probabilities = (
  outputs: Float64Array,
  stride: number,
  classes: number,
  count: number,
  into: Float32Array,
  at: number,
): void => {
  for (let row = 0; row < count; row++) {
    const from = row * stride
    let highest = outputs[from]!
    for (let k = 1; k < classes; k++) if (outputs[from + k]! > highest) highest = outputs[from + k]!
    let sum = 0
    for (let k = 0; k < classes; k++) sum += Math.exp(outputs[from + k]! - highest)
    for (let k = 0; k < classes; k++) {
      into[at + row * classes + k] = Math.exp(outputs[from + k]! - highest) / sum
    }
  }
}
