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

const decode = (bytes: Uint8Array) => plain(Array.from(Journal.decode("journal", bytes), Either.getOrThrow))

const recordsOf = (all: Parameters<typeof Journal.records>[1][]) =>
  all.flatMap((one) => [...Journal.records(identity(), one)])

it.prop("records come back as they went in, wherever the bytes lie", [batches, fc.nat(7)], ([all, shift]) => {
  const records = recordsOf([...all])
  const bytes = journal(records)
  const moved = new Uint8Array(bytes.length + shift).subarray(shift)
  moved.set(bytes)
  expect(decode(moved)).toEqual(plain(records))
})

it("a tail torn at any byte costs its record and none before it", () => {
  const records = recordsOf([
    batch(0, 3),
    { ...batch(3, 6), noData: [span(6, 7)], range: span(3, 7) },
    batch(7, 9),
  ])
  const bytes = journal(records)
  const before = bytes.length - Journal.encode(records[2]!).length
  for (let cut = before; cut < bytes.length; cut++) {
    expect(decode(bytes.subarray(0, cut)).length).toBe(2)
    const zeroed = Uint8Array.from(bytes)
    zeroed.fill(0, cut)
    if (!Buffer.from(zeroed).equals(bytes)) expect(decode(zeroed).length).toBe(2)
  }
  expect(decode(bytes)).toEqual(plain(records))
})

it("a byte that changed anywhere in a record costs that record", () => {
  const records = recordsOf([batch(0, 2), batch(2, 4)])
  const bytes = journal(records)
  for (let at = Journal.encode(records[0]!).length; at < bytes.length; at++) {
    const wrong = Uint8Array.from(bytes)
    wrong[at] = wrong[at]! ^ 0x10
    expect(decode(wrong)).toEqual(plain([records[0]!]))
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
