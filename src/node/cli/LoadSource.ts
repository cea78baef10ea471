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
import * as Main from "../Main.js"
import * as Output from "../Output.js"

export type Source = Layer.Layer<CandleSource, DataError | HostError | ConfigError>

/** The given host, else what the environment says, else an embedded host. */
export const make = (host: string | undefined): Effect.Effect<Source, ConfigError, Output.Output> =>
  Effect.gen(function* () {
    const { used, url } = yield* environment
    const chosen = host ?? (used ? Option.getOrUndefined(url) : undefined)
    if (chosen !== undefined) return Main.layerHost(chosen)
    const output = yield* Output.Output
    const onListen = (at: string) =>
      output.err(`No IB host given: an embedded one at ${at} serves SPX 1d as it was, all else simulated\n`)
    return Main.layerEmbedded({ seed: 1, onListen })
  })

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
