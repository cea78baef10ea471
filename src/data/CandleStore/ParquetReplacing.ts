/**
 * Completes the replacement of a series that was decided on: `replacing` holds all files of the new series,
 * its manifest, and the original in a folder of its own. From the moment that it has this name, the series is
 * the new one; whatever is done here can be done again.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type Files, unfinished } from "./ParquetFiles.js"
import * as Folder from "./ParquetFolder.js"
import type { Lock } from "./ParquetLock.js"
import * as Manifest from "./ParquetManifest.js"

export interface Options {
  readonly files: Files
  readonly folder: string
  readonly lock: Lock
}

/**
 * False where a replacement was decided on and cannot be completed, for its manifest is damaged; does nothing
 * where none was.
 */
export const finish = Effect.fn("ParquetReplacing.finish")(function* (options: Options) {
  const { files, folder } = options
  const from = files.join(folder, Folder.replacingName)
  if ((yield* Folder.current(files, folder)) !== from) return true
  const path = files.join(from, Folder.manifestName)
  const text = Option.getOrElse(yield* files.text(path), () => "")
  const manifest = Manifest.decode(text)
  if (Either.isLeft(manifest)) {
    return manifest.left === "newer" ? yield* Folder.newer(files.place(path)) : false
  }
  yield* Effect.uninterruptible(move(options, from, text, manifest.right))
  return true
})

// -----------------------------------------------------------------------------

/** The new files are linked, not moved: until the end, readers find the whole series in `replacing`. */
const move = Effect.fnUntraced(function* (
  { files, folder, lock }: Options,
  from: string,
  text: string,
  manifest: Manifest.Manifest,
) {
  const to = (name: string) => files.join(folder, name)
  const part = (name: string) => to(unfinished(name, lock.token))
  yield* lock.check
  for (const name of yield* files.names(from)) {
    if (Folder.isOriginal(name)) yield* files.rename(files.join(from, name), to(name))
  }
  for (const { name } of manifest.files) yield* files.link(files.join(from, name), part(name))
  yield* files.write(part(Folder.manifestName), text)
  yield* lock.check
  for (const { name } of manifest.files) yield* files.rename(part(name), to(name))
  const { years, journals } = yield* Folder.scan(files, folder)
  const others = years.filter((year) => !manifest.files.some(({ name }) => name === year))
  for (const name of [...others, ...journals, Folder.nextName]) yield* files.remove(to(name))
  yield* files.sync(folder)
  yield* lock.check
  yield* files.rename(part(Folder.manifestName), to(Folder.manifestName))
  yield* files.sync(folder)
  yield* files.rename(from, part(Folder.replacingName))
  yield* files.sync(folder)
  yield* files.remove(part(Folder.replacingName))
})
