/**
 * Puts right the starts of bars whose clock was wrong, without dropping a bar unsaid.
 */
import type { Candles } from "./Candle.js"
import * as Candle from "./Candle.js"
import type { Found } from "./Quality/ClockShift.js"

/** A bar that came to lie where another one is: `at` is its start in the series before the repair. */
export interface Bar extends Candle.Candle {
  readonly at: number
}

/**
 * Two bars of one start. The one that was stamped rightly wins; of two that were moved the one of the rule that was
 * found first, and of one rule the one that came first.
 */
export interface Collision {
  readonly start: number
  readonly kept: Bar
  readonly lost: Bar
  /** Prices and volume agree: nothing was lost. */
  readonly equal: boolean
}

/** Bars that followed each other and were moved by the same time: `millis` later, earlier where negative. */
export interface Move {
  readonly first: number
  readonly last: number
  readonly bars: number
  readonly millis: number
}

/** Rows in are the rows of `candles` and the collisions. */
export interface Repaired {
  readonly candles: Candles
  readonly moved: number
  readonly moves: ReadonlyArray<Move>
  readonly collisions: ReadonlyArray<Collision>
}

/**
 * Gives every bar the start that it should have. Nothing else of a bar changes, a bar that no rule explains
 * stays as it is. Yields between stretches of some milliseconds.
 */
export function* undo(candles: Candles, { starts, ruleOf, rules }: Found): Generator<void, Repaired> {
  const queues: Array<ReadonlyArray<number>> = []
  for (let rule = 0; rule <= rules.length; rule++) queues.push(yield* queueOf(rule, ruleOf, starts))
  const next = queues.map(() => 0)
  const repaired = Candle.allocate(Candle.size(candles))
  const origin = new Float64Array(Candle.size(candles))
  const collisions: Array<Collision> = []
  let size = 0
  for (let count = 0; count < Candle.size(candles); count++) {
    const queue = leastOf(queues, next, starts)
    const index = queues[queue]![next[queue]!++]!
    const start = starts[index]!
    if (size > 0 && repaired.start[size - 1] === start) {
      collisions.push(collide(start, bar(candles, origin[size - 1]!), bar(candles, index)))
    } else {
      for (const column of Candle.columns) repaired[column][size] = candles[column][index]!
      repaired.start[size] = start
      origin[size++] = index
    }
    if (count % perTurn === perTurn - 1) yield
  }
  const { moved, moves } = yield* movesOf(candles.start, starts)
  return { candles: Candle.slice(repaired, 0, size), moved, moves, collisions }
}

// -----------------------------------------------------------------------------

/** How many bars are looked at between two turns of the event loop. */
const perTurn = 10_000

/** The bars of a rule in the order of their new starts, which a change of the zone's offset may disturb a little. */
function* queueOf(
  rule: number,
  ruleOf: Uint8Array,
  starts: Float64Array,
): Generator<void, ReadonlyArray<number>> {
  const queue: Array<number> = []
  for (let index = 0; index < ruleOf.length; index++) {
    if (ruleOf[index] === rule) {
      let at = queue.length
      queue.push(index)
      for (; at > 0 && starts[queue[at - 1]!]! > starts[index]!; at--) queue[at] = queue[at - 1]!
      queue[at] = index
    }
    if (index % perTurn === perTurn - 1) yield
  }
  return queue
}

/** The queue whose next bar starts first; of equal starts the first queue, that of bars which stay. */
const leastOf = (
  queues: ReadonlyArray<ReadonlyArray<number>>,
  next: ReadonlyArray<number>,
  starts: Float64Array,
): number => {
  let least = -1
  let start = Number.POSITIVE_INFINITY
  for (let queue = 0; queue < queues.length; queue++) {
    const index = queues[queue]![next[queue]!]
    if (index === undefined || starts[index]! >= start) continue
    least = queue
    start = starts[index]!
  }
  return least
}

const bar = (candles: Candles, index: number): Bar => ({
  ...Candle.at(candles, index),
  at: candles.start[index]!,
})

const collide = (start: number, kept: Bar, lost: Bar): Collision => ({
  start,
  kept: { ...kept, start },
  lost: { ...lost, start },
  equal: Candle.columns.every((column) => column === "start" || Object.is(kept[column], lost[column])),
})

function* movesOf(
  before: Float64Array,
  after: Float64Array,
): Generator<void, { readonly moved: number; readonly moves: ReadonlyArray<Move> }> {
  const moves: Array<Move> = []
  let moved = 0
  let current: { first: number; last: number; bars: number; millis: number } | undefined
  for (let index = 0; index < before.length; index++) {
    const millis = after[index]! - before[index]!
    if (millis !== current?.millis && current !== undefined) {
      moves.push(current)
      current = undefined
    }
    if (millis !== 0) {
      current ??= { first: before[index]!, last: before[index]!, bars: 0, millis }
      current.last = before[index]!
      current.bars++
      moved++
    }
    if (index % perTurn === perTurn - 1) yield
  }
  if (current !== undefined) moves.push(current)
  return { moved, moves }
}
