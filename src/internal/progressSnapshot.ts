/**
 * Reads the mutable tree into what an observer sees.
 */
import * as ProgressRenderer from "../ProgressRenderer.js"
import type { Items, ProgressSnapshot, Status, Step as StepView, Unrendered } from "../ProgressSnapshot.js"
import * as Tree from "./progressTree.js"
import { timeLeft } from "./timeEstimateTree.js"

const shownSteps = 64

export const toSnapshot = (root: Tree.Root): ProgressSnapshot => {
  const now = root.now()
  const status = statusOf(root.step)
  const path = Tree.path(root.step)
  const operation = path.find((step) => step.render !== undefined) ?? root.operation ?? root.step
  const counted = [operation, ...path].findLast(counts)
  const work = root.step.started ?? now
  const fraction = shownFraction(root)
  const steps = visible(root.step, now)
  const planned = [...(operation.children ?? [])]
  const at = planned.findIndex((step) => path.includes(step))
  const index = at >= 0 ? at : planned.findLastIndex((step) => step.state !== "pending")
  const plannedSteps = operation.planned ? planned.length : null
  const unrendered: Unrendered = {
    operationId: root.operationId ?? null,
    kind: root.kind,
    status,
    fraction,
    path: path.map((step) => step.name).filter((name) => name !== ""),
    stepIndex: plannedSteps === null || index < 0 ? null : index + 1,
    stepCount: plannedSteps,
    items: counted === undefined ? null : itemsOf(counted, now),
    detail: path.findLast((step) => step.detail !== undefined)?.detail ?? null,
    context: { ...root.step.context, ...operation.context },
    waiting: Tree.waitOf(root.step) ?? null,
    started: work,
    elapsed: now - work,
    eta: status === "running" ? timeLeft(root, now) : null,
    steps: steps.shown,
    omitted: steps.omitted + root.folded,
    late: root.late,
  }
  return { ...unrendered, message: render(root, operation, unrendered) }
}

const render = (root: Tree.Root, operation: Tree.Step, snapshot: Unrendered): string => {
  const renderer = root.render ?? operation.render
  if (renderer === undefined || root.rendererFailure !== undefined)
    return ProgressRenderer.standard(snapshot, {})
  try {
    return renderer(snapshot, snapshot.context)
  } catch (cause) {
    root.rendererFailure = { cause, reported: false }
    return ProgressRenderer.standard(snapshot, {})
  }
}

const shownFraction = (root: Tree.Root): number | null => {
  if (root.step.state === "succeeded") {
    root.shown = 1
    return 1
  }
  if (root.shown === 0 && !Tree.countable(root.step)) return null
  root.shown = Math.max(root.shown, Math.min(Tree.fraction(root.step), 0.999))
  return root.shown
}

const statusOf = (step: Tree.Step): Status =>
  step.state === "succeeded"
    ? "completed"
    : step.state === "failed" || step.state === "cancelled"
      ? step.state
      : "running"

const counts = ({ total, done }: Tree.Step): boolean => total !== undefined || done > 0

const itemsOf = (step: Tree.Step, now: number): Items => {
  const seconds = (now - (step.started ?? now)) / 1000
  const worked = step.done - step.skipped
  return {
    done: step.done,
    total: step.total ?? null,
    unit: step.unit,
    rate: worked > 0 && seconds > 0 ? worked / seconds : null,
  }
}

const viewOf = (step: Tree.Step, now: number): StepView => ({
  id: step.id,
  parent: step.parent?.id ?? null,
  name: step.name,
  state: step.state,
  fraction: Tree.countable(step) || step.state === "pending" ? Tree.fraction(step) : null,
  items: counts(step) ? itemsOf(step, now) : null,
  detail: step.detail ?? null,
  waiting: step.waiting ?? null,
})

const visible = (root: Tree.Step, now: number): { shown: ReadonlyArray<StepView>; omitted: number } => {
  const all = [...descendants(root)]
  const kept =
    all.length <= shownSteps
      ? all
      : all.toSorted((a, b) => rank(a) - rank(b) || a.id - b.id).slice(0, shownSteps)
  const chosen = new Set(kept)
  return {
    shown: all.filter((step) => chosen.has(step)).map((step) => viewOf(step, now)),
    omitted: all.length - chosen.size,
  }
}

const rank = (step: Tree.Step): number => (step.state === "running" ? 0 : step.state === "pending" ? 1 : 2)

function* descendants(step: Tree.Step): Generator<Tree.Step> {
  yield step
  for (const child of step.children ?? []) yield* descendants(child)
}
