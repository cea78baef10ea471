/** Progress snapshots for tests of what shows them. */
import type { Items, ProgressSnapshot, Step } from "../../src/ProgressSnapshot.js"

export const items = (
  done: number,
  total: number | null,
  unit: string,
  rate: number | null = null,
): Items => ({
  done,
  total,
  unit,
  rate,
})

export const step = (id: number, parent: number | null, name: string, over: Partial<Step> = {}): Step => ({
  id,
  parent,
  name,
  state: "running",
  fraction: null,
  items: null,
  detail: null,
  waiting: null,
  ...over,
})

export const snapshot = (over: Partial<ProgressSnapshot> = {}): ProgressSnapshot => ({
  operationId: null,
  kind: "data_load",
  status: "running",
  fraction: 0.45,
  path: ["data_load", "fetch"],
  stepIndex: 4,
  stepCount: 5,
  items: null,
  detail: null,
  context: {},
  waiting: null,
  started: 0,
  elapsed: 12_000,
  eta: null,
  steps: [step(0, null, "")],
  omitted: 0,
  late: 0,
  message: "Loading AAPL 1h data (full mode) [4/5] segment 3/36",
  ...over,
})
