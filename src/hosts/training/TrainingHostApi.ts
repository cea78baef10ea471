/**
 * The contract of the training host service: paths, what goes in, what comes out.
 *
 * What KTRDR's host leaves out or sends as null is optional here, so the same schemas read its answers and ktrdr's
 * own. What ktrdr adds stands under `ktrdr` or in fields and paths of its own, which KTRDR's clients pass over.
 */
import * as Schema from "effect/Schema"
import { ModelMetrics } from "../../training/ModelStore/ModelMetrics.js"
import { Sha256 } from "../../training/Receipt/Sha256.js"
import { Position } from "../../training/Receipt.js"
import { TrainingError } from "../../training/TrainingError.js"
import { EpochReport } from "../../training/TrainingRun.js"

/** Where everything is. */
export const paths = {
  root: "/",
  health: "/health",
  healthStatus: "/health/",
  healthDetailed: "/health/detailed",
  start: "/training/start",
  status: "/training/status/:id",
  stop: "/training/stop",
  sessions: "/training/sessions",
  session: "/training/sessions/:id",
  evaluate: "/training/evaluate",
  /** ktrdr's additions. */
  events: "/training/events/:id",
  result: "/training/result/:id",
  weights: "/training/result/:id/weights",
  checkpoint: "/training/checkpoint/:id",
  dataset: "/training/datasets/:sha256",
} as const

/** The longest part in which bytes are handed over. */
export const partBytes = 8 * 1024 * 1024

/** A path with its one variable part filled in. */
export const path = (pattern: string, value: string): string =>
  pattern.replace(/:\w+/, encodeURIComponent(value))

const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))
const texts = maybe(Schema.Array(Schema.String))

/** What a host of ktrdr says that it can do beyond the wire of KTRDR. */
export const Capability = Schema.Literal("datasets", "events", "result", "resume", "idempotency")
export type Capability = typeof Capability.Type

export const Root = Schema.Struct({
  service: Schema.String,
  version: Schema.String,
  status: Schema.String,
  timestamp: maybe(Schema.String),
  gpu_available: maybe(Schema.Boolean),
  gpu_device_count: maybe(Schema.Number),
  gpu_type: maybe(Schema.String),
  /** ktrdr's addition: `Capability`s, and those of later versions. */
  capabilities: texts,
}).annotations({ identifier: "TrainingHostRoot" })

/**
 * A training to start. KTRDR's clients name a strategy by its path and let the host load the bars; ktrdr's hand over
 * the strategy as text and the rows by their hash.
 */
export const StartRequest = Schema.Struct({
  /** Chosen by the client, so that it can stop what it never got an answer about; made by the host without it. */
  session_id: maybe(Schema.String),
  model_configuration: Schema.Struct({
    strategy_config: maybe(Schema.String),
    /** ktrdr's addition: the strategy file's text. */
    strategy_yaml: maybe(Schema.String),
    symbols: texts,
    timeframes: texts,
    model_type: maybe(Schema.String),
    multi_symbol: maybe(Schema.Boolean),
  }),
  /** `validation_split`, `start_date`, `end_date`, `data_mode`, `learning_rate`, `batch_size`, `epochs`, ... */
  training_configuration: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
  data_configuration: Schema.Struct({
    symbols: texts,
    timeframes: texts,
    data_source: maybe(Schema.String),
    /** ktrdr's addition: rows that were handed over, by the SHA-256 of their bytes. */
    dataset: maybe(Sha256),
  }),
  gpu_configuration: maybe(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  /** ktrdr's addition: what to go on from. */
  resume: maybe(
    Schema.Struct({
      /** Sessions whose newest checkpoint may be further than `state`, the newest first; one that runs is stopped. */
      sessions: Schema.Array(Schema.String),
      /** A state that was handed over like rows, by the SHA-256 of its bytes, and where that was. */
      state: Schema.NullOr(Schema.Struct({ sha256: Sha256, position: Position })),
    }),
  ),
}).annotations({ identifier: "TrainingStartRequest" })
export type StartRequest = typeof StartRequest.Type

export const StartAnswer = Schema.Struct({
  session_id: Schema.String,
  status: Schema.String,
  message: maybe(Schema.String),
  gpu_allocated: maybe(Schema.Boolean),
  estimated_duration_minutes: maybe(Schema.Number),
}).annotations({ identifier: "TrainingStartAnswer" })

/** `batch` is the newest of all epochs so far: KTRDR's host does not begin anew with an epoch. */
export const Progress = Schema.Struct({
  epoch: maybe(Schema.Number),
  total_epochs: maybe(Schema.Number),
  batch: maybe(Schema.Number),
  total_batches: maybe(Schema.Number),
  progress_percent: maybe(Schema.Number),
  items_processed: maybe(Schema.Number),
  /** Null while it is unknown. */
  items_total: maybe(Schema.Number),
  message: maybe(Schema.String),
  current_item: maybe(Schema.String),
}).annotations({ identifier: "TrainingHostProgress" })

/** A `Trainer.Event.Batch`. */
export const Batch = Schema.Struct({
  epoch: Schema.Number,
  batch: Schema.Number,
  batches: Schema.Number,
  loss: Schema.Number,
  rowsPerSecond: Schema.Number,
  work: Schema.Number,
  workTotal: Schema.Number,
}).annotations({ identifier: "TrainingHostBatch" })

/** ktrdr's addition to a status: what a `Trainer` says, without rounding. */
export const Own = Schema.Struct({
  /** The operation that the session is at the host. */
  operation_id: Schema.String,
  /** The newest; none before the first. */
  batch: Schema.NullOr(Batch),
  /** Those after the first `epochs_from` (query of a status), or after those that a stream has sent. */
  epochs: Schema.Array(EpochReport),
  /** How many there are in all. */
  epochs_total: Schema.NonNegativeInt,
  /** The newest checkpoint; the serial number grows with each one of the session. */
  checkpoint: Schema.NullOr(Schema.Struct({ serial: Schema.NonNegativeInt, position: Position })),
  /** Why it failed. */
  error: Schema.NullOr(TrainingError),
  /** Who asked for the end of one that was stopped: the host stops those that it trains when it ends itself. */
  stopped_by: maybe(Schema.Literal("host", "client")),
}).annotations({ identifier: "TrainingHostOwn" })

/**
 * How far a session is; also the data of each event of a stream. `status` is one of initializing, initialized,
 * running, completed, failed, stopped; `cancelled` means stopped, the words come in any case, and one that is unknown
 * means running.
 */
export const StatusAnswer = Schema.Struct({
  session_id: maybe(Schema.String),
  status: maybe(Schema.String),
  progress: maybe(Progress),
  start_time: maybe(Schema.String),
  last_updated: maybe(Schema.String),
  error: maybe(Schema.String),
  ktrdr: maybe(Own),
}).annotations({ identifier: "TrainingStatusAnswer" })
export type StatusAnswer = typeof StatusAnswer.Type

export const StopRequest = Schema.Struct({
  session_id: Schema.String,
  save_checkpoint: maybe(Schema.Boolean),
}).annotations({ identifier: "TrainingStopRequest" })

export const StopAnswer = Schema.Struct({
  session_id: maybe(Schema.String),
  status: maybe(Schema.String),
  message: maybe(Schema.String),
  /** Of ktrdr's host: true only if one was written. */
  checkpoint_saved: maybe(Schema.Boolean),
}).annotations({ identifier: "TrainingStopAnswer" })

/** ktrdr's addition: what a session came to, and the hash and size of the weights that `paths.weights` gives. */
export const ResultAnswer = Schema.Struct({
  session_id: Schema.String,
  trained: Schema.Struct({
    reason: Schema.Literal("completed", "early_stopping"),
    epochs: Schema.Number,
    best_epoch: Schema.Number,
    history: Schema.Array(EpochReport),
    metrics: ModelMetrics,
    weights: Schema.Struct({ bytes: Schema.NonNegativeInt, sha256: Sha256 }),
  }),
}).annotations({ identifier: "TrainingResultAnswer" })
export type ResultAnswer = typeof ResultAnswer.Type

/** What a host has of the bytes that are handed over: a `PUT` with `content-range` goes on from there. */
export const DatasetAnswer = Schema.Struct({
  sha256: Sha256,
  /** Bytes so far, of all of them. */
  received: Schema.NonNegativeInt,
  complete: Schema.Boolean,
}).annotations({ identifier: "TrainingDatasetAnswer" })
