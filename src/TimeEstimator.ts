/**
 * How long an operation still takes, from what it has done so far.
 */
import type { Eta } from "./ProgressSnapshot.js"

/**
 * Time left if what is `left` goes as what was `worked` in `elapsed` milliseconds; both are parts of the same
 * whole, and work that was found already done is in neither. None before anything was worked off. The band has
 * no width: one run alone says nothing of its spread.
 */
export const linear = (elapsed: number, worked: number, left: number): Eta | null => {
  if (!(worked > 0) || elapsed <= 0) return null
  const p50 = Math.round((elapsed * Math.max(0, left)) / worked)
  return { p50, low: p50, high: p50 }
}
