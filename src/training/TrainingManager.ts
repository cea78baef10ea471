/**
 * Trains models on stored bars, keeps them with a receipt, and answers questions about them.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Coverage } from "../data/Coverage.js"
import type { DataError } from "../data/DataError.js"
import type * as Series from "../data/Series.js"
import type { Symbol } from "../data/Symbol.js"
import type * as TimeRange from "../data/TimeRange.js"
import type * as Labels from "./Labels.js"
import type * as ModelStore from "./ModelStore.js"
import type * as Receipt from "./Receipt.js"
import type { Strategy } from "./Strategy.js"
import type { TrainingError } from "./TrainingError.js"
import type { TrainingReport } from "./TrainingReport.js"

export interface Request {
  /** As it is to be trained, what a command changed included. */
  readonly strategy: Strategy
  /** The strategy file as it was read; what the strategy says, where it comes from no file. */
  readonly text?: string | undefined
  /** Bars that start from `start` to before `end`, epoch milliseconds; all that are stored without them. */
  readonly start?: number | undefined
  readonly end?: number | undefined
  /** Trains although bars that should be there are not. */
  readonly allowGaps: boolean
}

/** Which run it is. */
export interface Run {
  readonly operationId: string
  /** The operation whose checkpoint it goes on from; where that has none yet, it begins anew. */
  readonly resumedFrom?: string | undefined
}

/** What a training would do. */
export interface TrainingPlan {
  readonly series: ReadonlyArray<{
    readonly series: Series.Series
    readonly range: TimeRange.TimeRange
    readonly bars: number
    readonly coverage: Coverage
  }>
  readonly rows: Receipt.Split["rows"]
  readonly split: Receipt.Split
  readonly features: ReadonlyArray<string>
  /** Rows of BUY, HOLD and SELL in each part; none where labels are values. */
  readonly balance: Readonly<Record<"train" | "validation" | "test", ReadonlyArray<number>>> | null
  readonly parameters: number
  readonly epochs: number
  readonly batchesPerEpoch: number
  /** How long it takes if all epochs are trained, by what earlier trainings took or a short trial; an estimate. */
  readonly estimatedMillis: number
  readonly warnings: ReadonlyArray<string>
}

/** What a model says of each of the newest bars. */
export interface Prediction {
  readonly symbol: Symbol
  /** When its bar starts. */
  readonly time: number
  /** By class, in the order of `Labels.classes`; none of a model that predicts values. */
  readonly probabilities: ReadonlyArray<number> | null
  readonly signal: (typeof Labels.classes)[number] | null
  /** The return that is forecast, of a model that predicts values. */
  readonly value: number | null
}

export interface Service {
  /** What `train` would do; nothing is trained and nothing written. */
  readonly plan: (request: Request) => Effect.Effect<TrainingPlan, DataError | TrainingError>
  /**
   * Trains, evaluates, stores the model and its receipt. Interrupted or failed in the middle, a checkpoint is kept
   * from which another run comes to the same bytes. Fails with `IncompleteData` where bars are missing that are not
   * allowed to be, with `LookAhead` where something of a row was not known at its time.
   */
  readonly train: (request: Request, run: Run) => Effect.Effect<TrainingReport, DataError | TrainingError>
  /** The last `count` bars of each symbol of the store's bars, 1 by default, as the model sees them. */
  readonly predict: (
    id: ModelStore.ModelId.ModelId,
    options?: { readonly count?: number; readonly symbols?: ReadonlyArray<Symbol>; readonly end?: number },
  ) => Effect.Effect<ReadonlyArray<Prediction>, DataError | TrainingError>
  /** Computes anew what the receipt says, as far as that can be, and names what differs. */
  readonly verify: (
    id: ModelStore.ModelId.ModelId,
  ) => Effect.Effect<Receipt.Verification, DataError | TrainingError>
}

export class TrainingManager extends Context.Tag("ktrdr/training/TrainingManager")<
  TrainingManager,
  Service
>() {}
