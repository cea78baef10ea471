/**
 * Strategies that a user names: a file, or the name of one that the home or the package has.
 */
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type { DataError } from "../../data/DataError.js"
import type { TrainingError } from "../../training/TrainingError.js"
import * as GivenFile from "../GivenFile.js"
import * as Strategies from "../Strategies.js"

/** Those that can be named: of the home, and the examples. */
export const named: Effect.Effect<Strategies.Named, ConfigError> = Effect.map(Strategies.folders, (folders) =>
  Strategies.named(folders, {
    place: "STRATEGY",
    expected: (names) => `a file such as ./mine.yaml, or ${names}`,
    unknown: "See what there is with strategies list",
    unreadable: "Look at the folder of strategies, and at who may read it",
  }),
)

/**
 * A strategy by its file, or by its name where it is no path: `trend_following`. Fails as `StrategyFile.parse` does,
 * with `NotFound`, telling the nearest name, and with `InvalidInput` for a file that cannot be read.
 */
export const read = (
  given: string,
): Effect.Effect<Strategies.Found, ConfigError | DataError | TrainingError> =>
  /[/\\]|\.ya?ml$/.test(given) ? ofFile(given) : Effect.flatMap(named, (strategies) => strategies.read(given))

/** The strategy of the file at a path. */
export const ofFile = (file: string): Effect.Effect<Strategies.Found, DataError | TrainingError> => {
  const fault = GivenFile.fault("InvalidInput", file, "a strategy file to read")
  return Effect.catchTags(Strategies.read(file), {
    SystemError: (error) => fault(error),
    BadArgument: (error) => fault(error),
  })
}
