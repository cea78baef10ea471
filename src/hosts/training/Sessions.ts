/**
 * The sessions of a training host: each is an operation of this host's registry, under a name that its client may
 * choose. They are known for as long as their records are kept, after the host was started again too.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { sha256 } from "../../internal/sha256.js"
import * as Operation from "../../Operation.js"
import * as Record from "../../OperationRecord.js"
import * as Operations from "../../Operations.js"
import type { Checkpoints } from "../../training/Checkpoint.js"
import { show } from "../../training/Receipt/Sha256.js"
import * as EarlyStops from "./EarlyStops.js"
import { HandedFiles } from "./HandedFiles.js"
import { LiveSessions } from "./LiveSessions.js"
import * as Refused from "./Refused.js"
import * as SessionFiles from "./SessionFiles.js"
import * as SessionId from "./SessionId.js"
import * as SessionIndex from "./SessionIndex.js"
import * as StartReading from "./StartReading.js"
import type { StrategyFolder } from "./StrategyFolder.js"
import type { StartRequest } from "./TrainingHostApi.js"
import { TrainingSession } from "./TrainingSession.js"

export interface Options {
  /** How many run at once; 1 by default. */
  readonly maxSessions?: number | undefined
  /** After how long a session that runs counts as abandoned, as nobody asks about it; 10 minutes by default. */
  readonly abandonAfter?: Duration.DurationInput | undefined
}

/** Who starts: what tells a start from its repetition. */
export interface Caller {
  /** The `Idempotency-Key`. */
  readonly key: string | undefined
  readonly address: string
  /** The body as it came. */
  readonly body: string
}

export interface Service {
  readonly maxSessions: number
  /**
   * Starts a session, or finds the one that the same start has begun before: by its key, or by its body where the same
   * client sent it within a minute and the session still runs. Refuses with 409 a name or a key that is another's, and
   * one that was to stop before it had begun; with 503 what is too much at once.
   */
  readonly start: (
    request: StartRequest,
    caller: Caller,
  ) => Effect.Effect<SessionFiles.Asked, Refused.Refused>
  /** Counts as a question about it. */
  readonly get: (id: string) => Effect.Effect<SessionIndex.Session, Refused.Refused>
  readonly list: Effect.Effect<ReadonlyArray<SessionIndex.Session>, Refused.Refused>
  /**
   * Returns once it has ended; the checkpoint is on the disk then. Refuses with 404 one that is unknown, which does
   * not begin within the next minute either; with 409 one that does not run; with 503 one that takes too long.
   */
  readonly stop: (id: string) => Effect.Effect<SessionIndex.Session, Refused.Refused>
  /** Forgets one that has ended. */
  readonly remove: (id: string) => Effect.Effect<void, Refused.Refused>
  /** Stops all that run, and starts nothing any more. */
  readonly close: Effect.Effect<void>
}

export class Sessions extends Context.Tag("ktrdr/hosts/training/Sessions")<Sessions, Service>() {}

/** Who asks for the end of a session, as its record tells it. */
export const byClient = "its client"
export const byHeir = "the session that goes on from it"
const byHost = "its host"

type Needed =
  | Checkpoints
  | HandedFiles
  | LiveSessions
  | Operations.Operations
  | SessionFiles.SessionFiles
  | StrategyFolder

export const layer = (options: Options = {}): Layer.Layer<Sessions, never, Needed> =>
  Layer.scoped(Sessions, make(options))

export const make = Effect.fnUntraced(function* ({ abandonAfter = "10 minutes", maxSessions = 1 }: Options) {
  const operations = yield* Operations.Operations
  const files = yield* SessionFiles.SessionFiles
  const lives = yield* LiveSessions
  const handed = yield* HandedFiles
  const context = yield* Effect.context<StrategyFolder>()
  const scope = yield* Effect.scope
  const startOneByOne = yield* Effect.makeSemaphore(1)
  const patience = Duration.toMillis(abandonAfter)
  const { add, asked: all, find, forget, get, list, lost } = yield* SessionIndex.make(patience)
  const early = EarlyStops.make(repeatedWithin)
  const warned = new Set<string>()
  let isClosing = false

  const stop = Effect.fn("Sessions.stop")(function* (
    id: string,
    reason: string,
    by: string,
    within: Duration.DurationInput = stopWithin,
  ) {
    const { asked, record } = yield* get(id)
    if (Record.isTerminal(record)) return yield* Refused.notRunning(id, record.status)
    yield* operations.cancel(asked.operation, { reason, by }).pipe(
      Effect.catchIf(
        (error) => error.reason === "Finished",
        () => Effect.void,
      ),
      Effect.zipRight(operations.await(asked.operation)),
      Effect.mapError(Refused.of),
      Effect.interruptible,
      Effect.timeoutFail({
        duration: within,
        onTimeout: () => Refused.busy(`Session ${id} has not ended yet`, 1),
      }),
    )
    const ended = yield* get(id)
    return ended.record.status === "cancelled" ? ended : yield* Refused.notRunning(id, ended.record.status)
  })

  /** Remembers that it was to stop, unless it has begun meanwhile. */
  const stopEarly = Effect.fnUntraced(function* (id: string) {
    const found = yield* find(id)
    if (Option.isNone(found)) early.add(id, yield* Clock.currentTimeMillis)
    return Option.isSome(found)
  })

  /** The session that such a start has begun already; refuses one that cannot be. */
  const before = Effect.fnUntraced(function* (
    id: string | undefined,
    key: string | null,
    body: string,
    client: string,
  ) {
    const now = yield* Clock.currentTimeMillis
    const isRecent = (one: SessionFiles.Asked) => one.body === body && now - one.created < repeatedWithin
    for (const asked of all()) {
      const isSame = key !== null && asked.key === key
      const isNamesake = id !== undefined && asked.session === id
      const isLike = key === null && asked.client === client && isRecent(asked)
      if (!isSame && !isNamesake && !isLike) continue
      const found = Option.getOrUndefined(yield* find(asked.session))
      if (found === undefined) {
        yield* forget(asked)
        continue
      }
      if (isSame) {
        if (asked.body === body) return found.asked
        return yield* Refused.conflict(
          `The Idempotency-Key is that of another start, of session ${asked.session}`,
        )
      }
      if (isLike && !Record.isTerminal(found.record) && (id ?? asked.session) === asked.session) {
        return found.asked
      }
      if (isNamesake) return yield* Refused.conflict(`Session ${id} already exists`)
    }
    if (id !== undefined && early.has(id, now)) {
      return yield* Refused.conflict(`Session ${id} was stopped before it had begun`)
    }
    return undefined
  })

  const isThere = Effect.fnUntraced(function* (sha256: string, what: string) {
    const found = yield* Effect.mapError(handed.received(sha256), Refused.of)
    if (!Option.exists(found, ({ complete }) => complete)) {
      return yield* Refused.conflict(`${what} was not handed over`)
    }
  })

  const begin = Effect.fnUntraced(function* (
    request: StartRequest,
    order: StartReading.Ordered,
    told: { readonly key: string | null; readonly body: string; readonly client: string },
  ) {
    if (isClosing) return yield* Refused.busy("The host is about to end", 5)
    const given = request.session_id ?? undefined
    const known = yield* before(given, told.key, told.body, told.client)
    if (known !== undefined) return known
    const { source, strategy } = order
    const state = request.resume?.state ?? null
    if (source._tag === "Handed") yield* isThere(source.sha256, `Dataset ${source.sha256}`)
    if (state !== null) yield* isThere(state.sha256, `State ${show(state.sha256)}`)
    const named = [...new Set(request.resume?.sessions)].slice(0, mostEarlier)
    const earlier = (yield* Effect.forEach(named, find)).flatMap(Option.toArray)
    const isEarlier = ({ asked }: SessionIndex.Session) => named.includes(asked.session)
    const active = (yield* list).filter(({ record }) => !Record.isTerminal(record))
    if (active.filter((one) => !isEarlier(one)).length >= maxSessions) {
      return yield* Refused.busy(`Maximum concurrent sessions (${maxSessions}) reached`, retryAfter)
    }
    for (const { asked } of active.filter(isEarlier)) {
      yield* Effect.catchIf(
        stop(asked.session, "another session goes on from it", byHeir),
        ({ status }) => status === 409,
        () => Effect.void,
      )
    }
    const session = given ?? (yield* SessionId.make)
    const operation = yield* Operation.makeId(TrainingSession.kind)
    const asked: SessionFiles.Asked = {
      ...told,
      session,
      operation,
      created: yield* Clock.currentTimeMillis,
      strategy: strategy.name,
      symbols: strategy.symbols,
      timeframes: strategy.timeframes,
      epochs: strategy.training.epochs,
      start_date: order.start_date,
      end_date: order.end_date,
      estimated_duration_minutes: order.estimated_duration_minutes,
    }
    yield* Effect.mapError(files.begin(asked), Refused.of)
    const live = yield* lives.begin(operation)
    const payload = {
      session,
      strategy,
      ...(order.text === undefined ? {} : { text: order.text }),
      source,
      resume: {
        operations: earlier.map((one) => one.asked.operation),
        state,
      },
    }
    const { exit } = yield* operations.start(TrainingSession, payload, { id: operation }).pipe(
      Effect.tapError(() => Effect.zipRight(lives.drop(operation), Effect.ignore(files.remove(session)))),
      Effect.mapError(Refused.of),
    )
    add(asked)
    yield* exit.pipe(
      Effect.ignore,
      Effect.zipRight(
        live.change(() => {
          live.isOver = true
        }),
      ),
      Effect.zipRight(Effect.logInfo(`Session ${session} has ended`)),
      Effect.interruptible,
      Effect.forkIn(scope),
    )
    yield* Effect.logInfo(`Session ${session} has begun: ${strategy.name}`)
    return asked
  })

  /** Forgets those whose records are not kept any longer. */
  const sweep = Effect.flatMap(lost, (found) =>
    Effect.forEach(found, (asked) => startOneByOne.withPermits(1)(Effect.uninterruptible(forget(asked))), {
      discard: true,
    }),
  ).pipe(Effect.catchAll(({ message }) => Effect.logWarning(message)))

  yield* Effect.forkScoped(Effect.interruptible(Effect.repeat(sweep, Schedule.spaced("1 hour"))))

  const watch = Effect.gen(function* () {
    for (const { asked, isAbandoned } of yield* list) {
      if (!isAbandoned) warned.delete(asked.session)
      else if (!warned.has(asked.session)) {
        warned.add(asked.session)
        yield* Effect.logWarning(
          `Session ${asked.session} runs, and nobody has asked about it for ${Duration.format(Duration.millis(patience))}: stop it with POST /training/stop if nobody will`,
        )
      }
    }
  }).pipe(Effect.catchAll(({ message }) => Effect.logWarning(message)))

  yield* watch.pipe(
    Effect.delay(Duration.millis(Math.max(100, Math.min(patience / 4, 30_000)))),
    Effect.forever,
    Effect.interruptible,
    Effect.forkScoped,
  )

  return Sessions.of({
    maxSessions,
    start: Effect.fn("Sessions.start")(function* (request, { address, body, key }) {
      const order = yield* Effect.mapError(Effect.provide(StartReading.read(request), context), (error) =>
        error.reason === "NotFound"
          ? new Refused.Refused({ status: 422, detail: error.message })
          : Refused.of(error),
      )
      const told = {
        key: key === undefined ? null : yield* sha256(key),
        body: yield* sha256(body),
        client: address,
      }
      return yield* startOneByOne.withPermits(1)(Effect.uninterruptible(begin(request, order, told)))
    }),
    get,
    list,
    stop: (id) => {
      const stopping = stop(id, "its client has stopped it", byClient)
      return Effect.catchIf(
        stopping,
        ({ status }) => status === 404,
        (unknown) =>
          Effect.flatMap(startOneByOne.withPermits(1)(stopEarly(id)), (hasBegun) =>
            hasBegun ? stopping : unknown,
          ),
      )
    },
    remove: Effect.fn("Sessions.remove")(function* (id) {
      const { asked, record } = yield* get(id)
      if (!Record.isTerminal(record)) {
        return yield* Refused.conflict(`Cannot cleanup running session ${id}`)
      }
      yield* startOneByOne.withPermits(1)(Effect.uninterruptible(forget(asked)))
    }),
    close: Effect.gen(function* () {
      isClosing = true
      const running = (yield* list).filter(({ record }) => !Record.isTerminal(record))
      yield* Effect.forEach(
        running,
        ({ asked }) =>
          Effect.ignore(stop(asked.session, "the host that trained it ended", byHost, closeWithin)),
        { concurrency: "unbounded", discard: true },
      )
    }).pipe(Effect.catchAll(({ message }) => Effect.logWarning(message))),
  })
})

// ---------------------------------------------------------------------------------------------------------

const stopWithin = "30 seconds"

/** The longest that the end of the host waits for a session. */
const closeWithin = "5 seconds"

/** Of the sessions that another goes on from. */
const mostEarlier = 100

/** For how long the same start counts as a repetition, and one that came before its start as meant for it. */
const repeatedWithin = 60_000

/** After how many seconds another may have ended. */
const retryAfter = 5
