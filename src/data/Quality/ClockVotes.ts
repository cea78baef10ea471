/**
 * Which fixed offsets the bars outside the sessions suggest.
 */
import { lowerBound } from "../Candle.js"
import { largest } from "./ClockRule.js"
import type { Slots } from "./Slots.js"

/**
 * Offsets (ms, late is positive) at which runs of misfits begin after, or end after, the first or the last slot of
 * a session: those that five runs agree on, the more the earlier, at most eight. Looks at some hundreds of runs.
 */
export const offsets = (
  stamps: Float64Array,
  misfits: ReadonlyArray<number>,
  slots: Slots,
): ReadonlyArray<number> => {
  const votes = new Map<number, number>()
  const { firsts, lasts } = edges(slots)
  for (const { first, last } of runs(stamps, misfits)) {
    vote(votes, first, firsts)
    vote(votes, last, lasts)
  }
  return [...votes]
    .filter(([, agreed]) => agreed >= least)
    .sort(([a, x], [b, y]) => y - x || Math.abs(a) - Math.abs(b))
    .slice(0, most)
    .map(([offset]) => offset)
}

// -----------------------------------------------------------------------------

const least = 5
const most = 8
const runsSeen = 400

/** Misfits of one session follow each other faster than this; sessions of a venue that closes do not. */
const apart = 4 * 3_600_000

interface Run {
  readonly first: number
  readonly last: number
}

/** Runs of misfits from all over the series, by their stamps. */
const runs = (stamps: Float64Array, misfits: ReadonlyArray<number>): ReadonlyArray<Run> => {
  const all: Array<{ first: number; last: number }> = []
  for (const index of misfits) {
    const stamp = stamps[index]!
    const run = all.at(-1)
    if (run !== undefined && stamp - run.last < apart) run.last = stamp
    else all.push({ first: stamp, last: stamp })
  }
  const step = Math.max(1, Math.floor(all.length / runsSeen))
  return all.filter((_, index) => index % step === 0)
}

const edges = ({
  starts,
  first,
}: Slots): { readonly firsts: Float64Array; readonly lasts: Float64Array } => ({
  firsts: Float64Array.from(first.subarray(0, -1), (slot) => starts[slot]!),
  lasts: Float64Array.from(first.subarray(1), (slot) => starts[slot - 1]!),
})

/** A vote for every offset to an edge that is near enough. */
const vote = (votes: Map<number, number>, stamp: number, edges: Float64Array): void => {
  for (
    let at = lowerBound(edges, stamp - largest);
    at < edges.length && edges[at]! <= stamp + largest;
    at++
  ) {
    const offset = stamp - edges[at]!
    votes.set(offset, (votes.get(offset) ?? 0) + 1)
  }
}
