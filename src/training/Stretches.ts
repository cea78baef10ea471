/**
 * Work over rows that is done a stretch at a time, so that a million of them do not hold other fibers up.
 */
import * as Effect from "effect/Effect"
import { breathe } from "../internal/breathe.js"

export interface Work {
  readonly rows: number
  /** How many rows take some milliseconds at most. */
  readonly stretch: number
  /** Does the rows `[from, to)`. It is called for every row once, in order. */
  readonly fill: (from: number, to: number) => void
}

/** What one fiber has done since others had a turn, so that many small pieces of work share one. */
export interface Turns {
  /** In stretches: a turn is due before it passes 1. */
  spent: number
}

/** With a turn due at once. */
export const turns = (): Turns => ({ spent: 1 })

/** All rows, with a turn of the event loop wherever one is due. */
export const run = (turns: Turns, work: Work): Effect.Effect<void> =>
  Effect.iterate(0, {
    while: (from) => from < work.rows,
    body: (from) => {
      const to = Math.min(from + work.stretch, work.rows)
      return once(turns, (to - from) / work.stretch, () => {
        work.fill(from, to)
        return to
      })
    },
  })

/** A piece of work that is that share of a stretch. */
export const once = <A>(turns: Turns, share: number, compute: () => A): Effect.Effect<A> =>
  Effect.suspend(() => {
    const isDue = turns.spent + share > 1
    turns.spent = isDue ? share : turns.spent + share
    return isDue ? breathe(compute) : Effect.sync(compute)
  })

/** How many rows are a stretch where next to nothing is done for each. */
export const easyRows = 200_000

/** All rows in the stretches that `run` does them in, without a pause. */
export const now = (work: Work): void => {
  for (let from = 0; from < work.rows; from += work.stretch) {
    work.fill(from, Math.min(from + work.stretch, work.rows))
  }
}
