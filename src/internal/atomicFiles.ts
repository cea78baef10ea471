/**
 * Files that are replaced as a whole: readers, other processes and crashes see what was there before or what was
 * written, never a part of it.
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"

/** The suffix of what is not finished. */
export const temporary = ".tmp"

/** The name of something until it is finished. */
export const unfinished = (name: string): Effect.Effect<string> =>
  Effect.map(Random.nextIntBetween(0, 2 ** 31), (number) => `${name}.${number}${temporary}`)

/** Writes and flushes a file that nobody reads under this name. */
export const create = (
  fs: FileSystem.FileSystem,
  file: string,
  bytes: Uint8Array,
): Effect.Effect<void, PlatformError> =>
  Effect.scoped(
    Effect.flatMap(fs.open(file, { flag: "wx" }), (open) => Effect.zipRight(open.writeAll(bytes), open.sync)),
  )

/** Flushes a file, or the names in a folder. */
export const sync = (fs: FileSystem.FileSystem, file: string): Effect.Effect<void, PlatformError> =>
  Effect.scoped(Effect.flatMap(fs.open(file, { flag: "r" }), (open) => open.sync))

/** Writes a file that others may be reading: they see the old bytes or the new ones. */
export const replace = (
  fs: FileSystem.FileSystem,
  path: Path.Path,
  file: string,
  bytes: Uint8Array,
): Effect.Effect<void, PlatformError> =>
  Effect.gen(function* () {
    const own = yield* unfinished(file)
    yield* Effect.zipRight(create(fs, own, bytes), fs.rename(own, file)).pipe(
      Effect.onError(() => Effect.ignore(fs.remove(own, { force: true }))),
    )
    yield* sync(fs, path.dirname(file))
  })

/**
 * Removes what writers left in a folder that were killed: what is not finished, begins with `prefix` and is older than
 * so many milliseconds, so that it belongs to nobody.
 */
export const sweep = (
  fs: FileSystem.FileSystem,
  path: Path.Path,
  folder: string,
  longestWrite: number,
  prefix = "",
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const old = (yield* Clock.currentTimeMillis) - longestWrite
    for (const name of yield* fs.readDirectory(folder)) {
      if (!name.startsWith(prefix) || !name.endsWith(temporary)) continue
      const { mtime } = yield* fs.stat(path.join(folder, name))
      if (Option.exists(mtime, (time) => time.getTime() < old)) {
        yield* fs.remove(path.join(folder, name), { force: true, recursive: true })
      }
    }
  }).pipe(Effect.ignore)
