/**
 * What a session does: finds what it goes on from, trains, and keeps what came out before it says that it has.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import type { DataError } from "../../data/DataError.js"
import { breathe } from "../../internal/breathe.js"
import type * as Operation from "../../Operation.js"
import * as Progress from "../../Progress.js"
import * as Checkpoint from "../../training/Checkpoint.js"
import * as Handed from "../../training/Dataset/Handed.js"
import * as ModelStore from "../../training/ModelStore.js"
import { show } from "../../training/Receipt/Sha256.js"
import type { Position } from "../../training/Receipt.js"
import * as Strategy from "../../training/Strategy.js"
import * as Trainer from "../../training/Trainer.js"
import { TrainingError } from "../../training/TrainingError.js"
import * as Course from "../../training/TrainingManager/Course.js"
import { TrainingManager } from "../../training/TrainingManager.js"
import * as Saved from "../../training/TrainingRun/Saved.js"
import { HandedFiles } from "./HandedFiles.js"
import { SessionFiles } from "./SessionFiles.js"
import { type Outcome, type Payload, TrainingSession } from "./TrainingSession.js"

type Needed =
  | Checkpoint.Checkpoints
  | HandedFiles
  | ModelStore.ModelStore
  | SessionFiles
  | Trainer.Trainer
  | TrainingManager

/** The handler. The trainer and the checkpoints should be those of `LiveSessions`. */
export const layer: Layer.Layer<
  Operation.Handler<"training_session">,
  never,
  Needed
> = TrainingSession.toLayer((payload, { operationId }) =>
  Effect.gen(function* () {
    const hash = yield* Strategy.hash(payload.strategy)
    const from = yield* furthest(payload, hash)
    const before =
      from === undefined
        ? []
        : yield* Effect.flatten(breathe(() => Saved.historyOf(from.state, placeOf(from))))
    yield* TrainingSession.annotate({ epochs_before: before.length })
    return payload.source._tag === "Handed"
      ? yield* handed(payload, payload.source.sha256, hash, operationId, from)
      : yield* stored(payload, payload.source, operationId, from)
  }),
)

// ---------------------------------------------------------------------------------------------------------

/** Rows that a client has handed over, to a model that the client keeps. */
const handed = Effect.fnUntraced(function* (
  { session, strategy }: Payload,
  dataset: string,
  hash: string,
  operationId: string,
  from: Checkpoint.Checkpoint | undefined,
): Effect.fn.Return<Outcome, TrainingError, Needed> {
  const checkpoints = yield* Checkpoint.Checkpoints
  const trainer = yield* Trainer.Trainer
  const { name, symbols, timeframes, model, training } = strategy
  yield* Progress.plan([
    { name: "read rows", weight: 2 },
    { name: "train", weight: 95 },
  ])
  yield* TrainingSession.annotate({
    strategy: name,
    symbols,
    timeframes,
    model: model.type.toUpperCase(),
    epochs: training.epochs,
  })
  const rows = yield* handedOver(dataset, "the rows").pipe(
    Effect.flatMap((bytes) => Handed.decode(bytes, `dataset ${show(dataset)}`)),
    Progress.step("read rows"),
  )
  const beginning = yield* Course.goOn(checkpoints, strategy, hash, operationId, from)
  const course = yield* Course.run(checkpoints, trainer, beginning, {
    dataset: rows,
    hash: dataset,
    read: [],
  }).pipe(Progress.step("train"))
  return yield* keep(session, course.trained, {
    model: null,
    interruptions: beginning.head.interruptions.length,
    duration_seconds: course.durationMillis / 1000,
  })
})

/** Bars of the host, to a model that the host keeps. */
const stored = Effect.fnUntraced(function* (
  { session, strategy, text }: Payload,
  { start, end }: { readonly start?: number; readonly end?: number },
  operationId: string,
  from: Checkpoint.Checkpoint | undefined,
): Effect.fn.Return<Outcome, DataError | TrainingError, Needed> {
  const manager = yield* TrainingManager
  const models = yield* ModelStore.ModelStore
  const report = yield* manager.train(
    { strategy, text, start, end, allowGaps: true },
    { operationId, resumedFrom: from?.operation },
  )
  const { weights, history } = yield* Effect.flatMap(ModelStore.find(report.model), models.read)
  const { best_epoch: bestEpoch, epochs, metrics, reason } = report
  return yield* keep(
    session,
    { reason, epochs, bestEpoch, weights, history, metrics },
    {
      model: { id: report.model, place: report.place },
      interruptions: report.interruptions,
      duration_seconds: report.duration_seconds,
    },
  )
})

const keep = Effect.fnUntraced(function* (
  session: string,
  trained: Trainer.Trained,
  more: Pick<Outcome, "model" | "interruptions" | "duration_seconds">,
): Effect.fn.Return<Outcome, TrainingError, SessionFiles> {
  const { reason, epochs, best_epoch, metrics, weights } = yield* Effect.uninterruptible(
    Effect.flatMap(SessionFiles, (files) => files.finish(session, trained)),
  )
  const { features, hidden_layers, outputs } = trained.weights.architecture
  return {
    reason,
    epochs,
    best_epoch,
    learning_rate: trained.history.at(-1)?.learningRate ?? null,
    metrics,
    layers: [features, ...hidden_layers, outputs],
    parameters: trained.weights.parameters.length,
    weights,
    ...more,
  }
})

const handedOver = (sha256: string, what: string): Effect.Effect<Uint8Array, TrainingError, HandedFiles> =>
  Effect.flatMap(HandedFiles, (files) =>
    Effect.flatMap(files.read(sha256), (found) =>
      Option.match(found, {
        onSome: Effect.succeed,
        onNone: () =>
          new TrainingError({
            reason: "InvalidInput",
            place: show(sha256),
            expected: `${what} that were handed over`,
            found: "none",
            advice: "Hand them over again",
          }),
      }),
    ),
  )

/**
 * The furthest of what it may go on from. Checkpoints of another strategy or other rows are passed over, as are those
 * that cannot be read, with a warning.
 */
const furthest = Effect.fnUntraced(function* (
  { resume: { operations, state }, source }: Payload,
  hash: string,
): Effect.fn.Return<Checkpoint.Checkpoint | undefined, TrainingError, Checkpoint.Checkpoints | HandedFiles> {
  const checkpoints = yield* Checkpoint.Checkpoints
  const dataset = source._tag === "Handed" ? source.sha256 : undefined
  let best: Checkpoint.Checkpoint | undefined
  for (const operation of operations) {
    const found = yield* checkpoints.find(operation).pipe(
      Effect.tap(
        Option.match({
          onNone: () => Effect.void,
          onSome: (one) =>
            Checkpoint.fits(one, dataset === undefined ? { strategy: hash } : { strategy: hash, dataset }),
        }),
      ),
      Effect.catchAll(({ message }) =>
        Effect.as(Effect.logWarning(`A checkpoint is passed over: ${message}`), Option.none()),
      ),
    )
    if (Option.isSome(found) && (best === undefined || further(found.value.position, best.position))) {
      best = found.value
    }
  }
  if (state === null || (best !== undefined && !further(state.position, best.position))) return best
  const now = yield* Clock.currentTimeMillis
  return {
    operation: `state_${state.sha256.slice(0, 12)}`,
    strategy: hash,
    dataset: dataset ?? "",
    position: state.position,
    durationMillis: 0,
    started: now,
    kept: now,
    interruptions: [],
    state: yield* handedOver(state.sha256, "the state"),
  }
})

const placeOf = ({ operation }: Checkpoint.Head): string => `checkpoint of ${operation}`

const phases: ReadonlyArray<Position["phase"]> = ["training", "validating", "concluding", "ending"]

const further = Order.greaterThan(
  Order.mapInput(
    Order.array(Order.number),
    ({ epoch, phase, cursor }: Position): ReadonlyArray<number> => [epoch, phases.indexOf(phase), cursor],
  ),
)
