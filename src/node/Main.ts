/**
 * Whole systems as values: to read them is to read the architecture. What a system needs only when it is
 * used (the HTTP server, the HTTP client) is loaded when its layer is built.
 */
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
import type { Handler } from "../Operation.js"
import * as TimeEstimator from "../TimeEstimator.js"
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

/** What is kept, and no source: for commands that look at it. */
export const layerLocal: Layer.Layer<DataManager.DataManager, ConfigError> = DataManager.layer.pipe(
  Layer.provide([layerStore, CandleSource.layerOffline]),
)

/** What loads, alone and many at once. */
export type Loads =
  | Handler<"data_load">
  | Handler<"data_load_many">
  | DataManager.DataManager
  | KeptBars.KeptBars

/** Loads from a source into a store. */
export const layerLoad = <E1, E2>(
  source: Layer.Layer<CandleSource.CandleSource, E1>,
  store: Layer.Layer<CandleStore.CandleStore, E2>,
): Layer.Layer<Loads, E1 | E2> =>
  LoadMany.layer.pipe(
    Layer.provideMerge(LoadData.layer),
    Layer.provideMerge(DataManager.layer),
    Layer.provide(source),
    Layer.provideMerge(KeptBars.layer),
    Layer.provide(store),
  )

/** Loads from the given series into memory. */
export const layerTest = (series: Iterable<CandleSource.MemorySeries>): Layer.Layer<Loads> =>
  layerLoad(CandleSource.layerMemory({ series }), CandleStore.layerMemory)

// ---------------------------------------------------------------------------------------------------------

const layerFiles = Layer.merge(NodeFileSystemLayer.layer, NodePathLayer.layer)
