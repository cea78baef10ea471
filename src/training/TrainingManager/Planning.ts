/**
 * What a training would do, found out by all of it but the training.
 */
import * as Effect from "effect/Effect"
import { breathe } from "../../internal/breathe.js"
import type { Dataset } from "../Dataset.js"
import * as Labels from "../Labels.js"
import type { Strategy } from "../Strategy.js"
import * as Trainer from "../Trainer.js"
import type { TrainingError } from "../TrainingError.js"
import type { TrainingPlan } from "../TrainingManager.js"
import * as TrainingRun from "../TrainingRun.js"
import type { Rows } from "./Preparation.js"
import * as Work from "./Work.js"

export const plan = Effect.fnUntraced(function* (
  strategy: Strategy,
  { dataset, split, read, warnings }: Rows,
): Effect.fn.Return<TrainingPlan, TrainingError> {
  const { training, model } = strategy
  const run = yield* TrainingRun.make(Trainer.rowsOf({ strategy, dataset }), { model, training })
  return {
    series: read.map(({ series, range, bars, coverage }) => ({ series, range, bars, coverage })),
    rows: split.rows,
    split,
    features: dataset.features,
    balance: Labels.isRegression(strategy.labels) ? null : dataset.balance,
    parameters: run.network.parameters.length,
    epochs: training.epochs,
    batchesPerEpoch: Work.of(dataset.split, training).batches,
    estimatedMillis: yield* estimate(run, dataset),
    warnings,
  }
})

// ---------------------------------------------------------------------------------------------------------

/** How long the trial may take, and a stretch of it, in milliseconds. */
const trialMillis = 50
const stretchMillis = 5
/** Batches of a stretch, at most. */
const stretchBatches = 50

/** To be right about a row takes about a third of learning from it. */
const evaluated = 1 / 3

/**
 * By the later half of a short trial: the first batches are slower than those of any training. None where the clock
 * stands still.
 */
const estimate = Effect.fnUntraced(function* (
  run: TrainingRun.TrainingRun,
  { split: { rows } }: Dataset,
): Effect.fn.Return<number | null> {
  const clock = yield* Effect.clock
  const nowMillis = () => Number(clock.unsafeCurrentTimeNanos()) / 1e6
  const stretch = () => {
    const began = nowMillis()
    let [learned, isOver, millis] = [0, false, 0]
    for (let batch = 0; batch < stretchBatches && millis < stretchMillis && !isOver; batch++) {
      const event = run.step()
      if (event._tag === "Batch") learned += event.rows
      isOver = event._tag !== "Batch"
      millis = nowMillis() - began
    }
    return { rows: learned, millis, isOver }
  }
  const stretches: Array<ReturnType<typeof stretch>> = []
  for (let spent = 0; spent < trialMillis && stretches.length < 20; ) {
    const one = yield* breathe(stretch)
    if (one.rows > 0) stretches.push(one)
    spent += one.millis
    if (one.isOver) break
  }
  const late = stretches.slice(Math.floor(stretches.length / 2))
  const sum = (of: (one: (typeof stretches)[number]) => number) =>
    late.reduce((total, one) => total + of(one), 0)
  const millis = sum((one) => one.millis)
  if (!(millis > 0)) return null
  const perRow = millis / sum((one) => one.rows)
  return run.settings.training.epochs * perRow * (rows.train + rows.validation * evaluated)
})
