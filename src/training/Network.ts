/**
 * A feed-forward network of dense layers, and the one way to teach it. All of what it is lies in flat arrays: the
 * parameters, what the optimizer remembers, and the four words of its generator, so that it can be written down
 * after any batch and put back without a trace. The same numbers in the same order give the same bytes.
 */
import * as Schema from "effect/Schema"
import * as Initial from "./Network/Initial.js"
import * as Layout from "./Network/Layout.js"
import * as Loss from "./Network/Loss.js"
import * as Optimizer from "./Network/Optimizer.js"
import * as Pass from "./Network/Pass.js"
import * as Seeded from "./Seeded.js"

const Width = Schema.Int.pipe(Schema.positive())

export const Architecture = Schema.Struct({
  /** Numbers of a row. */
  features: Width,
  /** Units of each hidden layer, from the features on; none for a linear model. */
  hidden_layers: Schema.Array(Width),
  activation: Schema.Literal("relu", "leaky_relu", "tanh", "sigmoid"),
  /** The share of the hidden units that each batch does without, from 0 to below 1. */
  dropout: Schema.NonNegative.pipe(Schema.lessThan(1)),
  /** Classes for `cross_entropy`; one for `mse`. */
  outputs: Width,
  loss: Schema.Literal("cross_entropy", "mse"),
}).annotations({ identifier: "Architecture" })
export type Architecture = typeof Architecture.Type

/** Rows to learn from or to be measured on. */
export interface Examples {
  /** Row by row, `features` numbers each. */
  readonly x: Float32Array
  readonly y: Loss.Targets
}

/** All that a network is; `random` are the words of its generator, whose next numbers say what is dropped. */
export interface State {
  readonly parameters: Float32Array
  readonly first: Float32Array
  readonly second: Float32Array
  readonly steps: number
  readonly random: ReadonlyArray<number>
}

export interface Network {
  readonly architecture: Architecture
  /** For each layer the weights, a row of its units for each of its inputs, then its biases. To be read only. */
  readonly parameters: Float32Array
  /**
   * Learns from the rows of `order` from `start` to before `end`, as one batch; what it scored before. Where the
   * loss is not a finite number its parameters stay as they are.
   */
  readonly learn: (
    examples: Examples,
    order: Uint32Array,
    start: number,
    end: number,
    learningRate: number,
  ) => Loss.Score
  /** How right it is on such rows, with all of its units. */
  readonly evaluate: (examples: Examples, order: Uint32Array, start: number, end: number) => Loss.Score
  /** The slopes of the mean loss over such rows, dropping nothing; in the order of the parameters. */
  readonly gradient: (examples: Examples, order: Uint32Array, start: number, end: number) => Float64Array
  /**
   * Writes the outputs for the rows `start` to before `end` of `x` into `into`, from its first entry on:
   * probabilities of the classes, or the value.
   */
  readonly predict: (x: Float32Array, start: number, end: number, into: Float32Array) => void
  /** Takes over the parameters of a network of the same architecture. */
  readonly assign: (parameters: Float32Array) => void
  /** A copy of all that it is. */
  readonly state: () => State
  /** Becomes the network that the state was taken from. */
  readonly restore: (state: State) => void
}

export interface Settings extends Optimizer.Optimizer {
  /** A whole number from 0 to 2^53 - 1. */
  readonly seed: number
  /** How much the rows of each class count; 1 by default. */
  readonly classWeights?: ReadonlyArray<number> | undefined
}

/** How many parameters such a network has. */
export const size = (architecture: Architecture): number => Layout.count(layersOf(architecture))

/** A network that has learned nothing yet. */
export const make = (architecture: Architecture, settings: Settings): Network => {
  const { features, activation, dropout, outputs, loss } = architecture
  const layers = layersOf(architecture)
  const generator = Seeded.make(settings.seed, streams.network)
  const parameters = Initial.parameters(layers, activation, generator)
  const memory = Optimizer.remember(settings, parameters.length)
  const descend = Optimizer.make(settings, layers, memory)
  const pass = Pass.make(layers, activation, dropout)
  const gradient = new Float64Array(parameters.length)
  const classWeights = Float64Array.from({ length: outputs }, (_, k) => settings.classWeights?.[k] ?? 1)
  pass.load(parameters)

  const gather = (x: Float32Array, row: number, slot: number): void => {
    let from = row * features
    const to = slot * pass.stride
    for (let feature = 0; feature < features; feature++) pass.inputs[to + feature] = x[from++]!
  }

  const score = (
    y: Loss.Targets,
    order: Uint32Array,
    start: number,
    rows: number,
    deltas: Float64Array | undefined,
  ): Loss.Score =>
    loss === "mse"
      ? Loss.squaredError(pass.outputs, pass.outputStride, y, order, start, rows, deltas)
      : Loss.crossEntropy(pass.outputs, pass.outputStride, classWeights, y, order, start, rows, deltas)

  /** The rows through the network, chunk by chunk; back again too where a gradient is asked for. */
  const run = (
    { x, y }: Examples,
    order: Uint32Array,
    start: number,
    end: number,
    back: boolean,
    dropping: Seeded.Seeded | undefined,
  ): Loss.Score => {
    let total = Loss.nothing
    for (let at = start; at < end; at += Pass.chunk) {
      const rows = Math.min(Pass.chunk, end - at)
      for (let slot = 0; slot < rows; slot++) gather(x, order[at + slot]!, slot)
      pass.forward(rows, dropping)
      total = Loss.add(total, score(y, order, at, rows, back ? pass.deltas : undefined))
      if (back) pass.backward(rows, dropping !== undefined)
    }
    return total
  }

  const slopes = (
    examples: Examples,
    order: Uint32Array,
    start: number,
    end: number,
    dropping: Seeded.Seeded | undefined,
  ): Loss.Score => {
    pass.clear()
    const total = run(examples, order, start, end, true, dropping)
    pass.collect(1 / total.weight, gradient)
    return total
  }

  return {
    architecture,
    parameters,
    learn: (examples, order, start, end, learningRate) => {
      const total = slopes(examples, order, start, end, dropout > 0 ? generator : undefined)
      if (!Number.isFinite(Loss.mean(total))) return total
      descend(parameters, gradient, learningRate)
      pass.load(parameters)
      return total
    },
    evaluate: (examples, order, start, end) => run(examples, order, start, end, false, undefined),
    gradient: (examples, order, start, end) => {
      slopes(examples, order, start, end, undefined)
      return gradient.slice()
    },
    predict: (x, start, end, into) => {
      for (let at = start; at < end; at += Pass.chunk) {
        const rows = Math.min(Pass.chunk, end - at)
        for (let slot = 0; slot < rows; slot++) gather(x, at + slot, slot)
        pass.forward(rows, undefined)
        const to = (at - start) * outputs
        if (loss === "cross_entropy") {
          Loss.probabilities(pass.outputs, pass.outputStride, outputs, rows, into, to)
        } else {
          for (let row = 0; row < rows; row++) into[to + row] = pass.outputs[row * pass.outputStride]!
        }
      }
    },
    assign: (others) => {
      parameters.set(others)
      pass.load(parameters)
    },
    state: () => ({
      parameters: parameters.slice(),
      first: memory.first.slice(),
      second: memory.second.slice(),
      steps: memory.steps,
      random: [...generator.state],
    }),
    restore: (state) => {
      parameters.set(state.parameters)
      memory.first.set(state.first)
      memory.second.set(state.second)
      memory.steps = state.steps
      generator.state.set(state.random)
      pass.load(parameters)
    },
  }
}

/** A network with such parameters, to predict with. */
export const fromParameters = (architecture: Architecture, parameters: Float32Array): Network => {
  const network = make(architecture, { optimizer: "sgd", seed: 0 })
  network.assign(parameters)
  return network
}

/** What the generators of one seed are for. */
export const streams = { network: 1, order: 2 } as const

// ---------------------------------------------------------------------------------------------------------

const layersOf = ({ features, hidden_layers, outputs }: Architecture): ReadonlyArray<Layout.Layer> =>
  Layout.layers([features, ...hidden_layers, outputs])
