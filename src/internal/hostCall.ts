/**
 * A whole call: the request made ready, its attempts and the pauses between them.
 */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type * as Tracer from "effect/Tracer"
import type { HostConfig } from "../HostConfig.js"
import type { Details, HostError } from "../HostError.js"
import type * as HostExchange from "./hostExchange.js"
import * as HostFailure from "./hostFailure.js"
import type { HostMetrics } from "./hostMetrics.js"
import * as HostRetry from "./hostRetry.js"

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"

/** What a call may say besides its path and its body. */
export interface Options {
  /** Appended to the path; an `undefined` value is left out, an empty text is sent. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * True if the call may be repeated without harm; by default `GET`, `PUT` and `DELETE` may. A call that may
   * not, and has no key, is sent once, whatever happens.
   */
  readonly idempotent?: boolean | undefined
  /** Sent as `Idempotency-Key`, the same with every attempt: the host makes a repeat harmless. */
  readonly idempotencyKey?: string | undefined
  /** Instead of the configuration's `attemptTimeout`. */
  readonly timeout?: Duration.DurationInput | undefined
  /** Instead of the configuration's `deadline`. */
  readonly deadline?: Duration.DurationInput | undefined
  /** Instead of the configuration's `attempts`. */
  readonly attempts?: number | undefined
}

/** Decides when an attempt may be made. */
export interface Gatekeeper {
  readonly pass: <A>(attempt: Effect.Effect<A, HostError>) => Effect.Effect<A, HostError>
}

interface Call extends HostExchange.Call {
  /** Put off by the time that the gate holds attempts back. */
  until: number
  readonly gate: Gatekeeper
  /** Whether it may be repeated, and how often it may be sent at most. */
  readonly repeatable: boolean
  readonly limit: number
}

export interface Answer {
  readonly text: string
  readonly attempts: number
}

/** Who calls, and about what: everything that differs from call to call but the options. */
export interface Caller {
  readonly method: Method
  readonly path: string
  readonly body: unknown
  readonly fail: (details: Details) => HostError
  readonly attempts: { requests: number }
  readonly gate: Gatekeeper
  readonly span: Tracer.Span
}

/** Sends calls until an attempt succeeds or none is left; the retry table decides. */
export const make = (
  config: HostConfig,
  metrics: HostMetrics,
  exchange: HostExchange.Exchange,
): ((caller: Caller, options: Options) => Effect.Effect<Answer, HostError>) => {
  const blank = HttpClientRequest.get("", {
    headers: {
      ...config.headers,
      ...(config.token === undefined ? {} : { authorization: `Bearer ${Redacted.value(config.token)}` }),
    },
  })
  const timeoutMillis = Duration.toMillis(config.attemptTimeout)
  const deadlineMillis = Duration.toMillis(config.deadline)

  const pass = (call: Call, number: number): Effect.Effect<string, HostError> =>
    Effect.flatMap(Clock.currentTimeMillis, (asked) =>
      call.gate.pass(
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          call.until += Math.max(0, now - asked)
          return exchange(call, number)
        }),
      ),
    )

  /** Attempt `number`, and those after it; `repaired` once a stale connection has been made good. */
  const attempt = (call: Call, number: number, repaired: boolean): Effect.Effect<Answer, HostError> =>
    Effect.matchEffect(pass(call, number), {
      onSuccess: (text) => Effect.succeed({ text, attempts: number }),
      onFailure: (error) => {
        metrics.failure(error.reason)
        if (!call.repeatable) return Effect.fail(error)
        if (!repaired && HostFailure.isStale(error)) return repeat(call, number, true)
        const left = call.limit - number + (repaired ? 1 : 0)
        return HostRetry.table[error.reason] && left > 0
          ? Effect.zipRight(pause(call, error, number), repeat(call, number, repaired))
          : Effect.fail(error)
      },
    })

  const repeat = (call: Call, number: number, repaired: boolean) =>
    Effect.suspend(() => {
      metrics.retry()
      return attempt(call, number + 1, repaired)
    })

  /** Fails with the error itself where the pause would outlast the call. */
  const pause = (call: Call, error: HostError, number: number) =>
    Effect.flatMap(Effect.zip(Random.next, Clock.currentTimeMillis), ([random, now]) => {
      const millis = HostRetry.pause(config, number, error.retryAfterMillis, random)
      return now + millis < call.until ? Effect.sleep(millis) : Effect.fail(error)
    })

  return (caller, options) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const request = prepare(blank, `${config.baseUrl}${caller.path}`, caller, options)
      if (Either.isLeft(request)) return Effect.fail(request.left)
      const limit = options.deadline === undefined ? deadlineMillis : Duration.toMillis(options.deadline)
      return attempt(
        {
          request: request.right,
          fail: caller.fail,
          attempts: caller.attempts,
          gate: caller.gate,
          timeoutMillis: options.timeout === undefined ? timeoutMillis : Duration.toMillis(options.timeout),
          deadlineMillis: limit,
          until: now + limit,
          repeatable: options.idempotencyKey !== undefined || (options.idempotent ?? harmless(caller.method)),
          limit: options.attempts ?? config.attempts,
        },
        1,
        false,
      )
    })
}

// -----------------------------------------------------------------------------

const harmless = (method: Method): boolean => method !== "POST" && method !== "PATCH"

const prepare = (
  blank: HttpClientRequest.HttpClientRequest,
  url: string,
  caller: Caller,
  options: Options,
): Either.Either<HttpClientRequest.HttpClientRequest, HostError> => {
  const { span } = caller
  const headers: Record<string, string> = { ...options.headers }
  if (options.idempotencyKey !== undefined) headers["idempotency-key"] = options.idempotencyKey
  if (span.sampled) headers["traceparent"] = `00-${span.traceId}-${span.spanId}-01`
  const request = HttpClientRequest.modify(blank, {
    method: caller.method,
    url,
    headers,
    ...(options.query === undefined ? undefined : { urlParams: options.query }),
  })
  if (caller.body === undefined) return Either.right(request)
  if (HttpBody.isHttpBody(caller.body)) return Either.right(HttpClientRequest.setBody(request, caller.body))
  try {
    return Either.right(HttpClientRequest.bodyUnsafeJson(request, caller.body))
  } catch (cause) {
    return Either.left(caller.fail({ ...HostFailure.unsendable(String(cause), cause), attempts: 0 }))
  }
}
