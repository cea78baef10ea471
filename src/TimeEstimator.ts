/**
 * How long an operation still takes, from what it has done so far.
 */
import type { Eta } from "./ProgressSnapshot.js"

/**
 * Time left if the rest goes as the work so far did. `fraction` is what is done, `skipped` the part of it
 * that was found already done and cost no time. None before anything was worked off. The band has no width:
 * one run alone says nothing of its spread.
 */
export const linear = (elapsed: number, fraction: number, skipped: number): Eta | null => {
  const worked = fraction - skipped
  if (!(worked > 0) || elapsed <= 0) return null
  const left = Math.max(0, (elapsed * (1 - fraction)) / worked)
  return { p50: left, low: left, high: left }
}
