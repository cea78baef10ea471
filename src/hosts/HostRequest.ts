/**
 * What a request to a host must look like, and what is said of one that does not: the complaints of pydantic 2, which
 * KTRDR's clients know.
 */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as HostHttp from "./HostHttp.js"

export interface Complaint {
  readonly type: string
  /** `body` or `query`, then the path inside it. */
  readonly loc: ReadonlyArray<string | number>
  readonly msg: string
  /** What was found there. */
  readonly input: unknown
  readonly ctx?: { readonly [key: string]: unknown }
}

/** What a field holds, a list being that of the words that it may be; one that is not `required` may be absent or null. */
export interface Field {
  readonly name: string
  readonly required: boolean
  readonly kind: "string" | "datetime" | "strings" | "boolean" | "object" | ReadonlyArray<string>
}

/** A body's fields as they came, every one of its kind. An instant is text, or a number of seconds or milliseconds. */
export type Fields = { readonly [name: string]: unknown }

/** The answer to a request that nobody can do anything with: the first of the complaints. */
export const unprocessable = (complaints: ReadonlyArray<Complaint>): HttpServerResponse.HttpServerResponse =>
  HostHttp.json(JSON.stringify({ detail: complaints.slice(0, mostComplaints) }), 422)

/** The fields of the request's body, and its text; fails with the answer to one that does not have them. */
export const read = (
  wanted: ReadonlyArray<Field>,
): Effect.Effect<
  { readonly value: Fields; readonly text: string },
  HttpServerResponse.HttpServerResponse,
  HttpServerRequest.HttpServerRequest
> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
    Effect.flatMap(HostHttp.text(request), (text) =>
      Either.mapBoth(body(wanted, text, request.headers["content-type"]), {
        onLeft: unprocessable,
        onRight: (value) => ({ value, text }),
      }),
    ),
  )

/** The same as the schema has it, where its fields are of their kinds. */
export const decoded = <A, I>(
  wanted: ReadonlyArray<Field>,
  schema: Schema.Schema<A, I>,
): Effect.Effect<
  { readonly value: A; readonly text: string },
  HttpServerResponse.HttpServerResponse,
  HttpServerRequest.HttpServerRequest
> =>
  Effect.flatMap(read(wanted), ({ text, value: found }) =>
    Schema.decodeUnknown(schema, { errors: "all" })(found).pipe(
      Effect.mapBoth({
        onSuccess: (value) => ({ value, text }),
        onFailure: (error) => unprocessable(complaintsOf(found, error)),
      }),
    ),
  )

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
    return Either.left([{ ...complaint, ctx: { error: expectation(text.slice(0, position)) } }])
  }
  if (value === null) return Either.left([missing(["body"], null)])
  if (!isRecord(value)) return Either.left([notAnObject(value)])
  const long = tooLong(value)
  if (long !== undefined) return Either.left([long])
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

// -----------------------------------------------------------------------------

const mostComplaints = 20

/** The longest list in a body. */
const mostItems = 1000

interface Place {
  readonly key: string | number
  readonly value: unknown
  readonly around: Place | undefined
}

/** The complaint about a list that is too long, wherever it is. What it holds is not told. */
const tooLong = (body: Fields): Complaint | undefined => {
  const open: Array<Place> = [{ key: "body", value: body, around: undefined }]
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    const { value } = one
    if (typeof value !== "object" || value === null) continue
    if (Array.isArray(value) && value.length > mostItems) {
      const ctx = { field_type: "List", max_length: mostItems, actual_length: value.length }
      const msg = `List should have at most ${mostItems} items after validation, not ${value.length}`
      const loc: Array<string | number> = []
      for (let at: Place | undefined = one; at !== undefined; at = at.around) loc.unshift(at.key)
      return { type: "too_long", loc, msg, input: null, ctx }
    }
    const inner = Array.isArray(value) ? value.entries() : Object.entries(value)
    for (const [key, part] of inner) open.push({ key, value: part, around: one })
  }
  return undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The first complaint about each place: a choice between several shapes has one for each of them. */
const complaintsOf = (found: Fields, error: ParseResult.ParseError): ReadonlyArray<Complaint> => {
  const complaints = new Map<string, Complaint>()
  for (const { message, path } of ParseResult.ArrayFormatter.formatErrorSync(error)) {
    const loc = path.map((key) => (typeof key === "number" ? key : String(key)))
    const place = JSON.stringify(loc)
    if (complaints.has(place)) continue
    complaints.set(place, {
      type: "value_error",
      loc: ["body", ...loc],
      msg: message,
      input: valueAt(found, loc),
    })
  }
  return [...complaints.values()]
}

const valueAt = (value: unknown, path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Record<string | number, unknown>)[key]
        : undefined,
    value,
  )

/** What Python's reader wants where JSON breaks off behind such a text. */
const expectation = (before: string): string =>
  before.trimEnd().endsWith("{") ? "Expecting property name enclosed in double quotes" : "Expecting value"

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
  if (typeof kind === "object") {
    const expected = kind.map((word) => `'${word}'`).join(" or ")
    return kind.some((word) => word === input)
      ? []
      : [{ type: "literal_error", loc, msg: `Input should be ${expected}`, input, ctx: { expected } }]
  }
  switch (kind) {
    case "string":
      return typeof input === "string" ? [] : [notText(loc, input)]
    case "strings":
      return Array.isArray(input)
        ? input.flatMap((item, index) => (typeof item === "string" ? [] : [notText([...loc, index], item)]))
        : [{ type: "list_type", loc, msg: "Input should be a valid list", input }]
    case "object":
      return isRecord(input)
        ? []
        : [{ type: "dict_type", loc, msg: "Input should be a valid dictionary", input }]
    case "boolean":
      return boolean(loc, input)
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

/** Numbers and words that pydantic takes for one of the two are none here. */
const boolean = (loc: ReadonlyArray<string>, input: unknown): ReadonlyArray<Complaint> => {
  if (typeof input === "boolean") return []
  const msg = "Input should be a valid boolean"
  return typeof input === "string"
    ? [{ type: "bool_parsing", loc, msg: `${msg}, unable to interpret input`, input }]
    : [{ type: "bool_type", loc, msg, input }]
}

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
