/**
 * The mutable tree behind `Progress`. A tick is two additions; everything that is derived (fractions, path,
 * rate) is worked out when somebody looks.
 */
import type * as ProgressRenderer from "../ProgressRenderer.js"
import type { StepState, Waiting } from "../ProgressSnapshot.js"
import type { Run } from "./timeEstimateHistory.js"
import type { Pace } from "./timeEstimatePace.js"

export interface StepOptions {
  /** Share of the parent, against its siblings; 1 by default. */
  readonly weight?: number
  /** How many items there will be, if known. */
  readonly total?: number
  /** What an item is called, singular. */
  readonly unit?: string
  /** Domain facts, added to those of the operation that the step belongs to. */
  readonly context?: Readonly<Record<string, unknown>>
  /** Makes the step an operation of its own: it is rendered by this, and owns the context below it. */
  readonly render?: ProgressRenderer.ProgressRenderer
  /** What is known of how long such a step takes. */
  readonly expected?: Expected
}

/** How long a step will take, as far as earlier ones tell. */
export interface Expected {
  /** Earlier runs of the same kind, oldest first. */
  readonly runs: ReadonlyArray<Run>
  /** How much work there is, as far as is known beforehand; 0 where it is not. */
  readonly units: number
  /** What is counted as work: items of this unit, once a step counts them. */
  readonly unit: string | undefined
}

export type PlannedStep = string | { readonly name: string; readonly weight: number }

/** What is common to all steps of one tree. */
export class Root {
  version = 0
  late = 0
  nextId = 0
  /** The largest fraction ever shown. */
  shown = 0
  /** Steps that closed and were folded into their parent's sums. */
  folded = 0
  /** The operation that was opened last and is part of no other. */
  operation: Step | undefined = undefined
  onChange: (() => void) | undefined = undefined
  /** What the renderer threw; from then on the standard one serves. */
  rendererFailure: { readonly cause: unknown; reported: boolean } | undefined = undefined
  /** How fast it went, as far as observers looked on. */
  pace: Pace | undefined = undefined
  readonly step: Step

  constructor(
    readonly operationId: string | undefined,
    readonly kind: string,
    name: string,
    readonly render: ProgressRenderer.ProgressRenderer | undefined,
    readonly now: () => number,
  ) {
    this.step = new Step(this, undefined, name, 1, "running")
  }
}

export class Step {
  readonly id: number
  done = 0
  skipped = 0
  total: number | undefined = undefined
  unit = "item"
  detail: string | undefined = undefined
  waiting: Waiting | undefined = undefined
  context: Record<string, unknown> | undefined = undefined
  render: ProgressRenderer.ProgressRenderer | undefined = undefined
  expected: Expected | undefined = undefined
  started: number | undefined = undefined
  planned = false
  children: Set<Step> | undefined = undefined
  /** Children that failed or were cancelled while this step may still go on without them. */
  unsettled = 0
  /** Weight of the closed children that no longer have a node, and what of it was worked off and skipped. */
  settledWeight = 0
  settledWorked = 0
  settledSkipped = 0
  /** Of an operation: items of the unit that is expected, worked off in steps that are closed. */
  workedUnits = 0

  constructor(
    readonly root: Root,
    readonly parent: Step | undefined,
    readonly name: string,
    readonly weight: number,
    public state: StepState,
  ) {
    this.id = root.nextId++
    if (state === "running") this.started = root.now()
  }

  /** Counts `n` items as done; for a hot loop. Not positive or not a number: nothing happens. */
  readonly advance = (n = 1): void => {
    if (this.state !== "running") {
      if (this.root !== silentRoot) this.root.late += n
      return
    }
    if (!(n > 0)) return
    this.done += n
    this.root.version++
    if (this.unsettled !== 0 || this.waiting !== undefined) this.goOn()
  }

  skip(n: number): void {
    if (this.state === "running" && n > 0) this.skipped += n
    this.advance(n)
  }

  /** Applies a change to the open step; a closed one stays as it was. */
  update(change: (step: Step) => void): void {
    if (this.state !== "running") return
    change(this)
    this.root.version++
    if (this.unsettled !== 0) this.goOn()
  }

  /** Children that this step opens under a planned name take the plan's place and weight. */
  plan(steps: ReadonlyArray<PlannedStep>): void {
    this.update(() => {
      for (const entry of steps) {
        const { name, weight } = typeof entry === "string" ? { name: entry, weight: 1 } : entry
        this.planned = true
        this.adopt(new Step(this.root, this, name, positive(weight), "pending"))
      }
    })
  }

  open(name: string, options: StepOptions): Step {
    if (this.unsettled !== 0) this.goOn()
    const step =
      this.pending(name) ?? this.adopt(new Step(this.root, this, name, positive(options.weight), "pending"))
    step.state = "running"
    step.started = this.root.now()
    step.total = options.total
    if (options.unit !== undefined) step.unit = options.unit
    step.render = options.render
    step.expected = options.expected
    if (options.render !== undefined) {
      step.context = { ...options.context }
      if (this.operation().render === undefined) this.root.operation = step
    } else if (options.context !== undefined) step.annotate(options.context)
    this.root.version++
    this.root.onChange?.()
    return step
  }

  close(state: "succeeded" | "failed" | "cancelled"): void {
    if (this.state !== "running") return
    this.state = state
    this.waiting = undefined
    if (this.done > 0) this.tally()
    if (state === "succeeded") {
      this.settleChildren()
      this.parent?.settle(this)
    } else if (this.parent !== undefined) this.parent.unsettled++
    this.root.version++
    this.root.onChange?.()
  }

  annotate(facts: Readonly<Record<string, unknown>>): void {
    const owner = this.operation()
    owner.context = { ...owner.context, ...facts }
    this.root.version++
  }

  /** The nearest step that is an operation of its own; the root where there is none. */
  operation(): Step {
    return this.render !== undefined || this.parent === undefined ? this : this.parent.operation()
  }

  /** Tells the operations around how many of their units were worked off here. */
  private tally(): void {
    for (let at = this.parent; at !== undefined; at = at.parent)
      if (at.expected?.unit === this.unit) at.workedUnits += this.done - this.skipped
  }

  private adopt(child: Step): Step {
    this.children ??= new Set()
    this.children.add(child)
    return child
  }

  private pending(name: string): Step | undefined {
    if (!this.planned || this.children === undefined) return undefined
    for (const child of this.children) if (child.state === "pending" && child.name === name) return child
    return undefined
  }

  /** This step is at work again, so whatever failed below it was recovered from, and no wait holds it. */
  private goOn(): void {
    this.waiting = undefined
    if (this.unsettled !== 0) this.settleChildren()
  }

  private settleChildren(): void {
    this.unsettled = 0
    if (this.children === undefined) return
    for (const child of this.children) {
      if (child.state === "failed" || child.state === "cancelled") {
        child.state = "recovered"
        this.settle(child)
      }
    }
  }

  /** A settled child counts as done; unless it was planned, its node is no longer needed. */
  private settle(child: Step): void {
    if (this.planned || this.children === undefined) return
    this.children.delete(child)
    this.settledWeight += child.weight
    if (child.total !== undefined || child.children !== undefined) {
      this.settledWorked += child.weight * worked(child)
      this.settledSkipped += child.weight * skipped(child)
    }
    this.root.folded += 1 + size(child)
  }
}

/**
 * What a step is done of. A step with planned children is the weighted mean of its children; else one with
 * a total is measured by its items; else the weighted mean of what children it has had.
 */
export const fraction = (step: Step): number => {
  if (step.state === "succeeded" || step.state === "recovered") return 1
  if (step.state === "pending") return 0
  if (!step.planned && step.total !== undefined)
    return step.total > 0 ? Math.min(1, step.done / step.total) : 0
  let sum = step.settledWeight
  let weight = step.settledWeight
  for (const child of step.children ?? []) {
    sum += child.weight * fraction(child)
    weight += child.weight
  }
  return weight > 0 ? sum / weight : 0
}

/** The part of a step that was worked off item by item: what took time that can be measured. */
export const worked = (step: Step): number =>
  partOf(step, (done, skipped) => done - skipped, step.settledWorked, worked)

/** The part of a step that was found already done. */
export const skipped = (step: Step): number =>
  partOf(step, (_, skipped) => skipped, step.settledSkipped, skipped)

/** True where a fraction can be told: something in the tree has a total, a plan, or has been settled. */
export const countable = (step: Step): boolean => {
  if (step.planned || step.total !== undefined || step.settledWeight > 0) return true
  if (step.state !== "running") return step.state !== "pending"
  for (const child of step.children ?? []) if (countable(child)) return true
  return false
}

/** From the step down to the one at work: the first live child each time; after a failure, the failed one. */
export const path = (step: Step): ReadonlyArray<Step> => {
  const steps = [step]
  for (let at: Step | undefined = step; at !== undefined; ) {
    at = find(at, "running") ?? find(at, "failed") ?? find(at, "cancelled")
    if (at !== undefined) steps.push(at)
  }
  return steps
}

/** The part of the whole tree that the step is. */
export const share = ({ parent, weight }: Step): number => {
  if (parent === undefined) return 1
  if (!parent.planned && parent.total !== undefined) return share(parent) / Math.max(1, parent.total)
  let sum = parent.settledWeight
  for (const child of parent.children ?? []) sum += child.weight
  return sum > 0 ? (share(parent) * weight) / sum : 0
}

/** What holds the tree up: none unless every live leaf waits, then the wait that ends first. */
export const waitOf = (step: Step): Waiting | undefined => {
  const live = [...(step.children ?? [])].filter((child) => child.state === "running")
  if (live.length === 0) return step.waiting
  let first: Waiting | undefined
  for (const child of live) {
    const wait = waitOf(child)
    if (wait === undefined) return undefined
    if (first === undefined || wait.until < first.until) first = wait
  }
  return first
}

/** As `fraction`, of some of the items. */
const partOf = (
  step: Step,
  count: (done: number, skipped: number) => number,
  settled: number,
  ofChild: (child: Step) => number,
): number => {
  if (!step.planned && step.total !== undefined)
    return step.total > 0 ? Math.min(1, count(step.done, step.skipped) / step.total) : 0
  let sum = settled
  let weight = step.settledWeight
  for (const child of step.children ?? []) {
    sum += child.weight * ofChild(child)
    weight += child.weight
  }
  return weight > 0 ? sum / weight : 0
}

const find = (step: Step, state: StepState): Step | undefined => {
  for (const child of step.children ?? []) if (child.state === state) return child
  return undefined
}

const size = (step: Step): number => {
  let count = 0
  for (const child of step.children ?? []) count += 1 + size(child)
  return count
}

const positive = (weight: number | undefined): number => (weight !== undefined && weight > 0 ? weight : 1)

const silentRoot: Root = new Root(undefined, "", "", undefined, () => 0)

/** The step of programs that nobody observes: it takes everything and keeps nothing. */
export const silent: Step = silentRoot.step
silent.state = "succeeded"
