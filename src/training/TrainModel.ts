/**
 * The operation that trains a model.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { DataError } from "../data/DataError.js"
import * as TimeRange from "../data/TimeRange.js"
import * as Operation from "../Operation.js"
import { Strategy } from "./Strategy.js"
import { TrainingError } from "./TrainingError.js"
import { TrainingManager } from "./TrainingManager.js"
import * as TrainingProgress from "./TrainingProgress.js"
import { TrainingReport } from "./TrainingReport.js"

export const Payload = Schema.Struct({
  /** As it is to be trained. */
  strategy: Strategy,
  /** The strategy file as it was read. */
  text: Schema.optionalWith(Schema.String, { exact: true }),
  start: Schema.optionalWith(TimeRange.Instant, { exact: true }),
  end: Schema.optionalWith(TimeRange.Instant, { exact: true }),
  allow_gaps: Schema.Boolean.pipe(
    Schema.optionalWith({ default: () => false }),
    Schema.withConstructorDefault(() => false),
  ),
}).annotations({ identifier: "TrainModelPayload" })
export type Payload = typeof Payload.Type

/** Kind `training`. Resumes from its checkpoint, to the same bytes as without an interruption. */
export const TrainModel = Operation.make("training", {
  version: 1,
  payload: Payload,
  success: TrainingReport,
  error: Schema.Union(TrainingError, DataError),
  context: TrainingProgress.Context,
  idempotencyKey: ({ strategy, start, end, allow_gaps }) =>
    JSON.stringify([encodeStrategy(strategy), start, end, allow_gaps]),
  resume: "checkpoint",
  estimate: ({ strategy }) => TrainingProgress.estimate(strategy),
  render: TrainingProgress.render,
  kept: TrainingProgress.kept,
})

/** The handler: `TrainingManager.train`, which it needs. */
export const layer: Layer.Layer<Operation.Handler<"training">, never, TrainingManager> = TrainModel.toLayer(
  ({ strategy, text, start, end, allow_gaps }, { operationId, resumedFrom, earlier }) =>
    Effect.flatMap(TrainingManager, (manager) =>
      manager.train(
        { strategy, text, start, end, allowGaps: allow_gaps },
        { operationId, resumedFrom, earlier },
      ),
    ),
)

/** Trains a model: needs `layer`, and reports to whatever progress tree it runs in. */
export const run = (
  payload: Parameters<typeof Payload.make>[0],
  execution?: Partial<Operation.Execution>,
): ReturnType<typeof TrainModel.run> => Effect.suspend(() => TrainModel.run(Payload.make(payload), execution))

// ---------------------------------------------------------------------------------------------------------

const encodeStrategy = Schema.encodeSync(Strategy)
