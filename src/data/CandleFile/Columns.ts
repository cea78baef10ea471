/**
 * Which of a file's columns holds what.
 */
import * as Either from "effect/Either"
import type { Candle } from "../Candle.js"

/** The index of each column among the names. */
export type Columns = { readonly [K in keyof Candle]: number }

/** A column that is not there, or more than once. */
export interface Fault {
  readonly column: string
  readonly expected: string
  readonly advice: string
}

/** What a table's index is called where it has no name. */
const unnamed = new Set(["", "__index_level_0__"])
const timeNames = ["timestamp", "datetime", "date", "time"]
const valueNames = ["open", "high", "low", "close", "volume"] as const

/**
 * The columns by their names, in whatever case and order: `open`, `high`, `low`, `close`, `volume`, and for the
 * start one of `timestamp`, `datetime`, `date`, `time`, or no name at all. Others are left alone.
 */
export const find = (names: ReadonlyArray<string>): Either.Either<Columns, Fault> => {
  const plain = names.map((name) => name.trim().toLowerCase())
  const named = plain.filter((name) => timeNames.includes(name))
  const times = named.length > 0 ? named : plain.filter((name) => unnamed.has(name))
  if (times.length !== 1) {
    return Either.left({
      column: "timestamp",
      expected: `one time column, named ${timeNames.join(", ")} or nothing`,
      advice:
        times.length === 0
          ? "Name the column of the bars' starts timestamp"
          : "Leave one time column in the file",
    })
  }
  for (const column of valueNames) {
    const count = plain.filter((name) => name === column).length
    if (count === 0) {
      const advice = `Add the column ${column}; nothing is made up in its place`
      return Either.left({ column, expected: `a column ${column}`, advice })
    }
    if (count > 1) {
      const advice = `Leave one column ${column} in the file`
      return Either.left({ column, expected: `one column ${column}, found ${count}`, advice })
    }
  }
  return Either.right({
    start: plain.indexOf(times[0]!),
    open: plain.indexOf("open"),
    high: plain.indexOf("high"),
    low: plain.indexOf("low"),
    close: plain.indexOf("close"),
    volume: plain.indexOf("volume"),
  })
}
