/**
 * What earlier runs of the same kind tell of how long one will take.
 */

import type { Usual } from "./timeEstimatePace.js"

/** How a run went, where it was watched. */
export interface Habit {
  /** The part of its time at work in which the first half of its work was done. */
  readonly firstHalf: number
  /** Waiting, as a part of the time at work. */
  readonly waiting: number
}

/** A run that succeeded: its work, in whatever unit, and the milliseconds it took. */
export interface Run {
  readonly units: number
  readonly millis: number
  readonly habit?: Habit | undefined
}

/** A time to expect, in milliseconds; `spread` is the standard deviation of its logarithm. */
export interface Likely {
  readonly millis: number
  readonly spread: number
}

/** Runs that are kept of one kind. */
export const kept = 20

/** The runs with a further one, oldest first, no more than are kept. */
export const add = (runs: ReadonlyArray<Run>, run: Run): ReadonlyArray<Run> => [...runs, run].slice(-kept)

/**
 * The time that `units` of work will take: the middle of what a unit took before, times the units. A run
 * weighs the more the newer it is and the nearer in size. None without a run or with nothing to do.
 */
export const likely = (runs: ReadonlyArray<Run>, units: number): Likely | undefined => {
  if (runs.length === 0 || !(units > 0)) return undefined
  const logs = runs.map((run) => Math.log(run.millis / run.units))
  const distances = runs.map((run) => Math.log(run.units / units))
  const weights = runs.map((_, index) => {
    const nearness = Math.exp(-((distances[index]! / alike) ** 2) / 2)
    return fading ** (runs.length - 1 - index) * Math.max(1e-6, nearness)
  })
  const sum = weights.reduce((a, b) => a + b, 0)
  const middle = weightedMedian(logs, weights, sum)
  const mean = (values: ReadonlyArray<number>): number =>
    values.reduce((total, value, index) => total + value * weights[index]!, 0) / sum
  const variance = mean(logs.map((log) => (log - middle) ** 2))
  const distance = mean(distances.map((distance) => distance ** 2))
  const believed = (sum * variance + doubt * supposed ** 2) / (sum + doubt)
  const spread = Math.sqrt(believed * (1 + 1 / Math.max(sum, 1e-3)) + distance * perSize ** 2)
  return { millis: units * Math.exp(middle), spread: Math.min(spread, 3) }
}

/** How the pace of such runs changes, and how much they wait. */
export const usual = (runs: ReadonlyArray<Run>): Usual => {
  const habits = runs.flatMap(({ habit }) => habit ?? [])
  const count = habits.length
  if (count === 0) return { trend: 0, trendSpread: turning, waiting: undefined, waitingWeight: 0 }
  const trends = habits.map(({ firstHalf }) => 8 * (0.5 - firstHalf))
  const trend = trends.reduce((a, b) => a + b, 0) / (count + 1)
  const variance = trends.reduce((sum, one) => sum + (one - trend) ** 2, turning ** 2) / (count + 1)
  const waits = habits.reduce((sum, { waiting }) => sum + waiting, 0) / count
  const unlike = habits.reduce((sum, { waiting }) => sum + (waiting - waits) ** 2, 0) / count
  const agreed = unlike > 0 ? waits ** 2 / (waits ** 2 + AGREE * unlike) : 1
  return {
    trend: Math.max(-1.5, Math.min(1.5, trend)),
    trendSpread: Math.sqrt(variance),
    waiting: waits,
    waitingWeight: (memory * agreed * count) / (count + 2),
  }
}

// ---------------------------------------------------------------------------------------------------------

/** A run weighs this much of the next newer one. */
const fading = Number(process.env["H_FADING"] ?? 0.93)
/** Sizes that differ by this factor (as a logarithm) still tell something of one another. */
const alike = Number(process.env["H_ALIKE"] ?? 1.2)
/** How much a difference in size adds to the spread. */
const perSize = Number(process.env["H_PERSIZE"] ?? 0.3)
/** The spread that is supposed before runs show one, and for how many runs that stands. */
const supposed = Number(process.env["H_SUPPOSED"] ?? 0.35)
const doubt = Number(process.env["H_DOUBT"] ?? 2)

const AGREE = Number(process.env["AGREE"] ?? 4)
/** The standard deviation of trends that is supposed before any was seen. */
const turning = Number(process.env["TURNING"] ?? 0.5)
/** What earlier runs tell of waits stands for this part of a run. */
const memory = Number(process.env["MEMORY"] ?? 0.2)

const weightedMedian = (
  values: ReadonlyArray<number>,
  weights: ReadonlyArray<number>,
  sum: number,
): number => {
  const order = values.map((_, index) => index).sort((a, b) => values[a]! - values[b]!)
  let below = 0
  for (const index of order) {
    const here = weights[index]!
    if (below + here >= sum / 2) {
      return values[index]!
    }
    below += here
  }
  return values[order.at(-1)!]!
}
