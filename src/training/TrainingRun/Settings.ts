/** What decides how a training goes, besides its rows. The names are those of strategy files. */
import * as Schema from "effect/Schema"
import { Optimizer } from "../Network/Optimizer.js"

const Patience = Schema.Int.pipe(Schema.positive())

export const EarlyStopping = Schema.Struct({
  /** The training ends once so many epochs, one after the other, were no better than the best before. */
  patience: Patience,
  monitor: Schema.Literal("val_loss", "val_accuracy"),
})

export const ReduceOnPlateau = Schema.Struct({
  /** The learning rate is multiplied with this, above 0 and below 1. */
  factor: Schema.Number.pipe(Schema.greaterThan(0), Schema.lessThan(1)),
  /** Each time so many epochs, one after the other, had no smaller validation loss than the least before. */
  patience: Patience,
  /** What the learning rate does not go below; 0 by default. */
  min_learning_rate: Schema.optionalWith(Schema.NonNegative, { exact: true }),
})

export const Model = Schema.Struct({
  hidden_layers: Schema.Array(Schema.Int.pipe(Schema.positive())),
  activation: Schema.Literal("relu", "leaky_relu", "tanh", "sigmoid"),
  dropout: Schema.NonNegative.pipe(Schema.lessThan(1)),
})

export const Training = Schema.Struct({
  ...Optimizer.fields,
  epochs: Schema.Int.pipe(Schema.positive()),
  /** Rows that a step is taken for; the last batch of an epoch has those that are left. */
  batch_size: Schema.Int.pipe(Schema.positive()),
  learning_rate: Schema.Positive,
  early_stopping: Schema.optionalWith(EarlyStopping, { exact: true }),
  reduce_on_plateau: Schema.optionalWith(ReduceOnPlateau, { exact: true }),
  /** How much rows of each class count, or `balanced`: each class as a whole alike. All alike by default. */
  class_weights: Schema.optionalWith(
    Schema.Union(Schema.Literal("balanced"), Schema.Array(Schema.Positive)),
    { exact: true },
  ),
  seed: Schema.NonNegativeInt,
})

export const Settings = Schema.Struct({ model: Model, training: Training })
export type Settings = typeof Settings.Type
