/** Trainings that only seem to be: models of one shape, kept in memory, as soon as a test lets them end. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Strategies from "../../../src/node/api/Strategies.js"
import * as Progress from "../../../src/Progress.js"
import * as ModelStore from "../../../src/training/ModelStore.js"
import * as StrategyFile from "../../../src/training/StrategyFile.js"
import { TrainingError } from "../../../src/training/TrainingError.js"
import * as TrainingManager from "../../../src/training/TrainingManager.js"
import type { TrainingReport } from "../../../src/training/TrainingReport.js"
import * as Models from "../../utils/Models.js"
import * as Examples from "../../utils/Strategies.js"

const names = ["held", "rec_short", "rsi_mean_reversion", "test"]

/** One strategy under several names. */
export const strategies = Layer.succeed(Strategies.Strategies, {
  names: Effect.succeed(names),
  read: (name) =>
    names.includes(name)
      ? Effect.suspend(() => {
          const text = Examples.change([["name: mean_reversion", `name: ${name}`]])
          return Effect.map(StrategyFile.parse(`${name}.yaml`, text), (file) => ({ ...file, text }))
        })
      : Effect.fail(refused("NotFound", "strategy_name", JSON.stringify(name))),
})

export const refused = (reason: TrainingError["reason"], place: string, found = "something else") =>
  new TrainingError({ reason, place, expected: "what there is", found, advice: "Look" })

/**
 * A training of `test` ends at once, of `held` and `rec_short` when the gate is open; `rsi_mean_reversion` fails the
 * first time, and then never ends.
 */
export const manager = (gate: Deferred.Deferred<void>) =>
  Layer.effect(
    TrainingManager.TrainingManager,
    Effect.map(ModelStore.ModelStore, (models) => {
      let failed = 0
      return TrainingManager.TrainingManager.of({
        plan: () => Effect.die("no plan"),
        verify: () => Effect.die("nothing to verify"),
        train: ({ strategy, allowGaps }) =>
          Effect.gen(function* () {
            yield* Progress.annotate({
              symbols: strategy.symbols,
              timeframes: strategy.timeframes,
              model: "MLP",
              epochs: strategy.training.epochs,
              epoch: 1,
            })
            if (strategy.name === "rsi_mean_reversion") {
              return ++failed === 1 ? yield* refused("NotEnoughData", "AAPL 1h") : yield* Effect.never
            }
            if (strategy.name !== "test") yield* Deferred.await(gate)
            const model = yield* Models.make({ name: strategy.name, symbols: strategy.symbols })
            const { id, place } = yield* models.save(model)
            const report: TrainingReport = {
              strategy: strategy.name,
              symbols: strategy.symbols,
              timeframes: strategy.timeframes,
              model: ModelStore.ModelId.format(id),
              place,
              receipt: `${place}/receipt.json`,
              rows: model.receipt.split.rows,
              features: 3,
              parameters: model.weights.parameters.length,
              epochs: 12,
              best_epoch: 9,
              reason: "early_stopping",
              metrics: model.metrics,
              weights: model.receipt.weights,
              seed: 7,
              trainer: { kind: "local" },
              gaps_allowed: allowGaps,
              interruptions: 0,
              warnings: [],
              duration_seconds: 90,
            }
            return report
          }),
        predict: (id, { count = 1, end = Examples.monday + Examples.day, symbols = [] } = {}) =>
          symbols[0] === "NOSUCH"
            ? Effect.fail(refused("NotFound", "NOSUCH 1h"))
            : Effect.succeed(
                Array.from({ length: count }, (_, index) => ({
                  symbol: symbols[0]!,
                  time: end - 1 - (count - 1 - index) * Examples.hour,
                  ...(id.strategy === "values"
                    ? { probabilities: null, signal: null, value: 0.25 }
                    : { probabilities: [0.125, 0.25, 0.625], signal: "SELL" as const, value: null }),
                })),
              ),
      })
    }),
  )

/** All that trains and keeps models. */
export const layer = (gate: Deferred.Deferred<void>) =>
  Layer.provideMerge(manager(gate), Layer.merge(ModelStore.layerMemory, strategies))
