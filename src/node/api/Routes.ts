/**
 * Which routes there are, and what each of them takes: for answers to requests that fit none.
 */
import * as HttpApi from "@effect/platform/HttpApi"
import type * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import type * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import * as Complaint from "./Complaint.js"

export interface Route {
  readonly method: string
  readonly path: RegExp
  /** Names of the parameters of the query that it knows. */
  readonly query: ReadonlySet<string>
  /** It takes a body. */
  readonly hasBody: boolean
  /** All that is wrong with the parts of a request. */
  readonly complaints: (parts: Parts) => ReadonlyArray<Complaint.Complaint>
}

/** The parts of a request as they came. */
export interface Parts {
  readonly path: ReadonlyArray<string>
  readonly query: URLSearchParams
  /** The body's JSON; null where there is none. */
  readonly body: unknown
}

/** The routes of a declaration. */
export const ofApi = <Id extends string, Groups extends HttpApiGroup.HttpApiGroup.Any, E, R>(
  api: HttpApi.HttpApi<Id, Groups, E, R>,
): ReadonlyArray<Route> => {
  const routes: Array<Route> = []
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      routes.push(ofEndpoint(endpoint as unknown as HttpApiEndpoint.HttpApiEndpoint.AnyWithProps))
    },
  })
  return routes
}

/** A route that takes no body. */
export const get = (path: string, query: ReadonlyArray<string> = []): Route => ({
  method: "GET",
  path: patternOf(path),
  query: new Set(query),
  hasBody: false,
  complaints: () => [],
})

/** The routes of a path, by whatever method. */
export const matching = (routes: ReadonlyArray<Route>, path: string): ReadonlyArray<Route> =>
  routes.filter((route) => route.path.test(path))

// ---------------------------------------------------------------------------------------------------------

const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/:\w+/g, "([^/]+)")}$`)

const ofEndpoint = (endpoint: HttpApiEndpoint.HttpApiEndpoint.AnyWithProps): Route => {
  const path = checker("path", endpoint.pathSchema)
  const query = checker("query", endpoint.urlParamsSchema)
  const body = checker("body", endpoint.payloadSchema)
  const names = [...endpoint.path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? "")
  return {
    method: endpoint.method,
    path: patternOf(endpoint.path),
    query: new Set(Option.match(endpoint.urlParamsSchema, { onNone: () => [], onSome: keysOf })),
    hasBody: Option.isSome(endpoint.payloadSchema),
    complaints: (parts) => [
      ...path(Object.fromEntries(names.map((name, index) => [name, parts.path[index]]))),
      ...query(Object.fromEntries([...parts.query.keys()].map((name) => [name, valueOf(parts.query, name)]))),
      ...body(parts.body),
    ],
  }
}

/** What is given several times is a list. */
const valueOf = (query: URLSearchParams, name: string): unknown => {
  const all = query.getAll(name)
  return all.length === 1 ? all[0] : all
}

const checker = (part: string, schema: Option.Option<Schema.Schema.All>) => {
  if (Option.isNone(schema)) return () => []
  const decode = ParseResult.decodeUnknownEither(schema.value as Schema.Schema<unknown>, { errors: "all" })
  return (value: unknown): ReadonlyArray<Complaint.Complaint> => {
    const decoded = decode(value)
    return decoded._tag === "Left" ? Complaint.all(part, decoded.left) : []
  }
}

const keysOf = ({ ast }: Schema.Schema.All): ReadonlyArray<string> => keys(ast)

const keys = (ast: AST.AST): ReadonlyArray<string> =>
  ast._tag === "TypeLiteral"
    ? ast.propertySignatures.map(({ name }) => String(name))
    : ast._tag === "Transformation" || ast._tag === "Refinement"
      ? keys(ast.from)
      : []
