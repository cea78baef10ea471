/**
 * The step of an operation: it knows what earlier runs took, and success adds the run to them.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Progress from "../Progress.js"
import type { ProgressRenderer } from "../ProgressRenderer.js"
import { TimeEstimator } from "../TimeEstimator.js"
import * as Tree from "./progressTree.js"
import { habitOf, isPart, workedUnits } from "./timeEstimateTree.js"

export interface Estimate {
  /** Durations under equal keys are learned from one another. */
  readonly key: string
  /** How much work there is, as far as the payload tells; 0 where it does not. */
  readonly units: number
  /**
   * The unit of the items that are this work, as a step of the operation counts them (`segment`). What is
   * counted then stands for `units`: it leaves out what was found already done. Without it, `units` less the
   * part that was skipped is what was worked off.
   */
  readonly unit?: string
}

/**
 * Makes the effect a step with its own renderer. Where a `TimeEstimator` learns, its time is measured, under
 * an observer or not; it is learned from when the effect succeeds, unless hardly anything was left to do or
 * it is a part of an operation that counts the same.
 */
export const step =
  (kind: string, render: ProgressRenderer, { key, units, unit }: Estimate) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(TimeEstimator, (estimator) => {
      if (!estimator.learns) return Progress.step(effect, kind, { render })
      return Effect.flatMap(estimator.runs(key), (runs) => {
        const measured = Effect.gen(function* () {
          const began = yield* Clock.currentTimeMillis
          const value = yield* effect
          const millis = (yield* Clock.currentTimeMillis) - began
          const operation = (yield* Progress.Progress) as Tree.Step
          const worked = workedUnits(operation)
          if (worked >= units * least && !isPart(operation)) {
            yield* estimator.record(key, { units: worked, millis, habit: habitOf(operation, millis) })
          }
          return value
        })
        return counted(Progress.step(measured, kind, { render, expected: { runs, units, unit } }))
      })
    })

// ---------------------------------------------------------------------------------------------------------

/** A run that did less than this part of the work spent its time on something else. */
const least = 0.1

/** Where nobody observes, items are counted all the same. */
const counted = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Progress.Progress, (current) =>
    (current as Tree.Step).state === "running"
      ? effect
      : Effect.flatMap(Effect.clock, (clock) => {
          const root = new Tree.Root(undefined, "", "", undefined, () => clock.unsafeCurrentTimeMillis())
          return Progress.provideStep(effect, root.step)
        }),
  )
