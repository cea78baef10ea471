/**
 * Files of strategies, read in one way by whoever names one: the command line a file or a name, the API a name.
 */
import { readdir } from "node:fs/promises"
import * as NodePath from "node:path"
import type { PlatformError } from "@effect/platform/Error"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { nearest } from "../internal/nearest.js"
import { strategyNamePattern } from "../training/Strategy/Fields.js"
import * as StrategyFile from "../training/StrategyFile.js"
import { TrainingError } from "../training/TrainingError.js"
import * as GivenFile from "./GivenFile.js"
import * as Main from "./Main.js"
import * as Package from "./Package.js"

export interface Found extends StrategyFile.StrategyFile {
  /** The file as it was read. */
  readonly text: string
}

/** Folders in which a name is looked for, the first that has it counts: that of the home, and the examples. */
export const folders: Effect.Effect<ReadonlyArray<string>, ConfigError> = Effect.map(Main.home, (home) => [
  NodePath.join(home, "strategies"),
  Package.strategies(),
])

/**
 * The strategy of a file. Fails with `InvalidStrategy` where the file is too long, or no text in UTF-8; as
 * `StrategyFile.parse` does where it is no strategy; and where it cannot be read, with what the disk says.
 */
export const read = (file: string): Effect.Effect<Found, PlatformError | TrainingError> =>
  Effect.gen(function* () {
    const pieces = yield* Stream.runCollect(GivenFile.bytes(file, mostBytes + 1))
    const bytes = Buffer.concat([...pieces])
    const place = NodePath.basename(file)
    if (bytes.length > mostBytes) {
      return yield* refused(place, `at most ${mostBytes / 1024} KiB of YAML`, "more")
    }
    const text = yield* Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
      catch: () => refused(place, "YAML as text in UTF-8", "something else, such as a binary file"),
    })
    return { ...(yield* StrategyFile.parse(place, text)), text }
  }).pipe(Effect.provide(NodeFileSystem.layer))

/** What is said where a name is that of no strategy. */
export interface Words {
  /** What the name was given as: `strategy_name`. */
  readonly place: string
  /** What could have been given, from the names that there are. */
  readonly expected: (names: string) => string
  /** What to do where no name is near, and where a file cannot be read. */
  readonly unknown: string
  readonly unreadable: string
}

export interface Named {
  /** Of every strategy that there is, in the order of the alphabet. */
  readonly names: Effect.Effect<ReadonlyArray<string>, TrainingError>
  /**
   * Fails with `NotFound`, telling the nearest name and which there are; with `StoreUnreadable`; as `read` does for a
   * file that is no strategy.
   */
  readonly read: (name: string) => Effect.Effect<Found, TrainingError>
}

/**
 * The strategies of folders by their names: files `NAME.yaml`. Of two of one name that of the earlier folder counts.
 * A folder that is not there has none.
 */
export const named = (folders: ReadonlyArray<string>, words: Words): Named => {
  const names = Effect.map(
    Effect.forEach(folders, (folder) => namesIn(folder, words)),
    (lists) => [...new Set(lists.flat())].sort(),
  )
  return {
    names,
    read: Effect.fn("Strategies.read")(function* (name) {
      if (strategyNamePattern.test(name)) {
        for (const folder of folders) {
          const found = yield* inFolder(folder, `${name}${ending}`, words)
          if (Option.isSome(found)) return found.value
        }
      }
      return yield* unknown(name, yield* names, words)
    }),
  }
}

// ---------------------------------------------------------------------------------------------------------

/** The longest file that is read, in bytes: more than any strategy has. */
const mostBytes = 262_144

const ending = ".yaml"

const namesIn = (folder: string, words: Words): Effect.Effect<ReadonlyArray<string>, TrainingError> =>
  Effect.tryPromise(() => readdir(folder)).pipe(
    Effect.map((files) =>
      files
        .filter((file) => file.endsWith(ending))
        .map((file) => file.slice(0, -ending.length))
        .filter((name) => strategyNamePattern.test(name)),
    ),
    Effect.catchAll(({ error }) => {
      const code = Predicate.hasProperty(error, "code") ? String(error.code) : String(error)
      return code === "ENOENT" || code === "ENOTDIR"
        ? Effect.succeed([])
        : unreadable("folder of strategies", code, error, words)
    }),
  )

/** None where there is no such file. What is no file at all, such as a pipe, is not waited for. */
const inFolder = (
  folder: string,
  name: string,
  words: Words,
): Effect.Effect<Option.Option<Found>, TrainingError> => {
  const file = NodePath.join(folder, name)
  return Effect.gen(function* () {
    const size = yield* Effect.provide(GivenFile.size(file), NodeFileSystem.layer)
    if (size === undefined) return yield* unreadable(name, "what is no file", undefined, words)
    return Option.some(yield* read(file))
  }).pipe(
    Effect.catchTags({
      SystemError: (error) =>
        isAbsent(error)
          ? Effect.succeed(Option.none())
          : unreadable(name, GivenFile.found(error), error, words),
      BadArgument: (error) => unreadable(name, GivenFile.found(error), error, words),
    }),
  )
}

const isAbsent = ({ description, reason }: PlatformError & { readonly _tag: "SystemError" }): boolean =>
  reason === "NotFound" || /^ENOTDIR\b/.test(description ?? "")

const unreadable = (place: string, found: string, cause: unknown, { unreadable: advice }: Words) =>
  new TrainingError({
    reason: "StoreUnreadable",
    place,
    expected: "a file or folder that can be read",
    found,
    advice,
    ...(cause === undefined ? {} : { cause }),
  })

const refused = (place: string, expected: string, found: string): TrainingError =>
  new TrainingError({
    reason: "InvalidStrategy",
    place,
    expected,
    found,
    advice: "Name a strategy file",
  })

const unknown = (name: string, names: ReadonlyArray<string>, words: Words): TrainingError => {
  const suggestion = nearest(name.slice(0, 60), names)
  const known = names.length === 0 ? "none" : names.slice(0, shown).join(", ")
  const more = names.length > shown ? ` and ${names.length - shown} more` : ""
  return new TrainingError({
    reason: "NotFound",
    place: words.place,
    expected: words.expected(`the name of a strategy: ${known}${more}`),
    found: JSON.stringify(name.slice(0, 60)),
    advice: suggestion === undefined ? words.unknown : `Did you mean ${suggestion}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  })
}

/** So many names are told. */
const shown = 30
