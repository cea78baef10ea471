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
import * as HostRetry from "./hostRetry.js"
import type { Target, Targets } from "./hostTargets.js"

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
  /** Sent even while the host's circuit is open: for what must not be left untried, such as a call that stops work. */
  readonly urgent?: boolean | undefined
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

interface Call<A> extends HostExchange.Call<A> {
  /** It goes to the URL of `target`. */
  request: HttpClientRequest.HttpClientRequest
  target: Target
  readonly path: string
  /** Put off by the time that the gate holds attempts back. */
  until: number
  readonly gate: Gatekeeper
  readonly span: Tracer.Span
  /** Whether it may be repeated, and in how many rounds. */
  readonly repeatable: boolean
  readonly limit: number
  /** Which of the `limit` it is at: repeats without a pause are part of the same. */
  round: number
  /** A stale connection has been made good. */
  repaired: boolean
  /** Targets that have failed since the last pause. */
  tried: ReadonlyArray<Target>
}

export interface Answer<A> {
  readonly body: A
  readonly attempts: number
  /** Who gave it. */
  readonly target: Target
}

/** What becomes of an answer. */
export type How<A> = Pick<HostExchange.Call<A>, "read" | "keep">

/** Who calls, and about what: everything that differs from call to call but the options. */
export interface Caller<A> extends How<A> {
  readonly method: Method
  readonly path: string
  readonly body: unknown
  readonly fail: (details: Details) => HostError
  readonly attempts: { requests: number }
  readonly gate: Gatekeeper
  readonly span: Tracer.Span
}

/**
 * Sends calls until an attempt succeeds or none is left; the retry table decides. A failure that tells of the
 * host itself takes a call to the next target at once, where it may be repeated or was never sent. A call that
 * finds every circuit open fails at once; one that was sent before waits for its turn, within its deadline.
 */
export const make = (
  config: HostConfig,
  targets: Targets,
): (<A>(caller: Caller<A>, options: Options) => Effect.Effect<Answer<A>, HostError>) => {
  const blank = HttpClientRequest.get("", {
    headers: {
      ...config.headers,
      ...(config.token === undefined ? {} : { authorization: `Bearer ${Redacted.value(config.token)}` }),
    },
  })
  const timeoutMillis = Duration.toMillis(config.attemptTimeout)
  const deadlineMillis = Duration.toMillis(config.deadline)

  const pass = <A>(call: Call<A>, number: number): Effect.Effect<A, HostError> =>
    Effect.flatMap(Clock.currentTimeMillis, (asked) => {
      const target = targets.choose(call.tried, asked) ?? (call.urgent ? call.target : undefined)
      if (target === undefined) {
        return Effect.fail(
          call.fail({ ...targets.soonest(asked).breaker.refusal(asked), attempts: number - 1 }),
        )
      }
      if (target !== call.target) aim(call, target)
      return call.gate.pass(
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          call.until += Math.max(0, now - asked)
          return target.exchange(call, number)
        }),
      )
    })

  /** Attempt `number`, and those after it. */
  const attempt = <A>(call: Call<A>, number: number): Effect.Effect<Answer<A>, HostError> =>
    Effect.matchEffect(pass(call, number), {
      onSuccess: (body) => {
        targets.worked(call.target)
        tell(call, number)
        return Effect.succeed({ body, attempts: number, target: call.target })
      },
      onFailure: (error) => {
        tell(call, error.attempts)
        call.span.attribute("last_failure", error.reason)
        return Effect.flatMap(Clock.currentTimeMillis, (now) =>
          HostFailure.isUntried(error)
            ? turnedAway(call, number, error, now)
            : failed(call, number, error, now),
        )
      },
    })

  const failed = <A>(
    call: Call<A>,
    number: number,
    error: HostError,
    now: number,
  ): Effect.Effect<Answer<A>, HostError> => {
    call.target.metrics.failure(error, now)
    const again = Effect.suspend(() => attempt(call, number + 1))
    if (call.repeatable && !call.repaired && HostFailure.isStale(error)) {
      call.repaired = true
      return again
    }
    if ((call.repeatable || HostFailure.isUnsent(error)) && HostFailure.verdict(error) === "failed") {
      call.tried = [...call.tried, call.target]
      if (targets.choose(call.tried, now) !== undefined) return again
      call.tried = none
    }
    return call.repeatable && HostRetry.table[error.reason] && call.round < call.limit
      ? Effect.zipRight(pause(call, error), again)
      : Effect.fail(error)
  }

  /** Nothing was sent as attempt `number`, for the circuit was open. */
  const turnedAway = <A>(
    call: Call<A>,
    number: number,
    error: HostError,
    now: number,
  ): Effect.Effect<Answer<A>, HostError> => {
    const again = Effect.suspend(() => attempt(call, number))
    if (targets.choose(call.tried, now) !== undefined) return again
    call.tried = none
    const { breaker } = targets.soonest(now)
    if (number === 1 || breaker.nextTryMillis(now) >= call.until) return Effect.fail(error)
    if (breaker.circuit(now) === "open") {
      if (call.round >= call.limit) return Effect.fail(error)
      call.round += 1
    }
    return Effect.zipRight(breaker.wait(now, call.until), again)
  }

  /** To the next round, or the next try of a circuit that opened. Fails with the error where that outlasts the call. */
  const pause = (call: Call<unknown>, error: HostError) =>
    Effect.flatMap(Effect.zip(Random.next, Clock.currentTimeMillis), ([random, now]) => {
      const millis = HostRetry.pause(config, call.round, error.retryAfterMillis, random)
      const nextTry = call.urgent ? now : targets.soonest(now).breaker.nextTryMillis(now)
      const end = Math.max(now + millis, nextTry)
      call.round += 1
      return end < call.until ? Effect.sleep(end - now) : Effect.fail(error)
    })

  return (caller, options) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const target = targets.preferred
      const request = prepare(blank, `${target.config.baseUrl}${caller.path}`, caller, options)
      if (Either.isLeft(request)) return Effect.fail(request.left)
      const limit = options.deadline === undefined ? deadlineMillis : Duration.toMillis(options.deadline)
      return attempt(
        {
          request: request.right,
          target,
          path: caller.path,
          read: caller.read,
          keep: caller.keep,
          urgent: options.urgent === true,
          fail: caller.fail,
          attempts: caller.attempts,
          gate: caller.gate,
          timeoutMillis: options.timeout === undefined ? timeoutMillis : Duration.toMillis(options.timeout),
          deadlineMillis: limit,
          until: now + limit,
          repeatable: options.idempotencyKey !== undefined || (options.idempotent ?? harmless(caller.method)),
          limit: options.attempts ?? config.attempts,
          span: caller.span,
          round: 1,
          repaired: false,
          tried: none,
        },
        1,
      )
    })
}

// -----------------------------------------------------------------------------

const none: ReadonlyArray<Target> = []

const aim = (call: Call<unknown>, target: Target): void => {
  call.target = target
  call.request = HttpClientRequest.setUrl(call.request, `${target.config.baseUrl}${call.path}`)
}

const tell = ({ span, target }: Call<unknown>, attempts: number): void => {
  span.attribute("url", target.config.baseUrl)
  span.attribute("attempts", attempts)
}

const harmless = (method: Method): boolean => method !== "POST" && method !== "PATCH"

const prepare = (
  blank: HttpClientRequest.HttpClientRequest,
  url: string,
  caller: Caller<unknown>,
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
