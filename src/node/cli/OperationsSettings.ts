/**
 * How an operation is set up: as its options say, as the operation was that it goes on with, as the
 * environment says.
 */
import { resolve } from "node:path"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as CandleSource from "../../data/CandleSource.js"
import type * as IbPacing from "../../hosts/ib/IbPacing.js"
import { isTraining } from "../TrainingKind.js"
import * as LoadSource from "./LoadSource.js"
import * as TrainHost from "./TrainHost.js"
import * as TrainSystem from "./TrainSystem.js"

/** The options of a command that starts an operation. */
export interface Given {
  readonly host: string | undefined
  readonly pacing: IbPacing.Mode | undefined
  readonly calendar: string | undefined
}

/** The first that is there of what was given, what a record kept, and what the environment says. */
export const choose = (
  kind: string,
  given: Given,
  kept: Readonly<Record<string, string>> = {},
): Effect.Effect<LoadSource.Settings, ConfigError> =>
  Effect.gen(function* () {
    const { calendar, host, pacing } = kept
    return {
      host: isTraining(kind)
        ? yield* TrainHost.choose(given.host, kept)
        : (given.host ?? host ?? (yield* LoadSource.choose(undefined))),
      pacing: given.pacing ?? modeOf(pacing) ?? "adaptive",
      calendar: given.calendar === undefined ? calendar : resolve(given.calendar),
    }
  })

/** Of the settings, those that an operation of the kind goes by: what its record keeps. */
export const recorded = (kind: string, settings: LoadSource.Settings): Readonly<Record<string, string>> =>
  isTraining(kind) ? TrainSystem.recorded(settings) : LoadSource.recorded(settings)

/** The options by which a command is given the settings that a record kept, as far as there are any. */
export const words = (kept: Readonly<Record<string, string>>): ReadonlyArray<string> => {
  const { calendar, host, pacing } = kept
  return [
    ...(host === undefined ? TrainHost.words(kept) : []),
    ...(host === undefined || host === LoadSource.embedded ? [] : ["--host", host]),
    ...(pacing === undefined || pacing === "adaptive" ? [] : ["--pacing", pacing]),
    ...(calendar === undefined ? [] : ["--calendar", calendar]),
  ]
}

/** No source at all where nothing is loaded but what is kept; the host of the settings otherwise. */
export const sourceOf = (payload: unknown): LoadSource.Source | undefined => {
  const modes = modesOf(payload)
  return modes.length > 0 && modes.every((mode) => mode === "local") ? CandleSource.layerOffline : undefined
}

/** How many series a payload loads. */
export const seriesOf = (payload: unknown): number => modesOf(payload).length

// ---------------------------------------------------------------------------------------------------------

const modeOf = (text: string | undefined): IbPacing.Mode | undefined =>
  (["adaptive", "strict", "none"] as const).find((mode) => mode === text)

/** As far as a load's payload has to be known here; one that leaves its mode out has that of the default. */
const Modes = Schema.Union(
  Schema.Struct({ loads: Schema.Array(Schema.Struct({ mode: Schema.optional(Schema.String) })) }),
  Schema.Struct({ mode: Schema.optional(Schema.String) }),
)
const decodeModes = Schema.decodeUnknownOption(Modes)

const modesOf = (payload: unknown): ReadonlyArray<string | undefined> =>
  Option.match(decodeModes(payload), {
    onNone: () => [],
    onSome: (given) => ("loads" in given ? given.loads.map(({ mode }) => mode) : [given.mode]),
  })
