/**
 * What a model says of the newest bars.
 */
import * as Effect from "effect/Effect"
import type * as CandleReader from "../../data/CandleReader.js"
import type { DataError } from "../../data/DataError.js"
import * as TimeRange from "../../data/TimeRange.js"
import { breathe } from "../../internal/breathe.js"
import * as Dataset from "../Dataset.js"
import * as Labels from "../Labels.js"
import type * as ModelStore from "../ModelStore.js"
import * as Network from "../Network.js"
import { TrainingError } from "../TrainingError.js"
import type { Prediction, PredictOptions } from "../TrainingManager.js"
import * as Bars from "./Bars.js"
import { rangeOf } from "./Preparation.js"

export const predict = Effect.fnUntraced(function* (
  reader: CandleReader.Service,
  { strategy, weights, scaling, receipt }: ModelStore.Model,
  { count = 1, symbols = strategy.symbols, end }: PredictOptions,
): Effect.fn.Return<ReadonlyArray<Prediction>, DataError | TrainingError> {
  if (!Number.isInteger(count) || count < 1) return yield* invalid("count", "1 or more bars", `${count}`)
  if (symbols.length === 0) return yield* invalid("symbols", "one symbol or more", "none")
  const bars = yield* Bars.candles(reader, strategy, [...new Set(symbols)], (series) => ({
    start: rangeOf(receipt.series, series)?.start,
    end,
  }))
  const inputs = yield* Dataset.inputs(strategy, bars, scaling)
  const network = Network.fromParameters(weights.architecture, weights.parameters)
  const { outputs } = weights.architecture
  const isRegression = Labels.isRegression(strategy.labels)
  const predictions: Array<Prediction> = []
  for (const [from, to] of newest(inputs, count)) {
    const found = new Float32Array((to - from) * outputs)
    for (let at = from; at < to; at += slice) {
      yield* breathe(() =>
        network.predict(inputs.x, at, Math.min(at + slice, to), found.subarray((at - from) * outputs)),
      )
    }
    for (let row = from; row < to; row++) {
      const values = [...found.subarray((row - from) * outputs, (row - from + 1) * outputs)]
      if (!values.every(Number.isFinite)) return yield* notFinite(inputs, row)
      predictions.push({
        symbol: inputs.symbols[inputs.symbol[row]!]!,
        time: inputs.times[row]!,
        probabilities: isRegression ? null : values,
        signal: isRegression ? null : Labels.classes[values.indexOf(Math.max(...values))]!,
        value: isRegression ? values[0]! : null,
      })
    }
  }
  return predictions
})

// ---------------------------------------------------------------------------------------------------------

/** Rows that are predicted at once. */
const slice = 4096

/** The last rows of each symbol, `[from, to)`; rows come symbol after symbol. */
const newest = (
  { symbol, rows }: Dataset.Inputs,
  count: number,
): ReadonlyArray<readonly [number, number]> => {
  const found: Array<readonly [number, number]> = []
  for (let from = 0, to = 0; from < rows; from = to) {
    while (to < rows && symbol[to] === symbol[from]) to++
    found.push([Math.max(from, to - count), to])
  }
  return found
}

const notFinite = ({ symbol, symbols, times }: Dataset.Inputs, row: number): TrainingError =>
  new TrainingError({
    reason: "NotFinite",
    place: `${symbols[symbol[row]!]} ${TimeRange.formatInstant(times[row]!)}`,
    expected: "predictions that are finite numbers",
    found: "others",
    advice: "Train the model again, with a smaller training.learning_rate",
  })

const invalid = (place: string, expected: string, found: string): TrainingError =>
  new TrainingError({
    reason: "InvalidInput",
    place,
    expected,
    found,
    advice: `Give ${expected}`,
  })
