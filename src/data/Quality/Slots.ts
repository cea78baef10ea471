/**
 * The expected bars of a series as places to be filled: which session each belongs to, and where in it.
 */
import { lowerBound } from "../Candle.js"
import { day } from "../TimeZone.js"
import type { Expected } from "../TradingCalendar.js"

/** What a bar's stamp is worth as it stands. */
export const fits = { nowhere: 0, session: 1, otherSession: 2, settled: 3 } as const

export interface Slots {
  /** Sorted starts of the bars that the series' calendar expects. */
  readonly starts: Float64Array
  /** The session of each: runs of bars without closed time between them, of a day at most. */
  readonly session: Int32Array
  readonly sessions: number
  /** The first slot of each session, and after the last session the number of slots. */
  readonly first: Int32Array
  /** How far each starts after its session, as an index into `positions`. */
  readonly position: Int32Array
  /** How many different such distances there are. */
  readonly positions: number
}

export function* make({ starts, ends }: Expected): Generator<void, Slots> {
  const session = new Int32Array(starts.length)
  const position = new Int32Array(starts.length)
  const known = new Map<number, number>()
  const first: Array<number> = []
  let current = -1
  let opened = Number.NEGATIVE_INFINITY
  for (let index = 0; index < starts.length; index++) {
    const start = starts[index]!
    if (start !== ends[index - 1] || start - opened >= day) {
      current++
      opened = start
      first.push(index)
    }
    session[index] = current
    const after = start - opened
    const at = known.get(after)
    position[index] = at ?? known.size
    if (at === undefined) known.set(after, known.size)
    if (index % perTurn === perTurn - 1) yield
  }
  return {
    starts,
    session,
    sessions: current + 1,
    first: Int32Array.from([...first, starts.length]),
    position,
    positions: known.size,
  }
}

/** Finds the slot that starts at an instant, -1 where none does. Asked in order of time, either way, it walks along. */
export const finder = (starts: Float64Array): ((instant: number) => number) => {
  let at = 0
  return (instant) => {
    if (at > stride && starts[at - stride]! >= instant) at = lowerBound(starts, instant)
    while (at > 0 && starts[at - 1]! >= instant) at--
    if (at + stride < starts.length && starts[at + stride]! < instant) at = lowerBound(starts, instant)
    while (at < starts.length && starts[at]! < instant) at++
    return at < starts.length && starts[at] === instant ? at : -1
  }
}

/** For each stamp one of `fits`, as it stands. */
export function* fitsOf(
  stamps: Float64Array,
  own: Float64Array,
  other: Float64Array,
): Generator<void, Uint8Array> {
  const found = new Uint8Array(stamps.length)
  const ownAt = finder(own)
  const otherAt = finder(other)
  for (let index = 0; index < stamps.length; index++) {
    const stamp = stamps[index]!
    found[index] = ownAt(stamp) >= 0 ? fits.session : otherAt(stamp) >= 0 ? fits.otherSession : fits.nowhere
    if (index % perTurn === perTurn - 1) yield
  }
  return found
}

/** How many bars are looked at between two turns of the event loop. */
export const perTurn = 60_000

// -----------------------------------------------------------------------------

/** Steps that are walked before a search pays. */
const stride = 64
