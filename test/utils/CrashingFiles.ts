/**
 * The file system of a process that ends at a given moment: everything it would change from then on stays as
 * it is.
 */
import * as Error from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

export interface Crash {
  /** How many changes still happen. */
  left: number
  /** How the change after the last one ends: as a failure, or by interruption of the fiber that asks for it. */
  readonly by: "failure" | "interruption"
}

export const make = (fs: FileSystem.FileSystem, crash: Crash): FileSystem.FileSystem => {
  const gone = new Error.SystemError({
    module: "FileSystem",
    method: "any",
    reason: "Unknown",
    description: "the process is gone",
  })
  const change = <A, R>(
    effect: Effect.Effect<A, Error.PlatformError, R>,
  ): Effect.Effect<A, Error.PlatformError, R> =>
    Effect.suspend(() => {
      crash.left--
      if (crash.left >= 0) return effect
      return crash.by === "interruption" && crash.left === -1 ? Effect.interrupt : Effect.fail(gone)
    })
  return {
    ...fs,
    link: (from, to) => change(fs.link(from, to)),
    makeDirectory: (path, options) => change(fs.makeDirectory(path, options)),
    open: (path, options) => change(fs.open(path, options)),
    remove: (path, options) => change(fs.remove(path, options)),
    rename: (from, to) => change(fs.rename(from, to)),
    writeFileString: (path, text, options) => change(fs.writeFileString(path, text, options)),
  }
}
