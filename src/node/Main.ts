/**
 * Whole systems as values: to read them is to read the architecture. What a system needs only when it is
 * used (the HTTP server, the HTTP client) is loaded when its layer is built.
 */
import { existsSync } from "node:fs"
import * as NodePath from "node:path"
import * as NodeFileSystemLayer from "@effect/platform-node/NodeFileSystem"
import * as NodePathLayer from "@effect/platform-node/NodePath"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CandleSource from "../data/CandleSource.js"
import * as Parquet from "../data/CandleStore/Parquet.js"
import * as CandleStore from "../data/CandleStore.js"
import type { DataError } from "../data/DataError.js"
import * as DataManager from "../data/DataManager.js"
import * as LoadData from "../data/LoadData.js"
import * as LoadMany from "../data/LoadMany.js"
import type { HostError } from "../HostError.js"
import * as Operation from "../Operation.js"
import type { SqlDatabase } from "../OperationStore/SqlDatabase.js"
import * as OperationStore from "../OperationStore.js"
import * as Operations from "../Operations.js"
import * as TimeEstimator from "../TimeEstimator.js"
import type { ModelStore } from "../training/ModelStore.js"
import type { Trainer } from "../training/Trainer.js"
import type { TrainingManager } from "../training/TrainingManager.js"
import type { TrainModel } from "../training/TrainModel.js"
import * as AtomicKeyValueStore from "./AtomicKeyValueStore.js"
import type * as EmbeddedHost from "./EmbeddedHost.js"
import * as KeptBars from "./KeptBars.js"

/** Where state is kept: `KTRDR_HOME`, or `.ktrdr` in the working directory. */
export const home: Config.Config<string> = Config.string("KTRDR_HOME").pipe(
  Config.withDefault(".ktrdr"),
  Config.withDescription("Where state is kept"),
)

/** Bars as Parquet files under a home. */
export const layerStoreAt = (directory: string): Layer.Layer<CandleStore.CandleStore> =>
  Layer.provide(Parquet.layer({ directory: NodePath.join(directory, "data") }), layerFiles)

/** Bars as Parquet files under the user's home. */
export const layerStore: Layer.Layer<CandleStore.CandleStore, ConfigError> = Layer.unwrapEffect(
  Effect.map(home, layerStoreAt),
)

/** The IB host at a URL; how patiently it is asked, `IB_HOST_SERVICE_ATTEMPTS` and its like say. */
export const layerHost = (url: string): Layer.Layer<CandleSource.CandleSource, HostError | ConfigError> =>
  Layer.unwrapEffect(
    Effect.promise(async () => {
      const [{ IbHost, layer }, HostConfig] = await Promise.all([
        import("../hosts/ib/IbCandleSource.js"),
        import("../HostConfig.js"),
      ])
      const config = HostConfig.config("IB_HOST_SERVICE", { baseUrl: url })
      return Layer.provide(
        layer,
        IbHost.layerConfig(Config.map(config, (given) => ({ ...given, baseUrl: url }))),
      )
    }),
  )

/** An IB host of sample and simulated bars inside this process. */
export const layerEmbedded = (
  options: EmbeddedHost.Options,
): Layer.Layer<CandleSource.CandleSource, DataError | HostError> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() => import("./EmbeddedHost.js")),
      ({ layer }) => layer(options),
    ),
  )

/** How long loads took, learned into files under a home; nothing is read before a load begins. */
export const layerEstimatesAt = (directory: string): Layer.Layer<TimeEstimator.TimeEstimator> =>
  TimeEstimator.layer.pipe(
    Layer.provide(AtomicKeyValueStore.layer(NodePath.join(directory, "estimates"))),
    Layer.provide(layerFiles),
  )

/** How long loads took, learned into files under the user's home. */
export const layerEstimates: Layer.Layer<TimeEstimator.TimeEstimator, ConfigError> = Layer.unwrapEffect(
  Effect.map(home, layerEstimatesAt),
)

/** The file under a home that the processes of a user share; it is opened when it is needed first. */
export const layerDatabaseAt = (directory: string): Layer.Layer<SqlDatabase> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() => import("../OperationStore/SqlDatabase.js")),
      ({ layer }) => layer({ file: databaseOf(directory) }),
    ),
  )

/** Operations as the processes of a user record them in their file. */
export const layerRecordsOf = (
  database: Layer.Layer<SqlDatabase>,
): Layer.Layer<OperationStore.OperationStore> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() => import("../OperationStore/Sql.js")),
      ({ layer }) => Layer.provide(layer, database),
    ),
  )

/** The pace that the processes of a user keep together, by their file. */
export const layerPaceOf = (database: Layer.Layer<SqlDatabase>): Layer.Layer<never> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() => import("../PacingLedger/Sql.js")),
      ({ layer }) => Layer.provide(layer, database),
    ),
  )

/** Operations as the processes of the user record them. */
export const layerRecords: Layer.Layer<OperationStore.OperationStore, ConfigError> = Layer.unwrapEffect(
  Effect.map(home, (directory) => layerRecordsOf(layerDatabaseAt(directory))),
)

/** What is kept, and no source: for commands that look at it. */
export const layerLocal: Layer.Layer<DataManager.DataManager, ConfigError> = DataManager.layer.pipe(
  Layer.provide([layerStore, CandleSource.layerOffline]),
)

/** The kinds of operation that load. */
export const operations = Operation.group(LoadData.LoadData, LoadMany.LoadMany)

/** Every kind of operation that the command and the API know; those that train are loaded for it. */
export const everyOperation = Effect.map(
  Effect.promise(() => import("../training/TrainModel.js")),
  ({ TrainModel }) => Operation.group(LoadData.LoadData, LoadMany.LoadMany, TrainModel),
)

/** Operations among which a kind is, if it is known at all: those that train are loaded only where it is none that loads. */
export const operationsWith = (kind: string): Effect.Effect<Operation.Group<Operation.Any>> =>
  operations.operations.has(kind) ? Effect.succeed(operations) : everyOperation

/** What loads, alone and many at once, as plain programs and as operations of a registry. */
export type Loads =
  | Operation.HandlersOf<typeof LoadData.LoadData | typeof LoadMany.LoadMany>
  | Operations.Operations
  | DataManager.DataManager
  | KeptBars.KeptBars

/** What loads from a source into a store, without a registry. */
export const layerLoading = <E1, E2>(
  source: Layer.Layer<CandleSource.CandleSource, E1>,
  store: Layer.Layer<CandleStore.CandleStore, E2>,
): Layer.Layer<Exclude<Loads, Operations.Operations>, E1 | E2> =>
  LoadMany.layer.pipe(
    Layer.provideMerge(LoadData.layer),
    Layer.provideMerge(DataManager.layer),
    Layer.provide(source),
    Layer.provideMerge(KeptBars.layer),
    Layer.provide(store),
  )

/** Loads from a source into a store; the registry records in `records`, in memory where that is left out. */
export const layerLoad = <E1, E2, E3 = never>(
  source: Layer.Layer<CandleSource.CandleSource, E1>,
  store: Layer.Layer<CandleStore.CandleStore, E2>,
  records: Layer.Layer<OperationStore.OperationStore, E3> = OperationStore.layerMemory,
  options: Operations.Options = {},
): Layer.Layer<Loads, E1 | E2 | E3> =>
  Operations.layer(operations, options).pipe(
    Layer.provide(records),
    Layer.provideMerge(layerLoading(source, store)),
  )

/**
 * The whole system under a home: loads from a source, recorded where every process of the user sees them, with
 * durations learned.
 */
export const layerSystemAt = <E>(
  directory: string,
  source: Layer.Layer<CandleSource.CandleSource, E>,
  options: Operations.Options = {},
): Layer.Layer<Loads | TimeEstimator.TimeEstimator, E> => {
  const database = layerDatabaseAt(directory)
  const paced = Layer.provide(source, layerPaceOf(database))
  return Layer.provideMerge(
    layerLoad(paced, layerStoreAt(directory), layerRecordsOf(database), options),
    layerEstimatesAt(directory),
  )
}

/** The whole system of the user. */
export const layerSystem = <E>(
  source: Layer.Layer<CandleSource.CandleSource, E>,
  options: Operations.Options = {},
): Layer.Layer<Loads | TimeEstimator.TimeEstimator, E | ConfigError> =>
  Layer.unwrapEffect(Effect.map(home, (directory) => layerSystemAt(directory, source, options)))

/** Trains in threads of this process. */
export const layerTrainer: Layer.Layer<Trainer> = Layer.unwrapEffect(
  Effect.map(
    Effect.promise(() => import("../training/Trainer/Local.js")),
    ({ layer }) => layer(),
  ),
)

/** Trains at the host of a URL; how patiently it is asked, `TRAINING_HOST_SERVICE_ATTEMPTS` and its like say. */
export const layerTrainerAt = (url: string): Layer.Layer<Trainer, HostError | ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() => import("../hosts/training/RemoteTrainer.js")),
      ({ layerConfig }) => layerConfig(url),
    ),
  )

/** What trains, besides what loads. */
export type Trainings =
  | Loads
  | Operation.HandlersOf<typeof TrainModel>
  | TrainingManager
  | ModelStore
  | TimeEstimator.TimeEstimator

/** The whole system under a home, with what trains: models are kept there too, or under another. */
export const layerTrainingAt = <E>(
  directory: string,
  source: Layer.Layer<CandleSource.CandleSource, E>,
  options: Operations.Options = {},
  models = directory,
  trainer: Layer.Layer<Trainer, E> = layerTrainer,
): Layer.Layer<Trainings, E> => {
  const database = layerDatabaseAt(directory)
  return layerTrainings({
    directory,
    models,
    source: Layer.provide(source, layerPaceOf(database)),
    records: layerRecordsOf(database),
    estimates: layerEstimatesAt(directory),
    trainer,
    options,
  })
}

/** The whole system of the user, with what trains: in this process, or where `trainer` does. */
export const layerTraining = <E, T = never>(
  source: Layer.Layer<CandleSource.CandleSource, E>,
  options: Operations.Options = {},
  trainer: Layer.Layer<Trainer, T> = layerTrainer,
): Layer.Layer<Trainings, E | T | ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(home, (directory) => layerTrainingAt<E | T>(directory, source, options, directory, trainer)),
  )

/** Plans trainings and asks models on the bars that are kept; leaves nothing behind. */
export const layerModels: Layer.Layer<Trainings, ConfigError> = Layer.unwrapEffect(
  Effect.map(home, (directory) =>
    layerTrainings({
      directory,
      models: directory,
      source: CandleSource.layerOffline,
      records: OperationStore.layerMemory,
      estimates: TimeEstimator.layerMemory,
      trainer: layerTrainer,
      options: {},
    }),
  ),
)

/** The models of the user, and nothing else: for commands that look at them or delete them. */
export const layerModelFiles: Layer.Layer<ModelStore, ConfigError> = Layer.unwrapEffect(
  Effect.zipWith(
    home,
    Effect.promise(() => import("../training/ModelStore/Files.js")),
    (directory, { layer }) => Layer.provide(layer(directory), layerFiles),
  ),
)

/** Plans loads at the pace of the user's processes, and leaves nothing behind where there are none yet. */
export const layerPlanning = <E>(
  source: Layer.Layer<CandleSource.CandleSource, E>,
): Layer.Layer<Loads | TimeEstimator.TimeEstimator, E | ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(home, (directory) =>
      isRecording(directory)
        ? layerSystemAt(directory, source)
        : Layer.merge(layerLoad(source, layerStoreAt(directory)), TimeEstimator.layerMemory),
    ),
  )

/**
 * What the user's processes run or ran, without a source: for commands that look at it or cancel it. To look where
 * there is none leaves nothing behind.
 */
export const layerOperations: Layer.Layer<Operations.Operations, ConfigError> = Layer.unwrapEffect(
  Effect.map(home, (directory) =>
    Layer.provide(
      Operations.layer(Operation.group()),
      isRecording(directory) ? layerRecordsOf(layerDatabaseAt(directory)) : OperationStore.layerMemory,
    ),
  ),
)

/** Loads from the given series into memory. */
export const layerTest = (series: Iterable<CandleSource.MemorySeries>): Layer.Layer<Loads> =>
  layerLoad(CandleSource.layerMemory({ series }), CandleStore.layerMemory)

// ---------------------------------------------------------------------------------------------------------

const layerTrainings = <E>({
  directory,
  source,
  ...given
}: {
  readonly directory: string
  readonly models: string
  readonly source: Layer.Layer<CandleSource.CandleSource, E>
  readonly records: Layer.Layer<OperationStore.OperationStore>
  readonly estimates: Layer.Layer<TimeEstimator.TimeEstimator>
  readonly trainer: Layer.Layer<Trainer, E>
  readonly options: Operations.Options
}): Layer.Layer<Trainings, E> =>
  Layer.unwrapEffect(
    Effect.zipWith(
      Effect.promise(() => import("./Trainings.js")),
      everyOperation,
      ({ layer }, known) => {
        const store = layerStoreAt(directory)
        const loads = layerLoading(source, store)
        return Layer.provide(layer({ ...given, directory, operations: known, loads, store }), layerFiles)
      },
    ),
  )

const databaseOf = (directory: string): string => NodePath.join(directory, "operations.db")

const isRecording = (directory: string): boolean => existsSync(databaseOf(directory))

const layerFiles = Layer.merge(NodeFileSystemLayer.layer, NodePathLayer.layer)
