import { describe, expect, it } from "@effect/vitest"
import * as Layout from "../../../src/training/Network/Layout.js"
import * as Optimizer from "../../../src/training/Network/Optimizer.js"

/** One input, one unit: a weight and a bias. */
const layers = Layout.layers([1, 1])

const after = (
  settings: Optimizer.Optimizer,
  rate: number,
  gradients: ReadonlyArray<readonly [number, number]>,
): ReadonlyArray<number> => {
  const parameters = Float32Array.of(1, -2)
  const step = Optimizer.make(settings, layers, Optimizer.remember(settings, 2))
  for (const gradient of gradients) step(parameters, Float64Array.from(gradient), rate)
  return [...parameters]
}

const near = (found: ReadonlyArray<number>, expected: ReadonlyArray<number>) => {
  expect(found.length).toBe(expected.length)
  found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
}

describe("Optimizer", () => {
  it("sgd goes against the gradient", () => {
    near(after({ optimizer: "sgd" }, 0.1, [[0.5, -1]]), [0.95, -1.9])
  })

  it("momentum takes a share of the last step again", () => {
    // 1 - 0.1 * 0.5 = 0.95; then 0.9 * 0.5 + 0.2 = 0.65, 0.95 - 0.065 = 0.885
    // -2 + 0.1 = -1.9; then 0.9 * -1 + 1 = 0.1, -1.9 - 0.01 = -1.91
    near(
      after({ optimizer: "sgd", momentum: 0.9 }, 0.1, [
        [0.5, -1],
        [0.2, 1],
      ]),
      [0.885, -1.91],
    )
  })

  it("weight decay adds to the slope of weights, not of biases", () => {
    near(after({ optimizer: "sgd", weight_decay: 0.1 }, 0.1, [[0.5, -1]]), [1 - 0.1 * (0.5 + 0.1), -1.9])
  })

  it("adam's steps are as long as the learning rate at first, and follow both means then", () => {
    near(after({ optimizer: "adam" }, 0.1, [[0.5, -3]]), [0.9, -1.9])
    // first: (0.9 * 0.05 + 0.1 * 0.2) / (1 - 0.81) = 0.065 / 0.19 = 0.342105
    // second: (0.999 * 0.00025 + 0.001 * 0.04) / (1 - 0.998001) = 0.00028975 / 0.001999 = 0.144947
    // step: 0.1 * 0.342105 / 0.380719 = 0.089858
    // of the bias, whose slope stayed: 0.1
    near(
      after({ optimizer: "adam" }, 0.1, [
        [0.5, -3],
        [0.2, -3],
      ]),
      [0.9 - 0.0898577, -1.8],
    )
  })

  it("adamw shrinks weights by their share, whatever the slope", () => {
    near(after({ optimizer: "adamw", weight_decay: 0.5 }, 0.1, [[0.5, -3]]), [1 * (1 - 0.05) - 0.1, -1.9])
    near(after({ optimizer: "adam", weight_decay: 0.5 }, 0.1, [[0.5, -3]]), [0.9, -1.9])
  })

  it("cuts a gradient down to its longest length, and no shorter one", () => {
    near(after({ optimizer: "sgd", gradient_clip: 1 }, 1, [[3, 4]]), [1 - 0.6, -2 - 0.8])
    near(after({ optimizer: "sgd", gradient_clip: 5 }, 1, [[3, 4]]), [-2, -6])
    const gradient = Float64Array.of(3, 4)
    expect(Optimizer.clip(gradient, 2.5)).toBe(5)
    expect([...gradient]).toEqual([1.5, 2])
  })

  it("goes on from what it remembered, forwards and back", () => {
    const settings = { optimizer: "adam" } as const
    const [parameters, memory] = [Float32Array.of(1, -2), Optimizer.remember(settings, 2)]
    const step = Optimizer.make(settings, layers, memory)
    step(parameters, Float64Array.of(0.5, -3), 0.1)
    const saved = { first: memory.first.slice(), second: memory.second.slice(), steps: memory.steps }
    const begun = parameters.slice()
    step(parameters, Float64Array.of(0.2, -3), 0.1)

    const [others, theirs] = [
      begun.slice(),
      { ...saved, first: saved.first.slice(), second: saved.second.slice() },
    ]
    Optimizer.make(settings, layers, theirs)(others, Float64Array.of(0.2, -3), 0.1)
    expect(others).toEqual(parameters)
    expect(theirs).toEqual(memory)

    const first = parameters.slice()
    step(parameters, Float64Array.of(1, 1), 0.1)
    step(parameters, Float64Array.of(1, 1), 0.1)
    memory.first.set(saved.first)
    memory.second.set(saved.second)
    memory.steps = saved.steps
    step(begun, Float64Array.of(0.2, -3), 0.1)
    expect(begun).toEqual(first)
  })
})
