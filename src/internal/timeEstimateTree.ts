/**
 * Reads the tree for the time it still takes.
 */
import type { Eta } from "../ProgressSnapshot.js"
import * as Tree from "./progressTree.js"
import * as TimeEstimate from "./timeEstimate.js"
import * as History from "./timeEstimateHistory.js"
import { Pace, type Sample } from "./timeEstimatePace.js"

/**
 * The time left at `now`, if anything is known of it. Looking at the tree is also what its pace is learned by,
 * so the oftener this is called the better it is.
 */
export const timeLeft = (root: Tree.Root, now: number): Eta | null => {
  const counters = countersOf(root.step)
  const waitingUntil = waitAt(root, now)
  root.pace ??= new Pace()
  root.pace.take(sampleOf(root, now))
  const left = leftOf(root.step)
  const operations = expectedOf(root.step)
  const [only] = operations
  const runs = only !== undefined && isWhole(only.step) ? (only.step.expected?.runs ?? []) : []
  const live = root.pace.likely({ ...left, next: nextOf(counters) }, History.usual(runs))
  const held = waitingUntil === undefined ? 0 : waitingUntil - now
  return TimeEstimate.blend(live, earlier(operations, left, now - root.pace.exceptional), held)
}

/** How the operation went that took so long, where observers looked on and it was all they saw. */
export const habitOf = (operation: Tree.Step, millis: number): History.Habit | undefined => {
  const { root } = operation
  if (root.pace === undefined || !isWhole(operation)) return undefined
  root.pace.take(sampleOf(root, root.now()))
  return root.pace.habit(millis)
}

/** True for a part of an operation that counts the same unit: that one stands for it. */
export const isPart = ({ parent, expected }: Tree.Step): boolean => {
  if (expected?.unit === undefined) return false
  for (let at = parent; at !== undefined; at = at.parent) if (at.expected?.unit === expected.unit) return true
  return false
}

/** How many of the units that were expected of an operation its steps have worked off. */
export const workedUnits = (operation: Tree.Step): number => {
  const { expected } = operation
  if (expected === undefined) return 0
  if (expected.unit === undefined) return expected.units * (1 - Tree.skipped(operation))
  const own = operation.unit === expected.unit ? operation.done - operation.skipped : 0
  return operation.workedUnits + own
}

// ---------------------------------------------------------------------------------------------------------

const waitAt = (root: Tree.Root, now: number): number | undefined => {
  const until = Tree.waitOf(root.step)?.until
  return until !== undefined && until > now ? until : undefined
}

const sampleOf = (root: Tree.Root, now: number): Sample => {
  const starts = countersOf(root.step).flatMap(({ started }) => started ?? [])
  return {
    at: now,
    worked: Tree.worked(root.step),
    skipped: Tree.skipped(root.step),
    done: Tree.fraction(root.step),
    counting: starts.length === 0 ? undefined : Math.min(...starts),
    waitingUntil: waitAt(root, now),
  }
}

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
    const { left, spread } = outstanding(step, likely, now)
    time += left
    variance += (left * spread) ** 2
    whole += likely.millis
    share += part
    own += part * sum(leftOf(step))
  }
  if (!(share > 0)) return undefined
  const others = (Math.max(0, sum(left) - own) * whole) / share
  const spread = Math.sqrt(variance) / Math.max(time, 1e-9)
  return { left: (time + others) / operations.length, spread }
}

/**
 * What is left of the time that an operation is likely to take: of that in which it counts items, the part of
 * the items that is left; of the rest, what has not gone by.
 */
const outstanding = (step: Tree.Step, likely: History.Likely, now: number): TimeEstimate.Before => {
  const worked = Tree.worked(step)
  if (!(worked > 0)) return TimeEstimate.outstanding(likely, Math.max(0, now - (step.started ?? now)))
  const done = worked / (worked + leftOf(step).counted)
  const { besides = 0, counting, trend } = History.usual(step.expected?.runs ?? [])
  const plain = likely.millis * counting * besides
  const gone = isWhole(step) ? (step.root.pace?.besidesAt(done === 1) ?? 0) : plain * done
  const left =
    likely.millis * counting * (1 - done) * (1 + (trend * done) / 2) + Math.max(plain / 10, plain - gone)
  return { left, spread: likely.spread }
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

/**
 * How much work the operation is: what its steps count, and as much again of what has not begun; else what was
 * expected beforehand.
 */
const unitsOf = (operation: Tree.Step, { units, unit }: Tree.Expected): number => {
  if (unit === undefined) return units * (1 - Tree.skipped(operation))
  const counted = operation.workedUnits + countedBy(operation, unit)
  return counted > 0 ? counted / begunPart(operation, unit) : units
}

const countedBy = (step: Tree.Step, unit: string): number => {
  if (step.state !== "running") return 0
  let sum = step.unit === unit && step.total !== undefined ? Math.max(0, step.total - step.skipped) : 0
  for (const child of step.children ?? []) sum += countedBy(child, unit)
  return sum
}

/** The part of an operation's counted work that has begun, so that its items are known. */
const begunPart = (operation: Tree.Step, unit: string): number => {
  const { total, done, children } = operation
  if (isCounter(operation) && total !== undefined) {
    if (operation.unit === unit) return 1
    const running = [...(children ?? [])].filter(({ state }) => state === "running").length
    return Math.min(1, (done + running) / Math.max(1, total))
  }
  const whole = Math.max(1e-9, Tree.share(operation))
  const open = countersOf(operation).reduce(
    (sum, step) => sum + Tree.share(step) * (1 - Tree.fraction(step)),
    0,
  )
  const begun = Tree.worked(operation) + open / whole
  const all = Tree.worked(operation) + leftOf(operation).counted
  return begun > 0 && all > begun ? begun / all : 1
}
