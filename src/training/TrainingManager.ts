/**
 * Trains models on stored bars, keeps them with a receipt, and answers questions about them.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CandleReader } from "../data/CandleReader.js"
import type { Coverage } from "../data/Coverage.js"
import type { DataError } from "../data/DataError.js"
import type * as Series from "../data/Series.js"
import type { Symbol } from "../data/Symbol.js"
import type * as TimeRange from "../data/TimeRange.js"
import * as Progress from "../Progress.js"
import { Checkpoints } from "./Checkpoint.js"
import type * as Labels from "./Labels.js"
import * as ModelStore from "./ModelStore.js"
import type * as Receipt from "./Receipt.js"
import * as Strategy from "./Strategy.js"
import { Trainer } from "./Trainer.js"
import type { TrainingError } from "./TrainingError.js"
import * as Course from "./TrainingManager/Course.js"
import * as Planning from "./TrainingManager/Planning.js"
import * as Predicting from "./TrainingManager/Predicting.js"
import * as Preparation from "./TrainingManager/Preparation.js"
import * as Storing from "./TrainingManager/Storing.js"
import * as Verifying from "./TrainingManager/Verifying.js"
import type { Context as Facts } from "./TrainingProgress.js"
import type { TrainingReport } from "./TrainingReport.js"

export interface Request {
  /** As it is to be trained, what a command changed included. */
  readonly strategy: Strategy.Strategy
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
  /** Those which that one went on from, the newest first, for where it ended before it kept anything. */
  readonly earlier?: ReadonlyArray<string> | undefined
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
  /** How long it takes if all epochs are trained, by a short trial; an estimate, none where that was too short. */
  readonly estimatedMillis: number | null
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

export interface PredictOptions {
  /** How many of the newest bars of each symbol; 1 by default. */
  readonly count?: number | undefined
  /** Those of the strategy by default. */
  readonly symbols?: ReadonlyArray<Symbol> | undefined
  /** Bars from then on are left out, epoch milliseconds. */
  readonly end?: number | undefined
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
  /**
   * Of the newest of the store's bars, symbol after symbol, of each the oldest first. Indicators begin where they did
   * in the training. Fails with `FeatureMismatch` where the model was trained on other features than its strategy has.
   */
  readonly predict: (
    id: ModelStore.ModelId.ModelId,
    options?: PredictOptions,
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

export interface Options {
  /** Of ktrdr, of the runtime, and of what else decides about a number, for the receipts. */
  readonly versions?: Readonly<Record<string, string>>
}

export const make = ({
  versions = {},
}: Options = {}): Effect.Effect<
  Service,
  never,
  CandleReader | Trainer | Checkpoints | ModelStore.ModelStore
> =>
  Effect.gen(function* () {
    const reader = yield* CandleReader
    const trainer = yield* Trainer
    const checkpoints = yield* Checkpoints
    const models = yield* ModelStore.ModelStore

    return {
      plan: Effect.fn("TrainingManager.plan")(function* (request) {
        yield* Progress.plan(Preparation.steps)
        yield* Preparation.sensible(request.strategy)
        return yield* Planning.plan(request.strategy, yield* Preparation.prepare(reader, request))
      }),
      train: Effect.fn("TrainingManager.train")(function* (request, run) {
        const { strategy } = request
        yield* Progress.plan([...Preparation.steps, ...steps])
        yield* Progress.annotate(factsOf(strategy, trainer.where))
        yield* Preparation.sensible(strategy)
        const hash = yield* Strategy.hash(strategy)
        const beginning = yield* Course.begin(checkpoints, strategy, hash, run, trainer.where)
        const prepared = yield* Preparation.prepare(reader, request, beginning.from?.ranges)
        const outcome = yield* Course.run(checkpoints, trainer, beginning, prepared).pipe(
          Progress.step("train"),
        )
        const around = { trainer: outcome.trained.where ?? trainer.where, versions }
        return yield* Storing.store(models, around, request, beginning, prepared, outcome).pipe(
          Effect.tap(({ model }) => Progress.annotate({ stored: model })),
          Effect.zipLeft(Course.clear(checkpoints, beginning)),
          Progress.step("store model"),
          Effect.uninterruptible,
        )
      }),
      predict: Effect.fn("TrainingManager.predict")(function* (id, options = {}) {
        return yield* Predicting.predict(reader, yield* models.read(id), options)
      }),
      verify: Effect.fn("TrainingManager.verify")(function* (id) {
        return yield* Verifying.verify(reader, yield* models.inspect(id))
      }),
    } satisfies Service
  })

export const layer = (
  options?: Options,
): Layer.Layer<TrainingManager, never, CandleReader | Trainer | Checkpoints | ModelStore.ModelStore> =>
  Layer.effect(TrainingManager, make(options))

// ---------------------------------------------------------------------------------------------------------

/** What comes after the preparation, as progress shows it. */
const steps: ReadonlyArray<Progress.PlannedStep> = [
  { name: "train", weight: 85 },
  { name: "store model", weight: 3 },
]

const factsOf = (
  { name, symbols, timeframes, model, training }: Strategy.Strategy,
  where: Receipt.Trainer,
): Partial<Facts> => ({
  strategy: name,
  symbols,
  timeframes,
  model: model.type.toUpperCase(),
  epochs: training.epochs,
  ...(where.kind === "host" ? { host: where.url } : {}),
})
