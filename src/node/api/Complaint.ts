/**
 * What is said of a request that does not decode: one complaint for each place, in the words of pydantic 2, which
 * KTRDR's clients know.
 */
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

export const Complaint = Schema.Struct({
  /** `missing`, `string_type`, `int_parsing`, `greater_than_equal`, `literal_error`, `value_error` and the like. */
  type: Schema.String,
  /** `body`, `query` or `path`, then the path inside it. */
  loc: Schema.Array(Schema.Union(Schema.String, Schema.Number)),
  msg: Schema.String,
  /** What was found there. */
  input: Schema.Unknown,
  ctx: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.Unknown }), { exact: true }),
}).annotations({ identifier: "Complaint" })
export type Complaint = typeof Complaint.Type

/** A complaint without its place. */
export type Words = Pick<Complaint, "type" | "msg" | "ctx">

const annotation: unique symbol = Symbol.for("ktrdr/node/api/Complaint")

/** Annotates a schema with what is to be said of a value that it does not take. */
export const saying = (words: (input: unknown) => Words) => ({ [annotation]: words })

export const missing = (loc: Complaint["loc"], input: unknown): Complaint => ({
  type: "missing",
  loc,
  msg: "Field required",
  input,
})

export const extra = (loc: Complaint["loc"], input: unknown): Complaint => ({
  type: "extra_forbidden",
  loc,
  msg: "Extra inputs are not permitted",
  input,
})

export const notJson = (error: string, at = 0): Complaint => ({
  type: "json_invalid",
  loc: ["body", at],
  msg: "JSON decode error",
  input: {},
  ctx: { error },
})

/** One of some words. */
export const oneOf = (words: ReadonlyArray<string>, type = "literal_error"): Words => {
  const quoted = words.map((word) => `'${word}'`)
  const last = quoted.at(-1) ?? ""
  const expected = quoted.length < 2 ? last : `${quoted.slice(0, -1).join(", ")} or ${last}`
  return { type, msg: `Input should be ${expected}`, ctx: { expected } }
}

/** What is said of a place. */
export const at = ({ type, msg, ctx }: Words, loc: Complaint["loc"], input: unknown): Complaint => ({
  type,
  loc,
  msg,
  input,
  ...(ctx === undefined ? {} : { ctx }),
})

export const valueError = (message: string): Words => ({
  type: "value_error",
  msg: `Value error, ${message}`,
  ctx: { error: {} },
})

/** All complaints about a part of a request (`body`, `query`, `path`) whose decoding failed. */
export const all = (part: string, issue: ParseResult.ParseIssue): ReadonlyArray<Complaint> =>
  issue.actual === null ? [missing([part], null)] : collect(issue, [part], issue.actual)

// ---------------------------------------------------------------------------------------------------------

type Loc = Complaint["loc"]

const collect = (issue: ParseResult.ParseIssue, loc: Loc, around: unknown): ReadonlyArray<Complaint> => {
  const own =
    issue._tag === "Pointer" || issue._tag === "Missing" || issue._tag === "Unexpected"
      ? undefined
      : wordsOf(issue.ast)
  const isWithin = issue._tag === "Composite" && issue.ast._tag !== "Union"
  if (own !== undefined && !isWithin) return [at(own(issue.actual), loc, issue.actual)]
  switch (issue._tag) {
    case "Pointer": {
      const path = several<PropertyKey>(issue.path)
      return collect(issue.issue, [...loc, ...path.map(keyOf)], issue.actual)
    }
    case "Missing":
      return [missing(loc, around)]
    case "Unexpected":
      return [extra(loc, issue.actual)]
    case "Composite":
      return issue.ast._tag === "Union"
        ? ofUnion(issue.ast, issue, loc, around)
        : several(issue.issues).flatMap((one) => collect(one, loc, issue.actual))
    case "Refinement":
    case "Transformation":
      return issue.kind === "Predicate" || issue.kind === "Transformation"
        ? [at(valueError(messageOf(issue)), loc, issue.actual)]
        : collect(issue.issue, loc, around)
    case "Type":
    case "Forbidden":
      return [at(ofType(issue.ast), loc, issue.actual)]
  }
}

const wordsOf = (ast: AST.Annotated): ((input: unknown) => Words) | undefined =>
  ast.annotations[annotation] as ((input: unknown) => Words) | undefined

const keyOf = (key: PropertyKey): string | number => (typeof key === "number" ? key : String(key))

const several = <A>(issues: A | ReadonlyArray<A>): ReadonlyArray<A> =>
  Array.isArray(issues) ? (issues as ReadonlyArray<A>) : [issues as A]

const messageOf = ({ ast, issue }: ParseResult.Refinement | ParseResult.Transformation): string =>
  ("message" in issue ? issue.message : undefined) ??
  `expected ${String(ast.annotations[AST.DescriptionAnnotationId] ?? ast)}`

const isNothing = (ast: AST.AST): boolean =>
  ast._tag === "UndefinedKeyword" || (ast._tag === "Literal" && ast.literal === null)

/** A value that may be absent is spoken of as what it is where it is there. */
const ofUnion = (
  ast: AST.Union,
  issue: ParseResult.Composite,
  loc: Loc,
  around: unknown,
): ReadonlyArray<Complaint> => {
  const members = ast.types.filter((member) => !isNothing(member))
  if (members.every(AST.isLiteral)) {
    return [at(oneOf(members.map((_) => String(_.literal))), loc, issue.actual)]
  }
  const issues = several(issue.issues)
  const told = issues.filter((one) => !(one._tag === "Type" && isNothing(one.ast)))
  return (told.length === 0 ? issues : told).slice(-1).flatMap((one) => collect(one, loc, around))
}

const ofType = (ast: AST.AST): Words => {
  switch (ast._tag) {
    case "StringKeyword":
      return { type: "string_type", msg: "Input should be a valid string" }
    case "NumberKeyword":
      return { type: "float_type", msg: "Input should be a valid number" }
    case "BooleanKeyword":
      return { type: "bool_type", msg: "Input should be a valid boolean" }
    case "TupleType":
      return { type: "list_type", msg: "Input should be a valid list" }
    case "Literal":
      return oneOf([String(ast.literal)])
    case "TypeLiteral":
      return {
        type: "model_attributes_type",
        msg: "Input should be a valid dictionary or object to extract fields from",
      }
    case "Refinement":
      return ofType(ast.from)
    case "Transformation":
      return ofType(ast.from)
    default:
      return valueError(`expected ${String(ast)}`)
  }
}
