/**
 * What every request passes through, whatever its route: its id, who asks, whether there is such a route, its body,
 * and the one shape of all that goes wrong.
 */
import type { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as AccessLog from "../../hosts/AccessLog.js"
import * as HostHttp from "../../hosts/HostHttp.js"
import * as Access from "./Access.js"
import type * as Closing from "./Closing.js"
import * as Complaint from "./Complaint.js"
import * as Refusal from "./Refusal.js"
import * as RequestBody from "./RequestBody.js"
import * as Routes from "./Routes.js"

export interface Options {
  readonly access: Access.Access
  readonly routes: ReadonlyArray<Routes.Route>
  readonly closing: Closing.Service
}

/** An app that answers everything, and fails only with the interruption of a client that left. */
export const make =
  ({ access, closing, routes }: Options) =>
  <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<never, R> =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      Effect.gen(function* () {
        const id = yield* idOf(request)
        const told = yield* AccessLog.RequestId
        told.value = id
        const { path } = HostHttp.address(request)
        const answer = Access.isPreflight(access, request.method, request.headers)
          ? Effect.succeed(HttpServerResponse.empty({ headers: Access.preflight }))
          : Effect.suspend(() => {
              const refusal = closing.isClosing()
                ? Refusal.closing
                : Access.refusal(access, request.headers, path)
              return refusal === undefined ? routed(routes, request, app) : Effect.fail(refusal)
            })
        return yield* Effect.uninterruptibleMask((restore) =>
          restore(answer).pipe(
            Effect.catchAllCause((cause) => unanswered(cause, closing, { method: request.method, path, id })),
          ),
        ).pipe(
          Effect.map(
            HttpServerResponse.setHeaders({
              ...always,
              ...Access.corsHeaders(access, request.headers),
              "x-request-id": id,
            }),
          ),
          Effect.annotateLogs("request_id", id),
        )
      }),
    )

// ---------------------------------------------------------------------------------------------------------

const always = { "x-content-type-options": "nosniff", "cache-control": "no-store" }

/** The id that the request came with, if that is fit to be repeated. */
const idOf = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<string> => {
  const given = request.headers["x-request-id"]
  return given !== undefined && /^[\x21-\x7e]{1,128}$/.test(given)
    ? Effect.succeed(given)
    : Effect.zipWith(word, word, (first, second) => `req_${first}${second}`)
}

const word = Effect.map(Random.nextIntBetween(0, 2 ** 32), (value) => value.toString(16).padStart(8, "0"))

/** Runs the app for a request that has a route and a body fit for it; what does not decode is said in full. */
const routed = <E, R>(
  routes: ReadonlyArray<Routes.Route>,
  request: HttpServerRequest.HttpServerRequest,
  app: HttpApp.Default<E, R>,
): HttpApp.Default<E | Refusal.Refusal, R> =>
  Effect.gen(function* () {
    const { path, query } = HostHttp.address(request)
    const known = Routes.matching(routes, path)
    const route = known.find(({ method }) => method === request.method)
    if (route === undefined) return yield* astray(routes, known, path, query)
    const params = paramsOf(route, path)
    if (params === undefined) return yield* Effect.fail(Refusal.notFound())
    const body = route.hasBody ? yield* RequestBody.json(request) : null
    const parts: Routes.Parts = { path: params, query: new URLSearchParams(query), body }
    const unknown = [...parts.query].filter(([name]) => !route.query.has(name))
    if (unknown.length > 0) {
      const extra = unknown.map(([name, value]) => Complaint.extra(["query", name], value))
      const others = route.complaints(parts).filter(({ loc, type }) => `${loc[0]} ${type}` !== unknownQuery)
      return yield* Effect.fail(Refusal.invalid([...extra, ...others]))
    }
    return yield* Effect.provideService(
      app,
      HttpServerRequest.HttpServerRequest,
      route.hasBody ? withJson(request, body) : request,
    ).pipe(
      Effect.mapError((error): E | Refusal.Refusal => {
        if (!isDecodeError(error)) return error
        const complaints = route.complaints(parts)
        return Refusal.invalid(complaints.length > 0 ? complaints : error.issues.map(asTold))
      }),
    )
  })

const isDecodeError = (error: unknown): error is HttpApiDecodeError =>
  Predicate.isTagged(error, "HttpApiDecodeError")

const asTold = ({ message, path }: HttpApiDecodeError["issues"][number]): Complaint.Complaint =>
  Complaint.at(Complaint.valueError(message), path.map(String), null)

const unknownQuery = "query extra_forbidden"

const paramsOf = (route: Routes.Route, path: string): ReadonlyArray<string> | undefined => {
  try {
    return route.path.exec(path)?.slice(1).map(decodeURIComponent)
  } catch {
    return undefined
  }
}

/** No such path, or not by this method. FastAPI leads to the path with or without its final slash. */
const astray = (
  routes: ReadonlyArray<Routes.Route>,
  known: ReadonlyArray<Routes.Route>,
  path: string,
  query: string,
): Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal.Refusal> => {
  if (known.length > 0) {
    const allow = [...new Set(known.map(({ method }) => method))].join(", ")
    return Effect.fail(
      new Refusal.Refusal(405, "METHOD_NOT_ALLOWED", "Method Not Allowed", { headers: { allow } }),
    )
  }
  const twin = path.endsWith("/") ? path.slice(0, -1) : `${path}/`
  return twin.startsWith("/") && !twin.startsWith("//") && Routes.matching(routes, twin).length > 0
    ? Effect.succeed(HttpServerResponse.redirect(`${twin}${query}`, { status: 307 }))
    : Effect.fail(Refusal.notFound())
}

/** The request, its body read already. */
const withJson = (
  request: HttpServerRequest.HttpServerRequest,
  body: unknown,
): HttpServerRequest.HttpServerRequest =>
  Object.create(request, {
    json: { value: Effect.succeed(body) },
    headers: { value: { ...request.headers, "content-type": "application/json" } },
  }) as HttpServerRequest.HttpServerRequest

interface Call {
  readonly method: string
  readonly path: string
  readonly id: string
}

const unanswered = (
  cause: Cause.Cause<unknown>,
  closing: Closing.Service,
  { method, path, id }: Call,
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (failure instanceof Refusal.Refusal) return Effect.succeed(responseOf(failure))
  if (Predicate.isTagged(failure, "RouteNotFound")) return Effect.succeed(responseOf(Refusal.notFound()))
  if (closing.isClosing()) return Effect.succeed(responseOf(Refusal.closing))
  if (Cause.isInterrupted(cause) && Chunk.isEmpty(Cause.defects(cause))) {
    return Effect.failCause(cause as Cause.Cause<never>)
  }
  return Effect.as(
    Effect.logError(`${method} ${path} failed unexpectedly`, cause),
    responseOf(Refusal.bug(id)),
  )
}

const responseOf = (refusal: Refusal.Refusal): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(refusal), {
    status: refusal.status,
    contentType: "application/json",
    headers: refusal.headers,
  })
