/**
 * The events of an operation as a client reads them, whatever becomes of the connection.
 */
import type * as Sse from "@effect/experimental/Sse"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as HostConfig from "../../HostConfig.js"
import * as HostEvents from "../../internal/hostEvents.js"
import { fromEncoded } from "../../internal/operationFeed.js"
import type { Status } from "../../OperationRecord.js"
import type { Change } from "../../Operations.js"
import * as ClientFailure from "./ClientFailure.js"

export interface Options {
  readonly url: string
  /** Reads answers as they come, with whatever headers are needed. */
  readonly http: HttpClient.HttpClient
}

/** The longest event, in characters. */
const maxEventSize = 10 * 1024 * 1024

/** A server that was there is waited for so long, in milliseconds. */
const patience = 30_000

/**
 * What becomes of an operation, from behind `sequence` on, or from now, to its end. A connection that is lost is
 * made again, and nothing is told twice; it fails where the server cannot be reached at first, or not for 30
 * seconds.
 */
export const changes = (
  options: Options,
  id: string,
  sequence?: number,
): Stream.Stream<Change, ClientFailure.Failure> =>
  Stream.suspend(() => {
    const reading: Reading = { lastId: sequence, isOver: false, heard: undefined, failures: 0 }
    return readOn(options, id, reading)
  })

// ---------------------------------------------------------------------------------------------------------

interface Reading {
  /** The id of the last event. */
  lastId: number | undefined
  isOver: boolean
  /** When the server was last heard of (epoch ms). */
  heard: number | undefined
  /** Attempts since then that failed. */
  failures: number
}

type Events = Stream.Stream<Change, ClientFailure.Failure>

const readOn = (options: Options, id: string, reading: Reading): Events =>
  connection(options, id, reading).pipe(
    Stream.catchAll((error) =>
      ClientFailure.isTransient(error) ? Stream.execute(pause(reading, error)) : Stream.fail(error),
    ),
    Stream.concat(
      Stream.suspend(() => {
        if (reading.isOver) return Stream.empty
        return Stream.concat(Stream.execute(breath), readOn(options, id, reading))
      }),
    ),
  )

/** Between two connections, however soon the first one ended. */
const breath = Effect.sleep("100 millis")

/** Doubles from one failure to the next, up to 5 seconds. */
const pause = (reading: Reading, error: ClientFailure.Failure): Effect.Effect<void, ClientFailure.Failure> =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (reading.heard === undefined || now - reading.heard > patience) return yield* Effect.fail(error)
    const jitter = yield* Random.nextRange(0.5, 1)
    yield* Effect.sleep(Math.min(5000, 250 * 2 ** reading.failures++) * jitter)
  })

const connection = ({ http, url }: Options, id: string, reading: Reading): Events => {
  const path = `/api/v1/operations/${encodeURIComponent(id)}/events`
  const call = { url, method: "GET", path }
  const request = HttpClientRequest.get(`${url}${path}`).pipe(
    reading.lastId === undefined
      ? (same) => same
      : HttpClientRequest.setHeader("last-event-id", String(reading.lastId)),
  )
  const hear = Effect.map(Clock.currentTimeMillis, (now) => {
    reading.heard = now
    reading.failures = 0
  })
  return Stream.unwrapScoped(
    Effect.gen(function* () {
      const response = yield* HttpClient.withScope(http).execute(request)
      if (response.status === 204) {
        reading.isOver = true
        return Stream.empty
      }
      if (response.status !== 200) {
        return yield* Effect.flatMap(response.text, (text) =>
          Effect.fail(ClientFailure.ofText(call, response.status, text)),
        )
      }
      yield* hear
      const silence = HostConfig.defaults.idleTimeout
      const bytes = response.stream.pipe(
        Stream.mapError(ClientFailure.of(call)),
        Stream.timeoutFail(() => ClientFailure.late(call, Duration.toMillis(silence)), silence),
        Stream.tap(() => hear),
      )
      return HostEvents.parse(bytes, maxEventSize, () => ClientFailure.tooLarge(call, maxEventSize)).pipe(
        Stream.mapEffect((event) => changeOf(call, id, reading, event)),
        Stream.filterMap((change) => change),
        Stream.takeUntil(() => reading.isOver),
      )
    }).pipe(
      Effect.mapError((error) =>
        "_tag" in error && (error._tag === "RequestError" || error._tag === "ResponseError")
          ? ClientFailure.of(call)(error)
          : (error as ClientFailure.Failure),
      ),
    ),
  )
}

const changeOf = (
  call: ClientFailure.Call,
  id: string,
  reading: Reading,
  { event, data, id: eventId }: Sse.Event,
): Effect.Effect<Option.Option<Change>, ClientFailure.Failure> => {
  if (event === "error") return Effect.fail(ClientFailure.ofText(call, 503, data))
  const given = Number(eventId)
  if (!Number.isInteger(given)) return Effect.succeedNone
  reading.lastId = given
  reading.isOver = event !== "progress"
  const status = (reading.isOver ? event : "running") as Status
  return Effect.succeedSome(fromEncoded(id, reading.isOver ? given - 1 : given, status, data))
}
