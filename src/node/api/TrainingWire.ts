/**
 * What trainings came to as KTRDR's clients know it, taken from their records. Numbers are those of the weights that
 * were kept, which are the best of the run and not its last; a model that predicts values has no accuracy.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { OperationRecord } from "../../OperationRecord.js"
import * as Metrics from "../../training/Metrics.js"
import { isTraining } from "../TrainingKind.js"

const Share = Schema.NullOr(Schema.Number)

export const TrainingMetrics = Schema.Struct({
  /** Cross-entropy in nats, or the mean squared error of values. */
  final_train_loss: Share,
  final_val_loss: Share,
  final_train_accuracy: Share,
  final_val_accuracy: Share,
  epochs_completed: Schema.Number,
  /** The epoch whose weights were kept. */
  best_epoch: Schema.Number,
  early_stopped: Schema.Boolean,
  training_time_minutes: Schema.Number,
}).annotations({ identifier: "TrainingMetrics" })

/**
 * Precision, recall and F1 are means over the classes that occur or were predicted, each counting alike; what is
 * undefined for one of them counts 0.
 */
export const TestMetrics = Schema.Struct({
  test_loss: Share,
  test_accuracy: Share,
  precision: Share,
  recall: Share,
  f1_score: Share,
  /** Of always predicting the most frequent class. */
  baseline_accuracy: Share,
  /** Whether the model is better than knowing nothing: `beats_baseline` only beyond what chance explains. */
  verdict: Schema.NullOr(Metrics.Verdict),
}).annotations({ identifier: "TestMetrics" })

export const ModelInfo = Schema.Struct({
  /** `mean_reversion/AAPL_1h/v3` */
  model_id: Schema.String,
  /** Of all its files; none where the model was deleted. */
  model_size_bytes: Share,
  parameters_count: Schema.Number,
  /** `mlp 17-24-12-3`: the features, the hidden layers, the outputs. */
  architecture: Schema.String,
}).annotations({ identifier: "ModelInfo" })

/** What a finished training came to. */
export interface Performance {
  readonly training_metrics: typeof TrainingMetrics.Type
  readonly test_metrics: typeof TestMetrics.Type
  readonly model_info: Omit<typeof ModelInfo.Type, "model_size_bytes">
}

/** None where the record is not that of a training that has succeeded. */
export const performance = (record: OperationRecord): Option.Option<Performance> =>
  Option.map(read(record), performanceOf)

/** The same as the `result_summary` of the operation; none where it has not succeeded. */
export const summary = (record: OperationRecord): Readonly<Record<string, unknown>> | null =>
  Option.getOrNull(
    Option.map(read(record), (finished) => {
      const { payload, report } = finished
      const told = performanceOf(finished)
      return {
        training_metrics: told.training_metrics,
        validation_metrics: {
          val_loss: told.training_metrics.final_val_loss,
          val_accuracy: told.training_metrics.final_val_accuracy,
        },
        test_metrics: told.test_metrics,
        artifacts: { model_path: report.place, receipt_path: report.receipt },
        session_info: {
          operation_id: record.id,
          strategy_name: report.strategy,
          symbols: report.symbols,
          timeframes: report.timeframes,
          training_mode: report.trainer.kind,
          use_host_service: false,
          start_date: payload.start ?? null,
          end_date: payload.end ?? null,
        },
        model_info: told.model_info,
      }
    }),
  )

// ---------------------------------------------------------------------------------------------------------

/** What is needed of a payload, and of a report, as records have them. */
class Payload extends Schema.Class<Payload>("TrainingPayloadWire")({
  strategy: Schema.Struct({
    model: Schema.Struct({ type: Schema.String, hidden_layers: Schema.Array(Schema.Number) }),
  }),
  start: Schema.optional(Schema.String),
  end: Schema.optional(Schema.String),
}) {}

const Part = Schema.NullOr(Metrics.Metrics)

class Report extends Schema.Class<Report>("TrainingReportWire")({
  strategy: Schema.String,
  symbols: Schema.Array(Schema.String),
  timeframes: Schema.Array(Schema.String),
  model: Schema.String,
  place: Schema.String,
  receipt: Schema.String,
  features: Schema.Number,
  parameters: Schema.Number,
  epochs: Schema.Number,
  best_epoch: Schema.Number,
  reason: Schema.String,
  metrics: Schema.Struct({ train: Part, validation: Part, test: Part }),
  trainer: Schema.Struct({ kind: Schema.String }),
  duration_seconds: Schema.Number,
}) {}

const decodePayload = Schema.decodeUnknownOption(Payload)
const decodeReport = Schema.decodeUnknownOption(Report)

interface Finished {
  readonly payload: Payload
  readonly report: Report
}

const read = (record: OperationRecord): Option.Option<Finished> =>
  isTraining(record.kind) && record.status === "completed"
    ? Option.all({ payload: decodePayload(record.payload), report: decodeReport(record.result) })
    : Option.none()

const performanceOf = ({ payload, report }: Finished): Performance => {
  const { duration_seconds, metrics, model } = report
  return {
    training_metrics: {
      final_train_loss: Metrics.lossOf(metrics.train),
      final_val_loss: Metrics.lossOf(metrics.validation),
      final_train_accuracy: Metrics.accuracyOf(metrics.train),
      final_val_accuracy: Metrics.accuracyOf(metrics.validation),
      epochs_completed: report.epochs,
      best_epoch: report.best_epoch,
      early_stopped: report.reason === "early_stopping",
      training_time_minutes: duration_seconds / 60,
    },
    test_metrics: {
      test_loss: Metrics.lossOf(metrics.test),
      test_accuracy: Metrics.accuracyOf(metrics.test),
      ...Metrics.averagesOf(metrics.test),
      baseline_accuracy: Metrics.baselineAccuracyOf(metrics.test),
      verdict: metrics.test?.verdict ?? null,
    },
    model_info: {
      model_id: model,
      parameters_count: report.parameters,
      architecture: `${payload.strategy.model.type} ${layersOf(payload, report).join("-")}`,
    },
  }
}

const layersOf = ({ strategy }: Payload, { features, metrics }: Report): ReadonlyArray<number> => {
  const measured = metrics.validation ?? metrics.test ?? metrics.train
  const outputs = measured?.kind === "classification" ? measured.classes.length : 1
  return [features, ...strategy.model.hidden_layers, outputs]
}
