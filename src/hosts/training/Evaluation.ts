/**
 * How good a model that the host keeps is on bars that the host has.
 */
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { CandleReader } from "../../data/CandleReader.js"
import type { DataError } from "../../data/DataError.js"
import * as Symbol from "../../data/Symbol.js"
import { breathe } from "../../internal/breathe.js"
import * as Dataset from "../../training/Dataset.js"
import * as Labels from "../../training/Labels.js"
import * as Metrics from "../../training/Metrics.js"
import * as ModelStore from "../../training/ModelStore.js"
import * as Network from "../../training/Network.js"
import * as Strategy from "../../training/Strategy.js"
import * as Stretches from "../../training/Stretches.js"
import { TrainingError } from "../../training/TrainingError.js"
import * as Bars from "../../training/TrainingManager/Bars.js"
import { rangeOf } from "../../training/TrainingManager/Preparation.js"
import * as StartReading from "./StartReading.js"

export interface Request {
  /** `mean_reversion/AAPL_1h/v3`, or a path that has it behind `models`, with or without a file of it. */
  readonly model_path: string
  /** `symbols`, `timeframes`, `start_date`, `end_date`: those of the model, and all bars, where left out. */
  readonly data_config: { readonly [key: string]: unknown }
}

/**
 * Of every bar of the span that has whole features and a label. Indicators begin where they did in the training. Fails
 * with `NotFound` where there is no such model, or no such series; with `InvalidInput` or `NotEnoughData` where the data
 * are not what the model can be asked about.
 */
export const evaluate = Effect.fn("Evaluation.evaluate")(function* ({
  data_config,
  model_path,
}: Request): Effect.fn.Return<
  Metrics.Metrics,
  DataError | TrainingError,
  CandleReader | ModelStore.ModelStore
> {
  const reader = yield* CandleReader
  const store = yield* ModelStore.ModelStore
  const model = yield* Effect.flatMap(ModelStore.find(nameOf(model_path)), store.read)
  const { receipt, scaling, strategy, weights } = model
  const asked = yield* Effect.mapError(decode(data_config), (error) => {
    const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
    return StartReading.invalid(
      ["data_config", ...(issue?.path ?? [])].map(String).join("."),
      "a value of its kind",
      issue?.message ?? "something else",
    )
  })
  const timeframes = asked.timeframes ?? strategy.timeframes
  if (timeframes.join() !== strategy.timeframes.join()) {
    return yield* StartReading.invalid(
      "data_config.timeframes",
      strategy.timeframes.join(", "),
      timeframes.join(", "),
    )
  }
  const symbols = yield* Effect.forEach(asked.symbols ?? strategy.symbols, symbolOf)
  const start = (yield* StartReading.dayOf("data_config.start_date", asked.start_date ?? undefined))?.from
  const end = (yield* StartReading.dayOf("data_config.end_date", asked.end_date ?? undefined))?.to
  const bars = yield* Bars.candles(reader, strategy, symbols, (series) => ({
    start: rangeOf(receipt.series, series)?.start,
    end,
  }))
  const inputs = yield* Dataset.inputs(strategy, bars, scaling)
  const turns = Stretches.turns()
  const network = Network.fromParameters(weights.architecture, weights.parameters)
  const { outputs } = weights.architecture
  const slice = Math.max(1, Math.floor(stretch / weights.parameters.length))
  const predicted: Array<Float32Array> = []
  const labels: Array<Uint8Array | Float32Array> = []
  for (const [index, one] of bars.entries()) {
    const base = one.candles.get(Strategy.base(strategy))!
    const labelling = Labels.start(strategy.labels, base)
    yield* Stretches.run(turns, labelling)
    const first = inputs.symbol.indexOf(index)
    const last = inputs.symbol.lastIndexOf(index) + 1
    const offset = base.start.length - last
    const from = firstAt(inputs.times, first, last, start ?? Number.NEGATIVE_INFINITY)
    const to = Math.max(from, Math.min(last, labelling.rows - offset))
    const found = new Float32Array((to - from) * outputs)
    for (let at = from; at < to; at += slice) {
      const out = found.subarray((at - from) * outputs)
      yield* breathe(() => network.predict(inputs.x, at, Math.min(at + slice, to), out))
    }
    predicted.push(found)
    labels.push(labelling.values.slice(from + offset, to + offset))
  }
  if (labels.every(({ length }) => length === 0)) return yield* few(symbols)
  const { lookahead } = strategy.labels
  return Labels.isRegression(strategy.labels)
    ? Metrics.regression(joined(predicted), joined(labels), lookahead)
    : Metrics.classification(
        joined(predicted),
        Uint8Array.from(joined(labels)),
        Labels.classes.length,
        lookahead,
      )
})

// ---------------------------------------------------------------------------------------------------------

/** Rows times parameters that are computed at once: some milliseconds. */
const stretch = 2e6

const Texts = Schema.optional(Schema.NullOr(Schema.Array(Schema.String)))
const Text = Schema.optional(Schema.NullOr(Schema.String))

const decode = Schema.decodeUnknown(
  Schema.Struct({ symbols: Texts, timeframes: Texts, start_date: Text, end_date: Text }),
  { errors: "first" },
)

/** The part of a path that names a model: KTRDR has the version behind the name, and ktrdr in a folder of its own. */
const nameOf = (path: string): string => {
  const parts = path.split(/[\\/]/).filter((part) => part !== "")
  const name = parts.slice(parts.lastIndexOf("models") + 1).join("/")
  return /^(.*(?:\/|_)v\d+)(?:\/[^/]*)?$/.exec(name)?.[1]?.replace(/_(v\d+)$/, "/$1") ?? name
}

const symbolOf = (text: string) =>
  Effect.mapError(Symbol.parse(text), ({ expected, found }) =>
    StartReading.invalid("data_config.symbols", expected, found),
  )

/** The first of the rows whose bar starts then or later. */
const firstAt = (times: Float64Array, first: number, last: number, start: number): number => {
  let row = first
  while (row < last && times[row]! < start) row++
  return row
}

const joined = (parts: ReadonlyArray<Uint8Array | Float32Array>): Float32Array => {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const few = (symbols: ReadonlyArray<string>): TrainingError =>
  new TrainingError({
    reason: "NotEnoughData",
    place: symbols.join(", "),
    expected: "bars of the span that have features and a label",
    found: "none",
    advice: "Give a longer span, or load more bars on the host",
  })
