/**
 * What a session came to, as KTRDR's clients know it. Numbers are those of the weights that were kept, which are the best
 * of the run and not its last; what was not measured is null.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { OperationRecord } from "../../OperationRecord.js"
import * as Metrics from "../../training/Metrics.js"
import type { Session } from "./SessionIndex.js"
import * as TrainingHostApi from "./TrainingHostApi.js"
import { Outcome } from "./TrainingSession.js"

/** None of a session that has come to nothing, or not yet. A record is read once, however often it is told of. */
export const outcomeOf = (record: OperationRecord): Option.Option<Outcome> => {
  if (record.status !== "completed") return Option.none()
  const known = outcomes.get(record)
  if (known !== undefined) return known
  const outcome = decode(record.result)
  outcomes.set(record, outcome)
  return outcome
}

/** `training`, `validation` and `test` of the last status; nothing before. */
export const metrics = (record: OperationRecord) =>
  Option.match(outcomeOf(record), {
    onNone: () => ({}),
    onSome: (outcome) => ({
      training: trainingOf(outcome),
      validation: validationOf(outcome),
      test: testOf(outcome),
    }),
  })

/** `resource_usage`, `artifacts` and `model_info` of the last status; nothing before. */
export const sections = ({ asked, record }: Session) =>
  Option.match(outcomeOf(record), {
    onNone: () => ({}),
    onSome: (outcome) => ({
      resource_usage: {
        gpu_used: false,
        gpu_name: null,
        gpu_utilization_percent: null,
        peak_memory_mb: null,
        training_mode: "host",
      },
      artifacts: {
        model_path: outcome.model?.place ?? null,
        analytics_dir: null,
        checkpoints: [],
        download_url: TrainingHostApi.path(TrainingHostApi.paths.result, asked.session),
        feature_importance: null,
        per_symbol_metrics: null,
      },
      model_info: {
        model_id: outcome.model?.id ?? null,
        model_size_bytes: outcome.weights.bytes,
        parameters_count: outcome.parameters,
        architecture: `mlp ${outcome.layers.join("-")}`,
      },
    }),
  })

/** All of it, as KTRDR's backend makes it of the last status, with what ktrdr needs to have the model itself. */
export const whole = (
  session: Session,
  outcome: Outcome,
  trained: TrainingHostApi.ResultAnswer["trained"],
) => {
  const { asked, record } = session
  return {
    session_id: asked.session,
    training_metrics: trainingOf(outcome),
    validation_metrics: validationOf(outcome),
    test_metrics: testOf(outcome),
    ...sections(session),
    session_info: {
      operation_id: record.id,
      session_id: asked.session,
      strategy_name: asked.strategy,
      symbols: asked.symbols,
      timeframes: asked.timeframes,
      training_mode: "host",
      use_host_service: true,
      start_date: asked.start_date,
      end_date: asked.end_date,
      host_status: record.status,
    },
    trained: encodeTrained(trained),
  }
}

// ---------------------------------------------------------------------------------------------------------

const decode = Schema.decodeUnknownOption(Outcome)
const outcomes = new WeakMap<OperationRecord, Option.Option<Outcome>>()
const encodeTrained = Schema.encodeSync(TrainingHostApi.ResultAnswer.fields.trained)

const trainingOf = ({ metrics, ...outcome }: Outcome) => ({
  final_train_loss: Metrics.lossOf(metrics.train),
  final_val_loss: Metrics.lossOf(metrics.validation),
  final_train_accuracy: Metrics.accuracyOf(metrics.train),
  final_val_accuracy: Metrics.accuracyOf(metrics.validation),
  epochs_completed: outcome.epochs,
  early_stopped: outcome.reason === "early_stopping",
  training_time_minutes: outcome.duration_seconds / 60,
  best_epoch: outcome.best_epoch,
  final_learning_rate: outcome.learning_rate,
})

const validationOf = ({ metrics: { validation } }: Outcome) => ({
  val_loss: Metrics.lossOf(validation),
  val_accuracy: Metrics.accuracyOf(validation),
})

const testOf = ({ metrics: { test } }: Outcome) => ({
  test_loss: Metrics.lossOf(test),
  test_accuracy: Metrics.accuracyOf(test),
  ...Metrics.averagesOf(test),
})
