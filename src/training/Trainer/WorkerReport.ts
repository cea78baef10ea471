/** What a thread has to report of a training, gathered until it is time to say it. */
import * as TrainingRun from "../TrainingRun.js"
import type { Batch } from "./WorkerMessage.js"

export interface Report {
  readonly epochs: ReadonlyArray<TrainingRun.EpochReport>
  readonly batch: Batch | null
}

export interface Gathered {
  /** Takes a step of the training in, which took so many milliseconds. */
  readonly add: (event: TrainingRun.Event, millis: number) => void
  /** What was gathered since the last time; nothing where nothing was. */
  readonly take: () => Report | undefined
}

/** Of a training with such rows; where it goes on from does not matter. */
export const make = (
  { train, validation }: TrainingRun.Dataset,
  settings: TrainingRun.Settings,
): Gathered => {
  const { batch_size, epochs } = settings.training
  const batches = Math.ceil(count(train) / batch_size)
  const slices = Math.ceil(count(validation) / Math.max(batch_size, TrainingRun.validationRows))
  const workTotal = epochs * (batches + slices)
  let work = 0
  let newest: Pick<Batch, "epoch" | "batch" | "batches" | "loss"> | undefined
  let ended: Array<TrainingRun.EpochReport> = []
  let [rows, busy, rate] = [0, 0, 0]
  let isNews = false

  return {
    add: (event, millis) => {
      switch (event._tag) {
        case "Batch": {
          const { epoch, batch, loss } = event
          newest = { epoch, batch, batches, loss }
          work = (epoch - 1) * (batches + slices) + batch
          rows += event.rows
          busy += millis
          isNews = true
          break
        }
        case "Validation":
          work = (event.epoch - 1) * (batches + slices) + batches + event.batch
          isNews = true
          break
        case "Epoch":
          ended.push(event.report)
          isNews = true
          break
      }
    },
    take: () => {
      if (!isNews) return undefined
      if (busy > 0) rate = (1000 * rows) / busy
      const batch = newest === undefined ? null : { ...newest, rowsPerSecond: rate, work, workTotal }
      const report = { epochs: ended, batch }
      ended = []
      ;[rows, busy] = [0, 0]
      isNews = false
      return report
    },
  }
}

// ---------------------------------------------------------------------------------------------------------

const count = (ranges: ReadonlyArray<TrainingRun.Range>): number =>
  ranges.reduce((sum, { from, to }) => sum + to - from, 0)
