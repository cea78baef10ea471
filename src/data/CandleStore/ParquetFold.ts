/**
 * Moves the journals of a series into its year files and its manifest.
 *
 * The new files are written beside the old ones first; then a manifest is announced that lists them, they are
 * renamed, the manifest takes its place, the journals go. A crash at any point leaves year files that one of
 * the two manifests vouches for, and journals that fold to the same files again.
 */
import * as Effect from "effect/Effect"
import type { Candles } from "../Candle.js"
import * as Candle from "../Candle.js"
import { type Identity, noDataAfter } from "../CandleStore.js"
import type { Series } from "../Series.js"
import * as TimeRange from "../TimeRange.js"
import * as Manifest from "./Manifest.js"
import type { Engine } from "./ParquetEngine.js"
import { type Files, temporary } from "./ParquetFiles.js"
import * as Folder from "./ParquetFolder.js"
import type { Record } from "./ParquetJournal.js"
import type { Lock } from "./ParquetLock.js"

export interface Options {
  readonly files: Files
  readonly engine: Engine
  readonly folder: string
  readonly series: Series
  readonly lock: Lock
  /** What the writer says of the series; otherwise the journal or the manifest does. */
  readonly identity?: Identity
}

/** Year files that are not what the manifest says are set aside with a warning, and the fold goes on. */
export const fold = Effect.fn("ParquetFold.fold")(function* (options: Options) {
  const { files, engine, folder, lock } = options
  yield* lock.check
  const contents = yield* Folder.scan(files, folder)
  for (const name of contents.unfinished) yield* files.remove(files.join(folder, name))
  const checked = yield* Folder.check(files, engine, contents)
  for (const name of [...contents.damaged, ...checked.broken]) yield* setAside(files, folder, name)
  for (const name of checked.gone) yield* warn(files, folder, name, "is gone; its bars can be loaded again")

  yield* vouch(options, contents, checked)

  const records = yield* Folder.records(files, contents)
  const entries = new Map(checked.sound.map((file) => [file.name, file]))
  const changed: Array<string> = []
  for (const [year, parts] of byYear(records)) {
    const name = `${year}.parquet`
    const old = entries.get(name)
    const stored = old === undefined ? Candle.empty : yield* engine.read([files.join(folder, name)])
    const entry = yield* writeYear(options, name, [stored, ...parts])
    if (entry.sha256 === old?.sha256) yield* files.remove(files.join(folder, name + temporary))
    else changed.push(name)
    entries.set(name, entry)
  }

  const base = contents.manifest ?? contents.next
  const identity = options.identity ?? Folder.identityOf(files, options.series, contents, records)
  const manifest = Manifest.encode({
    ...Manifest.fromIdentity(identity),
    noData: noDataOf(base?.noData ?? [], records),
    files: Array.from(entries.values()).sort((a, b) => a.first - b.first),
  })
  yield* Effect.uninterruptible(commit(options, contents, changed, manifest))
})

/** The bars that a record adds. */
export const barsOf = ({ range, candles }: Record): Candles =>
  range === undefined ? candles : Candle.within(candles, range)

/** Where there are no bars once the records are in. */
export const noDataOf = (
  known: ReadonlyArray<TimeRange.TimeRange>,
  records: ReadonlyArray<Record>,
): ReadonlyArray<TimeRange.TimeRange> =>
  records.reduce(
    (all, { range, noData, candles }) =>
      range === undefined ? all : noDataAfter(all, { range, noData, candles }),
    known,
  )

/** The union of parts by the merge law, later ones newer. */
export const mergeAll = (parts: ReadonlyArray<Candles>): Candles => {
  if (parts.length <= 1) return parts[0] ?? Candle.empty
  const middle = Math.ceil(parts.length / 2)
  return Candle.merge(mergeAll(parts.slice(0, middle)), mergeAll(parts.slice(middle)))
}

/** Makes one manifest of the two that a broken-off fold left, for the next one to announce its own. */
const vouch = Effect.fnUntraced(function* (
  { files, folder, lock }: Options,
  { manifest, next }: Folder.Contents,
  { sound }: Folder.Checked,
) {
  const base = manifest ?? next
  if (next === undefined || base === undefined) return
  yield* lock.check
  yield* files.replace(files.join(folder, Folder.manifestName), Manifest.encode({ ...base, files: sound }))
  yield* files.remove(files.join(folder, Folder.nextName))
})

/** Gives a file of the folder a name under which nobody takes it for good, and says so. */
const setAside = Effect.fnUntraced(function* (files: Files, folder: string, name: string) {
  const names = yield* files.names(folder)
  let number = 1
  while (names.includes(`${name}.damaged-${number}`)) number++
  yield* files.rename(files.join(folder, name), files.join(folder, `${name}.damaged-${number}`))
  yield* files.sync(folder)
  yield* warn(
    files,
    folder,
    name,
    `is damaged and was set aside as ${name}.damaged-${number}; its bars can be loaded again`,
  )
})

const warn = (files: Files, folder: string, name: string, what: string) =>
  Effect.logWarning(`${files.place(files.join(folder, name))} ${what}`)

/** Writes and flushes a year's file under its temporary name. */
const writeYear = Effect.fnUntraced(
  function* ({ files, engine, folder }: Options, name: string, parts: ReadonlyArray<Candles>) {
    const path = files.join(folder, name + temporary)
    const bounds = { rows: 0, first: 0, last: 0 }
    yield* engine.write(path, counted(merged(parts), bounds))
    yield* files.sync(path)
    const { sha256, bytes } = yield* Effect.flatten(files.hash(path))
    const entry: Manifest.File = { name, sha256, bytes, ...bounds }
    return entry
  },
  Effect.catchTag("NoSuchElementException", Effect.die),
)

const commit = Effect.fnUntraced(function* (
  { files, folder, lock }: Options,
  contents: Folder.Contents,
  changed: ReadonlyArray<string>,
  manifest: string,
) {
  const to = (name: string) => files.join(folder, name)
  yield* lock.check
  yield* files.replace(to(Folder.nextName), manifest)
  if (changed.length > 0) {
    for (const name of changed) yield* files.rename(to(name + temporary), to(name))
    yield* files.sync(folder)
    yield* lock.check
  }
  yield* files.rename(to(Folder.nextName), to(Folder.manifestName))
  yield* files.sync(folder)
  for (const name of contents.journals) yield* Effect.ignore(files.remove(to(name)))
})

// -----------------------------------------------------------------------------

/** How many bars are merged between two turns of the event loop, about. */
const windowRows = 8192

/** The bars of the records by UTC year of their start, in the order of the records. */
const byYear = (records: ReadonlyArray<Record>): ReadonlyMap<number, ReadonlyArray<Candles>> => {
  const years = new Map<number, Array<Candles>>()
  for (const record of records) {
    let rest = barsOf(record)
    while (Candle.size(rest) > 0) {
      const year = new Date(rest.start[0]!).getUTCFullYear()
      const count = Candle.lowerBound(rest.start, Date.UTC(year + 1, 0, 1))
      const parts = years.get(year) ?? []
      parts.push(Candle.slice(rest, 0, count))
      years.set(year, parts)
      rest = Candle.slice(rest, count, Candle.size(rest))
    }
  }
  return years
}

/** The union of the parts by the merge law, later parts newer, cut into windows of time. */
function* merged(parts: ReadonlyArray<Candles>): Iterable<Candles> {
  const filled = parts.filter((part) => Candle.size(part) > 0)
  const rows = filled.reduce((sum, part) => sum + Candle.size(part), 0)
  const first = filled.reduce((least, { start }) => Math.min(least, start[0]!), Number.POSITIVE_INFINITY)
  const end = filled.reduce((most, { start }) => Math.max(most, start.at(-1)! + 1), Number.NEGATIVE_INFINITY)
  const width = Math.ceil((end - first) / Math.max(1, Math.ceil(rows / windowRows)))
  for (let from = first; from < end; from += width) {
    const window = TimeRange.make(from, from + width)
    const inside = filled.map((part) => Candle.within(part, window)).filter((part) => Candle.size(part) > 0)
    if (inside.length > 0) yield mergeAll(inside)
  }
}

/** Passes the parts on and notes how many bars they have, and the first and last start. */
function* counted(
  parts: Iterable<Candles>,
  bounds: { rows: number; first: number; last: number },
): Iterable<Candles> {
  for (const part of parts) {
    if (bounds.rows === 0) bounds.first = part.start[0]!
    bounds.rows += Candle.size(part)
    bounds.last = part.start.at(-1)!
    yield part
  }
}
