/**
 * One attempt of a call: a slot, a request, the whole answer, within its time.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { HostConfig } from "../HostConfig.js"
import { type Details, HostError } from "../HostError.js"
import type * as Expiry from "./expiry.js"
import * as HostFailure from "./hostFailure.js"
import type { HostMetrics } from "./hostMetrics.js"
import * as HostRetry from "./hostRetry.js"

/** A call, ready to be sent as often as needed. */
export interface Call {
  readonly request: HttpClientRequest
  readonly fail: (details: Details) => HostError
  /** Counts the caller's attempts. */
  readonly attempts: { requests: number }
  readonly timeoutMillis: number
  /** The whole call: its end (epoch ms), and how long that was from its start. */
  readonly until: number
  readonly deadlineMillis: number
}

/** The text of a 2xx answer to attempt `number` of a call. */
export type Exchange = (call: Call, number: number) => Effect.Effect<string, HostError>

/**
 * At most `config.maxOpen` exchanges are open at once; waiting for a slot counts towards the call's time, not
 * the attempt's. An exchange that ends otherwise than with the whole answer aborts its request.
 */
export const make = (
  config: HostConfig,
  client: HttpClient.HttpClient,
  metrics: HostMetrics,
  expiry: Expiry.Expiry,
): Exchange => {
  const slots = Effect.unsafeMakeSemaphore(config.maxOpen)
  const scoped = HttpClient.withScope(HttpClient.withTracerDisabledWhen(client, () => true))

  const exchange = (call: Call, number: number): Effect.Effect<string, HostError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.make(), (scope) =>
        Effect.clockWith((clock) => {
          const attempt = new Attempt(call, number, scope, clock)
          metrics.begin()
          call.attempts.requests += 1
          return scoped.execute(call.request).pipe(
            Effect.flatMap((response) => attempt.read(response)),
            Effect.provideService(Scope.Scope, scope),
            restore,
            Effect.exit,
            (answer) => Effect.zipRight(expiry.watch(attempt), answer),
            Effect.flatMap((exit) => {
              expiry.drop(attempt)
              metrics.end(attempt.elapsedMillis)
              return Exit.isSuccess(exit)
                ? Effect.succeed(exit.value)
                : attempt.abandon(exit.cause, config.maxBodyBytes)
            }),
          )
        }),
      ),
    )

  /** The deadline of an exchange is its own; here it also bounds the wait before it. */
  const queued = (call: Call, number: number): Effect.Effect<string, HostError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      let started = false
      const one = Effect.suspend(() => {
        started = true
        return exchange(call, number)
      })
      return Effect.timeoutFail(slots.withPermits(1)(one), {
        duration: Math.max(0, call.until - now),
        onTimeout: () =>
          started ? overdue(call, number, "an answer") : overdue(call, number - 1, "a free slot"),
      })
    })

  return (call, number) =>
    Effect.flatMap(slots.withPermitsIfAvailable(1)(exchange(call, number)), (text) =>
      Option.isSome(text) ? Effect.succeed(text.value) : queued(call, number),
    )
}

// -----------------------------------------------------------------------------

/** An attempt under way. All that its scope holds is the abortion of the request. */
class Attempt implements Expiry.Wait {
  readonly until: number
  readonly #call: Call
  readonly #number: number
  readonly #scope: Scope.CloseableScope
  readonly #clock: Clock.Clock
  readonly #startedNanos: bigint
  readonly #end: number
  #phase: HostFailure.Phase = "headers"
  #isLate = false

  constructor(call: Call, number: number, scope: Scope.CloseableScope, clock: Clock.Clock) {
    this.#call = call
    this.#number = number
    this.#scope = scope
    this.#clock = clock
    this.#startedNanos = clock.unsafeCurrentTimeNanos()
    this.#end = clock.unsafeCurrentTimeMillis() + call.timeoutMillis
    this.until = Math.min(call.until, this.#end)
  }

  get elapsedMillis(): number {
    return Number(this.#clock.unsafeCurrentTimeNanos() - this.#startedNanos) / 1e6
  }

  expire(): Effect.Effect<void> {
    this.#isLate = true
    return Scope.close(this.#scope, Exit.void)
  }

  /** The text of a 2xx answer; the status decides once the body is read, so that none is left unread. */
  read(response: HttpClientResponse): Effect.Effect<string, HostError | HttpClientError> {
    this.#phase = "body"
    const { status, text } = response
    return status >= 200 && status < 300
      ? text
      : Effect.flatMap(text, (body) => {
          const now = this.#clock.unsafeCurrentTimeMillis()
          const after = HostRetry.retryAfter(response.headers["retry-after"], now)
          return Effect.fail(this.#fail(HostFailure.refusal(status, body, after)))
        })
  }

  /** Aborts the request, and fails as `HostError` tells it. */
  abandon(cause: Cause.Cause<HostError | HttpClientError>, limit: number): Effect.Effect<never, HostError> {
    return Effect.zipRight(
      Scope.close(this.#scope, Exit.void),
      Effect.failCause(Cause.map(cause, (error) => this.#explain(error, limit))),
    )
  }

  #explain(error: HostError | HttpClientError, limit: number): HostError {
    if (error instanceof HostError) return error
    if (!this.#isLate) return this.#fail(HostFailure.transport(error, this.#phase, limit))
    const expected = this.#phase === "headers" ? "an answer" : "the end of the answer"
    return this.#call.until < this.#end
      ? overdue(this.#call, this.#number, expected)
      : this.#fail(HostFailure.late("AttemptTimeout", expected, this.#call.timeoutMillis))
  }

  #fail(failure: HostFailure.Failure): HostError {
    return this.#call.fail({ ...failure, attempts: this.#number })
  }
}

const overdue = (call: Call, attempts: number, expected: string): HostError =>
  call.fail({ ...HostFailure.late("DeadlineExceeded", expected, call.deadlineMillis), attempts })
