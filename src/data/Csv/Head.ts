/**
 * The first line of a file of bars: which field holds what, and what separates them.
 */
import * as Either from "effect/Either"
import * as Columns from "../CandleFile/Columns.js"
import { DataError } from "../DataError.js"
import * as Fields from "./Fields.js"

/** Index of the field that holds each column, and how many fields a row has. */
export interface Head {
  readonly fields: number
  readonly names: ReadonlyArray<string>
  readonly column: Columns.Columns
  readonly delimiter: Fields.Delimiter
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
    expected: "a line of fields",
    found: "more than a million characters without a line end",
    advice: "Look for a quote that is opened and not closed",
  })

export const parse = (place: string, line: number, text: string): Either.Either<Head, DataError> => {
  const delimiter = Fields.delimiterOf(text)
  const invalid = (column: string | undefined, expected: string, advice: string, found?: string) =>
    new DataError({
      reason: "InvalidFile",
      place: `${place} line ${line}${column === undefined ? "" : `, column ${column}`}`,
      expected,
      found: found ?? `the head ${JSON.stringify(text.slice(0, 120))}`,
      advice,
    })
  const names = Fields.split(text, delimiter)
  if (typeof names === "string")
    return Either.left(invalid(undefined, "a head of names", "Correct the quotes of the head", names))
  return Either.mapBoth(Columns.find(names), {
    onLeft: ({ column, expected, advice }) => invalid(column, expected, advice),
    onRight: (column) => ({
      fields: names.length,
      names: names.map((name, index) => name.trim() || `${index + 1}`),
      column,
      delimiter,
    }),
  })
}
