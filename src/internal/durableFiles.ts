/**
 * Files under a directory, as every store needs them: places as people see them, errors that say what to do, folders
 * and names that survive the power going.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Atomic from "./atomicFiles.js"

/** What a store makes its own error of. */
export interface Fault {
  readonly reason: "StoreUnreadable" | "StoreUnwritable"
  readonly place: string
  readonly expected: string
  readonly found: string
  readonly advice: string
  readonly cause: unknown
}

/** Reading fails with `StoreUnreadable`, every change with `StoreUnwritable`. */
export interface DurableFiles<E> {
  readonly join: (...parts: ReadonlyArray<string>) => string
  /** A path as people see it, relative to the directory where it lies there. */
  readonly place: (file: string) => string
  /** Tells why something of the file could not be read, or changed. */
  readonly look: <A, R>(file: string, effect: Effect.Effect<A, PlatformError, R>) => Effect.Effect<A, E, R>
  readonly change: <A, R>(file: string, effect: Effect.Effect<A, PlatformError, R>) => Effect.Effect<A, E, R>
  /** What is read of a file, if there is such a file. */
  readonly ifThere: <A>(
    file: string,
    effect: Effect.Effect<A, PlatformError>,
  ) => Effect.Effect<Option.Option<A>, E>
  /** Names in a folder, sorted; none where there is no such folder. */
  readonly names: (folder: string) => Effect.Effect<ReadonlyArray<string>, E>
  /** The bytes of a file, if there is such a file. */
  readonly bytes: (file: string) => Effect.Effect<Option.Option<Uint8Array>, E>
  /** Makes a folder that survives a crash, with those above it. */
  readonly makeFolder: (folder: string) => Effect.Effect<void, E>
  /** Removes a file, or a folder with all that is in it, if there is one. */
  readonly remove: (file: string) => Effect.Effect<void, E>
  /** Flushes a file, or the names in a folder. */
  readonly sync: (path: string) => Effect.Effect<void, E>
}

/** `directory` is what places are told relative to. */
export const make = <E>(
  directory: string,
  failure: (fault: Fault) => E,
): Effect.Effect<DurableFiles<E>, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const base = path.resolve(directory)

    const place = (file: string): string => {
      const relative = path.relative(base, path.resolve(file))
      return relative.startsWith("..") ? file : relative || "data directory"
    }

    const look: DurableFiles<E>["look"] = (file, effect) =>
      Effect.mapError(effect, (cause) => failure(unreadable(place(file), cause)))

    const change: DurableFiles<E>["change"] = (file, effect) =>
      Effect.mapError(effect, (cause) => failure(unwritable(place(file), cause)))

    const ifThere: DurableFiles<E>["ifThere"] = (file, effect) =>
      Effect.asSome(effect).pipe(
        Effect.catchIf(isMissing, () => Effect.succeedNone),
        (read) => look(file, read),
      )

    const sync: DurableFiles<E>["sync"] = (file) => change(file, Atomic.sync(fs, file))

    const makeFolder: DurableFiles<E>["makeFolder"] = (folder) =>
      Effect.gen(function* () {
        if (yield* change(folder, fs.exists(folder))) return
        const parent = path.dirname(folder)
        if (parent !== folder) yield* makeFolder(parent)
        yield* change(
          folder,
          Effect.catchIf(fs.makeDirectory(folder), isPresent, () => Effect.void),
        )
        yield* sync(parent)
      })

    return {
      join: path.join,
      place,
      look,
      change,
      ifThere,
      names: (folder) =>
        fs.readDirectory(folder).pipe(
          Effect.map((all) => all.sort()),
          Effect.catchIf(isMissing, () => Effect.succeed([])),
          (all) => look(folder, all),
        ),
      bytes: (file) => ifThere(file, fs.readFile(file)),
      makeFolder,
      remove: (file) => change(file, fs.remove(file, { force: true, recursive: true })),
      sync,
    }
  })

export const isMissing = (error: PlatformError): boolean =>
  "reason" in error && (error.reason === "NotFound" || error.description?.includes("ENOTDIR") === true)

export const isPresent = (error: PlatformError): boolean =>
  "reason" in error && error.reason === "AlreadyExists"

/** What to tell of a place that cannot be written, and what to do about what the system said. */
export const unwritable = (place: string, cause: unknown): Fault => {
  const found = textOf(cause)
  return {
    reason: "StoreUnwritable",
    place,
    expected: "a place that can be written",
    found,
    advice: remedies.find(([pattern]) => pattern.test(found))?.[1] ?? "Check the disk of the data directory",
    cause,
  }
}

// ---------------------------------------------------------------------------------------------------------

const remedies: ReadonlyArray<readonly [RegExp, string]> = [
  [/ENOSPC|EDQUOT|EFBIG|no space left|quota/i, "Free space on the disk of the data directory"],
  [/EROFS|read-only/i, "Keep the data directory on a disk that can be written"],
  [/EACCES|EPERM|permission/i, "Give yourself permission to write to the data directory"],
]

/** What the system said, without the call that it was said to. */
const textOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "description" in cause && cause.description !== undefined
    ? String(cause.description)
    : cause instanceof Error
      ? cause.message
      : String(cause)

/** Nothing is known to be wrong with the file, so it is never set aside for this. */
const unreadable = (place: string, cause: PlatformError): Fault => ({
  reason: "StoreUnreadable",
  place,
  expected: "a file or folder that can be read",
  found: textOf(cause),
  advice: "Check the permissions of the data directory and the state of its disk",
  cause,
})
