/** How much there is to do in a training, in the batches that a trainer counts. */
import type { Dataset } from "../Dataset.js"
import type { Position } from "../Receipt.js"
import type { Strategy } from "../Strategy.js"
import * as TrainingRun from "../TrainingRun.js"

export interface Work {
  /** Batches of an epoch that are learned from, and those that it is validated with. */
  readonly batches: number
  readonly validation: number
  /** Of all epochs. */
  readonly total: number
}

export const of = (
  { rows }: Pick<Dataset["split"], "rows">,
  { batch_size, epochs }: Strategy["training"],
): Work => {
  const batches = Math.ceil(rows.train / batch_size)
  const validation = Math.ceil(rows.validation / Math.max(batch_size, TrainingRun.validationRows))
  return { batches, validation, total: epochs * (batches + validation) }
}

/** How many rows there are of each part. */
export const rowsOf = ({ train, validation, test }: Dataset["parts"]): Dataset["split"]["rows"] => ({
  train: train.to - train.from,
  validation: validation.to - validation.from,
  test: test.to - test.from,
})

/** What was done at such a position. */
export const before = (
  { epoch, phase, cursor }: Position,
  { batches, validation }: Work,
  { batch_size }: Strategy["training"],
): number => {
  const done = (epoch - 1) * (batches + validation)
  switch (phase) {
    case "training":
      return done + Math.ceil(cursor / batch_size)
    case "validating":
      return done + batches + Math.ceil(cursor / Math.max(batch_size, TrainingRun.validationRows))
    case "ending":
      return cursor > 0 ? done + Math.ceil(cursor / batch_size) : done + batches + validation
    case "concluding":
      return done + batches + validation
  }
}
