/**
 * What a host is sent to start a training: ktrdr's the strategy and the hashes of what was handed over, KTRDR's the
 * path of a strategy file of its own and what to load.
 */
import * as Json from "../../training/Receipt/Json.js"
import type * as Receipt from "../../training/Receipt.js"
import { Strategy } from "../../training/Strategy.js"
import type * as Trainer from "../../training/Trainer.js"
import type { StartRequest } from "./TrainingHostApi.js"

/** What was handed over, by the SHA-256 of its bytes. */
export interface Handed {
  readonly dataset: string
  /** What to go on from, and where that is. */
  readonly state: { readonly sha256: string; readonly position: Receipt.Position } | null
}

/** For a host of ktrdr. Where an earlier session is further than the state, it goes on from what that one has. */
export const own = (
  { earlier = [], operation, strategy }: Pick<Trainer.Job, "earlier" | "operation" | "strategy">,
  { dataset, state }: Handed,
): StartRequest => {
  const { symbols, timeframes, model } = strategy
  return {
    session_id: operation,
    model_configuration: {
      strategy_yaml: encodeStrategy(strategy),
      symbols,
      timeframes,
      model_type: model.type,
      multi_symbol: symbols.length > 1,
    },
    training_configuration: {},
    data_configuration: { symbols, timeframes, dataset },
    ...(state === null && earlier.length === 0 ? {} : { resume: { sessions: earlier, state } }),
  }
}

/** For a host of KTRDR, which has the file `<strategies>/<name>.yaml` and bars of its own. */
export const deployed = (
  { operation, range, strategy }: Pick<Trainer.Job, "operation" | "range" | "strategy">,
  strategies: string,
): StartRequest => {
  const { symbols, timeframes, model, split, training } = strategy
  return {
    session_id: operation,
    model_configuration: {
      strategy_config: `${strategies.replace(/\/+$/, "")}/${strategy.name}.yaml`,
      symbols,
      timeframes,
      model_type: model.type,
      multi_symbol: symbols.length > 1,
    },
    training_configuration: {
      validation_split: split.validation,
      ...(range === undefined ? {} : { start_date: day(range.start), end_date: day(range.end) }),
      data_mode: "local",
      learning_rate: training.learning_rate,
      batch_size: training.batch_size,
      epochs: training.epochs,
      optimizer: training.optimizer,
    },
    data_configuration: { symbols, timeframes, data_source: "local" },
    gpu_configuration: { enable_gpu: true, memory_fraction: 0.8, mixed_precision: true },
  }
}

// ---------------------------------------------------------------------------------------------------------

/** JSON is YAML. */
const encodeStrategy = Json.encoder(Strategy)

const day = (millis: number): string => new Date(millis).toISOString().slice(0, 10)
