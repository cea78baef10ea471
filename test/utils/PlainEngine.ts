/**
 * Files of bars without Parquet: columns of doubles as they are, written past the store's file system as DuckDB
 * writes them. For tests that open hundreds of stores and look at what is around the files.
 */
import * as Effect from "effect/Effect"
import * as Candle from "../../src/data/Candle.js"
import type { Engine } from "../../src/data/CandleStore/ParquetEngine.js"
import { unwritable } from "../../src/data/CandleStore/ParquetFiles.js"
import type { MemoryFiles } from "./MemoryFiles.js"

/** The `at`-th file to be written, from 0, is cut in the middle, where the disk is full. */
export const make = (
  files: MemoryFiles,
  fault: { at: number } = { at: Number.POSITIVE_INFINITY },
): Engine => {
  const read: Engine["read"] = (paths, range) =>
    Effect.sync(() => {
      const all = Candle.concat(paths.map((path) => decode(files.read(path))))
      return range === undefined ? all : Candle.within(all, range)
    })
  return {
    write: (file, parts) =>
      Effect.suspend(() => {
        const bytes = encode(Candle.concat([...parts]))
        if (fault.at-- !== 0) return Effect.sync(() => files.write(file, bytes))
        files.write(file, bytes.subarray(0, bytes.length >> 1))
        return unwritable(file.slice(file.indexOf("candles")), "IO Error: No space left on device")
      }),
    read,
    readStarts: (paths) => Effect.map(read(paths), ({ start }) => start),
  }
}

// -----------------------------------------------------------------------------

const encode = (candles: Candle.Candles): Uint8Array =>
  Buffer.concat(Candle.columns.map((name) => Buffer.from(Float64Array.from(candles[name]).buffer)))

const decode = (bytes: Uint8Array): Candle.Candles => {
  const aligned = Uint8Array.from(bytes)
  const rows = aligned.length / 8 / Candle.columns.length
  const column = (index: number) => new Float64Array(aligned.buffer, index * rows * 8, rows)
  const candles = Candle.allocate(rows)
  Candle.columns.forEach((name, index) => void candles[name].set(column(index)))
  return candles
}
