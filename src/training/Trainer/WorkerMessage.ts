/** What a trainer and its thread say to each other: plain data, and memory that both see. */
import * as Data from "effect/Data"
import type { Dataset } from "../Dataset.js"
import type { Job, Snapshot, Trained, Event as TrainerEvent } from "../Trainer.js"
import type { TrainingError } from "../TrainingError.js"
import type * as TrainingRun from "../TrainingRun.js"

/** What a thread is given when it starts. */
export interface Orders {
  /** Sections of a strategy. */
  readonly settings: TrainingRun.Settings
  /** The numbers lie in shared memory. */
  readonly rows: TrainingRun.Dataset
  readonly parts: Dataset["parts"]
  /** Of how many neighbouring rows the labels share what decides them. */
  readonly overlap: number
  readonly from: Job["from"]
  readonly pace: Pace
  /** One entry of shared memory, a `Signal`. */
  readonly signal: Int32Array
}

/** How often a thread speaks, in milliseconds: at least so long passes between two times. */
export interface Pace {
  readonly reports: number
  /** Between snapshots, where an epoch ends and inside of one. */
  readonly epochSnapshots: number
  readonly batchSnapshots: number
}

/** `running` is set by the thread, which does nothing where it finds `stopping`; that is set by the trainer. */
export const Signal = { starting: 0, running: 1, stopping: 2 } as const

export type Message = Data.TaggedEnum<{
  /** The epochs that ended since the last report, and the newest batch, if there was one. */
  Report: {
    readonly epochs: ReadonlyArray<TrainingRun.EpochReport>
    readonly batch: Batch | null
  }
  Kept: { readonly snapshot: Snapshot }
  Finished: { readonly trained: Trained }
  Failed: { readonly error: typeof TrainingError.Encoded }
}>
export const Message = Data.taggedEnum<Message>()

export type Batch = Omit<Data.TaggedEnum.Value<TrainerEvent, "Batch">, "_tag">
