/**
 * How parameters follow a gradient: stochastic gradient descent with momentum, Adam (Kingma and Ba, 2015) and
 * AdamW (Loshchilov and Hutter, 2019). What an optimizer remembers lies beside the parameters, one number each.
 */
import * as Schema from "effect/Schema"
import type { Layer } from "./Layout.js"

export const Name = Schema.Literal("sgd", "adam", "adamw")

/** Of Adam: how much of the means of gradients and of their squares stays from step to step. */
export const beta1 = 0.9
export const beta2 = 0.999
const epsilon = 1e-8

export const Optimizer = Schema.Struct({
  optimizer: Name,
  /** Of sgd: how much of the last step is taken again, from 0 (the default) to below 1. */
  momentum: Schema.optionalWith(Schema.NonNegative.pipe(Schema.lessThan(1)), { exact: true }),
  /**
   * Pulls weights, not biases, towards zero: by adding this share of them to the gradient, or with `adamw` by
   * taking this share of them times the learning rate away. 0 by default.
   */
  weight_decay: Schema.optionalWith(Schema.NonNegative, { exact: true }),
  /** The length that a gradient over all parameters is cut down to; no bound by default. */
  gradient_clip: Schema.optionalWith(Schema.Positive, { exact: true }),
})
export type Optimizer = typeof Optimizer.Type

/** What was learned about the slopes so far; arrays without entries where the optimizer needs none. */
export interface Memory {
  readonly first: Float32Array
  readonly second: Float32Array
  steps: number
}

/** How many numbers that are. */
export const lengths = ({ optimizer, momentum = 0 }: Optimizer, parameters: number) => ({
  first: optimizer === "sgd" && momentum === 0 ? 0 : parameters,
  second: optimizer === "sgd" ? 0 : parameters,
})

export const remember = (settings: Optimizer, parameters: number): Memory => {
  const { first, second } = lengths(settings, parameters)
  return { first: new Float32Array(first), second: new Float32Array(second), steps: 0 }
}

/** Scales the gradient so that it is at most `longest` long. Gives its length before that. */
export const clip = (gradient: Float64Array, longest: number): number => {
  let sum = 0
  for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!
  const length = Math.sqrt(sum)
  if (length > longest) {
    const scale = longest / length
    for (let i = 0; i < gradient.length; i++) gradient[i] = gradient[i]! * scale
  }
  return length
}

/** The step from a gradient to new parameters; it changes `parameters`, `memory` and the gradient itself. */
export const make = (
  settings: Optimizer,
  layers: ReadonlyArray<Layer>,
  memory: Memory,
): ((parameters: Float32Array, gradient: Float64Array, learningRate: number) => void) => {
  const { optimizer, momentum = 0, weight_decay: decay = 0, gradient_clip: longest } = settings
  const { first, second } = memory
  const powers = { steps: 0, first: 1, second: 1 }

  const countStep = (): void => {
    memory.steps++
    if (powers.steps > memory.steps) Object.assign(powers, { steps: 0, first: 1, second: 1 })
    while (powers.steps < memory.steps) {
      powers.steps++
      powers.first *= beta1
      powers.second *= beta2
    }
  }

  const pull = (parameters: Float32Array, gradient: Float64Array): void => {
    for (const { weights, biases } of layers) {
      for (let i = weights; i < biases; i++) gradient[i] = gradient[i]! + decay * parameters[i]!
    }
  }

  const shrink = (parameters: Float32Array, share: number): void => {
    for (const { weights, biases } of layers) {
      for (let i = weights; i < biases; i++) parameters[i] = parameters[i]! * (1 - share)
    }
  }

  const descend = (parameters: Float32Array, gradient: Float64Array, rate: number): void => {
    if (momentum === 0) {
      for (let i = 0; i < parameters.length; i++) parameters[i] = parameters[i]! - rate * gradient[i]!
      return
    }
    for (let i = 0; i < parameters.length; i++) {
      first[i] = momentum * first[i]! + gradient[i]!
      parameters[i] = parameters[i]! - rate * first[i]!
    }
  }

  const adapt = (parameters: Float32Array, gradient: Float64Array, rate: number): void => {
    const step = rate / (1 - powers.first)
    const spread = 1 / (1 - powers.second)
    for (let i = 0; i < parameters.length; i++) {
      const slope = gradient[i]!
      first[i] = beta1 * first[i]! + (1 - beta1) * slope
      second[i] = beta2 * second[i]! + (1 - beta2) * slope * slope
      parameters[i] = parameters[i]! - (step * first[i]!) / (Math.sqrt(second[i]! * spread) + epsilon)
    }
  }

  return (parameters, gradient, rate) => {
    countStep()
    if (longest !== undefined) clip(gradient, longest)
    if (decay > 0 && optimizer === "adamw") shrink(parameters, rate * decay)
    if (decay > 0 && optimizer !== "adamw") pull(parameters, gradient)
    if (optimizer === "sgd") descend(parameters, gradient, rate)
    else adapt(parameters, gradient, rate)
  }
}
