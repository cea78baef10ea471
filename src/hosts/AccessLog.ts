/**
 * A line in the log for every request that is answered.
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** Where whoever answers writes down the id of the request, for an answer that never comes to carry it. */
export class RequestId extends Context.Reference<RequestId>()("ktrdr/hosts/AccessLog/RequestId", {
  defaultValue: (): { value: string | undefined } => ({ value: undefined }),
}) {}

/**
 * Logs, at `Info`, what was asked for and how that went, with `method`, `path` (the query left out), `status`,
 * `duration_ms` until the answer began, and `request_id` where the answer or `RequestId` has one. The status is 499
 * for a client that left, 500 for a defect.
 */
export const make = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
    Effect.flatMap(Clock.currentTimeNanos, (began) => {
      const told: { value: string | undefined } = { value: undefined }
      return Effect.onExit(Effect.provideService(app, RequestId, told), (exit) =>
        Effect.flatMap(Clock.currentTimeNanos, (now) => {
          const path = request.url.split("?", 1)[0]?.slice(0, longestPath) ?? ""
          const status = Exit.isSuccess(exit) ? exit.value.status : Exit.isInterrupted(exit) ? 499 : 500
          const id = (Exit.isSuccess(exit) ? exit.value.headers["x-request-id"] : undefined) ?? told.value
          return Effect.annotateLogs(Effect.logInfo(`${request.method} ${path} ${status}`), {
            method: request.method,
            path,
            status,
            duration_ms: Number((now - began) / 10_000n) / 100,
            ...(id === undefined ? {} : { request_id: id }),
          })
        }),
      )
    }),
  )

// ---------------------------------------------------------------------------------------------------------

const longestPath = 200
