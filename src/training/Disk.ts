/**
 * How training keeps files: readers, other processes and crashes see what was there before or what was written, never
 * a part of it, and what was accepted survives the power going.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Atomic from "../internal/atomicFiles.js"
import * as Durable from "../internal/durableFiles.js"
import { TrainingError } from "./TrainingError.js"

/** Reading fails with `StoreUnreadable`, every change with `StoreUnwritable`. */
export interface Disk
  extends Pick<
    Durable.DurableFiles<TrainingError>,
    "join" | "place" | "look" | "change" | "names" | "bytes" | "makeFolder" | "remove" | "sync"
  > {
  readonly exists: (file: string) => Effect.Effect<boolean, TrainingError>
  /** Writes and flushes a file that nobody reads under this name. */
  readonly create: (file: string, bytes: Uint8Array) => Effect.Effect<void, TrainingError>
  /** Writes a file that others may be reading: they see the old bytes or the new ones. */
  readonly replace: (file: string, bytes: Uint8Array) => Effect.Effect<void, TrainingError>
  /** Gives a folder its name; false, and nothing is changed, where there is something of that name. */
  readonly move: (from: string, to: string) => Effect.Effect<boolean, TrainingError>
  /** Removes what writers left in a folder that were killed. */
  readonly sweep: (folder: string) => Effect.Effect<void>
}

/** `directory` is what places are told relative to. */
export const make = Effect.fnUntraced(function* (
  directory: string,
): Effect.fn.Return<Disk, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const files = yield* Durable.make(directory, (fault) => new TrainingError(fault))
  const { change, look } = files

  return {
    ...files,
    exists: (file) => look(file, fs.exists(file)),
    create: (file, bytes) => change(file, Atomic.create(fs, file, bytes)),
    replace: (file, bytes) => change(file, Atomic.replace(fs, path, file, bytes)),
    move: (from, to) =>
      Effect.as(fs.rename(from, to), true).pipe(
        Effect.catchAll((error) =>
          Effect.flatMap(fs.exists(to), (there) => (there ? Effect.succeed(false) : Effect.fail(error))),
        ),
        (moved) => change(to, moved),
      ),
    sweep: (folder) => Atomic.sweep(fs, path, folder, longestWrite),
  }
})

// ---------------------------------------------------------------------------------------------------------

/** What is not finished and older belongs to nobody, in milliseconds. */
const longestWrite = 600_000
