/**
 * What a session came to: its result, its weights, its newest checkpoint.
 */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Record from "../../OperationRecord.js"
import { Checkpoints } from "../../training/Checkpoint.js"
import * as HostHttp from "../HostHttp.js"
import * as Answering from "./Answering.js"
import * as Refused from "./Refused.js"
import { SessionFiles } from "./SessionFiles.js"
import * as SessionResult from "./SessionResult.js"
import { Sessions } from "./Sessions.js"
import { paths } from "./TrainingHostApi.js"

export type Needed = Checkpoints | SessionFiles | Sessions

export const routes: HttpRouter.HttpRouter<never, Needed> = HttpRouter.empty.pipe(
  HttpRouter.get(
    paths.result,
    Effect.gen(function* () {
      const { outcome, session } = yield* finished
      const trained = yield* Effect.flatMap(SessionFiles, (files) => files.result(session.asked.session))
      if (Option.isNone(trained)) return yield* gone(session.asked.session)
      return Answering.json(SessionResult.whole(session, outcome, trained.value))
    }).pipe(Answering.granting("Failed to get the result")),
  ),
  HttpRouter.get(
    paths.weights,
    Effect.gen(function* () {
      const { session } = yield* finished
      const weights = yield* Effect.flatMap(SessionFiles, (files) => files.weights(session.asked.session))
      if (Option.isNone(weights)) return yield* gone(session.asked.session)
      return HostHttp.binary(weights.value)
    }).pipe(Answering.granting("Failed to get the weights")),
  ),
  HttpRouter.get(
    paths.checkpoint,
    Effect.gen(function* () {
      const { asked, live } = yield* sessionOf
      const serial = live?.checkpoint?.serial
      const found = yield* Effect.flatMap(Checkpoints, (checkpoints) => checkpoints.find(asked.operation))
      if (Option.isNone(found)) {
        return yield* new Refused.Refused({
          status: 404,
          detail: `Session ${asked.session} has no checkpoint`,
        })
      }
      const { kept, position, state } = found.value
      const { epoch, phase, cursor } = position
      return HostHttp.binary(state, {
        "x-checkpoint-serial": String(serial ?? Math.floor(kept)),
        "x-checkpoint-position": JSON.stringify({ epoch, phase, cursor }),
      })
    }).pipe(Answering.granting("Failed to get the checkpoint")),
  ),
)

// ---------------------------------------------------------------------------------------------------------

const sessionOf = Effect.flatMap(Answering.variable("id"), (id) =>
  Effect.flatMap(Sessions, (sessions) => sessions.get(id)),
)

const finished = Effect.gen(function* () {
  const session = yield* sessionOf
  const outcome = SessionResult.outcomeOf(session.record)
  if (Option.isSome(outcome)) return { session, outcome: outcome.value }
  const { status } = session.record
  return yield* Refused.conflict(
    Record.isTerminal(session.record)
      ? `Session ${session.asked.session} has no result (status: ${status})`
      : `Session ${session.asked.session} is still running`,
  )
})

const gone = (session: string) =>
  new Refused.Refused({ status: 404, detail: `Session ${session} has no result any more` })
