/**
 * Looks at every byte of a series and changes nothing: hashes are computed anew, what files hold is compared
 * with what the manifest says of them, journals are read to their ends.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { breathe } from "../../internal/breathe.js"
import * as Progress from "../../Progress.js"
import { count, plural } from "../../ProgressRenderer.js"
import type { Finding, Verification } from "../CandleStore.js"
import { DataError } from "../DataError.js"
import * as Series from "../Series.js"
import { formatInstant } from "../TimeRange.js"
import type { Engine } from "./ParquetEngine.js"
import type { Files } from "./ParquetFiles.js"
import * as Folder from "./ParquetFolder.js"
import * as Manifest from "./ParquetManifest.js"

export interface Options {
  readonly files: Files
  readonly engine: Engine
}

/** Verifies what a folder holds of a series; looks again where somebody wrote meanwhile. */
export const verify = Effect.fn("ParquetVerify.verify")(function* (
  { files, engine }: Options,
  series: Series.Series,
  home: string,
) {
  const again = `Load the series again, which fetches what it lacks: ${loading(series)}`

  const look = Effect.gen(function* () {
    const faults: Array<Finding> = []
    const remarks: Array<Finding> = []
    const fault = (name: string, found: string, advice = again) =>
      faults.push({ place: place(name), found, advice })
    const remark = (name: string, found: string, advice: string) =>
      remarks.push({ place: place(name), found, advice })

    const folder = yield* Folder.current(files, home)
    const place = (name: string): string => files.place(files.join(folder, name))
    const contents = yield* Folder.scan(files, folder)
    const { manifest, next, years, journals } = contents
    yield* Progress.setTotal(years.length + journals.length + 1, "file")
    const listed = [...(manifest?.files ?? []), ...(next?.files ?? [])]

    for (const name of contents.damaged) fault(name, "it is no manifest, or not the one that was written")
    const known = manifest ?? next
    if (known === undefined && contents.damaged.length === 0 && years.length > 0)
      fault(Folder.manifestName, "there is none")
    if (known !== undefined && Series.format(known.series) !== Series.format(series))
      fault(Folder.manifestName, `it belongs to ${Series.format(known.series)}`, "Move the folder back")
    for (const name of (manifest?.files ?? []).map((file) => file.name))
      if (!years.includes(name)) fault(name, "it is gone")
    yield* Progress.advance()

    let rows = 0
    let bytes = 0
    const held: Array<Verification["contents"][number]> = []
    for (const name of years) {
      const path = files.join(folder, name)
      const hash = Option.getOrUndefined(yield* files.rehash(path))
      const entries = listed.filter((file) => file.name === name)
      const entry = entries.find(({ sha256 }) => sha256 === hash?.sha256)
      bytes += hash?.bytes ?? 0
      let readable = 0
      if (entry !== undefined || known === undefined) {
        const starts = yield* Effect.either(engine.readStarts([path]))
        if (Either.isLeft(starts)) fault(name, starts.left.found)
        else {
          readable = starts.right.length
          rows += readable
          for (const wrong of yield* compare(name, starts.right, entry)) fault(name, wrong)
        }
      } else if (entries.length === 0) fault(name, "no manifest lists it")
      else fault(name, `its bytes are not those that were written: ${difference(entries[0]!, hash)}`)
      if (hash !== undefined) held.push({ name, rows: readable, sha256: hash.sha256 })
      yield* Progress.advance()
    }

    const { records, damage } = yield* Folder.journalled(files, contents)
    for (const one of damage) {
      if (!one.unfinished) fault(one.name, `it ${Folder.tellDamage(one)}`)
      else remark(one.name, `it ${Folder.tellDamage(one)}`, "Nothing: it was never said to be kept")
    }
    for (const name of journals) {
      remark(name, "its batches are not in the year files yet", `Fold it in: ${compacting(series)}`)
      bytes += Option.getOrElse(yield* files.size(files.join(folder, name)), () => 0)
      yield* Progress.advance()
    }

    if (folder !== home)
      remark("", "a crash ended the replacement of the series", `Complete it: ${compacting(series)}`)
    if (next !== undefined)
      remark(Folder.nextName, "a crash ended a fold", `Complete it: ${compacting(series)}`)
    const text = yield* files.text(files.join(folder, Folder.manifestName))
    const version = Option.getOrUndefined(Option.map(text, Manifest.versionOf))
    if (manifest !== undefined && version !== Manifest.version)
      remark(Folder.manifestName, `it is of version ${version}`, `Bring it up to date: ${compacting(series)}`)
    for (const name of contents.unfinished)
      remark(name, "a file that a crash left unfinished", `Remove it: ${compacting(series)}`)
    for (const name of contents.aside)
      remark(name, "a damaged file that was set aside", "Remove it when you no longer want it")

    const verification: Verification = {
      series,
      place: files.place(home),
      files: years.length,
      rows,
      bytes,
      contents: held,
      journalled: records.length,
      faults,
      remarks,
    }
    return verification
  })

  const names = Effect.map(
    Effect.zip(files.names(home), files.text(files.join(home, Folder.manifestName))),
    ([all, text]) => [...all, Option.getOrElse(text, () => "")].join("\n"),
  )

  for (let attempt = 1; ; attempt++) {
    const before = yield* names
    const found = yield* look
    if (found.faults.length === 0 || attempt === attempts || (yield* names) === before) return found
  }
})

/** What is said of a series that cannot be looked at. */
export const unreadable = (series: Series.Series, error: DataError): Verification => ({
  series,
  place: error.place,
  files: 0,
  rows: 0,
  bytes: 0,
  contents: [],
  journalled: 0,
  faults: [{ place: error.place, found: error.found, advice: error.advice }],
  remarks: [],
})

// -----------------------------------------------------------------------------

/** How often a series that is being written is looked at until it keeps still. */
const attempts = 5

/** How many starts are compared between two turns of the event loop. */
const startsPerTurn = 250_000

/** What of a year's starts is not as the manifest's entry says, or not as bars of a year are. */
const compare = Effect.fnUntraced(function* (
  name: string,
  starts: Float64Array,
  entry: Manifest.File | undefined,
) {
  const year = Number(name.slice(0, name.indexOf(".")))
  const found: Array<string> = []
  if (entry !== undefined && entry.rows !== starts.length)
    found.push(`it has ${count(starts.length)} bars where the manifest says ${count(entry.rows)}`)
  if (entry !== undefined && (entry.first !== starts[0] || entry.last !== starts.at(-1)))
    found.push("its first or last bar is not the one that the manifest says")
  for (let from = 0; from < starts.length; from += startsPerTurn) {
    const wrong = yield* breathe(() => firstWrong(starts, from, from + startsPerTurn, year))
    if (wrong === undefined) continue
    found.push(`its bar at ${formatInstant(starts[wrong]!)} is out of order, twice there or of another year`)
    break
  }
  return found
})

const firstWrong = (starts: Float64Array, from: number, to: number, year: number): number | undefined => {
  const [begin, end] = [Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1)]
  for (let at = from; at < Math.min(to, starts.length); at++) {
    const start = starts[at]!
    if (start < begin || start >= end || (at > 0 && start <= starts[at - 1]!)) return at
  }
  return undefined
}

const difference = (
  entry: Manifest.File,
  hash: { readonly sha256: string; readonly bytes: number } | undefined,
): string =>
  hash === undefined
    ? "it is gone"
    : hash.bytes === entry.bytes
      ? `SHA-256 ${hash.sha256.slice(0, 12)}, not ${entry.sha256.slice(0, 12)}`
      : `${count(hash.bytes)} ${plural("byte", hash.bytes)}, not ${count(entry.bytes)}`

const words = ({ symbol, timeframe, session }: Series.Series): string =>
  `${symbol} ${timeframe}${session === "extended" ? " --extended" : ""}`

const loading = (series: Series.Series): string => `ktrdr data load ${words(series)} --mode full`

const compacting = (series: Series.Series): string => `ktrdr data compact ${words(series)}`
