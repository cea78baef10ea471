/**
 * Where a command trains: in this process, or at a training host.
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Stands for this process where the URL of a host can be given. */
export const local = "local"

/** What was given, else what a record kept, else what the environment says, else this process. */
export const choose = (
  given: string | undefined,
  kept: Readonly<Record<string, string>> = {},
): Effect.Effect<string, ConfigError> =>
  Effect.gen(function* () {
    const before = given ?? kept[setting]
    if (before !== undefined) return before
    const { used, url } = yield* environment
    if (!used) return local
    return Option.isSome(url) ? url.value : yield* usual
  })

/** As records keep it. */
export const recorded = (chosen: string): Readonly<Record<string, string>> => ({ [setting]: chosen })

/** The options by which a command is given what a record kept. */
export const words = (kept: Readonly<Record<string, string>>): ReadonlyArray<string> => {
  const before = kept[setting]
  return before === undefined || before === local ? [] : ["--host", before]
}

// ---------------------------------------------------------------------------------------------------------

const setting = "training_host"

const environment = Config.all({
  used: Config.boolean("USE_TRAINING_HOST_SERVICE").pipe(
    Config.withDefault(false),
    Config.withDescription("true: train at the host of TRAINING_HOST_SERVICE_URL"),
  ),
  url: Config.option(Config.string("TRAINING_HOST_SERVICE_URL")).pipe(
    Config.withDescription("The training host; several URLs by commas"),
  ),
})

const usual = Effect.map(
  Effect.promise(() => import("../../hosts/training/RemoteTrainer.js")),
  ({ defaultUrl }) => defaultUrl,
)
