/**
 * Files of bars without Parquet: columns of doubles as they are, written past the store's file system as DuckDB
 * writes them. For tests that open hundreds of stores and look at what is around the files.
 */
import { readFileSync, writeFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Candle from "../../src/data/Candle.js"
import type { Engine } from "../../src/data/CandleStore/ParquetEngine.js"
import { unwritable } from "../../src/data/CandleStore/ParquetFiles.js"

/** The `at`-th file to be written, from 0, is cut in the middle, where the disk is full. */
export const make = (fault: { at: number } = { at: Number.POSITIVE_INFINITY }): Engine => {
  return {
    write: (file, parts) =>
      Effect.suspend(() => {
        const candles = Candle.concat([...parts])
        const bytes = Buffer.concat(
          Candle.columns.map((name) => Buffer.from(Float64Array.from(candles[name]).buffer)),
        )
        if (fault.at-- !== 0) return Effect.sync(() => writeFileSync(file, bytes))
        writeFileSync(file, bytes.subarray(0, bytes.length >> 1))
        return unwritable(file.slice(file.indexOf("candles")), "IO Error: No space left on device")
      }),
    read,
    readStarts: (files) => Effect.map(read(files), ({ start }) => start),
  }
}

// -----------------------------------------------------------------------------

const load = (file: string): Candle.Candles => {
  const bytes = Uint8Array.from(readFileSync(file))
  const rows = bytes.length / 8 / Candle.columns.length
  const column = (index: number) => new Float64Array(bytes.buffer, index * rows * 8, rows)
  const candles = Candle.allocate(rows)
  Candle.columns.forEach((name, index) => void candles[name].set(column(index)))
  return candles
}

const read: Engine["read"] = (files, range) =>
  Effect.sync(() => {
    const all = Candle.concat(files.map(load))
    return range === undefined ? all : Candle.within(all, range)
  })
