/**
 * Reads series without waiting for anybody: a journal that was left over is folded first where the lock is
 * free, and merged in memory where it is not or where nothing can be written.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Candles } from "../Candle.js"
import * as Candle from "../Candle.js"
import type { Description } from "../CandleStore.js"
import { DataError } from "../DataError.js"
import * as Series from "../Series.js"
import * as Slices from "../Slices.js"
import type { TimeRange } from "../TimeRange.js"
import type { Engine } from "./ParquetEngine.js"
import type { Files } from "./ParquetFiles.js"
import { barsOf, noDataOf } from "./ParquetFold.js"
import * as Folder from "./ParquetFolder.js"
import * as Journal from "./ParquetJournal.js"
import * as Manifest from "./ParquetManifest.js"

export interface Reader {
  /** The folder that holds the series; fails when there are several. */
  readonly locate: (series: Series.Series) => Effect.Effect<string | undefined, DataError>
  readonly read: (series: Series.Series, range?: TimeRange) => Effect.Effect<Candles, DataError>
  readonly readStarts: (series: Series.Series) => Effect.Effect<Float64Array, DataError>
  readonly describe: (series: Series.Series) => Effect.Effect<Description | undefined, DataError>
}

/** A series as it stands: what its files hold, and what waits in journals. */
interface View {
  /** The folder of the series, and the one in it that is read: another one while the series is replaced. */
  readonly home: string
  readonly folder: string
  readonly stamp: string
  readonly manifest: Manifest.Manifest
  readonly records: ReadonlyArray<Journal.Record>
  readonly damage: Folder.Journalled["damage"]
  /** Files that are not what a manifest says, or gone, and cannot be set aside now. */
  readonly broken: ReadonlyArray<string>
}

export interface Options {
  readonly files: Files
  readonly engine: Engine
  /** Folds the series if nobody holds its lock and the store can be written; true when it did. */
  readonly tryFold: (series: Series.Series, folder: string) => Effect.Effect<boolean, DataError>
}

export const make = ({ files, engine, tryFold }: Options): Reader => {
  const locate = Effect.fnUntraced(function* (series: Series.Series) {
    const folders = yield* files.folders(series)
    return folders.length > 1 ? yield* ambiguous(series, folders.map(files.place)) : folders[0]
  })

  /** Differs from what it was when a fold has replaced a file since. */
  const stampOf = Effect.fnUntraced(function* (folder: string) {
    const manifests = yield* Effect.forEach([Folder.manifestName, Folder.nextName], (name) =>
      Effect.map(files.hash(files.join(folder, name)), (hash) => Option.getOrUndefined(hash)?.sha256),
    )
    const names = yield* files.names(folder)
    return [...manifests, ...Journal.among(names), names.includes(Folder.replacingName)].join(" ")
  })

  const view = Effect.fnUntraced(function* (series: Series.Series) {
    const home = yield* locate(series)
    if (home === undefined) return undefined
    let folder = home
    let stamp = yield* stampOf(folder)
    let contents = yield* Folder.scan(files, folder)
    if (Folder.isEmpty(contents)) return undefined
    if (!Folder.isSettled(contents) || contents.unfinished.length > 0) {
      yield* tryFold(series, folder)
      folder = yield* Folder.current(files, home)
      stamp = yield* stampOf(folder)
      contents = yield* Folder.scan(files, folder)
    }
    const { manifest, next } = contents
    if (manifest !== undefined && Folder.isSettled(contents)) {
      return { home, folder, stamp, manifest, records: [], damage: [], broken: [] }
    }
    const { records, damage } = yield* Folder.journalled(files, contents)
    const { sound, broken, gone } = yield* Folder.check(files, engine, contents)
    const identity = Folder.identityOf(files, series, contents, records)
    const noData = (manifest ?? next)?.noData ?? []
    const replaced = folder !== home ? [Folder.manifestName] : []
    return {
      home,
      folder,
      stamp,
      manifest: { ...Manifest.fromIdentity(identity), noData, files: sound },
      records,
      damage,
      broken: [...broken, ...gone, ...replaced],
    }
  })

  /**
   * Runs a read over the year files that are wanted. One that is not what the manifest says is being replaced
   * by somebody, or damaged: a fold sets it aside, and it is left out where there can be no fold.
   */
  const over = Effect.fnUntraced(function* <A>(
    series: Series.Series,
    wanted: (file: Manifest.File, view: View) => boolean,
    use: (paths: ReadonlyArray<string>, view: View) => Effect.Effect<A, DataError>,
    none: A,
  ) {
    for (let attempt = 1; ; attempt++) {
      const found: View | undefined = yield* view(series)
      if (found === undefined) return none
      const { folder, stamp, manifest } = found
      const chosen = manifest.files.filter((file) => wanted(file, found))
      const sound = yield* Effect.filter(chosen, (file) => isSound(folder, file))
      const unsound = chosen.filter((file) => !sound.includes(file)).map((file) => file.name)
      const broken = [...found.broken, ...unsound]
      if (broken.length > 0 && attempt < attempts) {
        if (!(yield* tryFold(series, found.home))) yield* Effect.sleep(pause)
        continue
      }
      for (const name of broken) {
        yield* Effect.logWarning(
          `${placeOf(folder, name)} is damaged or gone and is left out: the store cannot be repaired now`,
        )
      }
      for (const one of found.damage.filter(({ unfinished }) => !unfinished)) {
        yield* Effect.logWarning(`${placeOf(folder, one.name)} ${Folder.tellDamage(one)}, left out`)
      }
      const paths = sound.map(({ name }) => files.join(folder, name))
      const result = yield* Effect.either(use(paths, found))
      if (attempt === attempts || (yield* stampOf(folder)) === stamp) return yield* result
    }
  })

  const placeOf = (folder: string, name: string): string => files.place(files.join(folder, name))

  const isSound = (folder: string, { name, sha256 }: Manifest.File) =>
    Effect.map(files.hash(files.join(folder, name)), (hash) => Option.getOrUndefined(hash)?.sha256 === sha256)

  const read: Reader["read"] = (series, range) =>
    over(
      series,
      (file) => range === undefined || (file.first < range.end && file.last >= range.start),
      (paths, { records }) =>
        Effect.map(withRecords(engine.read(paths, range), records), (all) =>
          range === undefined ? all : Candle.within(all, range),
        ),
      Candle.empty,
    )

  const startsOf = (paths: ReadonlyArray<string>, { records }: View) =>
    records.length === 0
      ? engine.readStarts(paths)
      : Effect.map(withRecords(engine.read(paths), records), ({ start }) => start)

  const readStarts: Reader["readStarts"] = (series) => over(series, () => true, startsOf, new Float64Array(0))

  const describe: Reader["describe"] = (series) =>
    over<Description | undefined>(
      series,
      (_, { records }) => records.length > 0,
      Effect.fnUntraced(function* (paths, found) {
        const description = Manifest.describe(found.manifest)
        if (found.records.length === 0) return description
        const starts = yield* startsOf(paths, found)
        return {
          ...description,
          noData: noDataOf(description.noData, found.records),
          rows: starts.length,
          first: starts[0],
          newest: starts.at(-1),
        }
      }),
      undefined,
    )

  return { locate, read, readStarts, describe }
}

// -----------------------------------------------------------------------------

/** What the files hold, and over it what waits in journals: those are put together by themselves first. */
const withRecords = (
  stored: Effect.Effect<Candles, DataError>,
  records: ReadonlyArray<Journal.Record>,
): Effect.Effect<Candles, DataError> =>
  Effect.zipWith(stored, Slices.mergeAll(records.map(barsOf)), (older, newer) =>
    Slices.merge(older, newer),
  ).pipe(Effect.flatten)

/** A series that is always being replaced is read as it is found the last time. */
const attempts = 5
const pause = Duration.millis(20)

export const ambiguous = (series: Series.Series, places: ReadonlyArray<string>): DataError =>
  new DataError({
    reason: "StoreDamaged",
    place: Series.format(series),
    expected: "the series in one place",
    found: places.join(" and "),
    advice: "Move away the folder that is wrong",
  })
