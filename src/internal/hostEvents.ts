/**
 * Server-sent events: bytes as they come, cut into events, and the answers of hosts that consist of them.
 */
import * as Sse from "@effect/experimental/Sse"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Details, HostError } from "../HostError.js"
import * as HostBreaker from "./hostBreaker.js"
import type { Answer } from "./hostCall.js"
import * as HostCodec from "./hostCodec.js"
import * as HostFailure from "./hostFailure.js"

/** An event with what its data holds. */
export interface Event<A> {
  readonly id: string | undefined
  readonly data: A
}

/**
 * The events in bytes that may be cut anywhere. What follows the last whole event is dropped. Fails with
 * `tooLarge` for an event longer than `maxEventSize`.
 */
export const parse = <E, R, E2>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  maxEventSize: number,
  tooLarge: () => E2,
): Stream.Stream<Sse.Event, E | E2, R> =>
  Stream.suspend(() => {
    let events: Array<Sse.Event> = []
    const parser = Sse.makeParser(
      (event) => {
        if (event._tag === "Event") events.push(event)
      },
      { maxEventSize },
    )
    const decoder = new TextDecoder()
    /** A carriage return waits here for the line feed that may follow it. */
    let held = ""
    const feed = (chunk: Uint8Array): Effect.Effect<ReadonlyArray<Sse.Event>, E2> =>
      Effect.suspend(() => {
        const text = held + decoder.decode(chunk, { stream: true })
        held = text.endsWith("\r") ? "\r" : ""
        const failure = parser.feed(held === "" ? text : text.slice(0, -1))
        const parsed = events
        events = []
        return failure === undefined ? Effect.succeed(parsed) : Effect.fail(tooLarge())
      })
    return Stream.flattenIterables(Stream.mapEffect(bytes, feed))
  })

/** An event had more than `limit` characters. */
export const tooLarge = (limit: number): HostFailure.Failure => ({
  reason: "TooLarge",
  expected: `events of at most ${limit} characters`,
  found: "a longer one",
  advice: "Raise maxBodyBytes",
})

/** What a reader of events asks for. */
export interface Reading<A, I, R> {
  readonly response: Schema.Schema<A, I, R>
  readonly idleTimeout: Duration.DurationInput
}

/** The events of an answer that is still open. Where they fail, that is counted as a failed attempt. */
export const read = <A, I, R>(
  answer: Answer<HttpClientResponse>,
  fail: (details: Details) => HostError,
  { idleTimeout, response }: Reading<A, I, R>,
): Effect.Effect<Stream.Stream<Event<A>, HostError, R>, HostError> => {
  const { attempts, body, target } = answer
  const failed = (failure: HostFailure.Failure) => fail({ ...failure, attempts })
  const count = (error: HostError) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      target.metrics.failure(error, now)
      target.breaker.ended(HostBreaker.plain, Option.some(error), now)
    })
  const type = body.headers["content-type"] ?? "no content-type"
  if (!/^text\/event-stream\b/i.test(type)) return Effect.tapError(Effect.fail(failed(noEvents(type))), count)
  const limit = target.config.maxBodyBytes
  const idle = Duration.decode(idleTimeout)
  const decode = HostCodec.decode(response)
  const alive = body.stream.pipe(
    Stream.mapError((error) => failed(HostFailure.transport(error, "body", limit))),
    Stream.timeoutFail(() => failed(silent(Duration.toMillis(idle))), idle),
  )
  return parse(alive, limit, () => failed(tooLarge(limit))).pipe(
    Stream.tapError(count),
    Stream.mapEffect(({ data, id }) =>
      Effect.map(decode({ ...answer, body: data }, fail), (decoded) => ({ id, data: decoded })),
    ),
    Effect.succeed,
  )
}

// -----------------------------------------------------------------------------

const silent = (millis: number): HostFailure.Failure => ({
  ...HostFailure.late("AttemptTimeout", "an event or a comment", millis),
  advice: "See whether the host hangs",
})

const noEvents = (type: string): HostFailure.Failure => ({
  ...HostFailure.malformed("server-sent events", type, undefined),
  advice: "Ask for the status instead",
})
