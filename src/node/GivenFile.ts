/**
 * Files that a user names: of a disk, or what can be read but once, such as a pipe.
 */
import * as Fs from "node:fs"
import { type PlatformError, SystemError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { DataError, type Reason } from "../data/DataError.js"

/** The size in bytes of a file that can be read from any place and again; none of a pipe or a device. */
export const size = (file: string): Effect.Effect<number | undefined, PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const info = yield* fs.stat(file)
    if (info.type === "Directory") return yield* new SystemError({ ...at(file), reason: "BadResource" })
    return info.type === "File" ? Number(info.size) : undefined
  })

/** The bytes of the file, up to `most` of them where that is given. */
export const bytes = (
  file: string,
  most = Number.POSITIVE_INFINITY,
): Stream.Stream<Uint8Array, PlatformError, FileSystem.FileSystem> =>
  Stream.unwrap(
    Effect.gen(function* () {
      if ((yield* size(file)) !== undefined) {
        const fs = yield* FileSystem.FileSystem
        return fs.stream(file, most === Number.POSITIVE_INFINITY ? {} : { bytesToRead: most })
      }
      return NodeStream.fromReadable<PlatformError, Uint8Array>(
        () => Fs.createReadStream(file, { end: most - 1 }),
        (cause) => new SystemError({ ...at(file), reason: "Unknown", description: String(cause), cause }),
      )
    }),
  )

/** What is wrong with a file that was named, and could not be read or written. */
export const fault =
  (reason: Reason, file: string, expected: string) =>
  (cause: PlatformError): DataError =>
    new DataError({ reason, place: file, expected, found: found(cause), advice: advice(cause), cause })

/** In a word or a few, what the disk says of a file. */
export const found = (cause: PlatformError): string => {
  if (cause._tag === "BadArgument") return cause.message
  if (cause.reason === "BadResource") return "a folder"
  return cause.reason === "Unknown" ? (cause.description ?? cause.reason) : cause.reason
}

// ---------------------------------------------------------------------------------------------------------

const at = (file: string) => ({ module: "FileSystem", method: "stream", pathOrDescriptor: file }) as const

const advice = (cause: PlatformError): string => {
  if (cause._tag === "SystemError" && cause.reason === "BadResource") return "Name a file in it"
  return /^(ENOSPC|EDQUOT)\b/.test(found(cause))
    ? "Free space on its disk, or name a file on another"
    : "Check the file's name and permissions"
}
