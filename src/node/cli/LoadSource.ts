/**
 * Which source a command loads from.
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { CandleSource } from "../../data/CandleSource.js"
import type { DataError } from "../../data/DataError.js"
import type { HostError } from "../../HostError.js"
import * as IbPacing from "../../hosts/ib/IbPacing.js"
import type { TimeEstimator } from "../../TimeEstimator.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"

export type Source = Layer.Layer<CandleSource, DataError | HostError | ConfigError>

/** Stands for the host inside this process where the URL of one can be given. */
export const embedded = "embedded"

/** The given host, else what the environment says, else an embedded one. */
export const choose = (host: string | undefined): Effect.Effect<string, ConfigError> =>
  Effect.map(
    environment,
    ({ used, url }) => host ?? (used ? Option.getOrElse(url, () => embedded) : embedded),
  )

/** Bars of the host that was chosen; where that is an embedded one, `tell` says so, on standard error by default. */
export const make = (
  chosen: string,
  tell?: (text: string) => Effect.Effect<void>,
): Effect.Effect<Source, never, Output.Output> =>
  Effect.map(Output.Output, (output) => {
    const say = tell ?? ((text: string) => output.err(`${text}\n`))
    return chosen !== embedded
      ? Main.layerHost(chosen)
      : Main.layerEmbedded({
          seed: 1,
          onListen: (at) =>
            say(`No IB host given: an embedded one at ${at} serves SPX 1d as it was, all else simulated`),
        })
  })

/** How a load is set up, besides its payload: what another process has to know to go on with it. */
export interface Settings {
  /** As `choose` gives it. */
  readonly host: string
  readonly pacing: IbPacing.Mode
  /** The file of further calendars, by its absolute path. */
  readonly calendar?: string | undefined
}

/** The settings as a record keeps them. */
export const recorded = ({ calendar, ...settings }: Settings): Readonly<Record<string, string>> =>
  calendar === undefined ? settings : { ...settings, calendar }

/**
 * Runs the effect with the system that loads, from `source` where that is not the host of the settings. With
 * `plans` it is one that leaves nothing behind.
 */
export const withSystem =
  (settings: Settings, source?: Source, plans = false) =>
  <A, E, R>(
    effect: Effect.Effect<A, E, R>,
  ): Effect.Effect<
    A,
    E | DataError | HostError | ConfigError,
    Output.Output | Exclude<R, Main.Loads | TimeEstimator>
  > =>
    Effect.flatMap(source === undefined ? make(settings.host) : Effect.succeed(source), (from) =>
      Effect.provide(
        effect,
        plans ? Main.layerPlanning(from) : Main.layerSystem(from, { settings: recorded(settings) }),
      ),
    ).pipe(Effect.provideService(IbPacing.PacingMode, settings.pacing))

// ---------------------------------------------------------------------------------------------------------

/** Which host the environment names, and whether it is to be used. */
export const environment = Config.all({
  used: Config.boolean("USE_IB_HOST_SERVICE").pipe(
    Config.withDefault(true),
    Config.withDescription("false: leave IB_HOST_SERVICE_URL unused"),
  ),
  url: Config.option(Config.string("IB_HOST_SERVICE_URL")).pipe(
    Config.withDescription("The IB host to load from"),
  ),
})
