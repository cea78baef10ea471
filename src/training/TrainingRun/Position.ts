/** How far a training is: everything about it but the numbers of its network. */
import * as Schema from "effect/Schema"

/** The mean loss, and the share of rows whose class was right; none where no classes are told apart. */
export const Measure = Schema.Struct({
  loss: Schema.Number,
  accuracy: Schema.NullOr(Schema.Number),
}).annotations({ identifier: "TrainingMeasure" })
export type Measure = typeof Measure.Type

export const EpochReport = Schema.Struct({
  /** From 1. */
  epoch: Schema.Number,
  /** The mean over the epoch's batches, each before it was learned from, with units dropped. */
  train: Measure,
  /** After the epoch, with all units; none without validation rows. */
  validation: Schema.NullOr(Measure),
  /** That the epoch was trained with. */
  learningRate: Schema.Number,
  /** Whether it is the best so far, by what early stopping monitors; never without early stopping. */
  isBest: Schema.Boolean,
}).annotations({ identifier: "EpochReport" })
export type EpochReport = typeof EpochReport.Type

export const Part = Schema.Literal("train", "validation")
export type Part = typeof Part.Type

/** How a training ended: with all of its epochs, before them as nothing got better, or by a number that is none. */
export const Ending = Schema.Union(
  Schema.Struct({ reason: Schema.Literal("completed", "early_stopping") }),
  Schema.Struct({
    reason: Schema.Literal("not_finite"),
    epoch: Schema.Number,
    batch: Schema.Number,
    part: Part,
    /** `a loss of NaN` */
    found: Schema.String,
  }),
)
export type Ending = typeof Ending.Type

const Score = Schema.Struct({
  loss: Schema.Number,
  weight: Schema.Number,
  correct: Schema.Number,
  rows: Schema.Number,
})

/** The best value so far, none before the first, and for how many epochs it has been the best. */
const Watch = Schema.Struct({ best: Schema.NullOr(Schema.Number), waited: Schema.Number })
export type Watch = typeof Watch.Type

export const Position = Schema.Struct({
  /** From 1: the one that goes on, or the last one. */
  epoch: Schema.Number,
  phase: Schema.Literal("training", "validating", "concluding", "ending"),
  /** Rows of the phase that are done; of the end, those of the epoch that it came after, 0 for all of them. */
  cursor: Schema.Number,
  train: Score,
  validation: Score,
  learningRate: Schema.Number,
  stopping: Watch,
  plateau: Watch,
  bestEpoch: Schema.NullOr(Schema.Number),
  ending: Schema.NullOr(Ending),
})
export type Position = typeof Position.Type
