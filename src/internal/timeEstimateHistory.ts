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
  /** The part of its duration in which items were worked off, or waited for. */
  readonly counting: number
  /** Time after the first item in which none was at work, as a part of that time. */
  readonly besides: number
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
  const watched = runs.filter(hasHabit)
  const count = watched.length
  if (count === 0) {
    return {
      trend: 0,
      trendSpread: turning,
      waiting: undefined,
      waitingWeight: 0,
      counting: 1,
      besides: undefined,
    }
  }
  const trends = watched.map(({ habit }) => 8 * (0.5 - habit.firstHalf))
  const trend = trends.reduce((a, b) => a + b, 0) / (count + 1)
  const seen = trends.reduce((sum, one) => sum + (one - trend) ** 2, 0)
  const atRandom = watched.reduce((sum, { units }) => sum + 16 / units, 0)
  const own = Math.max(seen / 4, seen - atRandom)
  const waits = watched.reduce((sum, { habit }) => sum + habit.waiting, 0) / count
  const unlike = watched.reduce((sum, { habit }) => sum + (habit.waiting - waits) ** 2, 0) / count
  const agreed = unlike > 0 ? waits ** 2 / (waits ** 2 + unlikeness * unlike) : 1
  return {
    trend: Math.max(-1.5, Math.min(1.5, trend)),
    trendSpread: Math.sqrt((own + turning ** 2) / (count + 1)),
    waiting: waits,
    waitingWeight: (memory * agreed * count) / (count + 2),
    counting: watched.reduce((sum, { habit }) => sum + habit.counting, 0) / count,
    besides: watched.map(({ habit }) => habit.besides).sort((a, b) => a - b)[count >> 1]!,
  }
}

// ---------------------------------------------------------------------------------------------------------

/** A run weighs this much of the next newer one. */
const fading = 0.93
/** Sizes that differ by this factor (as a logarithm) still tell something of one another. */
const alike = 1.2
/** How much a difference in size adds to the spread. */
const perSize = 0.3
/** The spread that is supposed before runs show one, and for how many runs that stands. */
const supposed = 0.35
const doubt = 2

/** How much less waits of earlier runs tell where those runs differ in them. */
const unlikeness = 10
/** The standard deviation of trends that is supposed before any was seen. */
const turning = 0.5
/** What earlier runs tell of waits stands for this part of a run. */
const memory = 0.2

const hasHabit = (run: Run): run is Run & { readonly habit: Habit } => run.habit !== undefined

const weightedMedian = (
  values: ReadonlyArray<number>,
  weights: ReadonlyArray<number>,
  sum: number,
): number => {
  const order = values.map((_, index) => index).sort((a, b) => values[a]! - values[b]!)
  let below = 0
  for (const index of order) {
    const here = weights[index]!
    if (below + here >= sum / 2) return values[index]!
    below += here
  }
  return values[order.at(-1)!]!
}
