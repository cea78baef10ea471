/**
 * Reads the tree for the time it still takes.
 */
import type { Eta } from "../ProgressSnapshot.js"
import * as Tree from "./progressTree.js"
import * as TimeEstimate from "./timeEstimate.js"
import * as History from "./timeEstimateHistory.js"
import { Pace } from "./timeEstimatePace.js"

/**
 * The time left at `now`, if anything is known of it. Looking at the tree is also what its pace is learned by,
 * so the oftener this is called the better it is.
 */
export const timeLeft = (root: Tree.Root, now: number): Eta | null => {
  const wait = Tree.waitOf(root.step)
  const waitingUntil = wait !== undefined && wait.until > now ? wait.until : undefined
  const counters = countersOf(root.step)
  const starts = counters.flatMap(({ started }) => started ?? [])
  root.pace ??= new Pace()
  root.pace.take({
    at: now,
    worked: Tree.worked(root.step),
    skipped: Tree.skipped(root.step),
    done: Tree.fraction(root.step),
    counting: starts.length === 0 ? undefined : Math.min(...starts),
    waitingUntil,
  })
  const left = leftOf(root.step)
  const operations = expectedOf(root.step)
  const [only] = operations
  const runs = only !== undefined && isWhole(only.step) ? (only.step.expected?.runs ?? []) : []
  const live = root.pace.likely({ ...left, next: nextOf(counters) }, History.usual(runs))
  const held = waitingUntil === undefined ? 0 : waitingUntil - now
  return TimeEstimate.blend(live, earlier(operations, left, now - root.pace.exceptional), held)
}

/** How the operation went, where observers looked on and it was all they saw. */
export const habitOf = (operation: Tree.Step): History.Habit | undefined =>
  isWhole(operation) ? operation.root.pace?.habit : undefined

/** How many of the units that were expected of an operation its steps have worked off. */
export const workedUnits = (operation: Tree.Step): number => {
  const { expected } = operation
  if (expected === undefined) return 0
  if (expected.unit === undefined) return expected.units * (1 - Tree.skipped(operation))
  const own = operation.unit === expected.unit ? operation.done - operation.skipped : 0
  return operation.workedUnits + own
}

// ---------------------------------------------------------------------------------------------------------

/** What is left of a step in parts of it: to steps that count items, and to others. */
interface Left {
  readonly counted: number
  readonly plain: number
}

/**
 * What has not begun is expected to be as its siblings were that are finished: where they counted nothing, it
 * will not, and where they did, as much of it will be counted; where none is finished, all of it will.
 */
const leftOf = (step: Tree.Step): Left => {
  if (step.state === "succeeded" || step.state === "recovered") return none
  if (isCounter(step)) return { counted: 1 - Tree.fraction(step), plain: 0 }
  const children = [...(step.children ?? [])]
  const finished = children.filter(({ state }) => state === "succeeded")
  const of = (part: (child: Tree.Step) => number): number => {
    let sum = 0
    for (const child of finished) sum += child.weight * part(child)
    return sum
  }
  const all = of(() => 1) + step.settledWeight
  const usual = all > 0 ? Math.min(1, (of(Tree.worked) + step.settledWorked) / all) : 1
  let counted = 0
  let plain = 0
  let weight = step.settledWeight
  for (const child of children) {
    weight += child.weight
    const left = child.state === "pending" ? { counted: usual, plain: 1 - usual } : leftOf(child)
    counted += child.weight * left.counted
    plain += child.weight * left.plain
  }
  return weight > 0 ? { counted: counted / weight, plain: plain / weight } : { counted: 0, plain: 1 }
}

const none: Left = { counted: 0, plain: 0 }

const isCounter = (step: Tree.Step): boolean => !step.planned && step.total !== undefined

/** The steps at work that are measured by their items. */
const countersOf = (step: Tree.Step): ReadonlyArray<Tree.Step> =>
  step.state !== "running" ? [] : isCounter(step) ? [step] : [...(step.children ?? [])].flatMap(countersOf)

/** The part of the whole that one item is, as a mean over the steps at work. */
const nextOf = (counters: ReadonlyArray<Tree.Step>): number => {
  if (counters.length === 0) return 0
  const items = counters.map((step) => Tree.share(step) / Math.max(1, step.total ?? 1))
  return items.reduce((a, b) => a + b, 0) / items.length
}

/** By what earlier runs of the operations at work took: all of them at once, the rest of the tree like them. */
const earlier = (
  operations: ReadonlyArray<Operation>,
  left: Left,
  now: number,
): TimeEstimate.Before | undefined => {
  let time = 0
  let variance = 0
  let whole = 0
  let share = 0
  let own = 0
  for (const { step, likely } of operations) {
    if (likely === undefined) continue
    const part = Tree.share(step)
    const { left, deviation } = TimeEstimate.outstanding(likely, Math.max(0, now - (step.started ?? now)))
    time += left
    variance += deviation ** 2
    whole += likely.millis
    share += part
    own += part * sum(leftOf(step))
  }
  if (!(share > 0)) return undefined
  const others = (Math.max(0, sum(left) - own) * whole) / share
  const spread = Math.sqrt(variance) / Math.max(whole, 1e-9)
  return {
    left: (time + others) / operations.length,
    deviation: Math.sqrt(variance + (spread * others) ** 2) / operations.length,
  }
}

const sum = ({ counted, plain }: Left): number => counted + plain

const isWhole = (step: Tree.Step): boolean => Tree.share(step) > 0.999

interface Operation {
  readonly step: Tree.Step
  readonly likely: History.Likely | undefined
}

/** The outermost operations at work of which earlier runs are known, else those inside them. */
const expectedOf = (step: Tree.Step): ReadonlyArray<Operation> => {
  if (step.state !== "running") return []
  const likely =
    step.expected === undefined ? undefined : History.likely(step.expected.runs, unitsOf(step, step.expected))
  if (likely !== undefined) return [{ step, likely }]
  const inside = [...(step.children ?? [])].flatMap(expectedOf)
  return inside.length > 0 || step.expected === undefined ? inside : [{ step, likely }]
}

/** How much work the operation is: what its steps count, else what was expected beforehand. */
const unitsOf = (operation: Tree.Step, { units, unit }: Tree.Expected): number => {
  if (unit === undefined) return units * (1 - Tree.skipped(operation))
  const counted = operation.workedUnits + countedBy(operation, operation, unit)
  return counted > 0 ? counted : units
}

const countedBy = (step: Tree.Step, operation: Tree.Step, unit: string): number => {
  if (step.state !== "running" || (step !== operation && step.render !== undefined)) return 0
  const own = step.unit === unit && step.total !== undefined ? Math.max(0, step.total - step.skipped) : 0
  let sum = own
  for (const child of step.children ?? []) sum += countedBy(child, operation, unit)
  return sum
}
