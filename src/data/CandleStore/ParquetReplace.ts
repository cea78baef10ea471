/**
 * Puts other bars in the place of all that a series holds.
 *
 * The new files and the original are gathered in a folder beside the old files first. Its renaming to
 * `replacing` decides: a crash before leaves the old series, a crash after it the new one, which the next who
 * may write completes and which others read where it is (see `ParquetReplacing`). The original stays in
 * `original-{n}`: its year files, its manifest, and `repair.json`, the record of what was changed.
 */
import * as Effect from "effect/Effect"
import type { Identity, Replacement } from "../CandleStore.js"
import { unfinished, unwritable } from "./ParquetFiles.js"
import * as Fold from "./ParquetFold.js"
import * as Folder from "./ParquetFolder.js"
import { orLost } from "./ParquetLock.js"
import * as Manifest from "./ParquetManifest.js"
import * as Replacing from "./ParquetReplacing.js"

/** The record of what was changed, beside the original. */
export const recordName = "repair.json"

export interface Options extends Fold.Options {
  readonly identity: Identity
  readonly replacement: Replacement
}

/** The series' journals must be folded. Returns where the original stays, as people see it. */
export const replace = Effect.fn("ParquetReplace.replace")(function* (options: Options) {
  const { files, folder, lock } = options
  const staging = files.join(folder, unfinished(Folder.replacingName, lock.token))
  const original = yield* originalName(options)
  yield* gather(options, staging, original).pipe(
    Effect.onError(() => Effect.ignore(files.remove(staging))),
    Effect.zipRight(lock.check),
    Effect.zipRight(Effect.uninterruptible(decide(options, staging))),
    orLost(lock),
  )
  return files.place(files.join(folder, original))
})

// -----------------------------------------------------------------------------

const originalName = Effect.fnUntraced(function* ({ files, folder }: Options) {
  const names = yield* files.names(folder)
  let number = 1
  while (names.includes(Folder.originalName(number))) number++
  return Folder.originalName(number)
})

/** Everything that the replaced series needs, flushed, under a name that nobody reads. */
const gather = Effect.fnUntraced(function* (options: Options, staging: string, original: string) {
  const { files, folder, lock, identity, replacement } = options
  const { candles, noData, record } = replacement
  const kept = files.join(staging, original)
  yield* lock.check
  yield* files.makeFolder(kept)
  const { manifest, years } = yield* Folder.scan(files, folder)
  for (const name of years) yield* files.link(files.join(folder, name), files.join(kept, name))
  if (manifest !== undefined) {
    yield* files.write(files.join(kept, Folder.manifestName), Manifest.encode(manifest))
  }
  yield* files.write(files.join(kept, recordName), record)
  yield* files.sync(kept)
  const entries: Array<Manifest.File> = []
  for (const { year, part } of Fold.cutByYear(candles)) {
    const name = `${year}.parquet`
    entries.push(yield* Fold.writeYear({ ...options, folder: staging }, name, [part]))
    yield* files.rename(files.join(staging, unfinished(name, lock.token)), files.join(staging, name))
  }
  const text = Manifest.encode({ ...Manifest.fromIdentity(identity), noData, files: entries })
  yield* files.write(files.join(staging, Folder.manifestName), text)
  yield* files.sync(staging)
})

const decide = Effect.fnUntraced(function* ({ files, folder, lock }: Options, staging: string) {
  yield* files.rename(staging, files.join(folder, Folder.replacingName))
  yield* files.sync(folder)
  if (yield* Replacing.finish({ files, folder, lock })) return
  return yield* unwritable(files.place(folder), "a manifest that is not the one written")
})
