/** What hidden units do with their weighted sums, and how their outputs change with those. */
import type { Activation } from "./Layout.js"

/** Of what is below zero a leaky unit lets this share through. */
export const leak = 0.01

/** Turns the first `length` weighted sums into outputs. What is not a number stays so. */
export const apply = (activation: Activation, values: Float64Array, length: number): void => {
  switch (activation) {
    case "relu":
      for (let i = 0; i < length; i++) if (values[i]! < 0) values[i] = 0
      return
    case "leaky_relu":
      for (let i = 0; i < length; i++) if (values[i]! < 0) values[i] = values[i]! * leak
      return
    case "tanh":
      for (let i = 0; i < length; i++) values[i] = Math.tanh(values[i]!)
      return
    case "sigmoid":
      for (let i = 0; i < length; i++) values[i] = 1 / (1 + Math.exp(-values[i]!))
      return
  }
}

/** Multiplies the first `length` deltas by the slope that belongs to each output. */
export const descend = (
  activation: Activation,
  deltas: Float64Array,
  outputs: Float64Array,
  length: number,
): void => {
  switch (activation) {
    case "relu":
      for (let i = 0; i < length; i++) if (outputs[i]! <= 0) deltas[i] = 0
      return
    case "leaky_relu":
      for (let i = 0; i < length; i++) if (outputs[i]! <= 0) deltas[i] = deltas[i]! * leak
      return
    case "tanh":
      for (let i = 0; i < length; i++) deltas[i] = deltas[i]! * (1 - outputs[i]! * outputs[i]!)
      return
    case "sigmoid":
      for (let i = 0; i < length; i++) deltas[i] = deltas[i]! * outputs[i]! * (1 - outputs[i]!)
      return
  }
}
