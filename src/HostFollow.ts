/**
 * A status of a host as it changes: by server-sent events where the host has them, else by asking again and again.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as HostClient from "./HostClient.js"
import type { HostConfig } from "./HostConfig.js"
import type { HostError } from "./HostError.js"
import * as HostRetry from "./internal/hostRetry.js"

export interface Options<A, I, R> {
  /** The path that is asked for. */
  readonly status: string
  /** The path that streams the same as server-sent events, if the host does. */
  readonly events?: string | undefined
  readonly response: Schema.Schema<A, I, R>
  /** True of a status that no other follows. */
  readonly isOver: (status: A) => boolean
  /** The query of a status, from the last one that came: `{ epochs_from: n }`, say. */
  readonly query?: ((last: A | undefined) => HostClient.Options["query"]) | undefined
  /** Between two questions: `fast` while the answer changes (default 300 ms), half as much again up to `slow` (2 s). */
  readonly fast?: Duration.DurationInput | undefined
  readonly slow?: Duration.DurationInput | undefined
  /** How long a stream of events may be silent, instead of the configuration's `idleTimeout`. */
  readonly idle?: Duration.DurationInput | undefined
}

/**
 * The statuses in their order, to the one that is over; if the host never says so it goes on.
 *
 * A stream of events that breaks is opened again with the id of the last event, after the pauses of a call that is
 * repeated: no event is lost or told twice. From the last event on the host has the attempts and the deadline of the
 * client's configuration; then it fails. A host that streams no events (404, 405, 406, 501, another content type), or
 * has no connection left for them, is asked for the status from then on, and an answer with the text of the one
 * before is passed over. Fails as a call does once its retries are exhausted.
 */
export const follow = <A, I, R>(
  host: HostClient.HostClient,
  options: Options<A, I, R>,
): Stream.Stream<A, HostError, R> =>
  Stream.suspend(() => {
    const following: Following<A> = {
      last: undefined,
      lastId: undefined,
      isAsking: false,
      ...untroubled,
      isHeard: false,
    }
    const statuses =
      options.events === undefined
        ? asked(host, options, following)
        : streamed(host, options, options.events, following)
    return Stream.takeUntil(statuses, options.isOver)
  })

// -----------------------------------------------------------------------------

interface Following<A> {
  last: A | undefined
  /** The id of the last event that had one. */
  lastId: string | undefined
  /** No events come any more. */
  isAsking: boolean
  /** Attempts since the last event that failed, and when the first of them did (epoch ms). */
  failures: number
  since: number | undefined
  /** Something came over the latest stream, be it what was known. */
  isHeard: boolean
}

const untroubled = { failures: 0, since: undefined }

type Statuses<A, R> = Stream.Stream<A, HostError, R>

const streamed = <A, I, R>(
  host: HostClient.HostClient,
  options: Options<A, I, R>,
  path: string,
  following: Following<A>,
): Statuses<A, R> =>
  Stream.suspend(() => {
    if (following.isAsking) return asked(host, options, following)
    const { idle: idleTimeout, response } = options
    return host.events(path, { response, idleTimeout, lastEventId: following.lastId }).pipe(
      Stream.filterMap(({ data, id }) => {
        following.isHeard = true
        if (id !== undefined && id === following.lastId) return Option.none()
        Object.assign(following, { last: data, lastId: id ?? following.lastId, ...untroubled })
        return Option.some(data)
      }),
      Stream.concat(Stream.execute(ended(host, following))),
      Stream.catchAll((error) => Stream.execute(broke(host, following, error))),
      Stream.concat(Stream.suspend(() => streamed(host, options, path, following))),
    )
  })

/** A host that goes on ending its streams is asked instead. */
const ended = <A>({ config }: HostClient.HostClient, following: Following<A>): Effect.Effect<void> =>
  Effect.suspend(() => {
    following.failures += 1
    following.isAsking = following.failures >= config.attempts
    return following.isAsking ? Effect.void : Effect.ignore(pause(config, following, undefined))
  })

const broke = <A>(
  { config }: HostClient.HostClient,
  following: Following<A>,
  error: HostError,
): Effect.Effect<void, HostError> =>
  Effect.suspend(() => {
    following.isAsking = streamsNot(error, following)
    if (following.isAsking) return Effect.void
    if (following.isHeard) Object.assign(following, { ...untroubled, isHeard: false })
    following.failures += Math.max(1, error.attempts)
    return !HostRetry.table[error.reason] || following.failures >= config.attempts
      ? Effect.fail(error)
      : pause(config, following, error)
  })

/** It says so, or sends something else; or there is no connection for it. */
const streamsNot = <A>({ reason, status }: HostError, { lastId, last }: Following<A>): boolean =>
  reason === "InvalidConfig" ||
  (status !== undefined && noStream.has(status)) ||
  (reason === "Malformed" && lastId === undefined && last === undefined)

const noStream = new Set([404, 405, 406, 501])

const pause = <A>(
  config: HostConfig,
  following: Following<A>,
  error: HostError | undefined,
): Effect.Effect<void, HostError> =>
  Effect.flatMap(Effect.zip(Random.next, Clock.currentTimeMillis), ([random, now]) => {
    following.since ??= now
    const millis = HostRetry.pause(config, following.failures, error?.retryAfterMillis, random)
    return error !== undefined && now + millis >= following.since + Duration.toMillis(config.deadline)
      ? Effect.fail(error)
      : Effect.sleep(millis)
  })

const asked = <A, I, R>(
  host: HostClient.HostClient,
  { fast: fastest = "300 millis", query, response, slow: slowest = "2 seconds", status }: Options<A, I, R>,
  following: Following<A>,
): Statuses<A, R> =>
  Stream.suspend(() => {
    const [fast, slow] = [Duration.toMillis(fastest), Duration.toMillis(slowest)]
    let millis = 0
    let before: string | undefined
    const ask = Effect.suspend(() => host.answer("GET", status, { query: query?.(following.last), response }))
    return Stream.repeatEffect(Effect.suspend(() => Effect.zipRight(Effect.sleep(millis), ask))).pipe(
      Stream.filterMap(({ text, value }) => {
        const isNew = text !== before
        millis = isNew ? fast : Math.min(Math.max(millis, fast) * 1.5, slow)
        if (!isNew) return Option.none()
        before = text
        following.last = value
        return Option.some(value)
      }),
    )
  })
