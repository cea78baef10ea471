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
  /** A path as people see it, relative to the data directory where it lies there. */
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
  /** Writes and flushes a file of its own: one that nobody reads under this name. */
  readonly write: (file: string, text: string) => Effect.Effect<void, DataError>
  readonly rename: (from: string, to: string) => Effect.Effect<void, DataError>
  /** Gives a file a second name, under which it stays as it is when the first is replaced. */
  readonly link: (from: string, to: string) => Effect.Effect<void, DataError>
  /** Removes a file, or a folder with all that is in it, if there is one. */
  readonly remove: (file: string) => Effect.Effect<void, DataError>
  /** Flushes a file, or the names in a folder. */
  readonly sync: (path: string) => Effect.Effect<void, DataError>
  /** Size in bytes; none where there is no such file. */
  readonly size: (file: string) => Effect.Effect<Option.Option<number>, DataError>
  /** Hash and size; computed once for as long as the file does not change. None where there is no such file. */
  readonly hash: (file: string) => Effect.Effect<Option.Option<Hash>, DataError>
  /** The same, computed anew: what is on the disk may have changed under an unchanged name, size and date. */
  readonly rehash: (file: string) => Effect.Effect<Option.Option<Hash>, DataError>
}

export interface Hash {
  readonly sha256: string
  readonly bytes: number
}

/** The suffix of files that are not finished; the next writer removes those that a crash left. */
export const temporary = ".tmp"

/**
 * The name of a file until it is finished: one of its own for each owner of the series' lock, so that the
 * next owner, who removes what others left, takes from an earlier one all that it could still rename.
 */
export const unfinished = (name: string, token: number): string => `${name}.${token}${temporary}`

/** `1h`, `1h-extended` */
export const folderName = ({ timeframe, session }: Series): string =>
  session === "extended" ? `${timeframe}-extended` : timeframe

export const make = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const base = path.resolve(directory)
  const root = path.join(base, "candles")
  const hashes = new Map<string, Hash & { readonly version: string }>()

  const place = (file: string): string => {
    const relative = path.relative(base, file)
    return relative.startsWith("..") ? file : relative || "data directory"
  }

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

  const change = <A, R>(
    file: string,
    effect: Effect.Effect<A, PlatformError, R>,
  ): Effect.Effect<A, DataError, R> => Effect.catchAll(effect, (error) => unwritable(place(file), error))

  const sync: Files["sync"] = (file) =>
    change(file, Effect.scoped(Effect.flatMap(fs.open(file, { flag: "r" }), (open) => open.sync)))

  const makeFolder: Files["makeFolder"] = Effect.fnUntraced(function* (folder) {
    if (yield* change(folder, fs.exists(folder))) return
    const parent = path.dirname(folder)
    if (parent !== folder) yield* makeFolder(parent)
    yield* change(
      folder,
      Effect.catchIf(fs.makeDirectory(folder), isPresent, () => Effect.void),
    )
    yield* sync(parent)
  })

  const rename: Files["rename"] = (from, to) =>
    Effect.map(change(to, fs.rename(from, to)), () => {
      const known = hashes.get(from)
      hashes.delete(from)
      if (known !== undefined) hashes.set(to, known)
    })

  const write: Files["write"] = (file, content) =>
    Effect.zipRight(change(file, fs.writeFileString(file, content)), sync(file))

  const hash = Effect.fnUntraced(function* (file: string, anew: boolean) {
    const info = yield* fs.stat(file)
    const modified = Option.getOrUndefined(info.mtime)?.getTime()
    const version = [info.size, modified, Option.getOrUndefined(info.ino)].join(" ")
    const known = hashes.get(file)
    if (known?.version === version && !anew) return known
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
    write,
    rename,
    link: (from, to) => change(to, fs.link(from, to)),
    remove: (file) => change(file, fs.remove(file, { force: true, recursive: true })),
    sync,
    size: (file) =>
      ifThere(
        file,
        Effect.map(fs.stat(file), ({ size }) => Number(size)),
      ),
    hash: (file) => ifThere(file, hash(file, false)),
    rehash: (file) => ifThere(file, hash(file, true)),
  } satisfies Files
})

export const isMissing = (error: PlatformError): boolean =>
  "reason" in error && (error.reason === "NotFound" || error.description?.includes("ENOTDIR") === true)

export const isPresent = (error: PlatformError): boolean =>
  "reason" in error && error.reason === "AlreadyExists"

export const unwritable = (place: string, cause: unknown): DataError => {
  const found = textOf(cause)
  return new DataError({
    reason: "StoreUnwritable",
    place,
    expected: "a place that can be written",
    found,
    advice: remedies.find(([pattern]) => pattern.test(found))?.[1] ?? "Check the disk of the data directory",
    cause,
  })
}

// -----------------------------------------------------------------------------

/** One piece hashes in well under a millisecond. */
const hashBytes = 262_144

/** What to do about what the system said. */
const remedies: ReadonlyArray<readonly [RegExp, string]> = [
  [/ENOSPC|EDQUOT|EFBIG|no space left|quota/i, "Free space on the disk of the data directory"],
  [/EROFS|read-only/i, "Keep the data directory on a disk that can be written"],
  [/EACCES|EPERM|permission/i, "Give yourself permission to write to the data directory"],
]

/** What the system said, without the call that it was said to. */
const textOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "description" in cause && cause.description !== undefined
    ? String(cause.description)
    : cause instanceof Error
      ? cause.message
      : String(cause)

/** Nothing is known to be wrong with the file, so it is never set aside for this. */
const unreadable = (place: string, cause: PlatformError): DataError =>
  new DataError({
    reason: "StoreUnreadable",
    place,
    expected: "a file or folder that can be read",
    found: textOf(cause),
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
