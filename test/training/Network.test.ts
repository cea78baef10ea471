import { describe, expect, it } from "@effect/vitest"
import * as Loss from "../../src/training/Network/Loss.js"
import * as Network from "../../src/training/Network.js"
import * as Seeded from "../../src/training/Seeded.js"

const small: Network.Architecture = {
  features: 2,
  hidden_layers: [3],
  activation: "relu",
  dropout: 0,
  outputs: 2,
  loss: "cross_entropy",
}

const near = (found: ArrayLike<number>, expected: ReadonlyArray<number>) => {
  expect(found.length).toBe(expected.length)
  expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 6))
}

const rowsOf = (count: number) => Uint32Array.from({ length: count }, (_, row) => row)

const noise = (rows: number, features: number, classes: number, seed = 1) => {
  const generator = Seeded.make(seed, 77)
  return {
    x: Float32Array.from({ length: rows * features }, () => 2 * Seeded.uniform(generator) - 1),
    y: Uint8Array.from({ length: rows }, () => Seeded.below(generator, classes)),
  }
}

describe("Network", () => {
  it("computes what is computed by hand", () => {
    // x = (1, 2), of class 1. Weights to the hidden units a, b, c, then their biases:
    //   from x1: 0.5 -1 -1, from x2: 0.25 0.5 0, biases 0 0.5 0
    // a = 0.5 + 0.5 = 1, b = -1 + 1 + 0.5 = 0.5, c = -1, which relu makes 0
    // Weights to the outputs: from a: 1 -1, from b: 2 0, from c: 3 4, biases 0 1
    //   first = 1 + 1 = 2, second = -1 + 1 = 0
    const parameters = Float32Array.of(0.5, -1, -1, 0.25, 0.5, 0, 0, 0.5, 0, 1, -1, 2, 0, 3, 4, 0, 1)
    const network = Network.make(small, { optimizer: "sgd", seed: 1 })
    network.assign(parameters)
    const examples = { x: Float32Array.of(1, 2), y: Uint8Array.of(1) }

    // softmax: q = e^2 / (e^2 + 1) = 0.880797 for the first, 0.119203 for the second; loss = ln(e^2 + 1) = 2.126928
    const q = 0.8807970779778823
    const found = new Float32Array(2)
    network.predict(examples.x, 0, 1, found)
    near(found, [q, 0.11920292202211755])
    const score = network.evaluate(examples, rowsOf(1), 0, 1)
    expect(score.loss).toBeCloseTo(2.1269280110429727, 12)
    expect(score).toMatchObject({ weight: 1, correct: 0, rows: 1 })

    // Slopes: of the outputs q and -q; of their weights a or b or c times those: q -q, q/2 -q/2, 0 0
    // of a: 1 * q - 1 * -q = 2q, of b: 2 * q = 2q, of c: none as it is off
    const slopes = [2 * q, 2 * q, 0, 4 * q, 4 * q, 0, 2 * q, 2 * q, 0, q, -q, q / 2, -q / 2, 0, 0, q, -q]
    near(network.gradient(examples, rowsOf(1), 0, 1), slopes)

    network.learn(examples, rowsOf(1), 0, 1, 0.1)
    near(
      network.parameters,
      slopes.map((slope, i) => parameters[i]! - 0.1 * slope),
    )
  })

  it("computes the mean squared error by hand", () => {
    const network = Network.make(
      { ...small, features: 1, hidden_layers: [], outputs: 1, loss: "mse" },
      { optimizer: "sgd", seed: 1 },
    )
    network.assign(Float32Array.of(2, 1))
    // 2 * 1 + 1 = 3 for 2, 2 * -1 + 1 = -1 for 1: errors 1 and -2, mean square 2.5
    // slopes: (2 * 1 * 1 + 2 * -2 * -1) / 2 = 3 and (2 * 1 + 2 * -2) / 2 = -1
    const examples = { x: Float32Array.of(1, -1), y: Float32Array.of(2, 1) }
    expect(Loss.mean(network.evaluate(examples, rowsOf(2), 0, 2))).toBe(2.5)
    near(network.gradient(examples, rowsOf(2), 0, 2), [3, -1])
    const found = new Float32Array(2)
    network.predict(examples.x, 0, 2, found)
    expect([...found]).toEqual([3, -1])
  })

  it("counts rows as much as their class does", () => {
    const settings = { optimizer: "sgd", seed: 1 } as const
    const examples = { x: Float32Array.of(1, 2, -1, 0.5), y: Uint8Array.of(0, 1) }
    const weighted = Network.make(small, { ...settings, classWeights: [3, 1] })
    const plain = Network.make(small, settings)
    const [first, second] = [0, 1].map((row) => plain.gradient(examples, rowsOf(2), row, row + 1))
    const losses = [0, 1].map((row) => plain.evaluate(examples, rowsOf(2), row, row + 1).loss)
    near(
      weighted.gradient(examples, rowsOf(2), 0, 2),
      [...first!].map((slope, i) => (3 * slope + second![i]!) / 4),
    )
    const score = weighted.evaluate(examples, rowsOf(2), 0, 2)
    expect(score.weight).toBe(4)
    expect(Loss.mean(score)).toBeCloseTo((3 * losses[0]! + losses[1]!) / 4, 12)
  })

  it("begins with weights in their bounds, biases at zero, and as its seed says", () => {
    const wide = { ...small, features: 30, hidden_layers: [40], outputs: 3 }
    const bounds = {
      relu: Math.sqrt(6 / 30),
      leaky_relu: Math.sqrt(6 / 1.0001 / 30),
      tanh: Math.sqrt(6 / 70),
    }
    for (const [activation, bound] of Object.entries({ ...bounds, sigmoid: Math.sqrt(6 / 70) })) {
      const architecture = { ...wide, activation: activation as Network.Architecture["activation"] }
      const { parameters } = Network.make(architecture, { optimizer: "sgd", seed: 1 })
      const hidden = parameters.subarray(0, 1200)
      const last = parameters.subarray(1240, 1360)
      expect(Math.max(...hidden.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound))
      expect(Math.max(...hidden.map(Math.abs))).toBeGreaterThan(bound * 0.98)
      expect(hidden.reduce((sum, weight) => sum + weight ** 2, 0) / 1200).toBeCloseTo(bound ** 2 / 3, 2)
      expect(Math.max(...last.map(Math.abs))).toBeLessThanOrEqual(Math.fround(Math.sqrt(6 / 43)))
      expect([...parameters.subarray(1200, 1240), ...parameters.subarray(1360)].every((b) => b === 0)).toBe(
        true,
      )
      expect(parameters.length).toBe(Network.size(architecture))
    }
    const one = (seed: number) => Network.make(wide, { optimizer: "sgd", seed }).parameters
    expect([...one(1)]).toEqual([...one(1)])
    expect([...one(1)]).not.toEqual([...one(2)])
  })

  it("drops that share of the units while it learns, makes up for them, and drops none otherwise", () => {
    const units = 400
    const architecture = { ...small, features: 1, hidden_layers: [units], outputs: 1, loss: "mse" as const }
    const network = Network.make({ ...architecture, dropout: 0.3 }, { optimizer: "sgd", seed: 1 })
    // Every unit gives 1, so that the output counts those that are left, times 1 / 0.7.
    const parameters = new Float32Array(3 * units + 1)
    parameters.fill(1, 0, units).fill(1 / units, 2 * units, 3 * units)
    network.assign(parameters)
    const rows = 300
    const examples = { x: new Float32Array(rows).fill(1), y: new Float32Array(rows).fill(1) }
    const { loss } = network.learn(examples, rowsOf(rows), 0, rows, 0)
    // Of the share that is left the variance is 0.3 / (0.7 * units).
    expect(loss / rows / (0.3 / (0.7 * units))).toBeGreaterThan(0.75)
    expect(loss / rows / (0.3 / (0.7 * units))).toBeLessThan(1.25)
    expect(network.learn(examples, rowsOf(rows), 0, rows, 0).loss).not.toBe(loss)
    expect(network.evaluate(examples, rowsOf(rows), 0, rows).loss).toBeCloseTo(0, 10)
    const found = new Float32Array(1)
    network.predict(examples.x, 0, 1, found)
    expect(found[0]).toBeCloseTo(1, 6)
  })

  it("gives the same bytes for the same rows, and goes on from a state as if nothing had been", () => {
    const architecture = { ...small, features: 5, hidden_layers: [9, 6], outputs: 3, dropout: 0.25 }
    const settings = { optimizer: "adamw", weight_decay: 0.01, gradient_clip: 1, seed: 9 } as const
    const examples = noise(200, 5, 3)
    const teach = (network: Network.Network, from: number, to: number) => {
      for (let at = from; at < to; at += 20) network.learn(examples, rowsOf(200), at, at + 20, 0.01)
    }
    const [one, other] = [Network.make(architecture, settings), Network.make(architecture, settings)]
    teach(one, 0, 200)
    teach(other, 0, 100)
    const state = other.state()
    teach(other, 100, 200)
    expect(other.state()).toEqual(one.state())
    const third = Network.make(architecture, { ...settings, seed: 1 })
    teach(third, 0, 60)
    third.restore(state)
    expect(third.state()).toEqual(state)
    teach(third, 100, 200)
    expect(third.state()).toEqual(one.state())
  })

  it("lets what is not a number through, and learns nothing from it", () => {
    for (const activation of ["relu", "leaky_relu", "tanh", "sigmoid"] as const) {
      for (const dropout of [0, 0.5]) {
        const architecture = { ...small, activation, dropout, outputs: 3 }
        const network = Network.make(architecture, { optimizer: "adam", seed: 1 })
        const examples = noise(40, 2, 3)
        examples.x[75] = Number.NaN
        const before = network.parameters.slice()
        expect(network.learn(examples, rowsOf(40), 0, 40, 0.1).loss).toBeNaN()
        expect(network.parameters).toEqual(before)
        expect(network.evaluate(examples, rowsOf(40), 0, 40).loss).toBeNaN()
        expect(network.evaluate(examples, rowsOf(40), 0, 36).loss).toBeGreaterThan(0)
        expect(network.learn(examples, rowsOf(40), 0, 36, 0.1).loss).toBeGreaterThan(0)
        expect(network.parameters.every(Number.isFinite)).toBe(true)
      }
    }
  })
})
