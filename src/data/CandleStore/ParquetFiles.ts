/**
 * The files of the store: where they are, how they are replaced without a moment in which a reader or a
 * crash could see a part of one, and what their content hashes to.
 */
import { createHash } from "node:crypto"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Identity } from "../CandleStore.js"
import { DataError } from "../DataError.js"
import type { Series } from "../Series.js"

export interface Files {
  /** Absolute path of the folder of all series. */
  readonly root: string
  /** Absolute path of the folder of lock files. */
  readonly locks: string
  readonly join: (...parts: ReadonlyArray<string>) => string
  /** A path as people see it, relative to the data directory. */
  readonly place: (file: string) => string
  /** The folder a series is to be kept in; refused when it would lie outside the store. */
  readonly folderFor: (identity: Pick<Identity, "series" | "instrument">) => Effect.Effect<string, DataError>
  /** The folders that hold the series now, one for each venue it is kept under. */
  readonly folders: (series: Series) => Effect.Effect<ReadonlyArray<string>, DataError>
  /** Names in a folder, sorted; none where there is no such folder. */
  readonly names: (folder: string) => Effect.Effect<ReadonlyArray<string>, DataError>
  /** The text of a file, if there is such a file. */
  readonly text: (file: string) => Effect.Effect<Option.Option<string>, DataError>
  /** The bytes of a file, if there is such a file. */
  readonly bytes: (file: string) => Effect.Effect<Option.Option<Uint8Array>, DataError>
  /** Makes a folder that survives a crash, with those above it. */
  readonly makeFolder: (folder: string) => Effect.Effect<void, DataError>
  /** Writes a text to a temporary file beside `file`, flushes it, renames it, flushes the folder. */
  readonly replace: (file: string, text: string) => Effect.Effect<void, DataError>
  readonly rename: (from: string, to: string) => Effect.Effect<void, DataError>
  readonly remove: (file: string) => Effect.Effect<void, DataError>
  /** Flushes a file, or the names in a folder. */
  readonly sync: (path: string) => Effect.Effect<void, DataError>
  /** Hash and size; computed once for as long as the file does not change. None where there is no such file. */
  readonly hash: (file: string) => Effect.Effect<Option.Option<Hash>, DataError>
}

export interface Hash {
  readonly sha256: string
  readonly bytes: number
}

/** The suffix of files that are not finished; the next writer removes those that a crash left. */
export const temporary = ".tmp"

/** `1h`, `1h-extended` */
export const folderName = ({ timeframe, session }: Series): string =>
  session === "extended" ? `${timeframe}-extended` : timeframe

export const make = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const base = path.resolve(directory)
  const root = path.join(base, "candles")
  const hashes = new Map<string, Hash & { readonly version: string }>()

  const place = (file: string): string => path.relative(base, file) || "."

  const folderFor: Files["folderFor"] = ({ series, instrument }) => {
    const folder = path.join(root, instrument.venue, series.symbol, folderName(series))
    return path.relative(root, folder).split(path.sep).length === 3 && folder.startsWith(root + path.sep)
      ? Effect.succeed(folder)
      : Effect.fail(outside(folder))
  }

  const names: Files["names"] = (folder) =>
    fs.readDirectory(folder).pipe(
      Effect.map((all) => all.sort()),
      Effect.catchAll((error) => (isMissing(error) ? Effect.succeed([]) : unreadable(place(folder), error))),
    )

  const folders: Files["folders"] = Effect.fnUntraced(function* (series) {
    const venues = (yield* names(root)).filter((name) => !name.startsWith("."))
    const all = venues.map((venue) => path.join(root, venue, series.symbol, folderName(series)))
    return yield* Effect.filter(all, (folder) => Effect.map(names(folder), (inside) => inside.length > 0))
  })

  const ifThere = <A>(file: string, effect: Effect.Effect<A, PlatformError>) =>
    effect.pipe(
      Effect.asSome,
      Effect.catchAll((error) => (isMissing(error) ? Effect.succeedNone : unreadable(place(file), error))),
    )

  const write = <A, R>(
    file: string,
    effect: Effect.Effect<A, PlatformError, R>,
  ): Effect.Effect<A, DataError, R> => Effect.catchAll(effect, (error) => unwritable(place(file), error))

  const sync: Files["sync"] = (file) =>
    write(file, Effect.scoped(Effect.flatMap(fs.open(file, { flag: "r" }), (open) => open.sync)))

  const makeFolder: Files["makeFolder"] = Effect.fnUntraced(function* (folder) {
    if (yield* write(folder, fs.exists(folder))) return
    const parent = path.dirname(folder)
    if (parent !== folder) yield* makeFolder(parent)
    yield* write(
      folder,
      Effect.catchIf(fs.makeDirectory(folder), isPresent, () => Effect.void),
    )
    yield* sync(parent)
  })

  const rename: Files["rename"] = (from, to) =>
    Effect.map(write(to, fs.rename(from, to)), () => {
      const known = hashes.get(from)
      hashes.delete(from)
      if (known !== undefined) hashes.set(to, known)
    })

  const replace: Files["replace"] = Effect.fnUntraced(function* (file, content) {
    const unfinished = file + temporary
    yield* write(file, fs.writeFileString(unfinished, content))
    yield* sync(unfinished)
    yield* rename(unfinished, file)
    yield* sync(path.dirname(file))
  })

  const hash = Effect.fnUntraced(function* (file: string) {
    const info = yield* fs.stat(file)
    const modified = Option.getOrUndefined(info.mtime)?.getTime()
    const version = [info.size, modified, Option.getOrUndefined(info.ino)].join(" ")
    const known = hashes.get(file)
    if (known?.version === version) return known
    const digest = createHash("sha256")
    yield* Stream.runForEach(fs.stream(file, { chunkSize: hashBytes }), (chunk) =>
      Effect.sync(() => void digest.update(chunk)),
    )
    const found = { sha256: digest.digest("hex"), bytes: Number(info.size), version }
    hashes.set(file, found)
    return found
  })

  return {
    root,
    locks: path.join(root, ".locks"),
    join: path.join,
    place,
    folderFor,
    folders,
    names,
    text: (file) => ifThere(file, fs.readFileString(file)),
    bytes: (file) => ifThere(file, fs.readFile(file)),
    makeFolder,
    replace,
    rename,
    remove: (file) => write(file, fs.remove(file, { force: true })),
    sync,
    hash: (file) => ifThere(file, hash(file)),
  } satisfies Files
})

export const isMissing = (error: PlatformError): boolean =>
  "reason" in error && (error.reason === "NotFound" || error.description?.includes("ENOTDIR") === true)

export const isPresent = (error: PlatformError): boolean =>
  "reason" in error && error.reason === "AlreadyExists"

export const unwritable = (place: string, cause: unknown): DataError =>
  new DataError({
    reason: "StoreUnwritable",
    place,
    expected: "a place that can be written",
    found: cause instanceof Error ? cause.message : String(cause),
    advice: "Check the permissions of the data directory and the free space of its disk",
    cause,
  })

// -----------------------------------------------------------------------------

/** One piece hashes in well under a millisecond. */
const hashBytes = 262_144

const unreadable = (place: string, cause: PlatformError): DataError =>
  new DataError({
    reason: "StoreDamaged",
    place,
    expected: "a file or folder that can be read",
    found: cause.message,
    advice: "Check the permissions of the data directory and the state of its disk",
    cause,
  })

const outside = (folder: string): DataError =>
  new DataError({
    reason: "InvalidInput",
    place: folder,
    expected: "a venue, a symbol and a timeframe that name one folder each",
    found: "a path that leaves the store",
    advice: "Give a symbol and a venue of letters and digits",
  })
