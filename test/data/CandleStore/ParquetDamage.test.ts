/**
 * Files that are not what was written: a journal cut or changed at any byte, manifests of other versions,
 * damaged year files. What is told, what is read all the same, and what brings the store back.
 */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Candle from "../../../src/data/Candle.js"
import * as Manifest from "../../../src/data/CandleStore/ParquetManifest.js"
import { CandleStore } from "../../../src/data/CandleStore.js"
import type { DataError } from "../../../src/data/DataError.js"
import { batch, identity, model, write } from "../../contract/CandleStore.js"
import * as FaultCampaign from "../../utils/FaultCampaign.js"
import * as MemoryFiles from "../../utils/MemoryFiles.js"
import * as StoreWorks from "../../utils/StoreWorks.js"

const { directory, folder, loadOf, loaded, managed, offered, opened } = StoreWorks

const parts = [batch(3, 4), batch(4, 5)]
const journal = `${folder}/journal-1.bin`
const manifest = `${folder}/manifest.json`

/** Files in memory that the program has written to a store in them. */
const filesAfter = (program: Effect.Effect<unknown, DataError, CandleStore>): MemoryFiles.MemoryFiles => {
  const files = MemoryFiles.make()
  FaultCampaign.succeed(program.pipe(opened(files, { journalBytes: 1e6 })))
  return files
}

const changed = (
  files: MemoryFiles.MemoryFiles,
  file: string,
  change: (bytes: Uint8Array) => Uint8Array,
): MemoryFiles.MemoryFiles => {
  const copy = files.copy()
  copy.write(file, change(Uint8Array.from(copy.read(file))))
  return copy
}

/** One bit of the byte at `at` is another one. */
const flipped = (at: number) => (bytes: Uint8Array) => {
  bytes[at] = bytes[at]! ^ (1 << (at % 8))
  return bytes
}

const inStore = <A>(files: MemoryFiles.MemoryFiles, program: Effect.Effect<A, DataError, CandleStore>): A =>
  FaultCampaign.succeed(program.pipe(opened(files)))

const verified = Effect.flatMap(CandleStore, (store) => store.verify())

/** Of bytes that are cut at or changed: every one is where records are decoded, which costs less. */
const step = 5

const left = filesAfter(write(identity(), parts, false))
const whole = filesAfter(write(identity(), parts)).hashes(directory)

/** Expects that the work done again brings the files that were never damaged, beside what was set aside. */
const expectCompleted = (() => {
  const done = new Set<string>()
  return (files: MemoryFiles.MemoryFiles): void => {
    const state = JSON.stringify(sound(files))
    if (done.has(state)) return
    done.add(state)
    inStore(files, write(identity(), parts))
    expect(sound(files)).toEqual(whole)
  }
})()

/** The hashes of all files but those that were set aside. */
const sound = (files: MemoryFiles.MemoryFiles) =>
  Object.fromEntries(Object.entries(files.hashes(directory)).filter(([name]) => !name.includes(".damaged-")))

const aside = (files: MemoryFiles.MemoryFiles): ReadonlyArray<string> =>
  files.list(folder).filter((name) => name.includes(".damaged-"))

it("a journal that is cut is read up to the cut, and completes to the same bytes", () => {
  const [first, second] = parts.map((part) => JSON.stringify(model([part]).rows).slice(1, -1))
  const seen = new Set<string>()
  const size = left.read(journal).length
  for (const cut of [...Array.from({ length: Math.ceil(size / step) }, (_, index) => index * step), size]) {
    const files = changed(left, journal, (bytes) => bytes.subarray(0, cut))
    seen.add(JSON.stringify(inStore(files, StoreWorks.rows)))
    expect(aside(files)).toEqual([])
    expectCompleted(files)
  }
  expect([...seen]).toEqual(["[]", `[${first}]`, `[${first},${second}]`])
})

it("a byte that changed in a journal costs its record, is told, and nothing is invented", () => {
  const seen = new Set<string>()
  for (let at = 0; at < left.read(journal).length; at += step) {
    const files = changed(left, journal, flipped(at))
    const [[report], found] = inStore(files, Effect.all([verified, StoreWorks.rows]))
    expect(report?.faults.map(({ place }) => place)).toEqual(["candles/XNYS/AAPL/1h/journal-1.bin"])
    seen.add(JSON.stringify(found))
    expect(aside(files)).toEqual(["journal-1.bin.damaged-1"])
    expectCompleted(files)
  }
  expect([...seen]).toEqual(parts.toReversed().map((part) => JSON.stringify(model([part]).rows)))
})

it("a byte that changed anywhere in a manifest is told, and a load brings the manifest back", () => {
  const files = filesAfter(managed((manager) => manager.load(loadOf(loaded))))
  const before = files.hashes(directory)
  const size = files.read(manifest).length
  for (let at = 0; at < size; at += 61) {
    const copy = changed(files, manifest, flipped(at))
    const [report] = inStore(copy, verified)
    expect(report?.faults.length).toBeGreaterThan(0)
    const load = managed((manager) => manager.load(loadOf(loaded)))
    const exit = FaultCampaign.run(load.pipe(opened(copy)))
    if (Exit.isFailure(exit)) {
      expect(FaultCampaign.reasonOf(exit)).toBe("StoreUnreadable")
      continue
    }
    expect(aside(copy)).toEqual(["manifest.json.damaged-1"])
    expect(sound(copy)).toEqual(before)
  }
})

it("a manifest of an earlier version is read as it is, named by verify, and brought up to date by compact", () => {
  const files = filesAfter(write(identity(), parts))
  const before = files.hashes(directory)
  const { sha256: _, ...rest } = JSON.parse(Buffer.from(files.read(manifest)).toString())
  files.write(manifest, Buffer.from(JSON.stringify({ ...rest, schema: 1 })))
  const old = files.hashes(directory)
  const [[report], found] = inStore(files, Effect.all([verified, StoreWorks.rows]))
  expect(found).toEqual(model(parts).rows)
  expect(report?.faults).toEqual([])
  expect(report?.remarks).toMatchObject([{ found: "it is of version 1" }])
  expect(files.hashes(directory)).toEqual(old)
  inStore(
    files,
    Effect.flatMap(CandleStore, (store) => store.compact()),
  )
  expect(files.hashes(directory)).toEqual(before)
})

it("each version that was ever written has a way to be read, and a later one is told from damage", () => {
  expect(Object.keys(Manifest.decoders).map(Number)).toEqual(
    Array.from({ length: Manifest.version }, (_, index) => index + 1),
  )
  const text = Buffer.from(filesAfter(write(identity(), parts)).read(manifest)).toString()
  const later = { ...Manifest.decoders, [Manifest.version + 1]: Manifest.decoders[Manifest.version]! }
  expect(Manifest.decode(text, later)).toMatchObject({ _tag: "Right" })
  expect(Manifest.decode('{ "schema": 3 }')).toMatchObject({ _tag: "Left", left: "newer" })
  expect(Manifest.decode('{ "schema": 3 }', later)).toMatchObject({ _tag: "Left", left: "damaged" })
  expect(Manifest.decode('{ "schema": 0 }')).toMatchObject({ _tag: "Left", left: "damaged" })
})

it("a damaged year is named by verify, set aside, and fetched again to the same bytes", () => {
  const load = managed((manager) => manager.load(loadOf(loaded)))
  const files = filesAfter(load)
  const before = files.hashes(directory)
  const name = "candles/XNYS/AAPL/1h/2023.parquet"
  const damaged = changed(files, `${directory}/${name}`, flipped(1000))
  const [report] = inStore(damaged, verified)
  expect(report?.faults).toMatchObject([{ place: name, found: expect.stringContaining("not those that") }])
  const { fetched, present } = inStore(damaged, load)
  expect([fetched, present]).toEqual([
    offered.start.filter((start) => start < Date.UTC(2024, 0, 1)).length,
    Candle.size(offered),
  ])
  expect(aside(damaged)).toEqual(["2023.parquet.damaged-1"])
  expect(sound(damaged)).toEqual(before)
  const [after] = inStore(damaged, verified)
  expect(after).toMatchObject({ faults: [], remarks: [{ place: `${name}.damaged-1` }] })
})

it("a replacement whose manifest is damaged before it is completed leaves the series that was there", () => {
  const origin = FaultCampaign.originOf(StoreWorks.replace)
  const end = Array.from({ length: origin.changes }, (_, at) => at).find((at) => {
    const { files } = FaultCampaign.broken(StoreWorks.replace, origin, [{ at, code: "crash", lasting: true }])
    return files.list(folder).includes("replacing/manifest.json")
  })
  const { files } = FaultCampaign.broken(StoreWorks.replace, origin, [
    { at: end ?? 0, code: "crash", lasting: true },
  ])
  files.write(`${folder}/replacing/manifest.json`, Buffer.from("{"))
  const [[report], found] = inStore(files, Effect.all([verified, StoreWorks.rows]))
  expect(report?.faults.length).toBeGreaterThan(0)
  expect(found).toEqual(model(StoreWorks.stored).rows)
  expect(files.list(folder)).toContain("replacing.damaged-1/manifest.json")
  expect(inStore(files, StoreWorks.faults)).toEqual([])
})
