/**
 * Calendars as a JSON text: one calendar, or several in an array, each as the schema `TradingCalendar` has it.
 *
 * ```json
 * {
 *   "venue": "XLON", "timeZone": "Europe/London", "source": "London Stock Exchange; table of 2026-11-23",
 *   "regular": [{ "days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "open": "08:00", "close": "16:30" }],
 *   "closed": [{ "rule": "fixed", "month": 12, "day": 25, "observed": "nearest" }],
 *   "changed": [{ "on": [{ "rule": "date", "date": "2025-12-24" }], "regular": { "close": "12:30" } }]
 * }
 * ```
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as JsonLines from "../internal/jsonLines.js"
import { DataError } from "./DataError.js"
import * as Sense from "./TradingCalendar/Sense.js"
import { TradingCalendar } from "./TradingCalendar.js"

/** The longest text that is read, in characters; a calendar takes some thousand. */
export const longest = 1_048_576

/**
 * The calendars of a text called `place` (a file's name), in its order. Fails with `InvalidFile`, naming the
 * line and the path of what is wrong: text that is no JSON, a value that does not fit the schema, and what
 * `Sense.firstFault` finds. One venue twice is an error too.
 */
export const parse = (
  place: string,
  text: string,
): Either.Either<ReadonlyArray<TradingCalendar>, DataError> =>
  Either.gen(function* () {
    if (text.length > longest) return yield* Either.left(tooLong(place))
    const json = text.replace(/^\uFEFF/, "")
    const lines = JsonLines.make(json)
    const whole = yield* Either.try({
      try: (): unknown => JSON.parse(json),
      catch: (cause) => noJson(place, lines, cause),
    })
    const given: ReadonlyArray<unknown> = Array.isArray(whole) ? whole : [whole]
    const invalid = (path: ReadonlyArray<PropertyKey>, expected: string, found: string) =>
      wrong(place, lines, Array.isArray(whole) ? path : path.slice(1), expected, found)
    if (given.length === 0) return yield* Either.left(invalid([], "one calendar or more", "none"))
    const calendars: Array<TradingCalendar> = []
    for (const [index, one] of given.entries()) {
      const calendar = yield* Either.mapLeft(decode(one), (error) => {
        const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
        const path = issues[0]?.path ?? []
        const here = issues.filter((issue) => issue.path.join() === path.join())
        return invalid([index, ...path], expectation(here), show(valueAt(one, path)))
      })
      const fault = Sense.firstFault(calendar)
      if (fault !== undefined)
        return yield* Either.left(invalid([index, ...fault.path], fault.expected, fault.found))
      if (calendars.some(({ venue }) => venue === calendar.venue))
        return yield* Either.left(
          invalid([index, "venue"], "each venue once", `${show(calendar.venue)} again`),
        )
      calendars.push(calendar)
    }
    return calendars
  })

// -----------------------------------------------------------------------------

const decode = Schema.decodeUnknownEither(TradingCalendar, { errors: "first", onExcessProperty: "error" })

const tooLong = (place: string): DataError =>
  new DataError({
    reason: "InvalidFile",
    place,
    expected: "a file of calendars of at most a million characters",
    found: "more",
    advice: "Give a JSON file of calendars",
  })

const noJson = (place: string, lines: JsonLines.JsonLines, cause: unknown): DataError =>
  new DataError({
    reason: "InvalidFile",
    place: `${place} line ${lines.wrong ?? lines.lineOf([])}`,
    expected: "a calendar, or an array of calendars, as JSON",
    found: cause instanceof Error ? cause.message.replaceAll(/\s+/g, " ") : String(cause),
    advice: "Correct the JSON on that line",
    cause,
  })

const wrong = (
  place: string,
  lines: JsonLines.JsonLines,
  path: ReadonlyArray<PropertyKey>,
  expected: string,
  found: string,
): DataError =>
  new DataError({
    reason: "InvalidFile",
    place: `${place} line ${lines.lineOf(path)}${path.length === 0 ? "" : `, ${format(path)}`}`,
    expected,
    found,
    advice: "Correct the calendar at that place",
  })

/** `regular[0].open` */
const format = (path: ReadonlyArray<PropertyKey>): string =>
  path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "")

/** What the schema wanted, in the words of its issues, which all speak of one place. */
const expectation = (issues: ReadonlyArray<{ readonly message: string }>): string => {
  const wanted = issues.map(({ message }) =>
    message
      .replace(/^is missing$/, "a value")
      .replace(/^is unexpected, expected: /, "no other key than ")
      .replace(/^expected /i, "")
      .replace(/, actual [^]*$/, ""),
  )
  return wanted.length === 1 ? wanted[0]! : `one of ${wanted.join(" ")}`
}

const valueAt = (value: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  )

const show = (value: unknown): string =>
  value === undefined ? "nothing" : JSON.stringify(value).slice(0, 60)
