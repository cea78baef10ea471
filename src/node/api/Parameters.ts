/**
 * How text of a query or a path, and dates of a body, are read.
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import * as Symbols from "../../data/Symbol.js"
import * as Timeframes from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as Complaint from "./Complaint.js"

/** For a part of a request of which nothing is left unread: unknown keys are complained of, and every wrong one. */
export const exact = {
  parseOptions: { errors: "all", onExcessProperty: "error" } satisfies AST.ParseOptions,
}

/** A part of a request that may be left out. */
export const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** A part of a body that may be left out, or be null. */
export const nullable = <A, I>(schema: Schema.Schema<A, I>) => optional(Schema.NullOr(schema))

/** Text that a rule reads: what is said where it cannot, and the JSON schema of what it can. */
interface Reading<A> {
  readonly document: object
  readonly rule: (text: string) => A | undefined
  readonly write?: (value: A) => string
  readonly words: (input: unknown) => Complaint.Words
}

const read = <A>(
  target: Schema.Schema<A, A>,
  { document, rule, words, write = String }: Reading<A>,
): Schema.Schema<A, string> =>
  Schema.transformOrFail(Schema.String, target, {
    strict: true,
    decode: (text, _, ast) => {
      const value = rule(text)
      return value === undefined
        ? ParseResult.fail(new ParseResult.Type(ast, text))
        : ParseResult.succeed(value)
    },
    encode: (value) => ParseResult.succeed(write(value)),
  }).annotations({ jsonSchema: document, ...Complaint.saying(words) })

/** A whole number from `least` to `most`. */
export const integer = (least: number, most: number): Schema.Schema<number, string> =>
  read(Schema.Number, {
    document: { type: "integer", minimum: least, maximum: most },
    rule: (text) => {
      const value = /^[+-]?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
      return value >= least && value <= most ? value : undefined
    },
    words: (input) => {
      if (!/^[+-]?\d+$/.test(String(input))) {
        return {
          type: "int_parsing",
          msg: "Input should be a valid integer, unable to parse string as an integer",
        }
      }
      return Number(input) < least
        ? {
            type: "greater_than_equal",
            msg: `Input should be greater than or equal to ${least}`,
            ctx: { ge: least },
          }
        : { type: "less_than_equal", msg: `Input should be less than or equal to ${most}`, ctx: { le: most } }
    },
  })

const yes = new Set(["true", "1", "yes", "on", "t", "y"])
const no = new Set(["false", "0", "no", "off", "f", "n"])

const unclear = (input: unknown): Complaint.Words =>
  typeof input === "string"
    ? { type: "bool_parsing", msg: "Input should be a valid boolean, unable to interpret input" }
    : { type: "bool_type", msg: "Input should be a valid boolean" }

/** `true`, `1`, `yes`, `on` and their opposites, in upper or lower case. */
export const boolean: Schema.Schema<boolean, string> = read(Schema.Boolean, {
  document: { type: "boolean" },
  rule: (text) => {
    const word = text.trim().toLowerCase()
    return yes.has(word) ? true : no.has(word) ? false : undefined
  },
  words: unclear,
})

/** A boolean, or the text of one. */
export const loose: Schema.Schema<boolean, boolean | string> = Schema.Union(
  Schema.Boolean,
  boolean.annotations({ jsonSchema: { type: "string" } }),
).annotations(Complaint.saying(unclear))

const noMoment = (input: unknown): Complaint.Words =>
  typeof input === "string"
    ? {
        type: "datetime_from_date_parsing",
        msg: "Input should be a valid datetime or date, such as 2024-01-02 or 2024-01-02T14:30:00Z",
        ctx: { error: "not a date" },
      }
    : { type: "datetime_type", msg: "Input should be a valid datetime" }

/** A date (00:00 UTC), or a date and time, UTC unless it has an offset: epoch milliseconds. */
export const instant: Schema.Schema<number, string> = read(Schema.Number, {
  document: { type: "string", description: "A date such as 2024-01-02, or 2024-01-02T14:30:00Z" },
  rule: (text) => Either.getOrUndefined(TimeRange.parseInstant("date", text)),
  write: TimeRange.formatInstant,
  words: noMoment,
})

/** The same in a body, where it may also be a number: of milliseconds above 2e10, else of seconds. */
export const moment: Schema.Schema<number, string | number> = Schema.Union(
  instant,
  Schema.transform(Schema.Finite.pipe(Schema.between(-8.64e15, 8.64e15)), Schema.Number, {
    strict: true,
    decode: (given) => (Math.abs(given) > 2e10 ? given : given * 1000),
    encode: (millis) => (Math.abs(millis) > 2e10 ? millis : millis / 1000),
  }).annotations({ jsonSchema: { type: "number" } }),
).annotations(Complaint.saying(noMoment))

/** Whether what a body asks for begins before it ends; else what is said of it. */
export const beginsBeforeItEnds = ({
  start_date: start,
  end_date: end,
}: {
  readonly start_date?: number | null
  readonly end_date?: number | null
}): true | string =>
  typeof start !== "number" || typeof end !== "number" || start < end || "start_date must be before end_date"

/** A symbol as it is typed: `aapl`, `EUR/USD`. */
export const symbol: Schema.Schema<Symbols.Symbol, string> = read(Schema.typeSchema(Symbols.Symbol), {
  document: { type: "string", minLength: 1, description: "Such as AAPL, BRK.B or EUR/USD" },
  rule: (text) => Either.getOrUndefined(Symbols.parse(text)),
  words: (input) =>
    typeof input === "string"
      ? Complaint.valueError("Symbol must be one such as AAPL, BRK.B or EUR/USD")
      : { type: "string_type", msg: "Input should be a valid string" },
})

const names = Timeframes.all.map((name) => `'${name}'`).join(", ")

export const timeframe: Schema.Schema<Timeframes.Timeframe, string> = read(
  Schema.typeSchema(Timeframes.Timeframe),
  {
    document: { type: "string", enum: [...Timeframes.all] },
    rule: (text) => Either.getOrUndefined(Timeframes.parse(text)),
    words: (input) =>
      typeof input === "string"
        ? Complaint.valueError(`Timeframe must be one of [${names}]`)
        : { type: "string_type", msg: "Input should be a valid string" },
  },
)

/**
 * A list of what `item` reads, one at least. What is wrong with one of them is said of the list, as pydantic's
 * validators of lists do.
 */
export const some = <A extends string>(
  what: string,
  item: Schema.Schema<A, string>,
): Schema.Schema<ReadonlyArray<A>, ReadonlyArray<string>> => {
  const parse = Schema.decodeEither(item)
  return Schema.transformOrFail(Schema.Array(Schema.String), Schema.Array(Schema.typeSchema(item)), {
    strict: true,
    decode: (texts, _, ast) => {
      const failed = (message: string) => ParseResult.fail(new ParseResult.Type(ast, texts, message))
      if (texts.length === 0) return failed(`At least one ${what} must be specified`)
      const read: Array<A> = []
      for (const text of texts) {
        const one = parse(text)
        if (Either.isLeft(one)) {
          return failed(
            text.trim() === ""
              ? `${what[0]?.toUpperCase()}${what.slice(1)} cannot be empty`
              : said(one.left.issue, text),
          )
        }
        read.push(one.right)
      }
      return ParseResult.succeed(read)
    },
    encode: (items) => ParseResult.succeed(items),
  }).annotations({ jsonSchema: { type: "array", items: { type: "string" }, minItems: 1 } })
}

const said = (issue: ParseResult.ParseIssue, text: string): string =>
  `${Complaint.all("body", issue)[0]?.msg.replace(/^Value error, /, "") ?? "it does not decode"}, found ${JSON.stringify(text.slice(0, 60))}`
