/**
 * Where sessions are started, followed and stopped.
 */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Operations } from "../../Operations.js"
import { Checkpoints } from "../../training/Checkpoint.js"
import * as HostHttp from "../HostHttp.js"
import * as HostRequest from "../HostRequest.js"
import * as Answering from "./Answering.js"
import { HostMachine } from "./HostMachine.js"
import * as SessionAnswers from "./SessionAnswers.js"
import * as SessionEvents from "./SessionEvents.js"
import * as SessionFacts from "./SessionFacts.js"
import { idPattern, idRule, type SessionFiles } from "./SessionFiles.js"
import { Sessions } from "./Sessions.js"
import * as TrainingHostApi from "./TrainingHostApi.js"

export type Needed = Checkpoints | HostMachine | Operations | SessionFiles | Sessions

const { paths } = TrainingHostApi

/** What a start has beside the schema: KTRDR's host takes any object for each. */
const startFields: ReadonlyArray<HostRequest.Field> = [
  { name: "session_id", required: false, kind: "string" },
  { name: "model_configuration", required: true, kind: "object" },
  { name: "training_configuration", required: true, kind: "object" },
  { name: "data_configuration", required: true, kind: "object" },
  { name: "gpu_configuration", required: false, kind: "object" },
]

const stopFields: ReadonlyArray<HostRequest.Field> = [
  { name: "session_id", required: true, kind: "string" },
  { name: "save_checkpoint", required: false, kind: "boolean" },
]

export const routes: HttpRouter.HttpRouter<never, Needed> = HttpRouter.empty.pipe(
  HttpRouter.post(
    paths.start,
    Effect.gen(function* () {
      const { value: request, text } = yield* HostRequest.decoded(startFields, TrainingHostApi.StartRequest)
      const id = request.session_id ?? undefined
      if (id !== undefined && !idPattern.test(id)) {
        const input = { type: "string_pattern_mismatch", loc: ["body", "session_id"], input: id }
        return yield* Effect.fail(HostRequest.unprocessable([{ ...input, msg: `Input should be ${idRule}` }]))
      }
      const { headers, remoteAddress } = yield* HttpServerRequest.HttpServerRequest
      const { estimated_duration_minutes, session } = yield* Effect.flatMap(Sessions, (sessions) =>
        sessions.start(request, {
          key: headers["idempotency-key"],
          address: Option.getOrElse(remoteAddress, () => ""),
          body: text,
        }),
      )
      return Answering.json({
        session_id: session,
        status: "started",
        message: `Training session ${session} started successfully`,
        gpu_allocated: false,
        estimated_duration_minutes,
      })
    }).pipe(Answering.granting("Failed to start training")),
  ),
  HttpRouter.get(
    paths.status,
    Effect.gen(function* () {
      const id = yield* Answering.variable("id")
      const told = yield* Effect.flatMap(
        Effect.flatMap(Sessions, (_) => _.get(id)),
        SessionFacts.of,
      )
      const memory = yield* Effect.flatMap(HostMachine, (machine) => machine.memory)
      const asked = new URLSearchParams(
        HostHttp.address(yield* HttpServerRequest.HttpServerRequest).query,
      ).get("epochs_from")
      const from = /^\d{1,9}$/.test(asked ?? "") ? Number(asked) : told.epochs.length - mostEpochs
      return Answering.json(SessionAnswers.wholeStatus(told, memory, Math.max(0, from)))
    }).pipe(Answering.granting("Failed to get training status")),
  ),
  HttpRouter.get(
    paths.events,
    Effect.gen(function* () {
      const id = yield* Answering.variable("id")
      const { headers } = yield* HttpServerRequest.HttpServerRequest
      const events = yield* SessionEvents.stream(id, headers["last-event-id"])
      return HttpServerResponse.stream(events, {
        contentType: "text/event-stream; charset=utf-8",
        headers: { "cache-control": "no-store", "x-accel-buffering": "no" },
      })
    }).pipe(Answering.granting("Failed to follow training")),
  ),
  HttpRouter.post(
    paths.stop,
    Effect.gen(function* () {
      const { value: request } = yield* HostRequest.decoded(stopFields, TrainingHostApi.StopRequest)
      const { session_id, save_checkpoint } = request
      const session = yield* Effect.flatMap(Sessions, (sessions) => sessions.stop(session_id))
      if (save_checkpoint === false) {
        yield* Effect.flatMap(Checkpoints, (checkpoints) => checkpoints.remove(session.asked.operation))
      }
      const { checkpoint } = yield* SessionFacts.of(session)
      return Answering.json({
        session_id,
        status: "stopped",
        message: `Training session ${session_id} stopped successfully`,
        checkpoint_saved: checkpoint !== undefined,
      })
    }).pipe(Answering.granting("Failed to stop training")),
  ),
  HttpRouter.get(
    paths.sessions,
    Effect.gen(function* () {
      const all = yield* Effect.flatMap(Sessions, ({ list }) => list)
      const sessions = all.map((one) => SessionAnswers.summary(SessionFacts.brief(one)))
      const timestamp = SessionAnswers.stamp(yield* Clock.currentTimeMillis)
      return Answering.json({ total_sessions: sessions.length, sessions, timestamp })
    }).pipe(Answering.granting("Failed to list sessions")),
  ),
  HttpRouter.del(
    paths.session,
    Effect.gen(function* () {
      const session_id = yield* Answering.variable("id")
      yield* Effect.flatMap(Sessions, (sessions) => sessions.remove(session_id))
      const message = `Session ${session_id} cleaned up successfully`
      return Answering.json({ session_id, status: "cleaned_up", message })
    }).pipe(Answering.granting("Failed to cleanup session")),
  ),
)

// ---------------------------------------------------------------------------------------------------------

/** Epochs of a status, where the client does not say which it has. */
const mostEpochs = 100
