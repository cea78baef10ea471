/**
 * The port through which a dataset is trained on, wherever that happens: a thread of this process or a host.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type * as TimeRange from "../data/TimeRange.js"
import type { Dataset } from "./Dataset.js"
import * as Labels from "./Labels.js"
import type { ModelMetrics } from "./ModelStore/ModelMetrics.js"
import type { Weights } from "./Network/Weights.js"
import type * as Receipt from "./Receipt.js"
import type { Strategy } from "./Strategy.js"
import type { TrainingError } from "./TrainingError.js"
import type * as TrainingRun from "./TrainingRun.js"

/** What a trainer needs of a dataset. */
export type Rows = Pick<Dataset, "x" | "y" | "features" | "parts">

/** What there is to train, and who keeps what it has come to. */
export interface Job {
  /** The operation that it is trained for. */
  readonly operation: string
  /** The operations that this one goes on from, the newest first, for who keeps what they came to elsewhere. */
  readonly earlier?: ReadonlyArray<string> | undefined
  readonly strategy: Strategy
  readonly dataset: Rows
  /** In which the bars start that the rows are made of, for who has such bars and not the rows. */
  readonly range?: TimeRange.TimeRange | undefined
  /** What an earlier run of the same strategy and rows came to, and whose bytes those are; none to begin. */
  readonly from: { readonly state: Uint8Array; readonly place: string } | undefined
  /**
   * Makes a state durable. Called now and then, when the last epoch is over, and when the training is interrupted or
   * fails, before it has ended; one call has returned before the next is made. Where it fails the training goes on.
   */
  readonly keep: (snapshot: Snapshot) => Effect.Effect<void>
  /** Told of how the work was let go where the training ends before its time, once it was. */
  readonly released: (release: Release) => Effect.Effect<void>
}

export interface Snapshot {
  /** To go on from: what `TrainingRun.state` gives. */
  readonly state: Uint8Array
  readonly position: Receipt.Position
}

/**
 * What became of the work of a training that was interrupted.
 *
 * - `Stopped`: it has ended, and what it had come to was kept
 * - `Terminated`: its thread did not end by itself within the bound, and was ended; only what was kept before is left
 * - `NotKept`: it has ended, and what it had come to last was not handed over; only what was kept before is left
 * - `Unconfirmed`: the host did not say that it has stopped; `place` is what to look at, `http://... session x`
 */
export type Release = Data.TaggedEnum<{
  Stopped: {}
  Terminated: { readonly afterMillis: number }
  NotKept: {}
  Unconfirmed: { readonly place: string }
}>
export const Release = Data.taggedEnum<Release>()

export type Event = Data.TaggedEnum<{
  /**
   * How far it is, at most ten times a second: the newest batch, others between are left out. `work` counts all
   * batches so far, those of validation too and those of earlier runs, of the `workTotal` of all epochs.
   */
  Batch: {
    readonly epoch: number
    readonly batch: number
    readonly batches: number
    readonly loss: number
    readonly rowsPerSecond: number
    readonly work: number
    readonly workTotal: number
  }
  /** Of every epoch of this run, in order. */
  Epoch: { readonly report: TrainingRun.EpochReport }
  /** The last one. */
  Finished: { readonly trained: Trained }
}>
export const Event = Data.taggedEnum<Event>()

export interface Trained {
  readonly reason: "completed" | "early_stopping"
  readonly epochs: number
  /** The epoch whose weights these are. */
  readonly bestEpoch: number
  readonly weights: Weights
  /** Of all epochs, those of earlier runs too. */
  readonly history: ReadonlyArray<TrainingRun.EpochReport>
  /** Of the best weights, on each part of the rows. */
  readonly metrics: ModelMetrics
  /** Where it was trained, where that is not what the trainer said before. */
  readonly where?: Receipt.Trainer
}

export interface Service {
  readonly where: Receipt.Trainer
  /**
   * Trains, for as long as somebody listens: interrupted, it ends at the next batch, and what it has come to is kept
   * before the interruption is over. The same job gives the same weights, byte for byte, however often it was
   * interrupted and went on. Fails with `NotFinite`, `TrainerFailed`, and as `TrainingRun.make` and `resume` do.
   */
  readonly train: (job: Job) => Stream.Stream<Event, TrainingError>
}

export class Trainer extends Context.Tag("ktrdr/training/Trainer")<Trainer, Service>() {}

/** The rows as `TrainingRun` takes them. */
export const rowsOf = ({ strategy, dataset }: Pick<Job, "strategy" | "dataset">): TrainingRun.Dataset => ({
  x: dataset.x,
  y: dataset.y,
  features: dataset.features.length,
  classes: Labels.isRegression(strategy.labels) ? null : Labels.classes.length,
  train: [dataset.parts.train],
  validation: [dataset.parts.validation],
})
