import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Metrics from "../../src/training/Metrics.js"
import * as Seeded from "../../src/training/Seeded.js"

/** Probabilities of three classes of which the predicted one has `sure`. */
const probabilities = (predicted: ReadonlyArray<number>, sure = 0.8): Float32Array =>
  Float32Array.from(predicted.flatMap((own) => [0, 1, 2].map((k) => (k === own ? sure : (1 - sure) / 2))))

const classify = (predicted: ReadonlyArray<number>, actual: ReadonlyArray<number>, overlap?: number) =>
  Metrics.classification(probabilities(predicted), Uint8Array.from(actual), 3, overlap)

const repeat = (count: number, value: number) => Array.from({ length: count }, () => value)

describe("metrics of classes", () => {
  it("are those that are counted by hand", () => {
    //                        right right  as 1  right  as 0  right  as 0
    const metrics = classify([0, 0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 1, 1, 2])
    expect(metrics.confusion).toEqual([
      [2, 1, 0],
      [1, 2, 0],
      [1, 0, 0],
    ])
    expect(metrics.rows).toBe(7)
    expect(metrics.accuracy).toBeCloseTo(4 / 7, 12)
    expect(metrics.loss).toBeCloseTo((-4 * Math.log(0.8) - 3 * Math.log(0.1)) / 7, 6)
    expect(metrics.classes).toEqual([
      { support: 3, predicted: 4, precision: 2 / 4, recall: 2 / 3, f1: 4 / 7 },
      { support: 3, predicted: 3, precision: 2 / 3, recall: 2 / 3, f1: 4 / 6 },
      { support: 1, predicted: 0, precision: null, recall: 0, f1: 0 },
    ])
    expect(metrics.baseline).toEqual({ class: 0, accuracy: 3 / 7 })
    // The two differ in 1 + 1 + 1 rows as 0 would be wrong there and the model is right in two, or the other way.
    // Right where 0 is not: 2; right where the model is not: 1; mean 1/7, mean square 3/7.
    expect(metrics.standardError).toBeCloseTo(Math.sqrt((3 / 7 - 1 / 49) / 7), 12)
    expect(metrics.verdict).toBe("level_with_baseline")
  })

  it("are none where there is nothing to divide by", () => {
    const { classes } = classify([0, 0], [0, 0])
    expect(classes[1]).toEqual({ support: 0, predicted: 0, precision: null, recall: null, f1: null })
  })

  it("beat the baseline by more than three standard errors, or do not", () => {
    const actual = [...repeat(60, 1), ...repeat(40, 0)]
    const of = (right: number) =>
      classify([...repeat(60, 1), ...repeat(right, 0), ...repeat(40 - right, 1)], actual)
    // Better in n of 100 rows, worse in none: n / 100 against 3 * sqrt((n / 100 - (n / 100)^2) / 100): from n = 9 on.
    expect(of(8)).toMatchObject({ beatsBaseline: false, verdict: "level_with_baseline" })
    expect(of(9)).toMatchObject({ beatsBaseline: true, verdict: "beats_baseline" })
    expect(of(0)).toMatchObject({ beatsBaseline: false, verdict: "level_with_baseline", standardError: 0 })
    const worse = classify([...repeat(59, 1), 2, ...repeat(40, 1)], actual)
    expect(worse).toMatchObject({ beatsBaseline: false, verdict: "below_baseline", accuracy: 0.59 })
  })

  it("count rows that share what decides their labels as one", () => {
    const actual = [...repeat(60, 1), ...repeat(40, 0)]
    const predicted = [...repeat(60, 1), ...repeat(20, 0), ...repeat(20, 1)]
    const [one, other] = [classify(predicted, actual), classify(predicted, actual, 10)]
    expect(other.standardError).toBeCloseTo(one.standardError * Math.sqrt(10), 12)
    expect([one.beatsBaseline, other.beatsBaseline]).toEqual([true, false])
  })

  it("stay finite where a class was held to be impossible", () => {
    const metrics = Metrics.classification(Float32Array.of(1, 0, 0), Uint8Array.of(2), 3)
    expect(metrics.loss).toBeCloseTo(149 * Math.log(2), 6)
  })

  it("add up, whatever was predicted", () => {
    const rows = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 })), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(rows, (pairs) => {
        const actual = pairs.map(([, own]) => own)
        const metrics = classify(
          pairs.map(([predicted]) => predicted),
          actual,
        )
        const majority = metrics.baseline.class
        const gains = pairs.map(([one, own]) => Number(one === own) - Number(own === majority))
        const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length
        const variance = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / gains.length
        expect(metrics.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(pairs.length)
        expect(metrics.accuracy - metrics.baseline.accuracy).toBeCloseTo(mean, 10)
        expect(metrics.standardError).toBeCloseTo(Math.sqrt(variance / gains.length), 10)
        expect(Schema.decodeUnknownSync(Metrics.Metrics)(JSON.parse(JSON.stringify(metrics)))).toEqual(
          metrics,
        )
      }),
      { numRuns: 60 },
    )
  })

  it("of guesses do not beat the baseline, whatever the seed", () => {
    const verdicts = Array.from({ length: 200 }, (_, seed) => {
      const generator = Seeded.make(seed)
      const draw = () => Array.from({ length: 300 }, () => Math.min(2, Seeded.below(generator, 4)))
      return classify(draw(), draw()).verdict
    })
    expect(verdicts).not.toContain("beats_baseline")
  })
})

describe("metrics of values", () => {
  it("are those that are computed by hand", () => {
    const metrics = Metrics.regression(Float32Array.of(1, 2, 3, 6), Float32Array.of(1, 2, 4, 5))
    // Errors 0 0 -1 1; from the mean 3: 2 1 -1 -2, squares 4 1 1 4.
    expect(metrics).toMatchObject({ rows: 4, mse: 0.5, mae: 0.5, r2: 0.8 })
    expect(metrics.baseline).toEqual({ value: 3, mse: 2.5, mae: 1.5 })
    // Gained 4 1 0 3: mean 2, variance (4 + 1 + 4 + 1) / 4.
    expect(metrics.standardError).toBeCloseTo(Math.sqrt(2.5 / 4), 12)
    expect(metrics.verdict).toBe("level_with_baseline")
  })

  it("say whether the mean is beaten", () => {
    const generator = Seeded.make(1)
    const actual = Float32Array.from({ length: 200 }, () => Seeded.uniform(generator))
    const guesses = Float32Array.from({ length: 200 }, () => Seeded.uniform(generator))
    const good = Metrics.regression(
      actual.map((value, i) => value + 0.1 * guesses[i]!),
      actual,
    )
    expect(good).toMatchObject({ beatsBaseline: true, verdict: "beats_baseline" })
    expect(Metrics.regression(guesses, actual)).toMatchObject({
      beatsBaseline: false,
      verdict: "below_baseline",
    })
    const constant = Metrics.regression(Float32Array.of(2, 2), Float32Array.of(2, 2))
    expect(constant).toMatchObject({ r2: null, verdict: "level_with_baseline" })
  })
})
