/**
 * How long a run still takes: by its own pace, and by what earlier runs took, blended. Only ratios of times
 * matter, so any unit would do.
 */
import type { Eta } from "../ProgressSnapshot.js"
import type { Likely } from "./timeEstimateHistory.js"
import type { Live } from "./timeEstimatePace.js"

/** The time left by what earlier runs took, and its standard deviation. */
export interface Before {
  readonly left: number
  readonly deviation: number
}

/**
 * Of a run that was likely to take so long and has gone on for `elapsed`: what is left of that time, and as
 * the run outlasts it, less and less and with ever less certainty.
 */
export const outstanding = (likely: Likely, elapsed: number): Before => {
  const deviation = likely.millis * likely.spread
  const ahead = (likely.millis - elapsed) / deviation
  const left = deviation * (ahead > 30 ? ahead : Math.log1p(Math.exp(ahead)))
  return { left, deviation: deviation * (1 + Math.max(0, -ahead)) }
}

/**
 * The time left: each of the two weighs by its certainty, which grows with what was seen of it; never sooner
 * than `held`, what is left of the present wait. The band is meant to hold the truth 8 times in 10.
 */
export const blend = (live: Live | undefined, before: Before | undefined, held: number): Eta | null => {
  const parts = [
    ...(live === undefined ? [] : [{ left: live.active + live.waiting, deviation: live.deviation }]),
    ...(before === undefined ? [] : [before]),
  ]
  if (parts.length === 0) return null
  let precision = 0
  let sum = 0
  for (const { left, deviation } of parts) {
    const own = 1 / Math.max(deviation, 1e-6, left * 1e-3) ** 2
    precision += own
    sum += own * left
  }
  const middle = sum / precision
  const working = live === undefined ? middle : Math.min(live.active, middle)
  const p50 = Math.max(middle, held + working)
  const relative = p50 > 0 ? Math.min(3, (caution * Math.sqrt(1 / precision)) / p50) : 0
  const factor = Math.exp(tenth * Math.sqrt(Math.log1p(relative * relative)))
  if (!Number.isFinite(p50 * factor)) return null
  return {
    p50: Math.round(p50),
    low: Math.round(Math.min(p50, Math.max(held, p50 / factor))),
    high: Math.round(p50 * factor),
  }
}

// ---------------------------------------------------------------------------------------------------------

/** What a deviation is widened by for what it leaves out. */
const caution = Number(process.env["CAUTION"] ?? 1)
/** Standard deviations from the middle to the ninth tenth. */
const tenth = 1.2816
