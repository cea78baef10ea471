/**
 * What becomes of a network that has learned: a model that is kept with its receipt, and a report.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { sha256 } from "../../internal/sha256.js"
import { format } from "../ModelStore/ModelId.js"
import type * as ModelStore from "../ModelStore.js"
import * as Weights from "../Network/Weights.js"
import * as Json from "../Receipt/Json.js"
import * as Receipt from "../Receipt.js"
import { Strategy } from "../Strategy.js"
import type { TrainingError } from "../TrainingError.js"
import type { Request } from "../TrainingManager.js"
import type { TrainingReport } from "../TrainingReport.js"
import type * as Course from "./Course.js"
import type { Prepared } from "./Preparation.js"

/** Where it was trained, and with which versions of what decides about a number. */
export interface Surroundings {
  readonly trainer: Receipt.Trainer
  readonly versions: Readonly<Record<string, string>>
}

export const store = Effect.fnUntraced(function* (
  models: ModelStore.Service,
  { trainer, versions }: Surroundings,
  { strategy, text, allowGaps }: Request,
  beginning: Course.Beginning,
  { dataset, hash, split, read, warnings }: Prepared,
  { trained, durationMillis, warnings: kept }: Course.Outcome,
): Effect.fn.Return<TrainingReport, TrainingError> {
  const { head } = beginning
  const weights = yield* sha256(Weights.encode(trained.weights))
  const receipt = Receipt.make({
    operation: head.operation,
    strategy: { name: strategy.name, version: strategy.version, sha256: head.strategy },
    series: read,
    gapsAllowed: allowGaps,
    dataset: hash,
    split,
    seeds: { training: strategy.training.seed },
    versions,
    trainer,
    started: head.started,
    finished: yield* Clock.currentTimeMillis,
    durationMillis,
    interruptions: head.interruptions,
    weights,
  })
  const { metrics, history } = trained
  const { id, place } = yield* models.save({
    strategy,
    text: text ?? written(strategy),
    weights: trained.weights,
    scaling: dataset.scaling,
    metrics,
    history,
    receipt,
  })
  return {
    strategy: strategy.name,
    symbols: strategy.symbols,
    timeframes: strategy.timeframes,
    model: format(id),
    place,
    receipt: `${place}/receipt.json`,
    rows: split.rows,
    features: dataset.features.length,
    parameters: trained.weights.parameters.length,
    epochs: trained.epochs,
    best_epoch: trained.bestEpoch,
    reason: trained.reason,
    metrics,
    weights,
    seed: strategy.training.seed,
    trainer,
    gaps_allowed: allowGaps,
    interruptions: head.interruptions.length,
    warnings: [...new Set([...beginning.warnings, ...warnings, ...kept])],
    duration_seconds: durationMillis / 1000,
  }
})

// ---------------------------------------------------------------------------------------------------------

/** What a strategy says, as a file could have it: JSON is YAML. */
const written = Json.encoder(Strategy)
