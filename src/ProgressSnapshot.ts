/**
 * What an observer of a running operation sees: every front (terminal, log, JSON lines, event stream)
 * prints this and nothing else. Instants are epoch milliseconds UTC, spans of time are milliseconds.
 */
import * as Schema from "effect/Schema"

export const Status = Schema.Literal("running", "completed", "failed", "cancelled").annotations({
  identifier: "ProgressStatus",
})
export type Status = typeof Status.Type

/**
 * - `pending`: planned, not started
 * - `failed`, `cancelled`: the step's own exit
 * - `recovered`: it failed, and the step around it went on
 */
export const StepState = Schema.Literal("pending", "running", "succeeded", "failed", "cancelled", "recovered")
export type StepState = typeof StepState.Type

/** Nothing moves before `until`, for `reason`. */
export const Waiting = Schema.Struct({ reason: Schema.String, until: Schema.Number })
export type Waiting = typeof Waiting.Type

/** Items done of a total, if known; `unit` is singular (`segment`, `file`). */
export const Items = Schema.Struct({
  done: Schema.Number,
  total: Schema.NullOr(Schema.Number),
  unit: Schema.String,
  /** Items a second, those found already done left out; none before anything was done. */
  rate: Schema.NullOr(Schema.Number),
})
export type Items = typeof Items.Type

export const Step = Schema.Struct({
  id: Schema.Number,
  parent: Schema.NullOr(Schema.Number),
  name: Schema.String,
  state: StepState,
  /** None where the total is unknown: no percentage is invented. */
  fraction: Schema.NullOr(Schema.Number),
  items: Schema.NullOr(Items),
  detail: Schema.NullOr(Schema.String),
  waiting: Schema.NullOr(Waiting),
})
export type Step = typeof Step.Type

/** Time left: the middle estimate and the band around it. */
export const Eta = Schema.Struct({ p50: Schema.Number, low: Schema.Number, high: Schema.Number })
export type Eta = typeof Eta.Type

export const ProgressSnapshot = Schema.Struct({
  operationId: Schema.NullOr(Schema.String),
  kind: Schema.String,
  status: Status,
  /** 0 to 1, never falling, 1 only once the operation has succeeded; none where nothing is countable. */
  fraction: Schema.NullOr(Schema.Number),
  /** Names from the operation down to the step at work; after a failure, down to the step that failed. */
  path: Schema.Array(Schema.String),
  /** Which of the operation's planned steps is at work, counted from 1. */
  stepIndex: Schema.NullOr(Schema.Number),
  stepCount: Schema.NullOr(Schema.Number),
  /** Items of the innermost step on the path that counts any. */
  items: Schema.NullOr(Items),
  detail: Schema.NullOr(Schema.String),
  /** What the operation's domain annotated; its schema is the operation's `context`. */
  context: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
  /** Set where everything that is live waits. */
  waiting: Schema.NullOr(Waiting),
  started: Schema.Number,
  elapsed: Schema.Number,
  eta: Schema.NullOr(Eta),
  /** The tree in order, at most 64 steps, live ones first choice; `omitted` counts the rest. */
  steps: Schema.Array(Step),
  omitted: Schema.Number,
  /** Ticks that came for a step after it had closed, and were not counted. */
  late: Schema.Number,
  /** One line for a person. */
  message: Schema.String,
}).annotations({ identifier: "ProgressSnapshot" })
export type ProgressSnapshot = typeof ProgressSnapshot.Type

/** The snapshot before its message is rendered: what a renderer gets. */
export type Unrendered = Omit<ProgressSnapshot, "message">

export const isTerminal = (snapshot: { readonly status: Status }): boolean => snapshot.status !== "running"
