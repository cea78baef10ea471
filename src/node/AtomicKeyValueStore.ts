/**
 * A `KeyValueStore` of files, one for each key, whose writes are atomic: readers, other processes and crashes
 * see the old value or the new one, never a part. (The platform's own writes in place.)
 */
import * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Atomic from "../internal/atomicFiles.js"
import { isMissing } from "../internal/durableFiles.js"

/**
 * Values of a folder, which is made when the first one is written. A key is any text of 1 to 200 characters
 * once it is written as in a URL. A value is written to a temporary file, flushed and renamed; of two writers
 * the last wins. A file that is there but cannot be read is renamed to `NAME.damaged`, with a warning, and
 * counts as missing.
 */
export const make = (
  directory: string,
): Effect.Effect<KeyValueStore.KeyValueStore, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path

    const fileOf = (method: string, key: string): Effect.Effect<string, PlatformError.BadArgument> => {
      const name = nameOf(key)
      return name.length > 0 && name.length <= longestName
        ? Effect.succeed(path.join(directory, name))
        : Effect.fail(
            new PlatformError.BadArgument({
              module: "KeyValueStore",
              method,
              description: `Expected a key of 1 to ${longestName} characters, found ${name.length}`,
            }),
          )
    }

    const setAside = (file: string, cause: PlatformError.PlatformError) =>
      Effect.zipRight(
        fs.rename(file, file + damaged),
        Effect.logWarning(`${file} cannot be read: set aside as ${path.basename(file)}${damaged}`, cause),
      )

    const read = <A>(
      key: string,
      content: (file: string) => Effect.Effect<A, PlatformError.PlatformError>,
    ): Effect.Effect<Option.Option<A>, PlatformError.PlatformError> =>
      Effect.flatMap(fileOf("get", key), (file) =>
        Effect.catchAll(Effect.asSome(content(file)), (error) =>
          isMissing(error)
            ? Effect.succeedNone
            : isOfFile(error)
              ? Effect.as(setAside(file, error), Option.none<A>())
              : Effect.fail(error),
        ),
      )

    const write = (file: string, value: Uint8Array) =>
      Effect.gen(function* () {
        yield* fs.makeDirectory(directory, { recursive: true })
        yield* Atomic.sweep(fs, path, directory, longestWrite, `${path.basename(file)}.`)
        yield* Atomic.replace(fs, path, file, value)
      })

    const names = fs.readDirectory(directory).pipe(
      Effect.catchIf(isMissing, () => Effect.succeed([])),
      Effect.map((all) => all.filter((name) => !name.includes("."))),
    )

    return KeyValueStore.make({
      get: (key) => read(key, fs.readFileString),
      getUint8Array: (key) => read(key, fs.readFile),
      set: (key, value) =>
        Effect.flatMap(fileOf("set", key), (file) =>
          write(file, typeof value === "string" ? new TextEncoder().encode(value) : value),
        ),
      remove: (key) => Effect.flatMap(fileOf("remove", key), (file) => fs.remove(file, { force: true })),
      clear: Effect.flatMap(names, (all) =>
        Effect.forEach(all, (name) => fs.remove(path.join(directory, name), { force: true }), {
          discard: true,
        }),
      ),
      size: Effect.map(names, (all) => all.length),
    })
  })

export const layer = (
  directory: string,
): Layer.Layer<KeyValueStore.KeyValueStore, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(KeyValueStore.KeyValueStore, make(directory))

// ---------------------------------------------------------------------------------------------------------

/** File systems allow names of 255 bytes; what is appended takes some. */
const longestName = 200
/** A temporary file that is older belongs to nobody, in milliseconds. */
const longestWrite = 60_000
/** Names of keys hold no dot, so this is none. */
const damaged = ".damaged"

/** Empty where the key is no text that a URL could hold. */
const nameOf = (key: string): string => Option.getOrElse(encode(key), () => "").replace(/[.*]/g, escape)

const encode = Option.liftThrowable(encodeURIComponent)

const escape = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`

/** True for what trying again will not change: not for a machine that has no descriptor left. */
const isOfFile = (error: PlatformError.PlatformError): boolean =>
  error._tag === "SystemError" &&
  (error.reason === "PermissionDenied" || error.reason === "BadResource" || error.syscall === "read")
