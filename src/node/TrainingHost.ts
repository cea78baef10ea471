/**
 * A training host over a home, as layers: loaded when the command that serves it needs it.
 */
import * as NodePath from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePathLayer from "@effect/platform-node/NodePath"
import * as Layer from "effect/Layer"
import * as CandleReader from "../data/CandleReader.js"
import type * as HostServer from "../hosts/HostServer.js"
import * as HandedFiles from "../hosts/training/HandedFiles.js"
import * as LiveSessions from "../hosts/training/LiveSessions.js"
import * as SessionFiles from "../hosts/training/SessionFiles.js"
import * as Sessions from "../hosts/training/Sessions.js"
import * as SessionWork from "../hosts/training/SessionWork.js"
import { StrategyFolder } from "../hosts/training/StrategyFolder.js"
import * as TrainingServer from "../hosts/training/TrainingServer.js"
import { TrainingSession } from "../hosts/training/TrainingSession.js"
import * as Operation from "../Operation.js"
import * as Operations from "../Operations.js"
import * as Checkpoint from "../training/Checkpoint.js"
import * as ModelFiles from "../training/ModelStore/Files.js"
import * as LocalTrainer from "../training/Trainer/Local.js"
import * as TrainingManager from "../training/TrainingManager.js"
import * as MachineLoad from "./MachineLoad.js"
import * as Main from "./Main.js"
import * as Strategies from "./Strategies.js"
import * as Trainings from "./Trainings.js"

export interface Options extends Sessions.Options, HostServer.Options {
  /** The home that bars, records, checkpoints and sessions lie in, and the one of the models, if that is another. */
  readonly directory: string
  readonly models?: string | undefined
  /** Folders of strategy files; the first that has a name counts. */
  readonly strategies: ReadonlyArray<string>
  /** Of the thread that trains. */
  readonly trainer?: LocalTrainer.Options
}

/** Serves until the scope closes, within two seconds then. Needs a server. */
export const layer = ({ directory, models = directory, strategies, trainer, ...options }: Options) => {
  const own = NodePath.join(directory, "training-host")
  return TrainingServer.layer(options).pipe(
    Layer.provide(Sessions.layer(options)),
    Layer.provide(Operations.layer(Operation.group(TrainingSession))),
    Layer.provide(SessionWork.layer),
    Layer.provide(TrainingManager.layer({ versions: Trainings.versions() })),
    Layer.provide([LiveSessions.layerTrainer, LiveSessions.layerCheckpoints]),
    Layer.provide([
      LiveSessions.layer,
      LocalTrainer.layer({ stopWithin: "1 second", ...trainer }),
      Checkpoint.layer(directory),
      CandleReader.layer,
      ModelFiles.layer(models),
      SessionFiles.layer(own),
      HandedFiles.layer(own),
      MachineLoad.layer,
      Layer.succeed(StrategyFolder, Strategies.named(strategies, words)),
    ]),
    Layer.provide([
      Main.layerStoreAt(directory),
      Main.layerRecordsOf(Main.layerDatabaseAt(directory)),
      Main.layerEstimatesAt(directory),
    ]),
    Layer.provide([NodeFileSystem.layer, NodePathLayer.layer]),
  )
}

// ---------------------------------------------------------------------------------------------------------

const words: Strategies.Words = {
  place: "model_configuration.strategy_config",
  expected: (names) => names,
  unknown: "Name one of them, or put the file into the folder of strategies of the host",
  unreadable: "Look at the folder of strategies of the host",
}
