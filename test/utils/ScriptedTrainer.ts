/** A trainer that trains in the process, a step at a time, and does what a test says before each. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Evaluation from "../../src/training/Trainer/Evaluation.js"
import * as Trainer from "../../src/training/Trainer.js"
import type { TrainingError } from "../../src/training/TrainingError.js"
import * as Work from "../../src/training/TrainingManager/Work.js"
import * as TrainingRun from "../../src/training/TrainingRun.js"

export interface Options {
  /** Told of how many steps this run has done; what it does is waited for. */
  readonly before?: (steps: number) => Effect.Effect<void>
  /** A state is kept each time after so many steps; only at the end without. */
  readonly keepEvery?: number
  /** Ends without keeping anything when it is interrupted, as a thread that hangs does. */
  readonly isKilled?: boolean
}

export const make = (options: () => Options = () => ({})): Trainer.Service => ({
  where: { kind: "local" },
  train: (job) => Stream.unwrapScoped(Effect.suspend(() => start(job, options()))),
})

const start = Effect.fnUntraced(function* (job: Trainer.Job, options: Options) {
  const { strategy, dataset, from } = job
  const rows = Trainer.rowsOf(job)
  const settings = { model: strategy.model, training: strategy.training }
  const run = Either.getOrThrow(
    from === undefined
      ? TrainingRun.make(rows, settings)
      : TrainingRun.resume(rows, settings, from.state, from.place),
  )
  const whole = Work.of({ rows: Work.rowsOf(dataset.parts) }, strategy.training)
  const keep = Effect.suspend(() => {
    const { epoch, phase, cursor } = run.position()
    return job.keep({ state: run.state(), position: { epoch, phase, cursor } })
  })
  yield* Effect.addFinalizer((exit) => {
    if (!Exit.isInterrupted(exit)) return Effect.void
    return options.isKilled === true
      ? job.released(Trainer.Release.Terminated({ afterMillis: 2000 }))
      : Effect.zipRight(keep, job.released(Trainer.Release.Stopped()))
  })
  let steps = 0
  let isOver = false

  const next = Effect.gen(function* (): Effect.fn.Return<
    ReadonlyArray<Trainer.Event>,
    Option.Option<TrainingError>
  > {
    if (isOver) return yield* Effect.fail(Option.none())
    yield* options.before?.(steps) ?? Effect.void
    const event = run.step()
    steps++
    if (options.keepEvery !== undefined && steps % options.keepEvery === 0) yield* keep
    switch (event._tag) {
      case "Batch": {
        const { epoch, batch, batches, loss } = event
        const work = (epoch - 1) * (whole.batches + whole.validation) + batch
        const told = { epoch, batch, batches, loss, rowsPerSecond: 1000, work, workTotal: whole.total }
        return [Trainer.Event.Batch(told)]
      }
      case "Validation":
        return []
      case "Epoch":
        return [Trainer.Event.Epoch({ report: event.report })]
      case "NotFinite":
        yield* keep
        return yield* Effect.fail(Option.some(event.error))
      case "Finished": {
        isOver = true
        yield* keep
        const { reason, epochs, bestEpoch } = event
        const { architecture, parameters } = run.network
        const metrics = Evaluation.evaluate(
          run.network,
          rows,
          dataset.parts,
          strategy.labels.lookahead,
          () => false,
        )
        return [
          Trainer.Event.Finished({
            trained: {
              reason,
              epochs,
              bestEpoch,
              weights: { architecture, parameters: parameters.slice() },
              history: run.history(),
              metrics: metrics!,
            },
          }),
        ]
      }
    }
  })
  return Stream.mapConcat(Stream.repeatEffectOption(next), (events) => events)
})
