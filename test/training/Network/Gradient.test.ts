import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Loss from "../../../src/training/Network/Loss.js"
import * as Network from "../../../src/training/Network.js"
import * as Seeded from "../../../src/training/Seeded.js"

/** Networks and rows of all sizes: below, at and above what the arithmetic takes at once. */
const cases = fc.record({
  features: fc.integer({ min: 1, max: 9 }),
  hidden_layers: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
  activation: fc.constantFrom("relu" as const, "leaky_relu" as const, "tanh" as const, "sigmoid" as const),
  classes: fc.constantFrom(null, 2, 3, 5),
  rows: fc.constantFrom(1, 2, 3, 31, 32, 33, 70),
  seed: fc.nat(),
})

const step = 1e-5

/**
 * Slopes by small steps to both sides, as large as single precision really makes them. Where the two sides differ
 * there is a bend of a relu between them, and no slope to compare.
 */
const finite = (parameters: Float32Array, loss: (parameters: Float32Array) => number): Float64Array => {
  const middle = loss(parameters)
  return Float64Array.from(parameters, (value, index) => {
    const [up, down] = [parameters.slice(), parameters.slice()]
    up[index] = value + step
    down[index] = value - step
    const [above, below] = [loss(up), loss(down)]
    const right = (above - middle) / (up[index]! - value)
    const left = (middle - below) / (value - down[index]!)
    return Math.abs(right - left) > 2e-3 ? Number.NaN : (above - below) / (up[index]! - down[index]!)
  })
}

const length = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))

/** How far two gradients are apart, as a share of their length, where there are slopes to compare. */
const distance = (all: Float64Array, expected: Float64Array): number => {
  const one = all.filter((_, i) => !Number.isNaN(expected[i]!))
  const other = expected.filter((value) => !Number.isNaN(value))
  return length(one.map((value, i) => value - other[i]!)) / (length(one) + length(other) + 1e-6)
}

const examples = (features: number, classes: number | null, rows: number, generator: Seeded.Seeded) => ({
  x: Float32Array.from({ length: rows * features }, () => 2 * Seeded.uniform(generator) - 1),
  y:
    classes === null
      ? Float32Array.from({ length: rows }, () => Seeded.uniform(generator))
      : Uint8Array.from({ length: rows }, () => Seeded.below(generator, classes)),
})

interface Shape {
  readonly features: number
  readonly hidden_layers: ReadonlyArray<number>
  readonly activation: Network.Architecture["activation"]
  readonly classes: number | null
}

const architectureOf = (
  { features, hidden_layers, activation, classes }: Shape,
  dropout: number,
): Network.Architecture => ({
  features,
  hidden_layers,
  activation,
  dropout,
  outputs: classes ?? 1,
  loss: classes === null ? "mse" : "cross_entropy",
})

/** Parameters away from where they begin: biases too, so that every slope has a say. */
const scatter = (network: Network.Network, generator: Seeded.Seeded): Float32Array => {
  const parameters = network.parameters.map((value) => value + (Seeded.uniform(generator) - 0.5) * 0.4)
  network.assign(parameters)
  return parameters
}

describe("the gradient of a network", () => {
  it("is the slope that small steps show, for every shape, activation and loss", () => {
    let compared = 0
    fc.assert(
      fc.property(cases, (shape) => {
        const generator = Seeded.make(shape.seed, 9)
        const classWeights = Array.from({ length: shape.classes ?? 1 }, (_, k) => 0.5 + k)
        const network = Network.make(architectureOf(shape, 0), {
          optimizer: "sgd",
          seed: shape.seed,
          ...(shape.classes === null ? {} : { classWeights }),
        })
        const data = examples(shape.features, shape.classes, shape.rows, generator)
        const order = Uint32Array.from({ length: shape.rows }, (_, row) => shape.rows - 1 - row)
        const parameters = scatter(network, generator)
        const found = network.gradient(data, order, 0, shape.rows)
        const expected = finite(parameters, (others) => {
          network.assign(others)
          return Loss.mean(network.evaluate(data, order, 0, shape.rows))
        })
        const bends = expected.filter(Number.isNaN).length
        compared += found.length - bends
        expect(bends).toBeLessThanOrEqual(shape.activation.includes("relu") ? found.length * 0.05 : 0)
        expect(found.length).toBe(Network.size(network.architecture))
        expect(distance(found, expected)).toBeLessThan(shape.activation.includes("relu") ? 1e-3 : 1e-6)
      }),
      { numRuns: 80, seed: 4711 },
    )
    expect(compared).toBeGreaterThan(1000)
  })

  it("is that of the units that were not dropped", () => {
    const shape = { features: 5, hidden_layers: [7, 6], activation: "tanh", classes: 3 } as const
    const generator = Seeded.make(5)
    const network = Network.make(architectureOf(shape, 0.4), { optimizer: "sgd", seed: 5 })
    const data = examples(5, 3, 45, generator)
    const order = Uint32Array.from({ length: 45 }, (_, row) => row)
    scatter(network, generator)
    const state = network.state()
    const loss = (parameters: Float32Array) => {
      network.restore({ ...state, parameters })
      return Loss.mean(network.learn(data, order, 0, 45, 0))
    }
    const expected = finite(state.parameters, loss)
    network.restore(state)
    network.learn(data, order, 0, 45, 1)
    const found = Float64Array.from(network.parameters, (value, i) => state.parameters[i]! - value)
    expect(distance(found, expected)).toBeLessThan(1e-5)
    network.restore(state)
    expect(distance(network.gradient(data, order, 0, 45), expected)).toBeGreaterThan(0.05)
  })
})
