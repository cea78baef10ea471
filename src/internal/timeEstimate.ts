/**
 * How long a run still takes: by its own pace, and by what earlier runs took, blended. Only ratios of times
 * matter, so any unit would do.
 */
import type { Eta } from "../ProgressSnapshot.js"
import type { Likely } from "./timeEstimateHistory.js"
import type { Live } from "./timeEstimatePace.js"

/** The time left by what earlier runs took; `spread` is the standard deviation of its logarithm. */
export interface Before {
  readonly left: number
  readonly spread: number
}

/**
 * Of a run that was likely to take so long and has gone on for `elapsed`, where nothing tells how much of it is
 * done: what is left of that time, and as the run outlasts it, less and less and with ever less certainty.
 */
export const outstanding = ({ millis, spread }: Likely, elapsed: number): Before => {
  const deviation = millis * spread
  const ahead = (millis - elapsed) / deviation
  const left = (millis * positivePart(ahead)) / positivePart(1 / spread)
  return { left, spread: spreadOf(left, deviation * (1 + Math.max(0, -ahead))) }
}

/**
 * The time left. Each of the two weighs by its certainty, which grows with what was seen of it; earlier runs
 * weigh less where this one turns out to be unlike them. Never sooner than `held`, what is left of the present
 * wait. The band is meant to hold the truth 8 times in 10.
 */
export const blend = (live: Live | undefined, before: Before | undefined, held: number): Eta | null => {
  if (live === undefined && before === undefined) return null
  const left = live === undefined ? 0 : live.active + live.waiting
  const own =
    live === undefined || !(left > 0)
      ? undefined
      : { log: Math.log(left), variance: spreadOf(left, live.doubt) ** 2 }
  const earlier =
    before === undefined || !(before.left > 0)
      ? undefined
      : { log: Math.log(before.left), variance: before.spread ** 2 }
  const { log, variance } = joined(own, earlier)
  const chance = own === undefined || live === undefined ? 0 : spreadOf(left, live.chance)
  const middle = Math.exp(log)
  const working = live === undefined ? middle : Math.min(live.active, middle)
  const p50 = Math.max(middle, held + working)
  const factor = Math.exp(tenth * Math.min(widest, Math.sqrt(variance + chance ** 2)))
  if (!Number.isFinite(p50 * factor)) return null
  return {
    p50: Math.round(p50),
    low: Math.round(Math.min(p50, Math.max(held, p50 / factor))),
    high: Math.round(p50 * factor),
  }
}

// ---------------------------------------------------------------------------------------------------------

/** The value where it is large, and ever closer to nothing where it is negative. */
const positivePart = (value: number): number => (value > 30 ? value : Math.log1p(Math.exp(value)))

/** The logarithm of a time, and its variance. */
interface Guess {
  readonly log: number
  readonly variance: number
}

/** Standard deviations from the middle to the ninth tenth. */
const tenth = 1.2816
/** No band is wider than this, as a standard deviation of the logarithm. */
const widest = 1.5
/** How many runs it takes to doubt that one which differs is of their kind. */
const likeness = 4

const none: Guess = { log: Number.NEGATIVE_INFINITY, variance: 0 }

const joined = (own: Guess | undefined, earlier: Guess | undefined): Guess => {
  if (own === undefined || earlier === undefined) return own ?? earlier ?? none
  const apart = Math.max(0, (own.log - earlier.log) ** 2 - own.variance)
  const doubted = Math.max(earlier.variance, (likeness * earlier.variance + apart) / (likeness + 1))
  const share = own.variance + doubted > 0 ? doubted / (own.variance + doubted) : 1
  return { log: share * own.log + (1 - share) * earlier.log, variance: share * own.variance }
}

/** The standard deviation of the logarithm of a value that is known so far. */
const spreadOf = (value: number, deviation: number): number =>
  Math.sqrt(Math.log1p((deviation / Math.max(value, 1e-6)) ** 2))
