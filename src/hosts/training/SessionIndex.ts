/**
 * Which sessions there are: those that the files tell of, each with the record of its operation.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Record from "../../OperationRecord.js"
import * as Operations from "../../Operations.js"
import { Checkpoints } from "../../training/Checkpoint.js"
import { type Live, LiveSessions } from "./LiveSessions.js"
import * as Refused from "./Refused.js"
import * as SessionFiles from "./SessionFiles.js"

/** A session as it is now. */
export interface Session {
  readonly asked: SessionFiles.Asked
  readonly record: Record.OperationRecord
  /** None of one that this process did not run, or that has ended long ago. */
  readonly live: Live | undefined
  /** It runs, and nobody has asked about it for so long. */
  readonly isAbandoned: boolean
}

export interface SessionIndex {
  /** What was asked for, the oldest first. */
  readonly asked: () => Iterable<SessionFiles.Asked>
  readonly add: (asked: SessionFiles.Asked) => void
  /** One whose record was not made, or is not kept any longer, is none. */
  readonly find: (id: string) => Effect.Effect<Option.Option<Session>, Refused.Refused>
  /** Counts as a question about it; refuses with 404 one that is unknown. */
  readonly get: (id: string) => Effect.Effect<Session, Refused.Refused>
  readonly list: Effect.Effect<ReadonlyArray<Session>, Refused.Refused>
  /** Those without a record; asks for the records of those that have ended anew. */
  readonly lost: Effect.Effect<ReadonlyArray<SessionFiles.Asked>, Refused.Refused>
  /** Removes all that is kept of it, unless its name is another's by now: nothing may begin meanwhile. */
  readonly forget: (asked: SessionFiles.Asked) => Effect.Effect<void, Refused.Refused>
}

/** A session is abandoned after `patience` milliseconds without a question. */
export const make = Effect.fnUntraced(function* (
  patience: number,
): Effect.fn.Return<
  SessionIndex,
  never,
  Checkpoints | LiveSessions | Operations.Operations | SessionFiles.SessionFiles
> {
  const operations = yield* Operations.Operations
  const files = yield* SessionFiles.SessionFiles
  const lives = yield* LiveSessions
  const checkpoints = yield* Checkpoints
  const all = new Map<string, SessionFiles.Asked>()
  const ended = new Map<string, Record.OperationRecord>()
  /** When somebody asked last, by session. */
  const questions = new Map<string, number>()

  const recordOf = Effect.fnUntraced(function* ({ operation }: SessionFiles.Asked) {
    const known = ended.get(operation)
    if (known !== undefined) return Option.some(known)
    const record = yield* Effect.asSome(operations.get(operation)).pipe(
      Effect.catchIf(
        ({ reason }) => reason === "UnknownId",
        () => Effect.succeedNone,
      ),
      Effect.mapError(Refused.of),
    )
    if (Option.isSome(record) && Record.isTerminal(record.value)) ended.set(operation, record.value)
    return record
  })

  const forget = Effect.fnUntraced(function* (asked: SessionFiles.Asked) {
    const { operation, session } = asked
    if (all.get(session) !== asked) return
    yield* Effect.mapError(checkpoints.remove(operation), Refused.of)
    yield* Effect.mapError(files.remove(session), Refused.of)
    all.delete(session)
    ended.delete(operation)
    questions.delete(session)
  })

  const find = Effect.fnUntraced(function* (id: string) {
    const asked = all.get(id)
    if (asked === undefined) return Option.none<Session>()
    const record = yield* recordOf(asked)
    if (Option.isNone(record)) return Option.none<Session>()
    const idle = (yield* Clock.currentTimeMillis) - (questions.get(id) ?? asked.created)
    return Option.some<Session>({
      asked,
      record: record.value,
      live: lives.get(asked.operation),
      isAbandoned: idle > patience && !Record.isTerminal(record.value),
    })
  })

  const get = Effect.fn("SessionIndex.get")(function* (id: string) {
    const found = yield* find(id)
    if (Option.isNone(found)) return yield* Refused.unknown(id)
    questions.set(id, yield* Clock.currentTimeMillis)
    return { ...found.value, isAbandoned: false }
  })

  const list = Effect.map(
    Effect.suspend(() => Effect.forEach([...all.keys()], find)),
    (found) => found.flatMap(Option.toArray),
  ).pipe(Effect.withSpan("SessionIndex.list"))

  const lost = Effect.suspend(() => {
    ended.clear()
    return Effect.filter([...all.values()], (asked) => Effect.map(recordOf(asked), Option.isNone))
  }).pipe(Effect.withSpan("SessionIndex.lost"))

  for (const asked of yield* Effect.catchAll(files.all, ({ message }) =>
    Effect.as(Effect.logError(message), []),
  )) {
    all.set(asked.session, asked)
  }
  return {
    asked: () => all.values(),
    add: (asked) => {
      all.set(asked.session, asked)
      questions.set(asked.session, asked.created)
    },
    find,
    get,
    list,
    lost,
    forget,
  }
})
