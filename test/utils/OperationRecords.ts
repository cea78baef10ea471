/** Records and snapshots of operations, as tests of their stores write them. */
import type { OperationRecord, Owner } from "../../src/OperationRecord.js"
import type { Reported } from "../../src/OperationStore.js"
import type { ProgressSnapshot } from "../../src/ProgressSnapshot.js"

export const cancellation = (reason: string) => ({ reason, requested: 7, by: "process 1 on here" })

export const failure = { tag: "WorkError", reason: "Broken", message: "it broke" }

/** A new record, `pending` unless told otherwise. */
export const record = (
  id: string,
  owner: Owner,
  given: Partial<Omit<OperationRecord, "id" | "owner">> = {},
): OperationRecord => ({
  id,
  kind: "work",
  version: 1,
  status: "pending",
  created: 1_000,
  started: null,
  completed: null,
  fraction: null,
  message: "",
  payload: { what: id },
  parent: null,
  resumedFrom: null,
  isResumed: false,
  attempt: 1,
  owner,
  sequence: 0,
  progress: null,
  warnings: [],
  failure: null,
  result: null,
  cancellation: null,
  kept: null,
  settings: {},
  ...given,
})

/** A snapshot with so many steps, whose message is given. */
export const snapshot = (message: string, steps = 1): ProgressSnapshot => ({
  operationId: null,
  kind: "work",
  status: "running",
  fraction: 0.25,
  path: ["work"],
  stepIndex: 1,
  stepCount: steps,
  items: { done: 1, total: 4, unit: "piece", rate: 2.5 },
  detail: null,
  context: { place: "somewhere" },
  waiting: null,
  started: 1_000,
  elapsed: 20,
  eta: { p50: 60, low: 40, high: 90 },
  steps: Array.from({ length: steps }, (_, index) => ({
    id: index,
    parent: index === 0 ? null : 0,
    name: `step ${index}`,
    state: "running" as const,
    fraction: null,
    items: null,
    detail: `detail of step ${index}`,
    waiting: null,
  })),
  omitted: 0,
  late: 0,
  message,
})

export const reported = (sequence: number, given: ProgressSnapshot = snapshot(`${sequence}`)): Reported => ({
  sequence,
  encoded: JSON.stringify(given),
  fraction: given.fraction,
  message: given.message,
})
