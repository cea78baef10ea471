/**
 * Brings a series to the files that its bars alone determine, and says what that saved.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Compaction } from "../CandleStore.js"
import type { DataError } from "../DataError.js"
import type { Series } from "../Series.js"
import type { Engine } from "./ParquetEngine.js"
import type { Files } from "./ParquetFiles.js"
import * as Fold from "./ParquetFold.js"
import * as Folder from "./ParquetFolder.js"
import type { Lock } from "./ParquetLock.js"

export interface Options {
  readonly files: Files
  readonly engine: Engine
  readonly lock: Lock
}

/** Compacts what a folder holds of a series. */
export const compact = Effect.fn("ParquetCompact.compact")(function* (
  { files, engine, lock }: Options,
  series: Series,
  folder: string,
) {
  const sizeOf = Effect.gen(function* () {
    const sizes = yield* Effect.forEach(yield* files.names(folder), (name) =>
      files.size(files.join(folder, name)),
    )
    return sizes.reduce((sum, size) => sum + Option.getOrElse(size, () => 0), 0)
  })

  const before = yield* sizeOf
  const contents = yield* Folder.scan(files, folder)
  const bare = Folder.isEmpty(contents) && contents.unfinished.length === 0
  const { journals, removed, changed, aside } = bare
    ? { journals: [], removed: [], changed: [], aside: contents.aside }
    : yield* Fold.fold({ files, engine, folder, series, lock, rewrite: true })
  const compaction: Compaction = {
    series,
    place: files.place(folder),
    before,
    after: yield* sizeOf,
    folded: journals,
    removed,
    rewritten: changed,
    aside,
    failure: undefined,
  }
  return compaction
})

/** What is said of a series that was left as it is. */
export const failed = (series: Series, place: string, failure: DataError): Compaction => ({
  series,
  place,
  before: 0,
  after: 0,
  folded: [],
  removed: [],
  rewritten: [],
  aside: [],
  failure,
})
