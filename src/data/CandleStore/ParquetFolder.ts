/**
 * The folder of one series as it is found: its manifest, its year files, what a crash left.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { temporary } from "../../internal/atomicFiles.js"
import { turn } from "../../internal/breathe.js"
import { count, plural } from "../../ProgressRenderer.js"
import type { Identity } from "../CandleStore.js"
import { DataError } from "../DataError.js"
import * as Instrument from "../Instrument.js"
import type { Series } from "../Series.js"
import type { Engine } from "./ParquetEngine.js"
import type { Files } from "./ParquetFiles.js"
import * as Journal from "./ParquetJournal.js"
import * as Manifest from "./ParquetManifest.js"

/** The manifest, and the one that a fold announces before it replaces the first year file. */
export const manifestName = "manifest.json"
export const nextName = "manifest.next.json"

/** The folder of a series that is to take the place of this one: from when it has this name, it does. */
export const replacingName = "replacing"

/** The folder of what a series was before it was replaced. */
export const originalName = (number: number): string => `original-${number}`
export const isOriginal = (name: string): boolean => /^original-\d+$/.test(name)

export interface Contents {
  readonly folder: string
  readonly manifest: Manifest.Manifest | undefined
  readonly next: Manifest.Manifest | undefined
  /** Manifests that do not decode. */
  readonly damaged: ReadonlyArray<string>
  readonly journals: ReadonlyArray<string>
  readonly years: ReadonlyArray<string>
  readonly unfinished: ReadonlyArray<string>
  /** The series is being replaced. */
  readonly replacing: boolean
  /** What was found damaged before and set aside. */
  readonly aside: ReadonlyArray<string>
}

/** Fails where a later version of the store wrote the manifest: it is left alone. */
export const scan = Effect.fnUntraced(function* (files: Files, folder: string) {
  const names = yield* files.names(folder)
  const damaged: Array<string> = []
  const read = Effect.fnUntraced(function* (name: string) {
    const text = yield* files.text(files.join(folder, name))
    if (Option.isNone(text)) return undefined
    const decoded = Manifest.decode(text.value)
    if (Either.isRight(decoded)) return decoded.right
    if (decoded.left === "newer") return yield* newer(files.place(files.join(folder, name)))
    damaged.push(name)
    return undefined
  })
  const contents: Contents = {
    folder,
    manifest: yield* read(manifestName),
    next: yield* read(nextName),
    damaged,
    journals: Journal.among(names),
    years: names.filter((name) => yearFile.test(name)),
    unfinished: names.filter((name) => name.endsWith(temporary)),
    replacing: names.includes(replacingName),
    aside: names.filter((name) => asideFile.test(name)),
  }
  return contents
})

/** True when there is a manifest that lists the files that are there, and nothing is left to do. */
export const isSettled = ({ manifest, next, damaged, journals, years, replacing }: Contents): boolean =>
  manifest !== undefined &&
  !replacing &&
  next === undefined &&
  damaged.length === 0 &&
  journals.length === 0 &&
  manifest.files.length === years.length &&
  manifest.files.every((file) => years.includes(file.name))

export const isEmpty = ({ manifest, next, journals, years }: Contents): boolean =>
  manifest === undefined && next === undefined && journals.length === 0 && years.length === 0

/** The folder of the files that count: while a series is being replaced, that of those which take their place. */
export const current = (files: Files, folder: string): Effect.Effect<string, DataError> =>
  Effect.map(files.names(folder), (names) =>
    names.includes(replacingName) ? files.join(folder, replacingName) : folder,
  )

export interface Journalled {
  /** Oldest first. */
  readonly records: ReadonlyArray<Journal.Record>
  readonly damage: ReadonlyArray<Journal.Damage & { readonly name: string }>
}

/** What the journals hold; one that is gone by now has been folded. */
export const journalled = Effect.fnUntraced(function* (files: Files, { folder, journals }: Contents) {
  const records: Array<Journal.Record> = []
  const damage: Array<Journalled["damage"][number]> = []
  for (const name of journals) {
    const path = files.join(folder, name)
    const bytes = yield* files.bytes(path)
    if (Option.isNone(bytes)) continue
    for (const item of Journal.decode(files.place(path), bytes.value)) {
      const found = yield* item
      if (found._tag === "Damage") damage.push({ name, ...found.damage })
      else if (records.push(found.record) % recordsAtOnce === 0) yield* turn
    }
  }
  const all: Journalled = { records, damage }
  return all
})

/** `at byte 1,024 64 bytes are damaged`, `ends in 64 bytes of an unfinished record` */
export const tellDamage = ({ offset, bytes, unfinished }: Journal.Damage): string =>
  unfinished
    ? `ends in ${count(bytes)} ${plural("byte", bytes)} of a record that a crash left unfinished`
    : `has ${count(bytes)} damaged ${plural("byte", bytes)} at byte ${count(offset)}`

export interface Checked {
  /** The year files whose content is what a manifest says, oldest first. */
  readonly sound: ReadonlyArray<Manifest.File>
  /** Names of those whose content is not, or that no manifest lists. */
  readonly broken: ReadonlyArray<string>
  /** Names of those that a manifest lists and that are gone. */
  readonly gone: ReadonlyArray<string>
}

/** Compares year files with the manifests; where no manifest is left, reads them to see what they hold. */
export const check = Effect.fnUntraced(function* (files: Files, engine: Engine, contents: Contents) {
  const { folder, manifest, next, years } = contents
  const listed = [...(manifest?.files ?? []), ...(next?.files ?? [])]
  const orphaned = manifest === undefined && next === undefined
  const sound: Array<Manifest.File> = []
  const broken: Array<string> = []
  for (const name of years) {
    const path = files.join(folder, name)
    const hash = yield* files.hash(path)
    if (Option.isNone(hash)) continue
    const { sha256, bytes } = hash.value
    const entry = orphaned
      ? Option.getOrUndefined(yield* Effect.option(describe(engine, path, { name, sha256, bytes })))
      : listed.find((file) => file.name === name && file.sha256 === sha256)
    if (entry === undefined) broken.push(name)
    else sound.push(entry)
  }
  const gone = (manifest?.files ?? []).map((file) => file.name).filter((name) => !years.includes(name))
  const checked: Checked = { sound: sound.sort((a, b) => a.first - b.first), broken, gone }
  return checked
})

/** The manifest's entry of a year file. */
export const describe = Effect.fnUntraced(function* (
  engine: Engine,
  path: string,
  file: Pick<Manifest.File, "name" | "sha256" | "bytes">,
) {
  const starts = yield* engine.readStarts([path])
  const entry: Manifest.File = {
    ...file,
    rows: starts.length,
    first: starts[0] ?? 0,
    last: starts.at(-1) ?? 0,
  }
  return entry
})

/** Who the bars belong to, as the last record or the manifest says; guessed where neither is left. */
export const identityOf = (
  files: Files,
  series: Series,
  { folder, manifest, next }: Contents,
  found: ReadonlyArray<Journal.Record>,
): Identity => {
  const known = manifest ?? next
  const record = found.at(-1)
  if (record !== undefined) return record.identity
  if (known !== undefined) return Manifest.identityOf(known)
  const venue = files.place(folder).split(/[\\/]/).at(1)
  const guess = Instrument.guess(series.symbol).instrument
  return {
    series,
    instrument: venue === undefined ? guess : { ...guess, venue },
    source: "unknown",
    head: undefined,
    last: undefined,
  }
}

/** A later version of the store wrote the file: it is left alone. */
export const newer = (place: string): DataError =>
  new DataError({
    reason: "StoreUnreadable",
    place,
    expected: `a manifest of version ${Manifest.version} or earlier`,
    found: "one of a later version",
    advice: "Use the version of ktrdr that wrote it",
  })

// -----------------------------------------------------------------------------

const yearFile = /^-?\d{1,6}\.parquet$/
const asideFile = /\.damaged-\d+$/
const recordsAtOnce = 16
