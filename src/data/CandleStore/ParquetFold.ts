/**
 * Moves the journals of a series into its year files and its manifest.
 *
 * The new files are written beside the old ones first; then a manifest is announced that lists them, they are
 * renamed, the manifest takes its place, the journals go. A crash at any point leaves year files that one of
 * the two manifests vouches for, and journals that fold to the same files again.
 *
 * An owner of the lock that was suspended and lost it changes nothing: all that it renames was written under
 * names of its own before it last made sure of the lock, and whoever takes the lock over removes that first.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { temporary } from "../../internal/atomicFiles.js"
import type { Candles } from "../Candle.js"
import * as Candle from "../Candle.js"
import { type Batch, clip, type Identity } from "../CandleStore.js"
import type { Series } from "../Series.js"
import * as TimeRange from "../TimeRange.js"
import type { Engine } from "./ParquetEngine.js"
import { type Files, unfinished, unwritable } from "./ParquetFiles.js"
import * as Folder from "./ParquetFolder.js"
import type { Record } from "./ParquetJournal.js"
import { type Lock, orLost } from "./ParquetLock.js"
import * as Manifest from "./ParquetManifest.js"
import * as Replacing from "./ParquetReplacing.js"

export interface Options {
  readonly files: Files
  readonly engine: Engine
  readonly folder: string
  readonly series: Series
  readonly lock: Lock
  /** What the writer says of the series; otherwise the journal or the manifest does. */
  readonly identity?: Identity
}

/** What a fold did, by the names of files in the series' folder. */
export interface Folded {
  /** Journals that are in the year files now. */
  readonly journals: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
  /** Year files that are not the bytes they were, or new. */
  readonly changed: ReadonlyArray<string>
  /** Damaged files that were set aside, now or before. */
  readonly aside: ReadonlyArray<string>
}

/**
 * Year files that are not what the manifest says are set aside with a warning, and the fold goes on. With
 * `rewrite`, every year is written anew and replaced where its bytes are not those that this version writes.
 */
export const fold = Effect.fn("ParquetFold.fold")(function* (
  options: Options & { readonly rewrite?: boolean },
) {
  const { lock } = options
  return yield* Effect.onError(foldFiles(options), () => Effect.ignore(removeOwn(options))).pipe(orLost(lock))
})

const foldFiles = Effect.fnUntraced(function* (options: Options & { readonly rewrite?: boolean }) {
  const { files, engine, folder, lock } = options
  const to = (name: string) => files.join(folder, name)
  yield* lock.check
  const removed = (yield* files.names(folder)).filter((name) => name.endsWith(temporary))
  for (const name of removed) yield* files.remove(to(name))
  const isWhole = yield* Replacing.finish(options)
  const aside = isWhole ? [] : [yield* setAside(options, Folder.replacingName)]
  const contents = yield* Folder.scan(files, folder)
  const checked = yield* Folder.check(files, engine, contents)
  for (const name of [...contents.damaged, ...checked.broken]) aside.push(yield* setAside(options, name))
  for (const name of checked.gone) yield* warn(options, name, "is gone; its bars can be loaded again")

  yield* vouch(options, contents, checked)

  const { records, damage } = yield* Folder.journalled(files, contents)
  const lost = damage.filter(({ unfinished }) => !unfinished)
  for (const one of lost) {
    yield* warn(options, one.name, `${Folder.tellDamage(one)}; what it held can be loaded again`)
  }
  const entries = new Map(checked.sound.map((file) => [file.name, file]))
  const years = byYear(records)
  if (options.rewrite === true) {
    for (const { first } of checked.sound) years.set(yearOf(first), years.get(yearOf(first)) ?? [])
  }
  const changed: Array<string> = []
  for (const [year, parts] of years) {
    const name = `${year}.parquet`
    const old = entries.get(name)
    const stored = old === undefined ? Candle.empty : yield* engine.read([to(name)])
    const entry = yield* writeYear(options, name, [stored, ...parts])
    if (entry.sha256 === old?.sha256) yield* files.remove(to(unfinished(name, lock.token)))
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
  const hurt = new Set(lost.map(({ name }) => name))
  const said = Option.getOrUndefined(yield* files.text(to(Folder.manifestName)))
  if (said !== manifest || changed.length > 0)
    yield* Effect.uninterruptible(commit(options, changed, manifest))
  for (const name of contents.journals) {
    if (hurt.has(name)) aside.push(yield* setAside(options, name))
    else yield* Effect.ignore(files.remove(to(name)))
  }
  const folded: Folded = {
    journals: contents.journals,
    removed,
    changed,
    aside: [...contents.aside, ...aside],
  }
  return folded
})

/** The bars that a record adds. */
export const barsOf = ({ range, candles }: Record): Candles =>
  range === undefined ? candles : Candle.within(candles, range)

/**
 * Where there are no bars once the records are in: what `noDataAfter` makes of them one by one. They are put
 * together in halves, so that neither many records nor the many spans known before are gone over for each.
 */
export const noDataOf = (
  known: ReadonlyArray<TimeRange.TimeRange>,
  records: ReadonlyArray<Record>,
): ReadonlyArray<TimeRange.TimeRange> => {
  const batches = records.flatMap(({ range, noData, candles }) =>
    range === undefined ? [] : clip({ range, noData, candles }),
  )
  return batches.length === 0 ? known : after({ spokenOf: [], noData: known }, together(batches)).noData
}

/** Of which time something was said, and where in it there are no bars: sorted, disjoint. */
interface Word {
  readonly spokenOf: ReadonlyArray<TimeRange.TimeRange>
  readonly noData: ReadonlyArray<TimeRange.TimeRange>
}

const together = (batches: ReadonlyArray<Batch>): Word => {
  const [only] = batches
  if (only !== undefined && batches.length === 1) return { spokenOf: [only.range], noData: only.noData }
  const middle = batches.length >> 1
  return after(together(batches.slice(0, middle)), together(batches.slice(middle)))
}

/** The newer word holds where it was spoken. */
const after = (older: Word, newer: Word): Word => ({
  spokenOf: TimeRange.union([...older.spokenOf, ...newer.spokenOf]),
  noData: TimeRange.union([...TimeRange.difference(older.noData, newer.spokenOf), ...newer.noData]),
})

/** The union of parts by the merge law, later ones newer. */
const mergeAll = (parts: ReadonlyArray<Candles>): Candles => {
  if (parts.length <= 1) return parts[0] ?? Candle.empty
  const middle = Math.ceil(parts.length / 2)
  return Candle.merge(mergeAll(parts.slice(0, middle)), mergeAll(parts.slice(middle)))
}

/** Views of the bars of each UTC year that has some. */
export function* cutByYear(candles: Candles): Iterable<{ readonly year: number; readonly part: Candles }> {
  for (let rest = candles; Candle.size(rest) > 0; ) {
    const year = yearOf(rest.start[0]!)
    const next = Date.UTC(year + 1, 0, 1)
    const count = Number.isNaN(next) ? Candle.size(rest) : Candle.lowerBound(rest.start, next)
    yield { year, part: Candle.slice(rest, 0, count) }
    rest = Candle.slice(rest, count, Candle.size(rest))
  }
}

/** Makes one manifest of the two that a broken-off fold left, for the next one to announce its own. */
const vouch = Effect.fnUntraced(function* (
  options: Options,
  { manifest, next }: Folder.Contents,
  { sound }: Folder.Checked,
) {
  const { files, folder, lock } = options
  const base = manifest ?? next
  if (next === undefined || base === undefined) return
  const prepared = yield* prepare(options, Folder.manifestName, Manifest.encode({ ...base, files: sound }))
  yield* lock.check
  yield* prepared
  yield* files.sync(folder)
  yield* files.remove(files.join(folder, Folder.nextName))
})

/** Writes a file under a name of this owner's; the effect returned gives it its name. */
const prepare = ({ files, folder, lock }: Options, name: string, text: string) => {
  const part = files.join(folder, unfinished(name, lock.token))
  return Effect.as(files.write(part, text), files.rename(part, files.join(folder, name)))
}

/** Gives a file of the folder a name under which nobody takes it for good, and says so. */
const setAside = Effect.fnUntraced(function* (options: Options, name: string) {
  const { files, folder, lock } = options
  const names = yield* files.names(folder)
  let number = 1
  while (names.includes(`${name}.damaged-${number}`)) number++
  const aside = `${name}.damaged-${number}`
  yield* lock.check
  yield* files.rename(files.join(folder, name), files.join(folder, aside))
  yield* files.sync(folder)
  yield* warn(options, name, `is damaged and was set aside as ${aside}; its bars can be loaded again`)
  return aside
})

const warn = ({ files, folder }: Options, name: string, what: string) =>
  Effect.logWarning(`${files.place(files.join(folder, name))} ${what}`)

/** Writes and flushes a year's file under its temporary name. */
export const writeYear = Effect.fnUntraced(function* (
  { files, engine, folder, lock }: Options,
  name: string,
  parts: ReadonlyArray<Candles>,
) {
  const path = files.join(folder, unfinished(name, lock.token))
  const bounds = { rows: 0, first: 0, last: 0 }
  yield* engine.write(path, counted(merged(parts), bounds))
  yield* files.sync(path)
  const hash = yield* files.rehash(path)
  if (Option.isNone(hash)) return yield* unwritable(files.place(path), "that somebody removed it")
  const { sha256, bytes } = hash.value
  const entry: Manifest.File = { name, sha256, bytes, ...bounds }
  return entry
})

/** What a fold that failed has written and not yet named: on a full disk it would be in everybody's way. */
const removeOwn = Effect.fnUntraced(function* ({ files, folder, lock }: Options) {
  const own = (yield* files.names(folder)).filter((name) => name.endsWith(unfinished("", lock.token)))
  yield* Effect.forEach(own, (name) => files.remove(files.join(folder, name)))
})

const commit = Effect.fnUntraced(function* (
  options: Options,
  changed: ReadonlyArray<string>,
  manifest: string,
) {
  const { files, folder, lock } = options
  const to = (name: string) => files.join(folder, name)
  const announce = yield* prepare(options, Folder.nextName, manifest)
  const settle = yield* prepare(options, Folder.manifestName, manifest)
  yield* lock.check
  yield* announce
  yield* files.sync(folder)
  for (const name of changed) yield* files.rename(to(unfinished(name, lock.token)), to(name))
  if (changed.length > 0) yield* files.sync(folder)
  yield* lock.check
  yield* settle
  yield* files.sync(folder)
  yield* files.remove(to(Folder.nextName))
})

// -----------------------------------------------------------------------------

/** How many bars are merged between two turns of the event loop, about. */
const windowRows = 8192

/** The bars of the records by UTC year of their start, in the order of the records. */
const byYear = (records: ReadonlyArray<Record>): Map<number, ReadonlyArray<Candles>> => {
  const years = new Map<number, Array<Candles>>()
  for (const record of records) {
    for (const { year, part } of cutByYear(barsOf(record))) {
      const parts = years.get(year) ?? []
      parts.push(part)
      years.set(year, parts)
    }
  }
  return years
}

const yearOf = (millis: number): number => new Date(millis).getUTCFullYear()

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
