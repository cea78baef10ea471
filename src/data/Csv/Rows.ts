/**
 * The rows of a file of bars, gathered into columns one line at a time.
 */
import * as Either from "effect/Either"
import type { Candles } from "../Candle.js"
import * as Candle from "../Candle.js"
import { DataError } from "../DataError.js"
import * as Quality from "../Quality.js"
import * as TimeRange from "../TimeRange.js"
import { arrange, concat, type Steps } from "./Arrange.js"
import { type Head, split } from "./Head.js"

export interface Rows {
  /** Takes a row; answers with what is wrong in it, if anything is. */
  readonly add: (text: string, line: number) => DataError | undefined
  /** All rows as sorted columns; fails where one start came with two sets of values. */
  readonly finish: () => Steps<Either.Either<Candles, DataError>>
}

export const make = (place: string, head: Head): Rows => {
  const blocks: Array<Block> = []
  let block = allocate()
  let count = 0
  const stamps = stampReader()

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
    const fields = split(text)
    if (fields.length !== head.fields) {
      const column = head.names[Math.min(fields.length, head.fields - 1)]!
      const advice = "Give every row the fields of the head, with a point as the decimal mark"
      return fault(line, column, `${head.fields} fields as in the head`, `${fields.length}`, advice)
    }
    const { bars } = block
    const time = fields[head.column.start]!
    bars.start[count] = stamps.read(time)
    if (Number.isNaN(bars.start[count]!)) {
      return fault(line, head.names[head.column.start]!, stamps.expected(), show(time), "Correct the stamp")
    }
    for (const column of prices) {
      const field = fields[head.column[column]]!
      bars[column][count] = number(field)
      if (Number.isNaN(bars[column][count]!)) return fault(line, column, "a number", show(field), correct)
    }
    const volume = fields[head.column.volume]!
    const traded = volume.trim() === "" ? -1 : number(volume)
    if (Number.isNaN(traded)) {
      return fault(line, "volume", "a number, or nothing where it is unknown", show(volume), correct)
    }
    bars.volume[count] = traded === -1 ? Number.NaN : traded
    block.line[count] = line
    if (++count < blockRows) return undefined
    blocks.push(block)
    const wrong = insane(block)
    block = allocate()
    count = 0
    return wrong
  }

  /** The first bar of the block that cannot be one; the line numbers stand in for starts, which rise later. */
  const insane = ({ bars, line }: Block): DataError | undefined => {
    const found = Quality.firstFault({ ...bars, start: line })
    return found && fault(line[found.index]!, undefined, found.expected, found.found, correct)
  }

  function* finish(): Steps<Either.Either<Candles, DataError>> {
    const rest = { bars: Candle.slice(block.bars, 0, count), line: block.line.subarray(0, count) }
    const wrong = insane(rest)
    if (wrong !== undefined) return Either.left(wrong)
    const parts = [...blocks, rest]
    for (const part of parts) stamps.toMillis(part.bars.start)
    const bars = yield* concat(parts.map((part) => part.bars))
    const arranged = yield* arrange(bars)
    if ("bars" in arranged) return Either.right(arranged.bars)
    const [first, second] = arranged.clash
    const line = (row: number) => parts[Math.floor(row / blockRows)]!.line[row % blockRows]!
    const again = `${TimeRange.formatInstant(bars.start[second]!)} again, with other values than on line ${line(first)}`
    const column = head.names[head.column.start]!
    return Either.left(
      fault(line(second), column, "each start once", again, "Leave out the row that is wrong"),
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
const prices = ["open", "high", "low", "close"] as const
const correct = "Correct the row or leave it out"

const allocate = (): Block => ({ bars: Candle.allocate(blockRows), line: new Float64Array(blockRows) })

const show = (field: string): string =>
  field.trim() === "" ? "nothing" : JSON.stringify(field.trim().slice(0, 60))

const decimal = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/

/** The finite decimal number that the field holds, else NaN. */
const number = (field: string): number => {
  const value = decimal.test(field) ? Number(field) : Number.NaN
  return Number.isFinite(value) ? value : Number.NaN
}

/** Nine to thirteen digits: shorter ones are years and compact dates, longer ones micro- and nanoseconds. */
const epoch = /^-?\d{9,13}(?:\.\d+)?$/
/** Epoch seconds reach the year 2286 with ten digits; milliseconds passed that in April 1970. */
const secondsBelow = 1e10

const instant = (text: string): number => Either.getOrElse(TimeRange.parseInstant("", text), () => Number.NaN)

/** Reads stamps that all have the form of the first one; the unit of epoch stamps is known at the end. */
const stampReader = () => {
  const clocks = new Map<string, number>()
  let form: "iso" | "epoch" | undefined
  let largest = 0
  let date = ""
  let midnight = Number.NaN

  const readIso = (text: string): number => {
    const day = text.slice(0, 10)
    if (day !== date) {
      date = day
      midnight = instant(day)
    }
    if (text.length === 10) return midnight
    const rest = text.slice(10)
    let clock = clocks.get(rest)
    if (clock === undefined) {
      clock = instant(`1970-01-01${rest}`)
      if (clocks.size >= 100_000) clocks.clear()
      clocks.set(rest, clock)
    }
    return midnight + clock
  }

  return {
    read: (field: string): number => {
      const text = field.trim()
      form ??= epoch.test(text) ? "epoch" : "iso"
      if (form === "iso") return readIso(text)
      const value = epoch.test(text) ? Number(text) : Number.NaN
      largest = Math.max(largest, Math.abs(value))
      return value
    },
    expected: () =>
      form === "epoch"
        ? "epoch seconds or milliseconds, as in the rows before"
        : "an ISO stamp such as 2024-01-02T14:30:00Z, a date, or epoch seconds or milliseconds, in one form throughout",
    toMillis: (starts: Float64Array): void => {
      const factor = form === "epoch" && largest < secondsBelow ? 1000 : 1
      if (form === "epoch")
        starts.forEach((start, index) => void (starts[index] = Math.round(start * factor)))
    },
  }
}
