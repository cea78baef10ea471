/**
 * The rows of a file of bars, gathered into columns one line at a time.
 */
import * as Either from "effect/Either"
import type { Candles } from "../Candle.js"
import * as Candle from "../Candle.js"
import { arrange, concat, type Steps } from "../CandleFile/Arrange.js"
import * as LocalTime from "../CandleFile/LocalTime.js"
import { DataError } from "../DataError.js"
import * as Quality from "../Quality.js"
import * as TimeRange from "../TimeRange.js"
import * as Fields from "./Fields.js"
import type { Head } from "./Head.js"
import * as Numbers from "./Numbers.js"
import * as Stamps from "./Stamps.js"

export interface Rows {
  /** Takes a row; answers with what is wrong in it, if anything is. */
  readonly add: (text: string, line: number) => DataError | undefined
  /** All rows as sorted columns; fails where one start came with two sets of values. */
  readonly finish: () => Steps<Either.Either<Candles, DataError>>
}

export interface Options {
  /** Whose clock stamps without an offset read; UTC where left out. */
  readonly timeZone?: string | undefined
  /** How long the whole text is about, for room to be made at once instead of bit by bit. */
  readonly bytes?: number | undefined
}

/** The rows below a head. */
export const make = (place: string, head: Head, { timeZone, bytes }: Options): Rows => {
  const room = makeRoom()
  let block: Block | undefined
  let count = 0
  const stamps = Stamps.make()
  const numbers = Numbers.make()
  const starts = head.names[head.column.start]!

  const fault = (
    line: number,
    column: string | undefined,
    expected: string,
    found: string,
    advice: string,
  ): DataError =>
    new DataError({
      reason: "InvalidFile",
      place: `${place} line ${line}${column === undefined ? "" : `, column ${column}`}`,
      expected,
      found,
      advice,
    })

  const add = (text: string, line: number): DataError | undefined => {
    const fields = Fields.split(text, head.delimiter)
    if (typeof fields === "string") return fault(line, undefined, "fields in whole quotes", fields, correct)
    if (fields.length !== head.fields) {
      const column = head.names[Math.min(fields.length, head.fields - 1)]!
      const advice = "Give every row the fields of the head, with a point as the decimal mark"
      return fault(line, column, `${head.fields} fields as in the head`, `${fields.length}`, advice)
    }
    block ??= room.next((bytes ?? 0) / (text.length + 1))
    const { bars } = block
    const time = fields[head.column.start]!
    const start = stamps.read(time, line)
    if (typeof start !== "number") return fault(line, starts, start.expected, show(time), start.advice)
    bars.start[count] = start
    for (const column of prices) {
      const field = fields[head.column[column]]!
      const price = numbers.read(field, fields)
      if (Number.isNaN(price)) return fault(line, column, Numbers.expectation(field), show(field), correct)
      bars[column][count] = price
    }
    const volume = fields[head.column.volume]!
    const traded = volume.trim() === "" ? -1 : numbers.read(volume, fields)
    if (Number.isNaN(traded)) {
      const expected = `${Numbers.expectation(volume)}, or nothing where it is unknown`
      return fault(line, "volume", expected, show(volume), correct)
    }
    bars.volume[count] = traded === -1 ? Number.NaN : traded
    block.line[count] = line
    if (++count < blockRows) return undefined
    const wrong = insane(block)
    block = undefined
    count = 0
    return wrong
  }

  /** The first bar of the block that cannot be one; the line numbers stand in for starts, which rise later. */
  const insane = ({ bars, line }: Block): DataError | undefined => {
    const found = Quality.firstFault({ ...bars, start: line })
    return found && fault(line[found.index]!, undefined, found.expected, found.found, correct)
  }

  function* finish(): Steps<Either.Either<Candles, DataError>> {
    const last = block && {
      bars: Candle.slice(block.bars, 0, count),
      line: block.line.subarray(0, count),
    }
    const wrong = last && insane(last)
    if (wrong !== undefined) return Either.left(wrong)
    const { parts, lineOf } = room.taken(last === undefined ? 0 : blockRows - count)
    const bars = yield* concat(parts)
    if (timeZone !== undefined && stamps.areReadings()) {
      const unclear = yield* LocalTime.toInstants(timeZone, bars.start)
      if (unclear !== undefined)
        return Either.left(
          fault(lineOf(unclear.row), starts, unclear.expected, unclear.found, unclear.advice),
        )
    }
    const arranged = yield* arrange(bars)
    if ("bars" in arranged) return Either.right(arranged.bars)
    const [first, second] = arranged.clash
    const again = `${TimeRange.formatInstant(bars.start[second]!)} again, with other values than on line ${lineOf(first)}`
    return Either.left(
      fault(lineOf(second), starts, "each start once", again, "Leave out the row that is wrong"),
    )
  }

  return { add, finish }
}

// -----------------------------------------------------------------------------

interface Block {
  readonly bars: Candles
  readonly line: Float64Array
}

const blockRows = 16_384
/** Room is made for so many blocks at most at a time: three quarters of a gigabyte once it is filled. */
const mostBlocks = 1024
const prices = ["open", "high", "low", "close"] as const
const correct = "Correct the row or leave it out"

/** Columns that grow. Room that is made and never filled costs addresses, no memory. */
const makeRoom = () => {
  const slabs: Array<Block & { readonly blocks: number; used: number }> = []
  return {
    /** The next block; `rows` is how many rows there will be about. */
    next: (rows: number): Block => {
      let slab = slabs.at(-1)
      if (slab === undefined || slab.used === slab.blocks) {
        const blocks = slabs.length > 0 ? 1 : Math.min(Math.ceil((1.1 * rows) / blockRows) + 1, mostBlocks)
        const size = blocks * blockRows
        slab = { bars: Candle.allocate(size), line: new Float64Array(size), blocks, used: 0 }
        slabs.push(slab)
      }
      const from = slab.used++ * blockRows
      return {
        bars: Candle.slice(slab.bars, from, from + blockRows),
        line: slab.line.subarray(from, from + blockRows),
      }
    },
    /** All rows of all blocks but the last so many, and their lines. */
    taken: (unfilled: number) => {
      const parts = slabs.map(({ bars, used }, index) =>
        Candle.slice(bars, 0, used * blockRows - (index === slabs.length - 1 ? unfilled : 0)),
      )
      const lines = slabs.map(({ line }) => line)
      const first = slabs[0]?.line.length ?? 0
      const lineOf = (row: number): number =>
        row < first
          ? lines[0]![row]!
          : lines[1 + Math.floor((row - first) / blockRows)]![(row - first) % blockRows]!
      slabs.length = 0
      return { parts, lineOf }
    },
  }
}

const show = (field: string): string =>
  field.trim() === "" ? "nothing" : JSON.stringify(field.trim().slice(0, 60))
