/**
 * The files of the store: where they are, how they are replaced without a moment in which a reader or a
 * crash could see a part of one, and what their content hashes to.
 */
import { createHash } from "node:crypto"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { temporary } from "../../internal/atomicFiles.js"
import * as Durable from "../../internal/durableFiles.js"
import type { Identity } from "../CandleStore.js"
import { DataError } from "../DataError.js"
import type { Series } from "../Series.js"

export interface Files
  extends Pick<
    Durable.DurableFiles<DataError>,
    "join" | "place" | "names" | "bytes" | "makeFolder" | "remove" | "sync"
  > {
  /** Absolute path of the folder of all series. */
  readonly root: string
  /** Absolute path of the folder of lock files. */
  readonly locks: string
  /** The folder a series is to be kept in; refused when it would lie outside the store. */
  readonly folderFor: (identity: Pick<Identity, "series" | "instrument">) => Effect.Effect<string, DataError>
  /** The folders that hold the series now, one for each venue it is kept under. */
  readonly folders: (series: Series) => Effect.Effect<ReadonlyArray<string>, DataError>
  /** The text of a file, if there is such a file. */
  readonly text: (file: string) => Effect.Effect<Option.Option<string>, DataError>
  /** Writes and flushes a file of its own: one that nobody reads under this name. */
  readonly write: (file: string, text: string) => Effect.Effect<void, DataError>
  readonly rename: (from: string, to: string) => Effect.Effect<void, DataError>
  /** Gives a file a second name, under which it stays as it is when the first is replaced. */
  readonly link: (from: string, to: string) => Effect.Effect<void, DataError>
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
  const files = yield* Durable.make(directory, (fault) => new DataError(fault))
  const { change, ifThere, names, sync } = files
  const root = path.join(path.resolve(directory), "candles")
  const hashes = new Map<string, Hash & { readonly version: string }>()

  const folderFor: Files["folderFor"] = ({ series, instrument }) => {
    const folder = path.join(root, instrument.venue, series.symbol, folderName(series))
    return path.relative(root, folder).split(path.sep).length === 3 && folder.startsWith(root + path.sep)
      ? Effect.succeed(folder)
      : Effect.fail(outside(folder))
  }

  const folders: Files["folders"] = Effect.fnUntraced(function* (series) {
    const venues = (yield* names(root)).filter((name) => !name.startsWith("."))
    const all = venues.map((venue) => path.join(root, venue, series.symbol, folderName(series)))
    return yield* Effect.filter(all, (folder) => Effect.map(names(folder), (inside) => inside.length > 0))
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
    ...files,
    root,
    locks: path.join(root, ".locks"),
    folderFor,
    folders,
    text: (file) => ifThere(file, fs.readFileString(file)),
    write,
    rename,
    link: (from, to) => change(to, fs.link(from, to)),
    size: (file) =>
      ifThere(
        file,
        Effect.map(fs.stat(file), ({ size }) => Number(size)),
      ),
    hash: (file) => ifThere(file, hash(file, false)),
    rehash: (file) => ifThere(file, hash(file, true)),
  } satisfies Files
})

export const unwritable = (place: string, cause: unknown): DataError =>
  new DataError(Durable.unwritable(place, cause))

// -----------------------------------------------------------------------------

/** One piece hashes in well under a millisecond. */
const hashBytes = 262_144

const outside = (folder: string): DataError =>
  new DataError({
    reason: "InvalidInput",
    place: folder,
    expected: "a venue, a symbol and a timeframe that name one folder each",
    found: "a path that leaves the store",
    advice: "Give a symbol and a venue of letters and digits",
  })
