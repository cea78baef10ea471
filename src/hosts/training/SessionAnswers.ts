/**
 * What is said of a session, in the shapes that KTRDR's clients know, with ktrdr's beside them.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Record from "../../OperationRecord.js"
import { TrainingError } from "../../training/TrainingError.js"
import type { Memory } from "./HostMachine.js"
import type { Facts } from "./LiveSessions.js"
import type { Session } from "./SessionIndex.js"
import * as SessionResult from "./SessionResult.js"
import { byClient, byHeir } from "./Sessions.js"
import type * as TrainingHostApi from "./TrainingHostApi.js"

/** A session with what is known of how far it came. */
export interface Told extends Facts {
  readonly session: Session
}

/** The words of KTRDR's host. One that is about to stop runs still. */
export const statusOf = ({ session: { record }, batches, epochs }: Told): string => {
  switch (record.status) {
    case "pending":
      return "initializing"
    case "running":
    case "cancelling":
      return batches.length + epochs.length === 0 ? "initialized" : "running"
    case "cancelled":
      return "stopped"
    default:
      return record.status
  }
}

/** How far it is. `epochsFrom` leaves out the epochs that are known. */
export const status = (told: Told, epochsFrom: number): typeof TrainingHostApi.StatusAnswer.Encoded => {
  const { asked, live, record } = told.session
  return {
    session_id: asked.session,
    status: statusOf(told),
    progress: progress(told),
    start_time: stamp(asked.created),
    last_updated: stamp(record.completed ?? live?.updated ?? record.started ?? record.created),
    error: errorOf(record),
    ktrdr: {
      operation_id: asked.operation,
      batch: told.batches.at(-1) ?? null,
      epochs: told.epochs.slice(epochsFrom),
      epochs_total: told.epochs.length,
      checkpoint: told.checkpoint ?? null,
      error: Option.fromNullable(record.failure?.error).pipe(
        Option.flatMap(decodeError),
        Option.map(encodeError),
        Option.getOrNull,
      ),
      stopped_by: stoppedBy(record),
    },
  }
}

/** The same with the numbers that KTRDR's clients show, and once it is over those that they make their result of. */
export const wholeStatus = (told: Told, memory: Memory, epochsFrom: number) => ({
  ...status(told, epochsFrom),
  metrics: { ...metrics(told), ...SessionResult.metrics(told.session.record) },
  gpu_usage: {
    gpu_allocated: false,
    memory_monitoring: true,
    performance_optimization: false,
    system_memory: {
      process_mb: memory.processMb,
      system_percent: memory.systemPercent,
      system_total_mb: memory.systemTotalMb,
    },
  },
  ...SessionResult.sections(told.session),
})

/** What the list of sessions says of it. */
export const summary = (told: Told) => {
  const { error, ktrdr: _, ...rest } = status(told, 0)
  return { ...rest, gpu_allocated: false, error, abandoned: told.session.isAbandoned }
}

/** `2026-11-23T15:37:33.855Z` */
export const stamp = (millis: number): string => new Date(millis).toISOString()

// ---------------------------------------------------------------------------------------------------------

const decodeError = Schema.decodeUnknownOption(TrainingError)
const encodeError = Schema.encodeSync(TrainingError)

/** A session that another goes on from was stopped by a client, too. */
const stoppedBy = ({ cancellation, status }: Record.OperationRecord): "host" | "client" | null =>
  status !== "cancelled"
    ? null
    : cancellation?.by === byClient || cancellation?.by === byHeir
      ? "client"
      : "host"

/** Why it ended without a model, where that was not its client's wish. */
const errorOf = ({ cancellation, failure, status }: Record.OperationRecord): string | null =>
  failure !== null
    ? failure.message
    : status === "cancelled" && cancellation !== null && cancellation.by !== byClient
      ? cancellation.reason
      : null

const progress = ({ batches, session: { asked, record } }: Told): typeof TrainingHostApi.Progress.Type => {
  const newest = batches.at(-1)
  if (newest === undefined) {
    return {
      epoch: 0,
      total_epochs: asked.epochs,
      batch: 0,
      total_batches: 0,
      progress_percent: record.status === "completed" ? 100 : 0,
      items_processed: 0,
      items_total: null,
      message: "Initializing",
      current_item: "Initializing",
    }
  }
  const { batch, batches: all, epoch, work, workTotal } = newest
  const item = `Batch ${batch}/${all}`
  return {
    epoch,
    total_epochs: asked.epochs,
    batch,
    total_batches: all,
    progress_percent: record.status === "completed" ? 100 : (100 * work) / Math.max(1, workTotal),
    items_processed: work,
    items_total: workTotal,
    message: `Epoch ${epoch}/${asked.epochs} · ${item}`,
    current_item: item,
  }
}

/** Of the newest batches and epochs. What is not measured batch by batch, the accuracy, is that of the epochs. */
const metrics = ({ batches, epochs }: Told) => {
  if (batches.length + epochs.length === 0) return {}
  const newest = epochs.slice(-mostEpochs)
  const accuracies = newest.flatMap(({ train: { accuracy } }) => (accuracy === null ? [] : [accuracy]))
  return {
    loss: batches.map(({ loss }) => loss),
    accuracy: accuracies,
    device: batches.map(() => "cpu"),
    completed_batches: batches.map(({ work }) => work),
    total_batches: batches.map(({ workTotal }) => workTotal),
    epoch_loss: newest.map(({ train: { loss } }) => loss),
    epoch_accuracy: accuracies,
  }
}

const mostEpochs = 100
