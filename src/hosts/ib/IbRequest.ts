/**
 * What a request to the host must look like, and what is said of one that does not: the complaints of
 * pydantic 2, which KTRDR's clients know.
 */
import * as Either from "effect/Either"
import type { ValidationError } from "./IbApi.js"

export type Complaint = ValidationError["detail"][number]

/** What a field holds; one that is not `required` may be absent or null. */
export interface Field {
  readonly name: string
  readonly required: boolean
  readonly kind: "string" | "datetime" | "strings" | "session"
}

/** A body's fields as they came, every one of its kind. An instant is text, or a number of seconds or milliseconds. */
export type Fields = { readonly [name: string]: unknown }

export const historical: ReadonlyArray<Field> = [
  { name: "symbol", required: true, kind: "string" },
  { name: "timeframe", required: true, kind: "string" },
  { name: "start", required: true, kind: "datetime" },
  { name: "end", required: true, kind: "datetime" },
  { name: "instrument_type", required: false, kind: "string" },
  { name: "session", required: false, kind: "session" },
]

export const validate: ReadonlyArray<Field> = [
  { name: "symbol", required: true, kind: "string" },
  { name: "timeframes", required: false, kind: "strings" },
]

/** Reads a body. Fields that nobody knows are ignored. Without a content type it is taken for JSON. */
export const body = (
  fields: ReadonlyArray<Field>,
  text: string,
  contentType: string | undefined,
): Either.Either<Fields, ReadonlyArray<Complaint>> => {
  if (text === "") return Either.left([missing(["body"], null)])
  if (contentType !== undefined && !/^application\/([\w.-]+\+)?json\b/i.test(contentType)) {
    return Either.left([notAnObject(text)])
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const position = Number(/position (\d+)/.exec(String(error))?.[1] ?? 0)
    const complaint = { type: "json_invalid", loc: ["body", position], msg: "JSON decode error", input: {} }
    return Either.left([{ ...complaint, ctx: { error: "Expecting value" } }])
  }
  if (value === null) return Either.left([missing(["body"], null)])
  if (!isRecord(value)) return Either.left([notAnObject(value)])
  const complaints = fields.flatMap((field) => check(field, value))
  return complaints.length === 0 ? Either.right(value) : Either.left(complaints)
}

/** The parameters of a query that are required, as text, or what is missing. */
export const query = (
  names: ReadonlyArray<string>,
  params: URLSearchParams,
): Either.Either<{ readonly [name: string]: string }, ReadonlyArray<Complaint>> => {
  const complaints = names.filter((name) => !params.has(name)).map((name) => missing(["query", name], null))
  return complaints.length === 0 ? Either.right(Object.fromEntries(params)) : Either.left(complaints)
}

/**
 * The instant of a `datetime` field, in epoch milliseconds: none for a stamp without an offset, whose instant
 * nobody can tell. A number above 2e10 is milliseconds, else seconds.
 */
export const instant = (value: unknown): number | undefined => {
  if (typeof value === "number") return Math.abs(value) > 2e10 ? value : value * 1000
  const millis = /(Z|[+-]\d{2}:?\d{2})$/i.test(String(value)) ? Date.parse(String(value)) : Number.NaN
  return Number.isNaN(millis) ? undefined : millis
}

// -----------------------------------------------------------------------------

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const missing = (loc: ReadonlyArray<string>, input: unknown): Complaint => ({
  type: "missing",
  loc,
  msg: "Field required",
  input,
})

const notAnObject = (input: unknown): Complaint => ({
  type: "model_attributes_type",
  loc: ["body"],
  msg: "Input should be a valid dictionary or object to extract fields from",
  input,
})

const check = ({ name, required, kind }: Field, value: Record<string, unknown>): ReadonlyArray<Complaint> => {
  const input = value[name]
  const loc = ["body", name]
  if (input === undefined) return required ? [missing(loc, value)] : []
  if (input === null && !required) return []
  switch (kind) {
    case "string":
      return typeof input === "string" ? [] : [notText(loc, input)]
    case "strings":
      return Array.isArray(input)
        ? input.flatMap((item, index) => (typeof item === "string" ? [] : [notText([...loc, index], item)]))
        : [{ type: "list_type", loc, msg: "Input should be a valid list", input }]
    case "session": {
      const expected = "'regular' or 'extended'"
      return input === "regular" || input === "extended"
        ? []
        : [{ type: "literal_error", loc, msg: `Input should be ${expected}`, input, ctx: { expected } }]
    }
    case "datetime":
      return datetime(loc, input)
  }
}

const notText = (loc: ReadonlyArray<string | number>, input: unknown): Complaint => ({
  type: "string_type",
  loc,
  msg: "Input should be a valid string",
  input,
})

const datetime = (loc: ReadonlyArray<string>, input: unknown): ReadonlyArray<Complaint> => {
  if (typeof input === "number" && Math.abs(input) <= 8.64e15) return []
  if (typeof input !== "string") {
    return [{ type: "datetime_type", loc, msg: "Input should be a valid datetime", input }]
  }
  const error = stampError(input)
  if (error === undefined) return []
  const type = "datetime_from_date_parsing"
  return [{ type, loc, msg: `Input should be a valid datetime or date, ${error}`, input, ctx: { error } }]
}

const stamp = /^\d{4}-(\d{2})-(\d{2})(?:[T _ ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i

const stampError = (text: string): string | undefined => {
  if (text.length < 10) return "input is too short"
  if (!/^\d{4}/.test(text)) return "invalid character in year"
  const parts = stamp.exec(text)
  if (parts === null) return "unexpected extra characters at the end of the input"
  const [month, date] = [Number(parts[1]), Number(parts[2])]
  if (month < 1 || month > 12) return "month value is outside expected range of 1-12"
  const last = new Date(Date.UTC(Number(text.slice(0, 4)), month, 0)).getUTCDate()
  if (date < 1 || date > last) return "day value is outside expected range"
  return Number.isNaN(Date.parse(text.slice(0, 10) + text.slice(10).replace(/^[_ t]/, "T")))
    ? "hour value is outside expected range of 0-23"
    : undefined
}
