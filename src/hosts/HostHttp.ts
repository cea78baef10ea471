/**
 * The manners of a host service that are the same for every route: what an unknown path gets, compression,
 * request ids, limits, an end that does not wait for ever.
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as ContentDigest from "../internal/contentDigest.js"

/** The longest request body, in bytes. */
export const maxBodyBytes = 1024 * 1024

/** JSON text as an answer. */
export const json = (text: string, status = 200): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(text, { status, contentType: "application/json" })

/** Bytes as an answer, which goes with their `Content-Digest`. */
export const binary = (
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.uint8Array(bytes, { contentType: binaryType, headers })

/** The refusal of what is no matter of a route. */
export const detail = (text: string, status: number): HttpServerResponse.HttpServerResponse =>
  json(JSON.stringify({ detail: text }), status)

/** The body as text. Fails with a 413 for one that is longer than `maxBodyBytes`, or breaks off. */
export const text = (
  request: HttpServerRequest.HttpServerRequest,
): Effect.Effect<string, HttpServerResponse.HttpServerResponse> =>
  isMeasured(request)
    ? within(request, maxBodyBytes, request.text)
    : Effect.map(counted(request, maxBodyBytes), (bytes) => new TextDecoder().decode(bytes))

/** The body's bytes, of which there may be so many; otherwise as `text`. */
export const bytes = (
  request: HttpServerRequest.HttpServerRequest,
  most: number,
): Effect.Effect<Uint8Array, HttpServerResponse.HttpServerResponse> =>
  isMeasured(request)
    ? Effect.map(within(request, most, request.arrayBuffer), (buffer) => new Uint8Array(buffer))
    : counted(request, most)

/** The path as it was asked for, and the query behind it. */
export const address = (
  request: HttpServerRequest.HttpServerRequest,
): { readonly path: string; readonly query: string } => {
  const at = request.url.indexOf("?")
  return at === -1
    ? { path: request.url, query: "" }
    : { path: request.url.slice(0, at), query: request.url.slice(at) }
}

/**
 * The routes as an app that answers everything: 404 and 405 as `{"detail": text}`, 307 to the path with or
 * without its final slash where that one exists, 500 for a defect, which is logged. The request's
 * `x-request-id` comes back, and long bodies are compressed for those who accept it.
 */
export const app = <R>(router: HttpRouter.HttpRouter<never, R>): Effect.Effect<HttpApp.Default<never, R>> =>
  HttpRouter.toHttpApp(router).pipe(
    HttpRouter.withRouterConfig({ ignoreTrailingSlash: false, ignoreDuplicateSlashes: false }),
    Effect.map((routed) => {
      const known = Chunk.toReadonlyArray(router.routes).map(({ method, path }) => ({
        method,
        path: new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/:\w+/g, "[^/]+")}$`),
      }))
      return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
        routed.pipe(
          Effect.catchAllCause((cause) => unanswered(known, request, cause)),
          Effect.flatMap((response) => finish(request, response)),
        ),
      )
    }),
  )

/**
 * Keeps count of the requests that are being answered. `drain` gives them `grace`, then interrupts them, which
 * answers them with 503: run it before a server is released, which would wait for the slowest of them. It does
 * not wait for answers to clients that are gone.
 */
export const drained = (
  grace: Duration.DurationInput,
): Effect.Effect<{
  readonly watched: <E, R>(app: HttpApp.Default<E, R>) => HttpApp.Default<E, R>
  readonly drain: Effect.Effect<void>
}> =>
  Effect.sync(() => {
    const open = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
    /** Those whose client still waits: one that left has them interrupted. */
    const awaited = () =>
      [...open].filter((fiber) => Cause.isEmpty(fiber.getFiberRef(FiberRef.interruptedCause)))
    return {
      watched: <E, R>(app: HttpApp.Default<E, R>) =>
        Effect.withFiberRuntime<
          HttpServerResponse.HttpServerResponse,
          E,
          R | HttpServerRequest.HttpServerRequest
        >((fiber) => {
          open.add(fiber)
          fiber.addObserver(() => open.delete(fiber))
          return app
        }),
      drain: Effect.gen(function* () {
        yield* until(() => awaited().length === 0, grace)
        const late = awaited()
        yield* Effect.forEach(late, Fiber.interruptFork, { discard: true })
        yield* until(() => late.every((fiber) => !open.has(fiber)), "250 millis")
      }),
    }
  })

// -----------------------------------------------------------------------------

const until = (isDone: () => boolean, limit: Duration.DurationInput) =>
  Effect.sleep("10 millis").pipe(
    Effect.repeat({ until: isDone }),
    Effect.interruptible,
    Effect.timeoutOption(limit),
  )

const binaryType = "application/octet-stream"

/** Shorter bodies are not compressed: it would cost more than it saves. */
const compressFrom = 4096

const tooLarge = (most: number) => detail(`Request body larger than ${most} bytes`, 413)

/** Whether the client says how long the body is; the server holds it to that. */
const isMeasured = ({ headers }: HttpServerRequest.HttpServerRequest): boolean =>
  headers["content-length"] !== undefined

const within = <A, E>(
  { headers }: HttpServerRequest.HttpServerRequest,
  most: number,
  reading: Effect.Effect<A, E>,
): Effect.Effect<A, HttpServerResponse.HttpServerResponse> =>
  Number(headers["content-length"]) > most
    ? Effect.fail(tooLarge(most))
    : Effect.mapError(reading, () => tooLarge(most))

/** What is too much is read and thrown away, so that the client gets its answer. */
const counted = (
  { stream }: HttpServerRequest.HttpServerRequest,
  most: number,
): Effect.Effect<Uint8Array, HttpServerResponse.HttpServerResponse> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let length = 0
    const take = (chunk: Uint8Array): void => {
      length += chunk.length
      if (length <= most) chunks.push(chunk)
      else chunks.length = 0
    }
    return Stream.runForEach(stream, (chunk) => Effect.sync(() => take(chunk))).pipe(
      Effect.mapError(() => tooLarge(most)),
      Effect.flatMap(() => {
        if (length > most) return Effect.fail(tooLarge(most))
        const all = new Uint8Array(length)
        let at = 0
        for (const chunk of chunks) {
          all.set(chunk, at)
          at += chunk.length
        }
        return Effect.succeed(all)
      }),
    )
  })

type Known = ReadonlyArray<{ readonly method: string; readonly path: RegExp }>

const unanswered = (
  known: Known,
  request: HttpServerRequest.HttpServerRequest,
  cause: Cause.Cause<HttpServerError.RouteNotFound>,
): HttpApp.Default => {
  if (Cause.isInterrupted(cause)) return Effect.failCause(cause as Cause.Cause<never>)
  if (Cause.isFailType(cause)) return Effect.succeed(unmatched(known, request))
  return Effect.as(
    Effect.logError(`${request.method} ${address(request).path} failed unexpectedly`, cause),
    detail("Internal Server Error", 500),
  )
}

const unmatched = (
  known: Known,
  request: HttpServerRequest.HttpServerRequest,
): HttpServerResponse.HttpServerResponse => {
  const { path, query } = address(request)
  const allowed = known.filter((route) => route.path.test(path)).map(({ method }) => method)
  if (allowed.length > 0 && !allowed.includes(request.method)) {
    return HttpServerResponse.setHeader(detail("Method Not Allowed", 405), "allow", allowed.join(", "))
  }
  const twin = path.endsWith("/") ? path.slice(0, -1) : `${path}/`
  return known.some((route) => route.path.test(twin))
    ? HttpServerResponse.redirect(`http://${request.headers["host"] ?? "127.0.0.1"}${twin}${query}`, {
        status: 307,
      })
    : detail("Not Found", 404)
}

const finish = (
  request: HttpServerRequest.HttpServerRequest,
  response: HttpServerResponse.HttpServerResponse,
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const id = request.headers["x-request-id"]
  const named =
    id !== undefined && /^[\x21-\x7e]{1,128}$/.test(id)
      ? HttpServerResponse.setHeader(response, "x-request-id", id)
      : response
  return Effect.flatMap(packed(request, named), sealed)
}

const packed = (
  request: HttpServerRequest.HttpServerRequest,
  response: HttpServerResponse.HttpServerResponse,
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const { body } = response
  return Predicate.isTagged(body, "Uint8Array") &&
    body.body.length >= compressFrom &&
    /\bgzip\b(?!\s*;\s*q=0(\.0+)?\s*(,|$))/.test(request.headers["accept-encoding"] ?? "")
    ? Effect.map(gzip(body.body), (bytes) =>
        HttpServerResponse.uint8Array(bytes, {
          status: response.status,
          contentType: body.contentType,
          headers: { ...response.headers, "content-length": String(bytes.length), ...compressed },
        }),
      )
    : Effect.succeed(response)
}

const sealed = (
  response: HttpServerResponse.HttpServerResponse,
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const { body } = response
  return Predicate.isTagged(body, "Uint8Array") && body.contentType === binaryType
    ? Effect.map(ContentDigest.of(body.body), (digest) =>
        HttpServerResponse.setHeader(response, "content-digest", digest),
      )
    : Effect.succeed(response)
}

const compressed = { "content-encoding": "gzip", vary: "accept-encoding" }

const gzip = (bytes: Uint8Array): Effect.Effect<Uint8Array> =>
  Effect.promise(async () => {
    const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))
    return new Uint8Array(await new Response(stream).arrayBuffer())
  })
