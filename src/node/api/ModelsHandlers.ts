/**
 * What the routes of `ModelsApi` do.
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import * as Metrics from "../../training/Metrics.js"
import * as ModelStore from "../../training/ModelStore.js"
import * as TrainingManager from "../../training/TrainingManager.js"
import { Api } from "../Api.js"
import { iso } from "../Instants.js"
import * as Complaint from "./Complaint.js"
import type * as ModelsApi from "./ModelsApi.js"
import * as Refusal from "./Refusal.js"

export const layer = HttpApiBuilder.group(Api, "models", (handlers) =>
  Effect.gen(function* () {
    const manager = Refusal.needed(yield* Effect.serviceOption(TrainingManager.TrainingManager))
    const models = Refusal.needed(yield* Effect.serviceOption(ModelStore.ModelStore))
    return handlers
      .handle("list", () =>
        Refusal.refusing(
          Effect.map(
            Effect.flatMap(models, ({ list }) => list),
            listOf,
          ),
        ),
      )
      .handle("predict", ({ payload }) =>
        Refusal.refusing(
          Effect.flatMap(Effect.all([manager, models]), ([there, kept]) => predict(there, kept, payload)),
        ),
      )
  }),
)

// ---------------------------------------------------------------------------------------------------------

const success = true as const

const listOf = ({ damaged, models }: ModelStore.Listing) => ({
  success,
  models: models.map(modelOf),
  damaged: damaged.map(({ message }) => message),
})

const modelOf = (model: ModelStore.Summary): typeof ModelsApi.Model.Type => ({
  model_id: ModelStore.ModelId.format(model.id),
  model_name: model.strategy,
  symbol: model.symbols.join(", "),
  timeframe: model.timeframes.join(", "),
  created_at: iso(model.created),
  training_accuracy: null,
  validation_accuracy: Metrics.accuracyOf(model.validation),
  test_accuracy: Metrics.accuracyOf(model.test),
  baseline_accuracy: Metrics.baselineAccuracyOf(model.test),
  verdict: model.test?.verdict ?? null,
  description: [
    `${model.features} features`,
    `${model.parameters} parameters`,
    `${model.epochs} epochs`,
    ...(model.test === null ? [] : [Metrics.verdictWords[model.test.verdict]]),
  ].join(", "),
  symbols: model.symbols,
  timeframes: model.timeframes,
  version: model.id.version,
  is_latest: model.isLatest,
  place: model.place,
  features: model.features,
  parameters_count: model.parameters,
  epochs_completed: model.epochs,
  model_size_bytes: ModelStore.size(model),
})

const predict = Effect.fn("Api.predict")(function* (
  manager: TrainingManager.Service,
  models: ModelStore.Service,
  given: ModelsApi.PredictRequest,
) {
  const id = yield* ModelStore.ModelId.find(given.model_name, yield* models.ids)
  const { timeframes } = yield* models.describe(id)
  const timeframe = timeframes[0] ?? ""
  if (typeof given.timeframe === "string" && given.timeframe !== timeframe) {
    const words = Complaint.valueError(`Timeframe of the model is ${timeframe}`)
    return yield* Effect.fail(Refusal.invalid([Complaint.at(words, ["body", "timeframe"], given.timeframe)]))
  }
  const all = yield* manager.predict(id, {
    count: given.bars ?? 1,
    symbols: [given.symbol],
    ...(typeof given.test_date === "number" ? { end: given.test_date + 1 } : {}),
  })
  const predictions = all.map(predictionOf)
  const newest = predictions.at(-1)
  if (newest === undefined) {
    return yield* Effect.fail(Refusal.notFound(`No bar of ${given.symbol} ${timeframe} is stored by then`))
  }
  return {
    success,
    model_name: given.model_name,
    model_id: ModelStore.ModelId.format(id),
    symbol: given.symbol,
    timeframe,
    test_date: newest.time,
    prediction: newest,
    predictions,
  }
})

const signals = { BUY: "buy", HOLD: "hold", SELL: "sell" } as const

const predictionOf = ({
  probabilities,
  signal,
  time,
  value,
}: TrainingManager.Prediction): typeof ModelsApi.Prediction.Type => {
  if (probabilities === null || signal === null) {
    const none = { signal: null, confidence: null, signal_strength: null, fuzzy_outputs: null }
    return { time: iso(time), ...none, value }
  }
  const [buy = 0, hold = 0, sell = 0] = probabilities
  const [most = 0, next = 0] = [buy, hold, sell].sort((a, b) => b - a)
  return {
    time: iso(time),
    signal: signals[signal],
    confidence: most,
    signal_strength: most - next,
    fuzzy_outputs: { bullish: buy, neutral: hold, bearish: sell },
    value,
  }
}
