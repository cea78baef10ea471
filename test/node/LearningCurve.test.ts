/** Learning curves in characters. */
import { describe, expect, it } from "@effect/vitest"
import pico from "picocolors"
import * as LearningCurve from "../../src/node/LearningCurve.js"

const colors = pico.createColors(false)
const frame = { width: 40, height: 9, hasUnicode: false, colors }

const history = (train: ReadonlyArray<number>, validation?: ReadonlyArray<number>) =>
  train.map((loss, index) => ({
    epoch: index + 1,
    train: { loss, accuracy: null },
    validation: validation === undefined ? null : { loss: validation[index]!, accuracy: null },
    learningRate: 1e-3,
    isBest: false,
  }))

describe("learning curves", () => {
  it("draw both losses by epoch, and mark the best", () => {
    const lines = LearningCurve.lines(history([1, 0.6, 0.4, 0.2], [0.9, 0.8, 0.85, 1]), 2, frame)
    expect(lines).toEqual([
      "loss by epoch | validation ** 0.8000 | t",
      expect.stringMatching(/^\.+ .*\*+ \+1\.0$/),
      expect.stringMatching(/^\*+ /),
      expect.stringMatching(/^ +\.+ /),
      expect.stringMatching(/\./),
      expect.stringMatching(/\./),
      expect.stringMatching(/\.+ /),
      `${" ".repeat(11)}^ best: 2`,
      `1${" ".repeat(33)}4`,
    ])
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(frame.width)
  })

  it("fit their frame however many epochs there are, in braille and without validation", () => {
    const many = Array.from({ length: 1000 }, (_, epoch) => 1 / (1 + epoch))
    for (const [values, best] of [
      [many, 1000],
      [[0.5], 1],
      [[0.5, 0.5], 1],
    ] as const) {
      for (const hasUnicode of [false, true]) {
        for (const validation of [undefined, values]) {
          const lines = LearningCurve.lines(history(values, validation), best, { ...frame, hasUnicode })
          expect(lines).toHaveLength(frame.height)
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(frame.width)
          expect(lines.at(-2)).toMatch(hasUnicode ? /▲/ : /\^/)
          expect(lines.join("").match(/[⠁-⣿]/) !== null).toBe(hasUnicode && validation !== undefined)
        }
      }
    }
  })

  it("are nothing without an epoch", () => {
    expect(LearningCurve.lines([], 1, frame)).toEqual([])
  })

  it("have colour only where colours are given", () => {
    const lines = LearningCurve.lines(history([1, 0.5], [1, 0.5]), 2, {
      ...frame,
      colors: pico.createColors(true),
    })
    expect(lines.join("")).toContain("\u001b[36m")
  })
})
