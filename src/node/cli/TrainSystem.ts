/**
 * How a training is set up: on the bars that are kept, with the calendars that it is given.
 */
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as CandleSource from "../../data/CandleSource.js"
import type { DataError } from "../../data/DataError.js"
import * as Main from "../Main.js"
import { withCalendars } from "./Entry.js"

/** What another process has to know to go on with a training: the file of further calendars, by its absolute path. */
export const recorded = (calendar: string | undefined): Readonly<Record<string, string>> =>
  calendar === undefined ? {} : { calendar }

/** Runs the effect with the system that trains; with `plans` it is one that leaves nothing behind. */
export const using =
  (calendar: string | undefined, plans = false) =>
  <A, E, R>(
    effect: Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E | ConfigError | DataError, Exclude<R, Main.Trainings>> =>
    withCalendars(
      calendar,
      Effect.provide(
        effect,
        plans
          ? Main.layerModels
          : Main.layerTraining(CandleSource.layerOffline, { settings: recorded(calendar) }),
      ),
    )
