/**
 * Strategies that a user names: a file, or the name of one that the home or the package has.
 */
import { basename, join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DataError } from "../../data/DataError.js"
import * as StrategyFile from "../../training/StrategyFile.js"
import { TrainingError } from "../../training/TrainingError.js"
import * as Strategies from "../api/Strategies.js"
import * as Main from "../Main.js"
import * as Package from "../Package.js"
import * as GivenFile from "./GivenFile.js"

/** Folders in which a name is looked for, the first that has it counts: those of the home, and the examples. */
export const folders: Effect.Effect<ReadonlyArray<string>, ConfigError> = Effect.map(Main.home, (home) => [
  join(home, "strategies"),
  Package.strategies(),
])

/**
 * A strategy by its file, or by its name where it is no path: `trend_following`. Fails as `StrategyFile.parse` does,
 * with `NotFound`, telling the nearest name, and with `InvalidInput` for a file that cannot be read.
 */
export const read = (
  given: string,
): Effect.Effect<Strategies.Found, ConfigError | DataError | TrainingError> =>
  /[/\\]|\.ya?ml$/.test(given) ? fromFile(given) : fromFolders(given)

// ---------------------------------------------------------------------------------------------------------

/** The longest file that is read, in bytes. */
const mostBytes = 262_144

const fromFile = (file: string) =>
  Effect.gen(function* () {
    const pieces = yield* Stream.runCollect(GivenFile.bytes(file, mostBytes + 1)).pipe(
      Effect.mapError(GivenFile.fault("InvalidInput", file, "a strategy file to read")),
      Effect.provide(NodeFileSystem.layer),
    )
    const bytes = Buffer.concat([...pieces])
    const place = basename(file)
    if (bytes.length > mostBytes) {
      return yield* refused(place, `at most ${mostBytes / 1024} KiB of YAML`, "more")
    }
    const text = yield* Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
      catch: () => refused(place, "YAML as text in UTF-8", "something else, such as a binary file"),
    })
    return { ...(yield* StrategyFile.parse(place, text)), text }
  })

const fromFolders = (name: string) =>
  Effect.gen(function* () {
    const layer = Strategies.layer(yield* folders)
    return yield* Effect.flatMap(Strategies.Strategies, (strategies) => strategies.read(name)).pipe(
      Effect.provide(layer),
      Effect.mapError((error) => (error.reason === "NotFound" ? told(error) : error)),
    )
  })

/** In the words of the command line. */
const told = ({ expected, found, suggestion }: TrainingError): TrainingError =>
  new TrainingError({
    reason: "NotFound",
    place: "STRATEGY",
    expected: `a file such as ./mine.yaml, or ${expected}`,
    found,
    advice:
      suggestion === undefined ? "See what there is with strategies list" : `Did you mean ${suggestion}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  })

const refused = (place: string, expected: string, found: string): TrainingError =>
  new TrainingError({
    reason: "InvalidStrategy",
    place,
    expected,
    found,
    advice: "Name a strategy file",
  })
