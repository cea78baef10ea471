/**
 * How training keeps files: readers, other processes and crashes see what was there before or what was written, never
 * a part of it, and what was accepted survives the power going.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { TrainingError } from "./TrainingError.js"

/** Reading fails with `StoreUnreadable`, every change with `StoreUnwritable`. */
export interface Disk {
  readonly join: (...parts: ReadonlyArray<string>) => string
  /** A path as people see it, relative to the directory where it lies there. */
  readonly place: (file: string) => string
  /** Names in a folder, sorted; none where there is no such folder. */
  readonly names: (folder: string) => Effect.Effect<ReadonlyArray<string>, TrainingError>
  readonly exists: (file: string) => Effect.Effect<boolean, TrainingError>
  /** The bytes of a file, if there is such a file. */
  readonly bytes: (file: string) => Effect.Effect<Option.Option<Uint8Array>, TrainingError>
  /** Makes a folder that survives a crash, with those above it. */
  readonly makeFolder: (folder: string) => Effect.Effect<void, TrainingError>
  /** Writes and flushes a file that nobody reads under this name. */
  readonly create: (file: string, bytes: Uint8Array) => Effect.Effect<void, TrainingError>
  /** Writes a file that others may be reading: they see the old bytes or the new ones. */
  readonly replace: (file: string, bytes: Uint8Array) => Effect.Effect<void, TrainingError>
  /** Gives a folder its name; false, and nothing is changed, where there is something of that name. */
  readonly move: (from: string, to: string) => Effect.Effect<boolean, TrainingError>
  /** Removes a file, or a folder with all that is in it, if there is one. */
  readonly remove: (file: string) => Effect.Effect<void, TrainingError>
  /** Flushes a file, or the names in a folder. */
  readonly sync: (path: string) => Effect.Effect<void, TrainingError>
  /** The name of something until it is finished. */
  readonly unfinished: (name: string) => Effect.Effect<string>
  /** Removes what writers left in a folder that were killed. */
  readonly sweep: (folder: string) => Effect.Effect<void>
}

/** `directory` is what places are told relative to. */
export const make = Effect.fnUntraced(function* (
  directory: string,
): Effect.fn.Return<Disk, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const base = path.resolve(directory)

  const place = (file: string): string => {
    const relative = path.relative(base, path.resolve(file))
    return relative.startsWith("..") ? file : relative || "data directory"
  }

  const look = <A>(file: string, effect: Effect.Effect<A, PlatformError>) =>
    Effect.mapError(effect, (error) => unreadable(place(file), error))

  const change = <A, R>(file: string, effect: Effect.Effect<A, PlatformError, R>) =>
    Effect.mapError(effect, (error) => unwritable(place(file), error))

  const exists: Disk["exists"] = (file) => look(file, fs.exists(file))

  const sync: Disk["sync"] = (file) =>
    change(file, Effect.scoped(Effect.flatMap(fs.open(file, { flag: "r" }), (open) => open.sync)))

  const remove: Disk["remove"] = (file) => change(file, fs.remove(file, { force: true, recursive: true }))

  const makeFolder: Disk["makeFolder"] = Effect.fnUntraced(function* (folder) {
    if (yield* change(folder, fs.exists(folder))) return
    const parent = path.dirname(folder)
    if (parent !== folder) yield* makeFolder(parent)
    yield* change(
      folder,
      Effect.catchIf(fs.makeDirectory(folder), isPresent, () => Effect.void),
    )
    yield* sync(parent)
  })

  const written = (file: string, bytes: Uint8Array) =>
    Effect.scoped(
      Effect.flatMap(fs.open(file, { flag: "w" }), (open) =>
        Effect.zipRight(open.writeAll(bytes), open.sync),
      ),
    )

  return {
    join: path.join,
    place,
    names: (folder) =>
      fs.readDirectory(folder).pipe(
        Effect.map((all) => all.sort()),
        Effect.catchIf(isMissing, () => Effect.succeed([])),
        (all) => look(folder, all),
      ),
    exists,
    bytes: (file) =>
      Effect.asSome(fs.readFile(file)).pipe(
        Effect.catchIf(isMissing, () => Effect.succeedNone),
        (bytes) => look(file, bytes),
      ),
    makeFolder,
    create: (file, bytes) => change(file, written(file, bytes)),
    replace: Effect.fnUntraced(function* (file, bytes) {
      const own = yield* unfinished(file)
      yield* change(
        file,
        Effect.zipRight(written(own, bytes), fs.rename(own, file)).pipe(
          Effect.onError(() => Effect.ignore(fs.remove(own, { force: true }))),
        ),
      )
      yield* sync(path.dirname(file))
    }),
    move: (from, to) =>
      Effect.as(fs.rename(from, to), true).pipe(
        Effect.catchAll((error) =>
          Effect.flatMap(fs.exists(to), (there) => (there ? Effect.succeed(false) : Effect.fail(error))),
        ),
        (moved) => change(to, moved),
      ),
    remove,
    sync,
    unfinished,
    sweep: (folder) =>
      Effect.ignore(
        Effect.gen(function* () {
          const old = (yield* Clock.currentTimeMillis) - longestWrite
          for (const name of yield* fs.readDirectory(folder)) {
            if (!name.endsWith(temporary)) continue
            const { mtime } = yield* fs.stat(path.join(folder, name))
            if (Option.exists(mtime, (time) => time.getTime() < old)) yield* remove(path.join(folder, name))
          }
        }),
      ),
  }
})

// ---------------------------------------------------------------------------------------------------------

const temporary = ".tmp"

const unfinished: Disk["unfinished"] = (name) =>
  Effect.map(Random.nextIntBetween(0, 2 ** 31), (number) => `${name}.${number}${temporary}`)

/** What is not finished and older belongs to nobody, in milliseconds. */
const longestWrite = 600_000

const isMissing = (error: PlatformError): boolean =>
  "reason" in error && (error.reason === "NotFound" || error.description?.includes("ENOTDIR") === true)

const isPresent = (error: PlatformError): boolean => "reason" in error && error.reason === "AlreadyExists"

/** What to do about what the system said. */
const remedies: ReadonlyArray<readonly [RegExp, string]> = [
  [/ENOSPC|EDQUOT|EFBIG|no space left|quota/i, "Free space on the disk of the data directory"],
  [/EROFS|read-only/i, "Keep the data directory on a disk that can be written"],
  [/EACCES|EPERM|permission/i, "Give yourself permission to write to the data directory"],
]

const textOf = ({ description, message }: PlatformError): string => description ?? message

const unwritable = (place: string, cause: PlatformError): TrainingError => {
  const found = textOf(cause)
  return new TrainingError({
    reason: "StoreUnwritable",
    place,
    expected: "a place that can be written",
    found,
    advice: remedies.find(([pattern]) => pattern.test(found))?.[1] ?? "Check the disk of the data directory",
    cause,
  })
}

const unreadable = (place: string, cause: PlatformError): TrainingError =>
  new TrainingError({
    reason: "StoreUnreadable",
    place,
    expected: "a file or folder that can be read",
    found: textOf(cause),
    advice: "Check the permissions of the data directory and the state of its disk",
    cause,
  })
