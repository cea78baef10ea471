/**
 * The strategies that a server trains by name: files of its folders, `NAME.yaml`.
 */
import { readdir, readFile, stat } from "node:fs/promises"
import * as NodePath from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import { nearest } from "../../internal/nearest.js"
import * as StrategyFile from "../../training/StrategyFile.js"
import { TrainingError } from "../../training/TrainingError.js"

/** What a strategy may be called: nothing that leads out of a folder. */
export const namePattern = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/

export interface Found extends StrategyFile.StrategyFile {
  /** The file as it was read. */
  readonly text: string
}

export interface Service {
  /** Of every strategy that there is, in the order of the alphabet. */
  readonly names: Effect.Effect<ReadonlyArray<string>, TrainingError>
  /**
   * Fails with `NotFound`, telling the nearest name and which there are; with `StoreUnreadable`; as
   * `StrategyFile.parse` does for a file that is no strategy.
   */
  readonly read: (name: string) => Effect.Effect<Found, TrainingError>
}

export class Strategies extends Context.Tag("ktrdr/node/api/Strategies")<Strategies, Service>() {}

/** Of two files of one name that of the earlier folder counts. A folder that is not there has none. */
export const layer = (folders: ReadonlyArray<string>): Layer.Layer<Strategies> =>
  Layer.succeed(Strategies, make(folders))

// ---------------------------------------------------------------------------------------------------------

/** The longest file that is read, in bytes: more than any strategy has. */
const maxBytes = 262_144

const ending = ".yaml"

const make = (folders: ReadonlyArray<string>): Service => {
  const names = Effect.map(Effect.forEach(folders, namesIn), (lists) => [...new Set(lists.flat())].sort())
  return {
    names,
    read: Effect.fn("Strategies.read")(function* (name) {
      if (namePattern.test(name)) {
        for (const folder of folders) {
          const file = NodePath.join(folder, `${name}${ending}`)
          const text = yield* textOf(file, name)
          if (text !== undefined) return { ...(yield* StrategyFile.parse(`${name}${ending}`, text)), text }
        }
      }
      return yield* unknown(name, yield* names)
    }),
  }
}

const namesIn = (folder: string): Effect.Effect<ReadonlyArray<string>, TrainingError> =>
  Effect.tryPromise(() => readdir(folder)).pipe(
    Effect.map((files) =>
      files
        .filter((file) => file.endsWith(ending))
        .map((file) => file.slice(0, -ending.length))
        .filter((name) => namePattern.test(name)),
    ),
    Effect.catchAll(({ error }) =>
      isAbsent(error) ? Effect.succeed([]) : Effect.fail(unreadable("folder of strategies", error)),
    ),
  )

/** None where there is no such file. */
const textOf = (file: string, name: string): Effect.Effect<string | undefined, TrainingError> =>
  Effect.tryPromise(async (signal) => {
    const found = await stat(file)
    if (!found.isFile()) throw new Error("what is no file")
    if (found.size > maxBytes) throw new Error(`a file of ${found.size} bytes`)
    return await readFile(file, { encoding: "utf8", signal })
  }).pipe(
    Effect.catchAll(({ error }) =>
      isAbsent(error) ? Effect.succeed(undefined) : Effect.fail(unreadable(`${name}${ending}`, error)),
    ),
  )

const isAbsent = (error: unknown): boolean => {
  const code = Predicate.hasProperty(error, "code") ? error.code : undefined
  return code === "ENOENT" || code === "ENOTDIR"
}

const unreadable = (place: string, error: unknown): TrainingError =>
  new TrainingError({
    reason: "StoreUnreadable",
    place,
    expected: `a file of at most ${maxBytes} bytes that can be read`,
    found: Predicate.hasProperty(error, "code")
      ? String(error.code)
      : error instanceof Error
        ? error.message
        : String(error),
    advice: "Look at the folder of strategies on the server",
    cause: error,
  })

const unknown = (name: string, names: ReadonlyArray<string>): TrainingError => {
  const suggestion = nearest(name.slice(0, 60), names)
  const known = names.length === 0 ? "none" : names.slice(0, shown).join(", ")
  const more = names.length > shown ? ` and ${names.length - shown} more` : ""
  return new TrainingError({
    reason: "NotFound",
    place: "strategy_name",
    expected: `the name of a strategy: ${known}${more}`,
    found: JSON.stringify(name.slice(0, 60)),
    advice:
      suggestion === undefined
        ? "Choose one, or put the file into the folder of strategies"
        : `Did you mean ${suggestion}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  })
}

/** So many names are told. */
const shown = 30
