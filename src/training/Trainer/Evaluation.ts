/** How good a network is on each part of its rows. */
import * as Metrics from "../Metrics.js"
import type { ModelMetrics } from "../ModelStore/ModelMetrics.js"
import type * as Network from "../Network.js"
import * as Split from "../Split.js"

export interface Rows extends Network.Examples {
  /** How many classes `y` tells apart; none where it holds values. */
  readonly classes: number | null
}

/** Rows that are predicted between two looks at whether to go on. */
const slice = 1024

/**
 * Metrics of every part, none of one without rows; nothing at all once `isStopped` says so. Labels of `overlap`
 * neighbouring rows share what decides them.
 */
export const evaluate = (
  network: Network.Network,
  rows: Rows,
  parts: Readonly<Record<Split.Part, Split.Range>>,
  overlap: number,
  isStopped: () => boolean,
): ModelMetrics | undefined => {
  const metrics: Record<Split.Part, Metrics.Metrics | null> = { train: null, validation: null, test: null }
  for (const part of Split.parts) {
    const { from, to } = parts[part]
    if (from === to) continue
    const predicted = predict(network, rows.x, from, to, isStopped)
    if (predicted === undefined) return undefined
    metrics[part] = judge(predicted, rows, from, to, overlap)
  }
  return metrics
}

// ---------------------------------------------------------------------------------------------------------

const predict = (
  network: Network.Network,
  x: Float32Array,
  from: number,
  to: number,
  isStopped: () => boolean,
): Float32Array | undefined => {
  const { outputs } = network.architecture
  const predicted = new Float32Array((to - from) * outputs)
  for (let at = from; at < to; at += slice) {
    if (isStopped()) return undefined
    network.predict(x, at, Math.min(at + slice, to), predicted.subarray((at - from) * outputs))
  }
  return predicted
}

const judge = (
  predicted: Float32Array,
  { y, classes }: Rows,
  from: number,
  to: number,
  overlap: number,
): Metrics.Metrics =>
  classes === null
    ? Metrics.regression(predicted, Float32Array.from(y.subarray(from, to)), overlap)
    : Metrics.classification(predicted, Uint8Array.from(y.subarray(from, to)), classes, overlap)
