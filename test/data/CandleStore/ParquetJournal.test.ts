import { expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as Candle from "../../../src/data/Candle.js"
import * as Journal from "../../../src/data/CandleStore/ParquetJournal.js"
import { batch, batches, identity, span } from "../../contract/CandleStore.js"

const journal = (all: ReadonlyArray<Journal.Record>): Uint8Array => Buffer.concat(all.map(Journal.encode))

const plain = (all: Iterable<Journal.Record>) =>
  Array.from(all, ({ identity, range, noData, candles }) => ({
    identity,
    range,
    noData,
    rows: Candle.toRows(candles),
  }))

const items = (bytes: Uint8Array) => Array.from(Journal.decode("journal", bytes), Either.getOrThrow)

const decode = (bytes: Uint8Array) =>
  plain(items(bytes).flatMap((item) => (item._tag === "Record" ? [item.record] : [])))

const damage = (bytes: Uint8Array) =>
  items(bytes).flatMap((item) => (item._tag === "Damage" ? [item.damage] : []))

const recordsOf = (all: Parameters<typeof Journal.records>[1][]) =>
  all.flatMap((one) => [...Journal.records(identity(), one)])

it.prop("records come back as they went in, wherever the bytes lie", [batches, fc.nat(7)], ([all, shift]) => {
  const records = recordsOf([...all])
  const bytes = journal(records)
  const moved = new Uint8Array(bytes.length + shift).subarray(shift)
  moved.set(bytes)
  expect(decode(moved)).toEqual(plain(records))
})

it("a journal cut at any byte keeps the records before the cut", () => {
  const records = recordsOf([
    batch(0, 3),
    { ...batch(3, 6), noData: [span(6, 7)], range: span(3, 7) },
    batch(7, 9),
  ])
  const bytes = journal(records)
  const ends = records.map((_, index) => journal(records.slice(0, index + 1)).length)
  for (let cut = 0; cut < bytes.length; cut++) {
    const whole = ends.filter((end) => end <= cut).length
    expect(decode(bytes.subarray(0, cut)).length).toBe(whole)
    const zeroed = Uint8Array.from(bytes)
    zeroed.fill(0, cut)
    const isSame = Buffer.from(zeroed.subarray(0, ends[whole])).equals(bytes.subarray(0, ends[whole]))
    if (!isSame) expect(decode(zeroed).length).toBe(whole)
  }
  expect(decode(bytes)).toEqual(plain(records))
})

it("a byte that changed anywhere costs the record that it is in, and is told; those around it stand", () => {
  const records = recordsOf([batch(0, 2), batch(2, 4), batch(4, 6)])
  const bytes = journal(records)
  records.forEach((record, hit) => {
    const offset = journal(records.slice(0, hit)).length
    const size = Journal.encode(record).length
    const others = plain(records.filter((_, index) => index !== hit))
    for (let at = offset; at < offset + size; at++) {
      const wrong = Uint8Array.from(bytes)
      wrong[at] = wrong[at]! ^ (1 << (at % 8))
      expect(decode(wrong)).toEqual(others)
      expect(damage(wrong)).toEqual([{ offset, bytes: size, unfinished: false }])
    }
  })
})

it("junk behind the records is told from a record that was being written", () => {
  const records = recordsOf([batch(0, 2), batch(2, 4)])
  const bytes = journal(records)
  const junk = Buffer.from("not a record at all, and no number of eights long")
  expect(decode(Buffer.concat([bytes, junk]))).toEqual(plain(records))
  expect(damage(Buffer.concat([bytes, junk]))).toMatchObject([{ offset: bytes.length, unfinished: false }])
  const [first, second] = records.map(Journal.encode)
  expect(decode(Buffer.concat([first!, junk.subarray(0, 48), second!]))).toEqual(plain(records))
  expect(damage(Buffer.concat([bytes, new Uint8Array(100)]))).toMatchObject([
    { bytes: 100, unfinished: true },
  ])
  for (let cut = 1; cut < second!.length; cut++) {
    const torn = bytes.subarray(0, bytes.length - cut)
    expect(damage(torn)).toEqual([
      { offset: first!.length, bytes: torn.length - first!.length, unfinished: true },
    ])
  }
})

it("a long batch is cut into records of which the last alone speaks of the range", () => {
  const size = 20_000
  const candles = Candle.allocate(size)
  candles.start.forEach((_, index) => void (candles.start[index] = index))
  const records = [...Journal.records(identity(), { range: { start: 0, end: size }, candles, noData: [] })]
  expect(records.map(({ range }) => range)).toEqual([undefined, undefined, { start: 0, end: size }])
  expect([...Candle.concat(records.map((record) => record.candles)).start]).toEqual([...candles.start])
})

it("journals are found among other names, oldest token first", () => {
  expect(Journal.among(["journal-10.bin", "2001.parquet", "journal-9.bin", "journal-x.bin"])).toEqual([
    "journal-9.bin",
    "journal-10.bin",
  ])
})
