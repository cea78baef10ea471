/**
 * Stamps as a wrong clock makes them of the starts of clean bars, by the time-zone database alone.
 */
import * as TimeZone from "../../src/data/TimeZone.js"

/** Minutes late, or how often the zone's UTC offset was taken off too often. */
export type Rule = { readonly minutes: number } | { readonly times: number }

export interface Shifted {
  /** Sorted, each once. */
  readonly stamps: Float64Array
  /** The start that the bar of each stamp should have; of two that met, the one that was not moved. */
  readonly starts: Float64Array
  /** How many bars were moved, and how many met another one and are gone. */
  readonly moved: number
  readonly gone: number
}

export const stampOf = (zone: string, rule: Rule, start: number): number =>
  "minutes" in rule ? start + rule.minutes * 60_000 : start - rule.times * TimeZone.offsetAt(zone, start)

export const shift = (
  starts: Float64Array,
  zone: string,
  rule: Rule,
  isMoved: (index: number) => boolean,
): Shifted => {
  const stamps = new Float64Array(starts.length)
  const known = new Map<number, number>()
  let moved = 0
  for (let index = 0; index < starts.length; index++) {
    const start = starts[index]!
    const isLate = isMoved(index)
    if (isLate) moved++
    const stamp = isLate ? stampOf(zone, rule, start) : start
    stamps[index] = stamp
    if (!isLate || !known.has(stamp)) known.set(stamp, start)
  }
  const sorted = stamps.sort().filter((stamp, index, all) => stamp !== all[index - 1])
  return {
    stamps: sorted,
    starts: sorted.map((stamp) => known.get(stamp)!),
    moved,
    gone: starts.length - sorted.length,
  }
}
