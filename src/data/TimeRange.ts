/**
 * A half-open span of time, `[start, end)`, both in epoch milliseconds UTC.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { DataError } from "./DataError.js"

export interface TimeRange {
  readonly start: number
  readonly end: number
}

/** Epoch milliseconds inside, an ISO instant on the wire. */
export const Instant: Schema.Schema<number, string> = Schema.transform(
  Schema.DateFromString.pipe(Schema.validDate()),
  Schema.Number,
  { strict: true, decode: (date) => date.getTime(), encode: (millis) => new Date(millis) },
).annotations({ identifier: "Instant" })

/** On the wire: two ISO instants. */
export const TimeRange: Schema.Schema<TimeRange, { readonly start: string; readonly end: string }> =
  Schema.Struct({ start: Instant, end: Instant }).annotations({ identifier: "TimeRange" })

export const make = (start: number, end: number): TimeRange => ({ start, end })

/** Every instant that a date can have. */
export const always: TimeRange = { start: -8.64e15, end: 8.64e15 }

export const isEmpty = (range: TimeRange): boolean => range.end <= range.start

export const contains = (range: TimeRange, instant: number): boolean =>
  range.start <= instant && instant < range.end

export const intersect = (a: TimeRange, b: TimeRange): TimeRange => ({
  start: Math.max(a.start, b.start),
  end: Math.min(a.end, b.end),
})

/** The ranges sorted, with those that touch or overlap joined and empty ones left out. */
export const union = (ranges: ReadonlyArray<TimeRange>): ReadonlyArray<TimeRange> => {
  const joined: Array<TimeRange> = []
  for (const range of ranges.filter((_) => !isEmpty(_)).sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1)
    if (last !== undefined && range.start <= last.end) {
      joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, range.end) }
    } else joined.push(range)
  }
  return joined
}

/** What of `ranges` lies outside `hole`. */
export const subtract = (ranges: ReadonlyArray<TimeRange>, hole: TimeRange): ReadonlyArray<TimeRange> =>
  ranges.flatMap((range) =>
    hole.end <= range.start || range.end <= hole.start
      ? [range]
      : [make(range.start, hole.start), make(hole.end, range.end)].filter((_) => !isEmpty(_)),
  )

/** What of `ranges` lies outside all of `holes`; both are sorted and disjoint. One pass: linear in both. */
export const difference = (
  ranges: ReadonlyArray<TimeRange>,
  holes: ReadonlyArray<TimeRange>,
): ReadonlyArray<TimeRange> => {
  const left: Array<TimeRange> = []
  let first = 0
  for (const { start, end } of ranges) {
    while (first < holes.length && holes[first]!.end <= start) first++
    let from = start
    for (let at = first; at < holes.length && holes[at]!.start < end; at++) {
      if (holes[at]!.start > from) left.push(make(from, holes[at]!.start))
      from = holes[at]!.end
    }
    if (from < end) left.push(make(from, end))
  }
  return left
}

/** `2024-01-02T14:30:00Z`: no milliseconds unless there are some. */
export const formatInstant = (millis: number): string => new Date(millis).toISOString().replace(".000Z", "Z")

/** `2024-01-02T14:30:00Z to 2024-01-03T00:00:00Z` */
export const format = (range: TimeRange): string =>
  `${formatInstant(range.start)} to ${formatInstant(range.end)}`

const stamp = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/

/**
 * Reads an instant as a user types it: a date (00:00 UTC), or a date and time, UTC unless it carries an
 * offset. A day that the calendar does not have (`2024-02-30`) is refused.
 */
export const parseInstant = (place: string, text: string): Either.Either<number, DataError> => {
  const parts = stamp.exec(text.trim())
  const midnight = parts === null ? Number.NaN : Date.parse(`${parts[1]}T00:00:00Z`)
  const real = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(parts?.[1] ?? "?")
  const millis = real ? Date.parse(`${parts?.[1]}T${parts?.[2] ?? "00:00"}${parts?.[3] ?? "Z"}`) : Number.NaN
  return Number.isNaN(millis)
    ? Either.left(
        new DataError({
          reason: "InvalidInput",
          place,
          expected: "a date or an ISO instant such as 2024-01-02 or 2024-01-02T14:30:00Z",
          found: JSON.stringify(text.slice(0, 60)),
          advice: "Give the date as year-month-day",
        }),
      )
    : Either.right(millis)
}
