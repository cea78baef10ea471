/** What comes after an epoch: another one, perhaps with a lower learning rate, or the end. */
import * as Loss from "../Network/Loss.js"
import type { EpochReport, Measure, Position, Watch } from "./Position.js"
import type { Settings } from "./Settings.js"

/** Before the first step. */
export const beginning = ({ training }: Settings): Position => ({
  epoch: 1,
  phase: "training",
  cursor: 0,
  train: Loss.nothing,
  validation: Loss.nothing,
  learningRate: training.learning_rate,
  stopping: { best: null, waited: 0 },
  plateau: { best: null, waited: 0 },
  bestEpoch: null,
  ending: null,
})

/** How the epoch that `position` is at the end of went, and what is next. */
export const conclude = (
  position: Position,
  { training: { epochs, early_stopping, reduce_on_plateau } }: Settings,
  train: Measure,
  validation: Measure | null,
): { readonly report: EpochReport; readonly position: Position } => {
  const { epoch, learningRate } = position
  const value = early_stopping?.monitor === "val_accuracy" ? validation?.accuracy : validation?.loss
  const better = early_stopping?.monitor === "val_accuracy" ? greater : smaller
  const stopping =
    early_stopping === undefined ? position.stopping : watch(position.stopping, value ?? undefined, better)
  const isBest = early_stopping !== undefined && stopping.waited === 0

  let plateau = position.plateau
  let rate = learningRate
  if (reduce_on_plateau !== undefined) {
    const { factor, patience, min_learning_rate: least = 0 } = reduce_on_plateau
    plateau = watch(plateau, validation?.loss, smaller)
    if (plateau.waited >= patience) {
      plateau = { ...plateau, waited: 0 }
      rate = Math.max(rate * factor, Math.min(rate, least))
    }
  }

  const stops = early_stopping !== undefined && stopping.waited >= early_stopping.patience
  const ending = stops ? "early_stopping" : epoch === epochs ? "completed" : null
  return {
    report: { epoch, train, validation, learningRate, isBest },
    position: {
      epoch: ending === null ? epoch + 1 : epoch,
      phase: ending === null ? "training" : "ending",
      cursor: 0,
      train: Loss.nothing,
      validation: Loss.nothing,
      learningRate: rate,
      stopping,
      plateau,
      bestEpoch: isBest ? epoch : position.bestEpoch,
      ending: ending === null ? null : { reason: ending },
    },
  }
}

// ---------------------------------------------------------------------------------------------------------

/** What a watch shows after a value more; `better` says whether it beats the best. */
const watch = (
  { best, waited }: Watch,
  value: number | undefined,
  better: (value: number, best: number) => boolean,
): Watch =>
  value !== undefined && (best === null || better(value, best))
    ? { best: value, waited: 0 }
    : { best, waited: waited + 1 }

const smaller = (value: number, best: number): boolean => value < best
const greater = (value: number, best: number): boolean => value > best
