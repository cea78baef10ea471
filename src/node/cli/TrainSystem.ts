/**
 * How a training is set up: on the bars that are kept, with the calendars that it is given, here or at a host.
 */
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as CandleSource from "../../data/CandleSource.js"
import type { DataError } from "../../data/DataError.js"
import type { HostError } from "../../HostError.js"
import type { Trainer } from "../../training/Trainer.js"
import * as Main from "../Main.js"
import { withCalendars } from "./Entry.js"
import * as TrainHost from "./TrainHost.js"

/** How a training is set up, besides its payload: what another process has to know to go on with it. */
export interface Settings {
  /** The file of further calendars, by its absolute path. */
  readonly calendar?: string | undefined
  /** As `TrainHost.choose` gives it. */
  readonly host: string
}

/** The settings as a record keeps them. */
export const recorded = ({ calendar, host }: Settings): Readonly<Record<string, string>> => ({
  ...(calendar === undefined ? {} : { calendar }),
  ...TrainHost.recorded(host),
})

/** The trainer of the settings. */
export const trainer = (host: string): Layer.Layer<Trainer, HostError | ConfigError> =>
  host === TrainHost.local ? Main.layerTrainer : Main.layerTrainerAt(host)

/** Runs the effect with the system that trains; with `plans` it is one that leaves nothing behind. */
export const using =
  (settings: Settings, plans = false) =>
  <A, E, R>(
    effect: Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E | ConfigError | DataError | HostError, Exclude<R, Main.Trainings>> =>
    withCalendars(
      settings.calendar,
      Effect.provide(
        effect,
        plans
          ? Main.layerModels
          : Main.layerTraining(
              CandleSource.layerOffline,
              { settings: recorded(settings) },
              trainer(settings.host),
            ),
      ),
    )
