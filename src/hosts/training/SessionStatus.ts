/**
 * What the statuses of a session say to who follows a training: one after another they become a trainer's events.
 */
import * as Schema from "effect/Schema"
import * as Trainer from "../../training/Trainer.js"
import type * as TrainingRun from "../../training/TrainingRun.js"
import * as TrainingHostApi from "./TrainingHostApi.js"

/**
 * A status as a client reads it. Of the arrays of KTRDR's host, which hold every batch so far and grow, only the
 * newest loss is kept.
 */
export const SessionStatus = Schema.Struct({
  ...TrainingHostApi.StatusAnswer.fields,
  metrics: Schema.optional(
    Schema.NullOr(
      Schema.Struct({
        loss: Schema.optional(
          Schema.transform(Schema.Array(Schema.Unknown), Schema.Unknown, {
            strict: true,
            decode: (losses) => losses.at(-1),
            encode: (loss) => [loss],
          }),
        ),
      }),
    ),
  ),
})
export type SessionStatus = typeof SessionStatus.Type

/** Where a session is: at work, which an unknown word means too, or at one of its ends. */
export type Phase = "running" | "completed" | "failed" | "stopped"

export const phase = (status: string | null | undefined): Phase => {
  switch (status?.trim().toLowerCase()) {
    case "completed":
      return "completed"
    case "failed":
      return "failed"
    case "stopped":
    case "cancelled":
      return "stopped"
    default:
      return "running"
  }
}

/** What was told so far. */
export interface Told {
  /** The newest epoch; 0 before the first. */
  readonly epoch: number
  /** In batches, as events count them. */
  readonly work: number
}

export const nothing: Told = { epoch: 0, work: -1 }

/** What epochs add to what was told. */
export const tellEpochs = (
  told: Told,
  epochs: ReadonlyArray<TrainingRun.EpochReport>,
): readonly [Told, ReadonlyArray<Trainer.Event>] => {
  const reports = epochs.filter(({ epoch }) => epoch > told.epoch)
  return [
    { ...told, epoch: reports.at(-1)?.epoch ?? told.epoch },
    reports.map((report) => Trainer.Event.Epoch({ report })),
  ]
}

/**
 * What a status adds to what was told: the epochs that are new, then the newest batch if it is further. A session
 * that began anew from what an earlier one had kept says things twice, which are told once.
 */
export const tell = (
  told: Told,
  status: SessionStatus,
  { batchSize }: { readonly batchSize: number },
): readonly [Told, ReadonlyArray<Trainer.Event>] => {
  const [next, epochs] = tellEpochs(told, status.ktrdr?.epochs ?? [])
  const batch = status.ktrdr ? (status.ktrdr.batch ?? undefined) : batchOf(status, batchSize)
  const isFurther = batch !== undefined && batch.work > told.work
  return isFurther ? [{ ...next, work: batch.work }, [...epochs, Trainer.Event.Batch(batch)]] : [next, epochs]
}

// ---------------------------------------------------------------------------------------------------------

/**
 * The batch that KTRDR's host is at. Its `batch` does not begin anew with an epoch, so that what it has done in all
 * says more; its speed is that since it began, by its own clock.
 */
const batchOf = (
  { progress, metrics, start_time, last_updated }: SessionStatus,
  batchSize: number,
): typeof TrainingHostApi.Batch.Type | undefined => {
  const loss = metrics?.loss
  const { epoch, total_epochs, total_batches, items_processed, items_total } = progress ?? {}
  if (typeof loss !== "number" || !epoch || !total_batches || !items_processed) return undefined
  const seconds = (instant(last_updated) - instant(start_time)) / 1000
  const batch = items_processed - (epoch - 1) * total_batches
  return {
    epoch,
    batch: Math.min(Math.max(0, batch), total_batches),
    batches: total_batches,
    loss,
    rowsPerSecond: seconds > 0 ? (items_processed * batchSize) / seconds : 0,
    work: items_processed,
    workTotal: Math.max(items_processed, items_total ?? (total_epochs ?? epoch) * total_batches),
  }
}

/** Epoch milliseconds of a stamp, which is UTC where it does not say; `NaN` where it is none. */
const instant = (stamp: string | null | undefined): number =>
  Date.parse(/(Z|[+-]\d\d:?\d\d)$/i.test(stamp ?? "") ? (stamp ?? "") : `${stamp}Z`)
