/**
 * A training on its way: what it says becomes progress, what it has come to becomes checkpoints, and one that was
 * interrupted goes on from the last of these.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as OperationFence from "../../OperationFence.js"
import * as Progress from "../../Progress.js"
import * as Checkpoint from "../Checkpoint.js"
import type * as Receipt from "../Receipt.js"
import type { Strategy } from "../Strategy.js"
import * as Trainer from "../Trainer.js"
import { TrainingError } from "../TrainingError.js"
import type { Run } from "../TrainingManager.js"
import * as TrainingProgress from "../TrainingProgress.js"
import type { Prepared } from "./Preparation.js"
import * as Work from "./Work.js"

/** Where a run begins. */
export interface Beginning {
  readonly strategy: Strategy
  /** How long runs before it trained. */
  readonly trainedMillis: number
  /** What all of its checkpoints say. */
  readonly head: Pick<Checkpoint.Head, "operation" | "strategy" | "started" | "interruptions">
  /** What it goes on from, if there is something. */
  readonly from: Checkpoint.Checkpoint | undefined
  /** The operations that it goes on from, the newest first. */
  readonly earlier: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
}

/**
 * Looks for what a run goes on from, and makes it the run's own before anything else is done: one that is interrupted
 * at once can be resumed as well. Fails where it is of another strategy or cannot be read; where there is none, the
 * training begins anew, with a warning; a host may yet have more of it.
 */
export const begin = Effect.fnUntraced(function* (
  checkpoints: Checkpoint.Service,
  strategy: Strategy,
  hash: string,
  { operationId, resumedFrom, earlier: others = [] }: Run,
  where: Receipt.Trainer = { kind: "local" },
): Effect.fn.Return<Beginning, TrainingError> {
  const earlier = resumedFrom === undefined ? [] : [resumedFrom, ...others]
  const from = yield* newest(checkpoints, earlier)
  const beginning = { ...(yield* goOn(checkpoints, strategy, hash, operationId, from)), earlier }
  if (resumedFrom === undefined || from !== undefined) return beginning
  const warning =
    where.kind === "local"
      ? `${resumedFrom} left no checkpoint: the training begins anew`
      : `${resumedFrom} left no checkpoint here: unless its host has one, the training begins anew`
  yield* Effect.logWarning(warning)
  return { ...beginning, warnings: [warning] }
})

/** The same from a checkpoint, whose ever that is; at the beginning without one. */
export const goOn = Effect.fnUntraced(function* (
  checkpoints: Checkpoint.Service,
  strategy: Strategy,
  hash: string,
  operationId: string,
  from: Checkpoint.Checkpoint | undefined,
): Effect.fn.Return<Beginning, TrainingError> {
  const began = yield* Clock.currentTimeMillis
  const anew: Beginning = {
    strategy,
    trainedMillis: 0,
    head: { operation: operationId, strategy: hash, started: began, interruptions: [] },
    from: undefined,
    earlier: [],
    warnings: [],
  }
  if (from === undefined) return anew
  yield* Checkpoint.fits(from, { strategy: hash })
  const head = {
    ...anew.head,
    started: from.started,
    interruptions: Checkpoint.interruptions(from, began),
  }
  const copied = checkpoints.write({ ...from, ...head }).pipe(
    Effect.zipRight(
      Progress.annotate({ checkpoint: TrainingProgress.keptAt(from.position, strategy.training) }),
    ),
    Effect.as<ReadonlyArray<string>>([]),
    Effect.catchAll((error) => Effect.as(Effect.logWarning(notKept(error)), [notKept(error)])),
  )
  return { ...anew, trainedMillis: from.durationMillis, head, from, warnings: yield* copied }
})

/** What a training came to. */
export interface Outcome {
  readonly trained: Trainer.Trained
  /** How long it trained, with the runs before. */
  readonly durationMillis: number
  readonly warnings: ReadonlyArray<string>
}

/** Trains; checkpoints that cannot be written cost a warning, once for each reason. */
export const run = Effect.fnUntraced(function* (
  checkpoints: Checkpoint.Service,
  trainer: Trainer.Service,
  beginning: Beginning,
  { dataset, hash, read }: Pick<Prepared, "hash" | "read"> & { readonly dataset: Trainer.Rows },
): Effect.fn.Return<Outcome, TrainingError> {
  const { strategy, head, from, earlier } = beginning
  const { training } = strategy
  if (from !== undefined) yield* Checkpoint.fits(from, { dataset: hash })
  const began = yield* Clock.currentTimeMillis
  const durationMillis = Effect.map(
    Clock.currentTimeMillis,
    (now) => beginning.trainedMillis + Math.max(0, now - began),
  )
  const step = yield* Progress.current
  const fence = yield* OperationFence.OperationFence
  const work = Work.of({ rows: Work.rowsOf(dataset.parts) }, training)
  const warnings = new Set<string>()

  const keep = ({ state, position }: Trainer.Snapshot) =>
    Effect.gen(function* () {
      yield* checkpoints.write({
        ...head,
        dataset: hash,
        position,
        durationMillis: yield* durationMillis,
        ranges: read.map(({ series, range }) => ({ series, range })),
        state,
      })
      yield* Progress.annotate({ checkpoint: TrainingProgress.keptAt(position, training) })
    }).pipe(
      Effect.catchAll((error) => {
        const warning = notKept(error)
        if (warnings.has(warning)) return Effect.void
        warnings.add(warning)
        return Effect.logWarning(warning)
      }),
      Progress.provideStep(step),
      Effect.provideService(OperationFence.OperationFence, fence),
    )

  const released = (release: Trainer.Release) =>
    Effect.suspend(() => {
      const text = TrainingProgress.releaseText(release)
      return text === undefined ? Effect.void : Progress.annotate({ release: text })
    }).pipe(Progress.provideStep(step))

  yield* Progress.setTotal(work.total, TrainingProgress.unit)
  let done = from === undefined ? 0 : Work.before(from.position, work, training)
  yield* Progress.skip(done)
  const advance = (to: number) =>
    Effect.suspend(() => {
      const more = Math.max(0, to - done)
      done += more
      return Progress.advance(more)
    })

  let trained: Trainer.Trained | undefined
  const told = Trainer.Event.$match({
    Batch: ({ epoch, batch, batches, loss, rowsPerSecond, work: to, workTotal }) =>
      Progress.annotate({ epoch, batch, batches, loss, rows_per_second: rowsPerSecond }).pipe(
        Effect.zipRight(workTotal === work.total ? Effect.void : Progress.setTotal(workTotal)),
        Effect.zipRight(advance(to)),
      ),
    Epoch: ({ report: { epoch, validation } }) =>
      Progress.annotate({
        epoch,
        ...(validation === null ? {} : { val_loss: validation.loss }),
        ...(validation?.accuracy == null ? {} : { val_accuracy: validation.accuracy }),
      }).pipe(Effect.zipRight(advance(epoch * (work.batches + work.validation)))),
    Finished: (event) =>
      Effect.sync(() => {
        trained = event.trained
      }),
  })
  const job: Trainer.Job = {
    operation: head.operation,
    earlier,
    strategy,
    dataset,
    range: spanOf(read),
    from: from === undefined ? undefined : { state: from.state, place: `checkpoint of ${from.operation}` },
    keep,
    released,
  }
  yield* Stream.runForEach(trainer.train(job), told)
  if (trained === undefined) return yield* unfinished
  return { trained, durationMillis: yield* durationMillis, warnings: [...warnings] }
})

/**
 * Removes what nobody goes on from any more: those of the runs before, then its own, so that what is left where that
 * ends early is the newest.
 */
export const clear = (checkpoints: Checkpoint.Service, { head }: Beginning): Effect.Effect<void> =>
  Effect.forEach(
    new Set([...head.interruptions.map(({ operation }) => operation), head.operation]),
    (operation) =>
      Effect.catchAll(checkpoints.remove(operation), ({ message }) => Effect.logWarning(message)),
    { discard: true },
  )

// ---------------------------------------------------------------------------------------------------------

/** From the first bar of all series to the last one. */
const spanOf = (read: Prepared["read"]): Trainer.Job["range"] =>
  read.length === 0
    ? undefined
    : {
        start: Math.min(...read.map(({ range }) => range.start)),
        end: Math.max(...read.map(({ range }) => range.end)),
      }

/** The first checkpoint that there is of those of the operations. */
const newest = Effect.fnUntraced(function* (
  checkpoints: Checkpoint.Service,
  operations: ReadonlyArray<string>,
): Effect.fn.Return<Checkpoint.Checkpoint | undefined, TrainingError> {
  for (const operation of operations) {
    const found = Option.getOrUndefined(yield* checkpoints.find(operation))
    if (found !== undefined) return found
  }
  return undefined
})

const notKept = ({ message }: TrainingError): string => `A checkpoint was not kept: ${message}`

const unfinished = new TrainingError({
  reason: "TrainerFailed",
  place: "trainer",
  expected: "a model once it has ended",
  found: "none",
  advice: "Resume the training; what was kept is not lost",
})
