/**
 * Bars from a Parquet file of whatever origin, read with DuckDB.
 *
 * Columns are found by the names that CSV has too, in any order, others beside them. The start may be a
 * TIMESTAMP WITH TIME ZONE, a TIMESTAMP of any precision (a reading of a clock), a DATE, or epoch seconds to
 * nanoseconds as whole numbers or doubles, told apart by their size; prices and volume any numbers. An unknown
 * volume is null, NaN or -1. Rows may come in any order. What is missing or does not fit is an error with its
 * row, counted from 1, and column.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { breathe } from "../internal/breathe.js"
import type { Candles } from "./Candle.js"
import * as Candle from "./Candle.js"
import { arrange, type Steps } from "./CandleFile/Arrange.js"
import * as Columns from "./CandleFile/Columns.js"
import * as Epoch from "./CandleFile/Epoch.js"
import * as LocalTime from "./CandleFile/LocalTime.js"
import * as Engine from "./CandleStore/ParquetEngine.js"
import { DataError } from "./DataError.js"
import * as Quality from "./Quality.js"
import * as TimeRange from "./TimeRange.js"

export interface Options {
  /** Whose clock a TIMESTAMP without time zone reads, such as `America/New_York`; UTC without one. */
  readonly timeZone?: string | undefined
}

/** Whether these bytes are how every Parquet file begins. */
export const begins = (bytes: Uint8Array): boolean =>
  String.fromCharCode(...bytes.subarray(0, magic.length)) === magic

/** Whether a file is Parquet by how it begins. Fails as its reading does. */
export const isParquet = (file: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const head = yield* Stream.runCollect(fs.stream(file, { bytesToRead: magic.length }))
    return begins(Uint8Array.from(Chunk.toReadonlyArray(head).flatMap((bytes) => [...bytes])))
  })

/**
 * The bars of the file, sorted, each start once. Fails with `InvalidFile`, and as the reading of the file does.
 * The file's own path goes to DuckDB, absolute and with its special characters escaped, so that no other file
 * and no address is meant by it.
 */
export const read = (file: string, options: Options = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const table = Engine.table([yield* fs.realPath(file)])
    const { database } = yield* Engine.open({ threads: 2 })
    const connection = yield* Effect.acquireRelease(
      Effect.promise(() => database.connect()),
      (opened) => Effect.sync(() => opened.closeSync()),
    )
    const run = (sql: string) => Engine.call(connection, () => connection.run(sql), unreadable(file))
    const description = yield* Effect.flatMap(run(`DESCRIBE SELECT * FROM ${table}`), (result) =>
      Effect.promise(() => result.getRows()),
    )
    const fields = description.map(([name, type]) => ({ name: String(name), type: String(type) }))
    const { select, form } = yield* selection(file, fields)
    const result = yield* run(`SELECT ${select.join(", ")} FROM ${table}`)
    const [start, open, high, low, close, volume] = yield* Engine.collect(result, select.length)
    const bars = { start: start!, open: open!, high: high!, low: low!, close: close!, volume: volume! }
    const work = checked(bars, faultIn(file), form, options.timeZone)
    let step = work.next()
    while (step.done !== true) step = yield* breathe(() => work.next())
    return yield* step.value
  }).pipe(Effect.scoped, Effect.withSpan("ParquetFile.read"))

// -----------------------------------------------------------------------------

const magic = "PAR1"

/** What the start column holds. */
type Form = "instant" | "reading" | "epoch"

interface Field {
  readonly name: string
  readonly type: string
}

interface Selection {
  /** An expression of doubles for each column of `Candle.columns`, NaN where the file has none. */
  readonly select: ReadonlyArray<string>
  readonly form: Form
}

const selection = (file: string, fields: ReadonlyArray<Field>): Either.Either<Selection, DataError> =>
  Either.gen(function* () {
    const names = fields.map(({ name }) => name)
    const columns = yield* Either.mapLeft(Columns.find(names), ({ column, expected, advice }) =>
      invalid(`${file} column ${column}`, expected, `the columns ${names.join(", ").slice(0, 120)}`, advice),
    )
    const select: Array<string> = []
    let form: Form = "epoch"
    for (const column of Candle.columns) {
      const { name, type } = fields[columns[column]]!
      const place = `${file} column ${name || columns[column] + 1}`
      const own = `"${name.replaceAll('"', '""')}"`
      if (column === "start") {
        const found = formOf(type)
        if (found === undefined)
          return yield* Either.left(
            invalid(place, "a timestamp, a date or an epoch number", type, "Convert the column to TIMESTAMP"),
          )
        form = found
        select.push(
          orNaN(form === "epoch" ? own : `epoch_ms(${type.endsWith("ZONE") ? own : `${own}::TIMESTAMP`})`),
        )
      } else {
        if (!isNumber.test(type))
          return yield* Either.left(invalid(place, "numbers", type, "Convert the column to DOUBLE"))
        select.push(orNaN(own))
      }
    }
    return { select, form }
  })

const orNaN = (expression: string): string => `coalesce(${expression}::DOUBLE, 'NaN'::DOUBLE)`

const isNumber = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*\))$/

/** A FLOAT cannot hold a stamp. */
const formOf = (type: string): Form | undefined =>
  type === "TIMESTAMP WITH TIME ZONE" || type === "DATE"
    ? "instant"
    : /^TIMESTAMP(_S|_MS|_NS)?$/.test(type)
      ? "reading"
      : type !== "FLOAT" && isNumber.test(type)
        ? "epoch"
        : undefined

type FaultIn = (row: number, column: string | undefined, expected: string, found: string) => DataError

const faultIn =
  (file: string): FaultIn =>
  (row, column, expected, found) =>
    invalid(
      `${file} row ${row + 1}${column === undefined ? "" : `, column ${column}`}`,
      expected,
      found,
      "Correct the row or leave it out",
    )

/** The bars as they may be taken, their starts in epoch milliseconds. */
function* checked(
  bars: Candles,
  fault: FaultIn,
  form: Form,
  timeZone: string | undefined,
): Steps<Either.Either<Candles, DataError>> {
  const { start, volume } = bars
  const unit = form === "epoch" ? Epoch.unitOf(start[0] ?? 0) : millis
  for (let from = 0; from < start.length; from += stepRows) {
    yield
    const to = Math.min(from + stepRows, start.length)
    for (let row = from; row < to; row++) {
      const stamp = start[row]!
      if (Number.isNaN(stamp)) return Either.left(fault(row, "start", "a stamp", "none"))
      if (unit === undefined || (form === "epoch" && Epoch.unitOf(stamp) !== unit)) {
        const expected = unit === undefined ? "an epoch number" : `epoch ${unit.name}, as in row 1`
        return Either.left(fault(row, "start", expected, String(stamp)))
      }
      start[row] = Epoch.toMillis(stamp, unit)
      if (!TimeRange.contains(TimeRange.always, start[row]!))
        return Either.left(fault(row, "start", "an instant that has a date", String(stamp)))
      for (const column of prices) {
        if (Number.isNaN(bars[column][row]!)) return Either.left(fault(row, column, "a number", "none"))
      }
      if (volume[row] === -1) volume[row] = Number.NaN
    }
    const part = Candle.slice(bars, from, to)
    const wrong = Quality.firstFault({ ...part, start: Float64Array.from(part.start, (_, index) => index) })
    if (wrong !== undefined)
      return Either.left(fault(from + wrong.index, undefined, wrong.expected, wrong.found))
  }
  if (form === "reading" && timeZone !== undefined) {
    const unclear = yield* LocalTime.toInstants(timeZone, start)
    if (unclear !== undefined)
      return Either.left(fault(unclear.row, "start", unclear.expected, unclear.found))
  }
  const arranged = yield* arrange(bars)
  if ("bars" in arranged) return Either.right(arranged.bars)
  const [first, second] = arranged.clash
  const found = `${TimeRange.formatInstant(start[second]!)} again, with other values than in row ${first + 1}`
  return Either.left(fault(second, "start", "each start once", found))
}

const stepRows = 16_384
const prices = ["open", "high", "low", "close"] as const

/** What DuckDB makes of a timestamp. */
const millis: Epoch.Unit = { name: "milliseconds", below: Number.POSITIVE_INFINITY, perMilli: 1 }

const invalid = (place: string, expected: string, found: string, advice: string): DataError =>
  new DataError({ reason: "InvalidFile", place, expected, found, advice })

const unreadable =
  (file: string) =>
  (cause: unknown): DataError =>
    new DataError({
      reason: "InvalidFile",
      place: file,
      expected: "a whole Parquet file of bars",
      found: (cause instanceof Error ? cause.message : String(cause)).split("\n")[0]!.slice(0, 200),
      advice: "Write the file again, or check that it is whole",
      cause,
    })
