/**
 * What trains, beside what loads, as layers: loaded when a command or the API needs it.
 */
import * as Layer from "effect/Layer"
import * as CandleReader from "../data/CandleReader.js"
import type * as CandleSource from "../data/CandleSource.js"
import type * as CandleStore from "../data/CandleStore.js"
import * as DataManager from "../data/DataManager.js"
import * as LoadData from "../data/LoadData.js"
import * as LoadMany from "../data/LoadMany.js"
import * as Operation from "../Operation.js"
import type * as OperationStore from "../OperationStore.js"
import * as Operations from "../Operations.js"
import type { TimeEstimator } from "../TimeEstimator.js"
import * as Checkpoint from "../training/Checkpoint.js"
import * as ModelFiles from "../training/ModelStore/Files.js"
import * as LocalTrainer from "../training/Trainer/Local.js"
import * as TrainingManager from "../training/TrainingManager.js"
import * as TrainModel from "../training/TrainModel.js"
import * as KeptBars from "./KeptBars.js"
import * as Package from "./Package.js"

export interface Options<E> {
  /** The homes of which checkpoints and models are folders. */
  readonly directory: string
  readonly models: string
  readonly source: Layer.Layer<CandleSource.CandleSource, E>
  readonly store: Layer.Layer<CandleStore.CandleStore>
  readonly records: Layer.Layer<OperationStore.OperationStore>
  readonly estimates: Layer.Layer<TimeEstimator>
  /** Of the registry. */
  readonly options: Operations.Options
}

/** Loads and trains; the registry knows the operations of both. */
export const layer = <E>({ directory, models, source, store, records, estimates, options }: Options<E>) =>
  Operations.layer(
    Operation.group(LoadData.LoadData, LoadMany.LoadMany, TrainModel.TrainModel),
    options,
  ).pipe(
    Layer.provide(records),
    Layer.provideMerge(LoadMany.layer),
    Layer.provideMerge(LoadData.layer),
    Layer.provideMerge(TrainModel.layer),
    Layer.provideMerge(TrainingManager.layer({ versions: versions() })),
    Layer.provideMerge(ModelFiles.layer(models)),
    Layer.provide([Checkpoint.layer(directory), LocalTrainer.layer(), CandleReader.layer]),
    Layer.provideMerge(DataManager.layer),
    Layer.provide(source),
    Layer.provideMerge(KeptBars.layer),
    Layer.provide(store),
    Layer.provideMerge(estimates),
  )

// ---------------------------------------------------------------------------------------------------------

/** What decides about a number, besides the strategy and the bars. */
const versions = (): Readonly<Record<string, string>> => ({
  ktrdr: Package.version(),
  node: process.versions.node,
  platform: `${process.platform}-${process.arch}`,
})
