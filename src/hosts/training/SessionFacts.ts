/**
 * How far a session came: as this process took it down, or, of one that an earlier process ran, as its record, its
 * checkpoint and its result tell it.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { breathe } from "../../internal/breathe.js"
import type { OperationRecord } from "../../OperationRecord.js"
import { Checkpoints } from "../../training/Checkpoint.js"
import type { TrainingError } from "../../training/TrainingError.js"
import * as Saved from "../../training/TrainingRun/Saved.js"
import type { Told } from "./SessionAnswers.js"
import { SessionFiles } from "./SessionFiles.js"
import type { Session } from "./SessionIndex.js"
import * as TrainingSession from "./TrainingSession.js"

/** The same without what only its checkpoint and its result tell of. */
export const brief = (session: Session): Told => {
  const { live, record } = session
  if (live === undefined) {
    return { session, epochs: [], batches: batchesOf(factsOf(record)), checkpoint: undefined }
  }
  const { batches, checkpoint, epochs } = live
  return { session, epochs, batches, checkpoint }
}

export const of = Effect.fn("SessionFacts.of")(function* (
  session: Session,
): Effect.fn.Return<Told, never, Checkpoints | SessionFiles> {
  const { asked, live, record } = session
  const told = brief(session)
  if (live !== undefined) return told
  const checkpoint = yield* Effect.flatMap(Checkpoints, (_) => _.find(asked.operation)).pipe(orNone)
  const result = yield* Effect.flatMap(SessionFiles, (_) => _.result(asked.session)).pipe(orNone)
  const history =
    result?.history ??
    (checkpoint === undefined
      ? undefined
      : yield* orNone(
          Effect.asSome(
            Effect.flatten(breathe(() => Saved.historyOf(checkpoint.state, `checkpoint of ${record.id}`))),
          ),
        ))
  const { epoch, phase, cursor } = checkpoint?.position ?? { epoch: 0, phase: "training", cursor: 0 }
  return {
    ...told,
    epochs: (history ?? []).slice(factsOf(record).epochs_before ?? 0),
    checkpoint:
      checkpoint === undefined
        ? undefined
        : { serial: Math.floor(checkpoint.kept), position: { epoch, phase, cursor } },
  }
})

// ---------------------------------------------------------------------------------------------------------

const Facts = Schema.partial(TrainingSession.Context)
type Facts = typeof Facts.Type
const decode = Schema.decodeUnknownOption(Facts)

const factsOf = ({ progress }: OperationRecord): Facts =>
  Option.getOrElse(decode(progress?.context ?? {}), () => ({}) as Facts)

/** What cannot be read any more is not told of, but for a warning. */
const orNone = <A, R>(reading: Effect.Effect<Option.Option<A>, TrainingError, R>) =>
  Effect.catchAll(Effect.map(reading, Option.getOrUndefined), ({ message }) =>
    Effect.as(Effect.logWarning(message), undefined),
  )

/** The newest, where one was told. */
const batchesOf = ({
  batch,
  batches,
  epoch,
  loss,
  rows_per_second,
  work,
  work_total,
}: Facts): Told["batches"] =>
  batch === undefined || batches === undefined || epoch === undefined || loss === undefined
    ? []
    : [
        {
          epoch,
          batch,
          batches,
          loss,
          rowsPerSecond: rows_per_second ?? 0,
          work: work ?? 0,
          workTotal: work_total ?? 0,
        },
      ]
