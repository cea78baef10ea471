/**
 * How a training shows itself: the facts it annotates its progress with, and the line made of them.
 */
import * as Schema from "effect/Schema"
import { Timeframe } from "../data/Timeframe.js"
import {
  count,
  duration,
  eta,
  line,
  type ProgressRenderer,
  stepOf,
  takenAt,
  waiting,
} from "../ProgressRenderer.js"
import type { Position } from "./Receipt.js"
import type { Strategy } from "./Strategy.js"
import type { Release } from "./Trainer.js"

/** How far a checkpoint is; batch 0 where all batches of the epoch were learned from, epoch 0 where none was. */
const Kept = Schema.Struct({ epoch: Schema.NonNegativeInt, batch: Schema.NonNegativeInt })

export const Context = Schema.Struct({
  strategy: Schema.String,
  symbols: Schema.Array(Schema.String),
  timeframes: Schema.Array(Timeframe),
  /** `MLP` */
  model: Schema.String,
  /** Of the epochs that there are at most; none before the first batch. */
  epoch: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  epochs: Schema.NonNegativeInt,
  batch: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  batches: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  /** Of the newest batch. */
  loss: Schema.optionalWith(Schema.Number, { exact: true }),
  /** Of the newest epoch; the accuracy where classes are told apart. */
  val_loss: Schema.optionalWith(Schema.Number, { exact: true }),
  val_accuracy: Schema.optionalWith(Schema.Number, { exact: true }),
  rows_per_second: Schema.optionalWith(Schema.Number, { exact: true }),
  /** The URL of the host that trains; none where this process does. */
  host: Schema.optionalWith(Schema.String, { exact: true }),
  /** What was kept last; none before the first checkpoint. */
  checkpoint: Schema.optionalWith(Kept, { exact: true }),
  /** `mean_reversion/AAPL_1h/v3`, once the model is stored: what was kept on the way there is gone then. */
  stored: Schema.optionalWith(Schema.String, { exact: true }),
  /** Set once work was let go in another way than it should: `thread ended by force after 2s`. */
  release: Schema.optionalWith(Schema.String, { exact: true }),
}).annotations({ identifier: "TrainingProgressContext" })
export type Context = typeof Context.Type

/** What a training counts: batches of all epochs, those of validation too. */
export const unit = "batch"

/** How long a strategy's training takes is learned from those of networks and timeframes like its own. */
export const estimate = ({ timeframes, model }: Pick<Strategy, "timeframes" | "model">) => ({
  key: `training ${timeframes.join("+")} ${model.hidden_layers.join("-")}`,
  unit,
  units: 0,
})

/** `Training MLP model on AAPL [1h] [epoch 5/50] (batch 342/500) loss 0.6123 val 0.6480` */
export const render: ProgressRenderer<Context> = (snapshot, context) =>
  line(
    [
      "Training",
      context.model,
      "model on",
      names(context.symbols ?? []),
      `[${(context.timeframes ?? []).join(", ")}]`,
      ...(context.epoch === undefined ? [stepOf(snapshot)] : progressOf(context)),
      context.host === undefined ? undefined : "(training host)",
    ],
    [waiting(snapshot.waiting, takenAt(snapshot)), eta(snapshot.eta)],
  )

/** `checkpoint of epoch 5 batch 342 kept`, or of the epoch where that is whole; or that the model is stored. */
export const kept: ProgressRenderer<Context> = (_, { checkpoint, release, stored }) =>
  line(
    [
      stored !== undefined
        ? `model ${stored} is stored`
        : checkpoint === undefined
          ? "nothing kept: no checkpoint was written yet"
          : checkpoint.epoch === 0
            ? "checkpoint of the beginning kept"
            : `checkpoint of epoch ${checkpoint.epoch}${checkpoint.batch === 0 ? "" : ` batch ${count(checkpoint.batch)}`} kept`,
    ],
    [release],
  )

/** How far a training was that was kept at such a position. */
export const keptAt = (
  { epoch, phase, cursor }: Position,
  { batch_size }: { readonly batch_size: number },
): Context["checkpoint"] => {
  const isInside = phase === "training" || (phase === "ending" && cursor > 0)
  if (!isInside) return { epoch, batch: 0 }
  return cursor === 0 ? { epoch: epoch - 1, batch: 0 } : { epoch, batch: Math.ceil(cursor / batch_size) }
}

/** How work was let go, where that went otherwise than it should. */
export const releaseText = (release: Release): string | undefined => {
  switch (release._tag) {
    case "Stopped":
      return undefined
    case "NotKept":
      return "it ended without handing over its last checkpoint"
    case "Terminated":
      return `thread ended by force after ${duration(release.afterMillis)}`
    case "Unconfirmed":
      return `the host did not say that it has stopped: ${release.place}`
  }
}

// ---------------------------------------------------------------------------------------------------------

const progressOf = (context: Partial<Context>): ReadonlyArray<string | undefined> => [
  `[epoch ${context.epoch}/${context.epochs}]`,
  context.batch === undefined || context.host !== undefined
    ? undefined
    : `(batch ${count(context.batch)}/${count(context.batches ?? 0)})`,
  context.loss === undefined ? undefined : `loss ${context.loss.toFixed(4)}`,
  context.val_loss === undefined ? undefined : `val ${context.val_loss.toFixed(4)}`,
]

/** `AAPL`, `AAPL, MSFT`, `AAPL, MSFT (+2 more)` */
const names = (symbols: ReadonlyArray<string>): string =>
  symbols.length <= 2 ? symbols.join(", ") : `${symbols.slice(0, 2).join(", ")} (+${symbols.length - 2} more)`
