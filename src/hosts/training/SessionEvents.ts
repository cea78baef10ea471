/**
 * What becomes of a session, as server-sent events: the first at once, then what is new, ten times a second at most; a
 * comment where there is nothing new for 15 seconds; the last one has the status that the session ended with.
 *
 * The data of an event is a `StatusAnswer`, with the epochs that were not sent before; its id `<epochs>.<n>` says how
 * many of them the client has, and counts on where a client comes again.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Record from "../../OperationRecord.js"
import * as Operations from "../../Operations.js"
import type { Checkpoints } from "../../training/Checkpoint.js"
import type * as Refused from "./Refused.js"
import * as SessionAnswers from "./SessionAnswers.js"
import * as SessionFacts from "./SessionFacts.js"
import type { SessionFiles } from "./SessionFiles.js"
import type { Session } from "./SessionIndex.js"
import * as Sessions from "./Sessions.js"

type Needed = Checkpoints | Operations.Operations | SessionFiles | Sessions.Sessions

/**
 * The events of a session after the last one that the client has; all where it names none, or in another way. Refuses
 * with 404 a session that is unknown; a stream ends where the session is removed meanwhile.
 */
export const stream = Effect.fn("SessionEvents.stream")(function* (
  id: string,
  lastEventId?: string,
): Effect.fn.Return<Stream.Stream<Uint8Array>, Refused.Refused, Needed> {
  const sessions = yield* Sessions.Sessions
  const context = yield* Effect.context<Needed>()
  yield* sessions.get(id)
  const [epochs = 0, count = 0] = (/^(\d{1,9})\.(\d{1,15})$/.exec(lastEventId ?? "") ?? [])
    .slice(1)
    .map(Number)
  return Stream.unfoldEffect<State, Uint8Array, Refused.Refused, Needed>(
    { epochs, count, version: undefined, isOver: false, sent: 0 },
    (state) => (state.isOver ? Effect.succeedNone : Effect.asSome(next(id, state))),
  ).pipe(
    Stream.catchAll(() => Stream.empty),
    Stream.provideContext(context),
  )
})

// ---------------------------------------------------------------------------------------------------------

/** What a client has. */
interface State {
  readonly epochs: number
  readonly count: number
  /** Of the session as it was last sent; none before the first event. */
  readonly version: number | undefined
  readonly isOver: boolean
  /** When, epoch milliseconds. */
  readonly sent: number
}

const next = Effect.fnUntraced(function* (
  id: string,
  state: State,
): Effect.fn.Return<readonly [Uint8Array, State], Refused.Refused, Needed> {
  const sessions = yield* Sessions.Sessions
  if (state.version !== undefined) {
    const pause = state.sent + paceMillis - (yield* Clock.currentTimeMillis)
    yield* Effect.sleep(Math.max(0, pause))
    const news = yield* Effect.timeoutOption(changed(yield* sessions.get(id), state.version), heartbeat)
    if (Option.isNone(news)) return [alive, state]
  }
  const session = yield* sessions.get(id)
  const version = session.live?.version ?? 0
  const told = yield* SessionFacts.of(session)
  const count = state.count + 1
  const text = JSON.stringify(SessionAnswers.status(told, state.epochs))
  const epochs = Math.max(state.epochs, told.epochs.length)
  return [
    encoder.encode(`id: ${epochs}.${count}\nevent: status\ndata: ${text}\n\n`),
    {
      epochs,
      count,
      version,
      isOver: Record.isTerminal(session.record),
      sent: yield* Clock.currentTimeMillis,
    },
  ]
})

/** Returns once there is something new of it: of one that another process runs, its end. */
const changed = ({ asked, live }: Session, version: number) =>
  live !== undefined
    ? live.after(version)
    : Effect.flatMap(Operations.Operations, (operations) => Effect.ignore(operations.await(asked.operation)))

const encoder = new TextEncoder()
const alive = encoder.encode(": alive\n\n")
const heartbeat = "15 seconds"
const paceMillis = 100
