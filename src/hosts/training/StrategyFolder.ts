/**
 * The port through which a host finds the strategy files that clients name.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { StrategyFile } from "../../training/StrategyFile.js"
import type { TrainingError } from "../../training/TrainingError.js"

export interface Found extends StrategyFile {
  /** The file as it was read. */
  readonly text: string
}

export interface Service {
  /**
   * The strategy of a name that leads out of no folder. Fails with `NotFound`, telling the nearest name; with
   * `StoreUnreadable`; as `StrategyFile.parse` does.
   */
  readonly read: (name: string) => Effect.Effect<Found, TrainingError>
}

export class StrategyFolder extends Context.Tag("ktrdr/hosts/training/StrategyFolder")<
  StrategyFolder,
  Service
>() {}
