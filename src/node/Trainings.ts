/**
 * What trains, beside what loads, as layers: loaded when a command or the API needs it.
 */
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CandleReader from "../data/CandleReader.js"
import type * as CandleStore from "../data/CandleStore.js"
import type * as OperationStore from "../OperationStore.js"
import * as Operations from "../Operations.js"
import type { TimeEstimator } from "../TimeEstimator.js"
import * as Checkpoint from "../training/Checkpoint.js"
import * as ModelFiles from "../training/ModelStore/Files.js"
import type { Trainer } from "../training/Trainer.js"
import * as TrainingManager from "../training/TrainingManager.js"
import * as TrainModel from "../training/TrainModel.js"
import type * as Main from "./Main.js"
import * as Package from "./Package.js"

export interface Options<E> {
  /** The homes of which checkpoints and models are folders. */
  readonly directory: string
  readonly models: string
  /** What loads, and the store that it loads into. */
  readonly loads: Layer.Layer<Exclude<Main.Loads, Operations.Operations>, E>
  readonly store: Layer.Layer<CandleStore.CandleStore>
  readonly records: Layer.Layer<OperationStore.OperationStore>
  readonly estimates: Layer.Layer<TimeEstimator>
  readonly trainer: Layer.Layer<Trainer, E>
  /** Of the registry: the kinds that it knows, those that load among them. */
  readonly operations: Effect.Effect.Success<typeof Main.everyOperation>
  readonly options: Operations.Options
}

/** Loads and trains; the registry knows the operations of both. */
export const layer = <E>(given: Options<E>) => {
  const { directory, estimates, loads, models, operations, options, records, store, trainer } = given
  return Operations.layer(operations, options).pipe(
    Layer.provide(records),
    Layer.provideMerge(TrainModel.layer),
    Layer.provideMerge(TrainingManager.layer({ versions: versions() })),
    Layer.provideMerge(ModelFiles.layer(models)),
    Layer.provide([Checkpoint.layer(directory), trainer, CandleReader.layer]),
    Layer.provideMerge(loads),
    Layer.provide(store),
    Layer.provideMerge(estimates),
  )
}

// ---------------------------------------------------------------------------------------------------------

/** What decides about a number, besides the strategy and the bars. */
export const versions = (): Readonly<Record<string, string>> => ({
  ktrdr: Package.version(),
  node: process.versions.node,
  platform: `${process.platform}-${process.arch}`,
})
