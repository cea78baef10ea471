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
import type { Breaker } from "./hostBreaker.js"
import * as HostFailure from "./hostFailure.js"
import type { HostMetrics } from "./hostMetrics.js"
import * as HostRetry from "./hostRetry.js"
import { hider } from "./hostSecrets.js"

/** A call, ready to be sent as often as needed. */
export interface Call<A> {
  readonly request: HttpClientRequest
  /** What is made of a 2xx answer, within the attempt's time. */
  readonly read: (response: HttpClientResponse) => Effect.Effect<A, HttpClientError>
  /** Where what was read lives on: the answer is still open, and its connection in use, until this closes. */
  readonly keep?: Scope.Scope | undefined
  readonly fail: (details: Details) => HostError
  /** Counts the caller's attempts. */
  readonly attempts: { requests: number }
  readonly timeoutMillis: number
  /** The whole call: its end (epoch ms), and how long that was from its start. */
  readonly until: number
  readonly deadlineMillis: number
  /** Made even while the host's circuit is open. */
  readonly urgent: boolean
}

/** What attempt `number` of a call reads of a 2xx answer. */
export type Exchange = <A>(call: Call<A>, number: number) => Effect.Effect<A, HostError>

/**
 * At most `config.maxOpen` exchanges are open at once; waiting for a slot counts towards the call's time, not
 * the attempt's. An exchange that ends otherwise than with the whole answer aborts its request. Answers that
 * are kept open leave at least one slot to others: one too many fails with `InvalidConfig`. While the circuit
 * is open no exchange is made; each tells the breaker how it ended.
 */
export const make = (
  config: HostConfig,
  client: HttpClient.HttpClient,
  metrics: HostMetrics,
  expiry: Expiry.Expiry,
  breaker: Breaker,
): Exchange => {
  const slots = Effect.unsafeMakeSemaphore(config.maxOpen)
  const hide = hider(config)
  const scoped = HttpClient.withScope(HttpClient.withTracerDisabledWhen(client, () => true))

  const exchange = <A>(call: Call<A>, number: number): Effect.Effect<A, HostError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.make(), (scope) =>
        Effect.clockWith((clock) => {
          const now = clock.unsafeCurrentTimeMillis()
          if (!call.urgent && !breaker.admits(now)) {
            return Effect.fail(call.fail({ ...breaker.refusal(now), attempts: number - 1 }))
          }
          const ticket = breaker.enter(now)
          const attempt = new Attempt(call, number, scope, clock, hide)
          metrics.begin(number > 1)
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
              if (Exit.isFailure(exit)) {
                const cause = attempt.explain(exit.cause, config.maxBodyBytes)
                const now = clock.unsafeCurrentTimeMillis()
                breaker.ended(ticket, Cause.failureOption(cause), now, attempt.isHeard)
                return Effect.zipRight(Scope.close(scope, Exit.void), Effect.failCause(cause))
              }
              breaker.answered()
              return call.keep === undefined
                ? Effect.succeed(exit.value)
                : Effect.as(
                    Scope.addFinalizerExit(call.keep, (end) => Scope.close(scope, end)),
                    exit.value,
                  )
            }),
          )
        }),
      ),
    )

  /** The deadline of an exchange is its own; here it bounds the wait before it. */
  const queued = <A>(call: Call<A>, number: number): Effect.Effect<A, HostError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      let started = false
      const one = Effect.suspend(() => {
        started = true
        return exchange(call, number)
      })
      const tired = Effect.suspend(() =>
        started ? Effect.never : Effect.fail(overdue(call, number - 1, "a free slot")),
      )
      return Effect.raceFirst(slots.withPermits(1)(one), Effect.delay(tired, Math.max(0, call.until - now)))
    })

  const slotted = <A>(call: Call<A>, number: number): Effect.Effect<A, HostError> =>
    Effect.flatMap(slots.withPermitsIfAvailable(1)(exchange(call, number)), (read) =>
      Option.isSome(read) ? Effect.succeed(read.value) : queued(call, number),
    )

  let kept = 0
  const keep = (change: 1 | -1) =>
    Effect.suspend(() => {
      kept += change
      return slots.resize(config.maxOpen - kept)
    })

  /** Takes a slot from all others until `scope` closes, or no answer is kept after all. */
  const keeping = <A>(call: Call<A>, number: number, scope: Scope.Scope): Effect.Effect<A, HostError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        if (kept >= config.maxOpen - 1) return Effect.fail(crowded(call, number - 1, config.maxOpen))
        let left = false
        const leave = Effect.suspend(() => {
          if (left) return Effect.void
          left = true
          return keep(-1)
        })
        return keep(1).pipe(
          Effect.zipRight(Scope.addFinalizer(scope, leave)),
          Effect.zipRight(restore(slotted(call, number))),
          Effect.onError(() => leave),
        )
      }),
    )

  return (call, number) =>
    call.keep === undefined ? slotted(call, number) : keeping(call, number, call.keep)
}

// -----------------------------------------------------------------------------

/** An attempt under way. All that its scope holds is the abortion of the request. */
class Attempt<A> implements Expiry.Wait {
  readonly until: number
  readonly #call: Call<A>
  readonly #number: number
  readonly #scope: Scope.CloseableScope
  readonly #clock: Clock.Clock
  readonly #hide: (text: string) => string
  readonly #startedNanos: bigint
  readonly #end: number
  #phase: HostFailure.Phase = "headers"
  #isLate = false

  constructor(
    call: Call<A>,
    number: number,
    scope: Scope.CloseableScope,
    clock: Clock.Clock,
    hide: (text: string) => string,
  ) {
    this.#hide = hide
    this.#call = call
    this.#number = number
    this.#scope = scope
    this.#clock = clock
    this.#startedNanos = clock.unsafeCurrentTimeNanos()
    this.#end = clock.unsafeCurrentTimeMillis() + call.timeoutMillis
    const left = Math.min(call.until, this.#end) - clock.unsafeCurrentTimeMillis()
    this.until = Number(this.#startedNanos) / 1e6 + left
  }

  /** The head of an answer has come. */
  get isHeard(): boolean {
    return this.#phase === "body"
  }

  get elapsedMillis(): number {
    return Number(this.#clock.unsafeCurrentTimeNanos() - this.#startedNanos) / 1e6
  }

  expire(): Effect.Effect<void> {
    this.#isLate = true
    return Scope.close(this.#scope, Exit.void)
  }

  /** Of an answer other than 2xx the status decides once the body is read, so that none is left unread. */
  read(response: HttpClientResponse): Effect.Effect<A, HostError | HttpClientError> {
    this.#phase = "body"
    const { status } = response
    return status >= 200 && status < 300
      ? this.#call.read(response)
      : Effect.flatMap(response.text, (body) => {
          const now = this.#clock.unsafeCurrentTimeMillis()
          const after = HostRetry.retryAfter(response.headers["retry-after"], now)
          return Effect.fail(this.#fail(HostFailure.refusal(status, this.#hide(body), after)))
        })
  }

  /** Why the attempt failed, as `HostError` tells it. */
  explain(cause: Cause.Cause<HostError | HttpClientError>, limit: number): Cause.Cause<HostError> {
    return Cause.map(cause, (error) => this.#explain(error, limit))
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

const overdue = (call: Call<unknown>, attempts: number, expected: string): HostError =>
  call.fail({ ...HostFailure.late("DeadlineExceeded", expected, call.deadlineMillis), attempts })

const crowded = (call: Call<unknown>, attempts: number, slots: number): HostError =>
  call.fail({
    reason: "InvalidConfig",
    expected: `less than ${slots} answers to be kept open over ${slots} connections`,
    found: `${slots - 1}, and one is left for everything else`,
    advice: "Raise connections",
    attempts,
  })
