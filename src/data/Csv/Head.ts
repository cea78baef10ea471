/**
 * The first line of a file of bars: which field holds what.
 */
import * as Either from "effect/Either"
import type { Candle } from "../Candle.js"
import { DataError } from "../DataError.js"

/** Index of the field that holds each column, and how many fields a row has. */
export interface Head {
  readonly fields: number
  readonly names: ReadonlyArray<string>
  readonly column: { readonly [K in keyof Candle]: number }
}

const timeNames = ["timestamp", "datetime", "date", "time"]
const valueNames = ["open", "high", "low", "close", "volume"] as const

/** Splits a line at its commas; a field in double quotes may hold commas, line breaks and doubled quotes. */
export const split = (line: string): ReadonlyArray<string> => {
  if (!line.includes('"')) return line.split(",")
  const fields: Array<string> = []
  let field = ""
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!
    if (char === '"') {
      if (quoted && line[i + 1] === '"') {
        field += '"'
        i++
      } else quoted = !quoted
    } else if (char === "," && !quoted) {
      fields.push(field)
      field = ""
    } else field += char
  }
  fields.push(field)
  return fields
}

/** The error of a text without a single line. */
export const missing = (place: string): DataError =>
  new DataError({
    reason: "InvalidFile",
    place,
    expected: "a head such as timestamp,open,high,low,close,volume and a row for each bar",
    found: "no line",
    advice: "Give a file that has bars",
  })

/** The error of a line that never ends: a quote that is not closed, or no text at all. */
export const endless = (place: string, line: number): DataError =>
  new DataError({
    reason: "InvalidFile",
    place: `${place} line ${line}`,
    expected: "a line of comma-separated fields",
    found: "more than a million characters without a line end",
    advice: "Look for a quote that is opened and not closed",
  })

export const parse = (place: string, line: number, text: string): Either.Either<Head, DataError> => {
  const raw = split(text)
  const names = raw.map((name) => name.trim().toLowerCase())
  const invalid = (column: string, expected: string, advice: string) =>
    Either.left(
      new DataError({
        reason: "InvalidFile",
        place: `${place} line ${line}, column ${column}`,
        expected,
        found: `the head ${JSON.stringify(text.slice(0, 120))}`,
        advice,
      }),
    )
  const named = names.filter((name) => timeNames.includes(name))
  const times = named.length > 0 ? named : names.filter((name) => name === "")
  if (times.length !== 1) {
    return invalid(
      "timestamp",
      `one time column, named ${timeNames.join(", ")} or nothing`,
      times.length === 0
        ? "Name the column of the bars' starts timestamp"
        : "Leave one time column in the file",
    )
  }
  for (const name of valueNames) {
    const count = names.filter((other) => other === name).length
    if (count === 0)
      return invalid(name, `a column ${name}`, `Add the column ${name}; nothing is made up in its place`)
    if (count > 1)
      return invalid(name, `one column ${name}, found ${count}`, `Leave one column ${name} in the file`)
  }
  return Either.right({
    fields: names.length,
    names: raw.map((name, index) => name.trim() || `${index + 1}`),
    column: {
      start: names.indexOf(times[0]!),
      open: names.indexOf("open"),
      high: names.indexOf("high"),
      low: names.indexOf("low"),
      close: names.indexOf("close"),
      volume: names.indexOf("volume"),
    },
  })
}
