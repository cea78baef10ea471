import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Candle from "../../src/data/Candle.js"
import * as Seeded from "../../src/training/Seeded.js"
import { TrainingManager } from "../../src/training/TrainingManager.js"
import * as Strategies from "../utils/Strategies.js"
import * as Trainings from "../utils/Trainings.js"

const bars = 3000

/** A wave: where it goes next follows from where it has just been. */
const steps = Float64Array.from({ length: bars }, (_, bar) => 0.01 * Math.sin((2 * Math.PI * bar) / 24.7))

/** The same steps in an order that follows from nothing. */
const shuffled = (seed: number) => {
  const order = Uint32Array.from({ length: bars }, (_, bar) => bar)
  Seeded.shuffle(Seeded.make(seed), order)
  return Float64Array.from(order, (bar) => steps[bar]!)
}

const candles = (steps: Float64Array): Candle.Candles => {
  let price = 100
  return Candle.fromRows(
    Array.from(steps, (step, bar) => {
      const open = price
      price *= Math.exp(step)
      return {
        start: Strategies.monday + bar * Strategies.hour,
        open,
        high: Math.max(open, price) * (1.001 + 0.0005 * Math.sin(bar)),
        low: Math.min(open, price) * 0.999,
        close: price,
        volume: 1000 + bar,
      }
    }),
  )
}

const strategy = Strategies.make([
  ["fuzzy: all, prices: true, lookback: 2", "fuzzy: [], prices: true, lookback: 2"],
  [
    "{ type: zigzag, threshold: 0.002, lookahead: 5 }",
    "{ type: forward_return, threshold: 0.004, lookahead: 1 }",
  ],
  [
    "hidden_layers: [32, 16], activation: relu, dropout: 0.2",
    "hidden_layers: [16], activation: tanh, dropout: 0",
  ],
  [
    "epochs: 50, batch_size: 128, optimizer: adam, learning_rate: 0.001",
    "epochs: 40, batch_size: 64, optimizer: adam, learning_rate: 0.01, early_stopping: { patience: 8, monitor: val_loss }",
  ],
])

const reportOf = (steps: Float64Array) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2026, 0, 5))
    yield* Trainings.load(candles(steps))
    return yield* (yield* TrainingManager).train({ strategy, allowGaps: false }, { operationId: "op_1" })
  }).pipe(Effect.provide(Trainings.layer()))

describe("a training", () => {
  it.effect("learns a label that follows from the features", () =>
    Effect.gen(function* () {
      const { metrics } = yield* reportOf(steps)
      for (const measured of [metrics.validation, metrics.test]) {
        if (measured?.kind !== "classification") throw new Error("no classes")
        expect(measured.accuracy).toBeGreaterThan(0.95)
        expect(measured.baseline.accuracy).toBeLessThan(0.5)
        expect(measured.verdict).toBe("beats_baseline")
      }
    }),
  )

  it.effect("does not beat the baseline on labels that follow from nothing, and says so", () =>
    Effect.gen(function* () {
      for (const seed of [1, 2, 3]) {
        const { metrics } = yield* reportOf(shuffled(seed))
        for (const measured of [metrics.validation, metrics.test]) {
          if (measured?.kind !== "classification") throw new Error("no classes")
          const { accuracy, baseline, standardError, beatsBaseline } = measured
          expect(Math.abs(accuracy - baseline.accuracy)).toBeLessThanOrEqual(3 * standardError)
          expect(beatsBaseline).toBe(false)
          expect(measured.verdict).not.toBe("beats_baseline")
        }
      }
    }),
  )
})
