/**
 * What is known of an operation, whoever asks: the state of its life, what it was asked to do, how far it is,
 * how it ended. Instants are epoch milliseconds UTC.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type * as FiberId from "effect/FiberId"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { isTerminal, Status } from "./OperationStatus.js"
import { ProgressSnapshot } from "./ProgressSnapshot.js"

export { active, isTerminal, Status, terminal } from "./OperationStatus.js"

/** Why an operation failed; `reason` where its error has one (`OwnerLost`: its process is gone). */
export const Failure = Schema.Struct({
  tag: Schema.String,
  reason: Schema.NullOr(Schema.String),
  message: Schema.String,
  /**
   * The error itself, encoded by the definition's `error` schema: none of a defect, of one whose JSON is longer than
   * `longestError` characters, and in lists.
   */
  error: Schema.optionalWith(Schema.Unknown, { exact: true }),
}).annotations({ identifier: "OperationFailure" })
export type Failure = typeof Failure.Type

/** The first request to cancel, the one that counts. */
export const Cancellation = Schema.Struct({
  reason: Schema.String,
  requested: Schema.Number,
  /** Who asked: `process 4711 on HOST`, or the operation that this one is a part of. */
  by: Schema.String,
}).annotations({ identifier: "OperationCancellation" })
export type Cancellation = typeof Cancellation.Type

/** The process that runs an operation; `token` is that of its lease and grows with every lease. */
export const Owner = Schema.Struct({
  token: Schema.Number,
  pid: Schema.Number,
  host: Schema.String,
}).annotations({ identifier: "OperationOwner" })
export type Owner = typeof Owner.Type

/** What lists show. */
export const Summary = Schema.Struct({
  id: Schema.String,
  kind: Schema.String,
  status: Status,
  created: Schema.Number,
  started: Schema.NullOr(Schema.Number),
  completed: Schema.NullOr(Schema.Number),
  /** Of the work, 0 to 1; none where it cannot be told. */
  fraction: Schema.NullOr(Schema.Number),
  /** The last line of progress; empty before the first. */
  message: Schema.String,
  /** The payload as it is encoded. */
  payload: Schema.Unknown,
  /** The operation that this one is a part of. */
  parent: Schema.NullOr(Schema.String),
  /** The operation that this one resumes or tries again. */
  resumedFrom: Schema.NullOr(Schema.String),
  /** Whether it goes on with what that one kept; one that tries again begins anew. */
  isResumed: Schema.Boolean,
  /** 1, and one more for each time it was resumed or tried again. */
  attempt: Schema.Number,
  owner: Owner,
  failure: Schema.NullOr(Failure),
  cancellation: Schema.NullOr(Cancellation),
}).annotations({ identifier: "OperationSummary" })
export type Summary = typeof Summary.Type

export const OperationRecord = Schema.Struct({
  ...Summary.fields,
  /** The version of the definition by which payload and result are encoded. */
  version: Schema.Number,
  /** Grows with each snapshot that was kept; 0 before the first. */
  sequence: Schema.Number,
  progress: Schema.NullOr(ProgressSnapshot),
  warnings: Schema.Array(Schema.String),
  /** What it succeeded with, encoded by the definition's `success` schema. */
  result: Schema.Unknown,
  /** What it kept and what is left, once it was cancelled or failed. */
  kept: Schema.NullOr(Schema.String),
  /** How its owner was set up, as far as another owner has to do the same to go on with it. */
  settings: Schema.Record({ key: Schema.String, value: Schema.String }),
}).annotations({ identifier: "OperationRecord" })
export type OperationRecord = typeof OperationRecord.Type

/** How an operation ended. */
export type Ending =
  | { readonly status: "completed"; readonly result: unknown }
  | { readonly status: "failed"; readonly failure: Failure; readonly kept: string | null }
  | { readonly status: "cancelled"; readonly cancellation: Cancellation; readonly kept: string | null }

/**
 * The ending that a record has been given; the record itself where it has one already. A request to cancel that
 * was recorded before is the one that counts. It ends no earlier than it began, however the clock was set meanwhile.
 */
export const end = (record: OperationRecord, ending: Ending, at: number): OperationRecord =>
  isTerminal(record)
    ? record
    : {
        ...record,
        ...ending,
        completed: Math.max(at, record.created, record.started ?? record.created),
        cancellation: record.cancellation ?? (ending.status === "cancelled" ? ending.cancellation : null),
      }

/**
 * The newest snapshot, in the state that the record is in: what a watcher is shown. Where there is none yet it
 * says no more than the state.
 */
export const snapshotOf = (record: OperationRecord, now: number): ProgressSnapshot => {
  const { id, kind, progress, started, created, completed } = record
  const status = isTerminal(record) ? (record.status as ProgressSnapshot["status"]) : "running"
  if (progress !== null && progress.status === status) return progress
  const begun = started ?? created
  return {
    ...blank,
    operationId: id,
    kind,
    started: begun,
    elapsed: Math.max(0, (completed ?? now) - begun),
    message: `${kind}: ${record.status}`,
    ...progress,
    status,
    fraction: status === "completed" ? 1 : (progress?.fraction ?? null),
    waiting: null,
    eta: null,
  }
}

/** The ending of an operation that its owner owns no more; `how` is what became of that process. */
export const lost = (
  { owner }: Pick<OperationRecord, "owner">,
  how: string,
): Extract<Ending, { status: "failed" }> => ({
  status: "failed",
  failure: {
    tag: "OperationError",
    reason: "OwnerLost",
    message: `process ${owner.pid} on ${owner.host}, which ran it, ${how}`,
  },
  kept: null,
})

/**
 * The ending that an exit stands for. An operation is cancelled when it was interrupted and by nothing else
 * brought to its end; who of the `cancellers` did it gives the reason, and where it was none of them the
 * interruption came from inside. What went wrong after that (a finalizer that died) does not make a cancelled
 * operation a failed one, nor does an interruption that came while a failed one was cleaned up undo its failure.
 */
export const endingOf = <A, E>(
  exit: Exit.Exit<A, E>,
  options: {
    readonly encode: (value: A) => unknown
    readonly cancellers: ReadonlyArray<readonly [FiberId.FiberId, Cancellation]>
    readonly fromInside: Cancellation
    readonly kept: string | null
    /** Encodes what it failed with; what cannot be encoded is left out, as all is without it. */
    readonly encodeError?: (error: unknown) => Option.Option<unknown>
  },
): Ending => {
  if (Exit.isSuccess(exit)) return { status: "completed", result: options.encode(exit.value) }
  const interruptors = Cause.interruptors(first(exit.cause))
  const by = options.cancellers.find(([id]) => HashSet.some(interruptors, (one) => includes(one, id)))
  const isFailed = Option.isSome(Cause.failureOption(exit.cause))
  if ((by !== undefined && !isFailed) || Cause.isInterruptedOnly(exit.cause)) {
    return { status: "cancelled", cancellation: by?.[1] ?? options.fromInside, kept: options.kept }
  }
  return { status: "failed", failure: failureOf(exit.cause, options.encodeError), kept: options.kept }
}

/** The longest JSON of an error that is kept with it, in characters. */
export const longestError = 1024 * 1024

/** A failure as lists tell it. */
export const brief = (failure: Failure | null): Failure | null => {
  if (failure === null || failure.error === undefined) return failure
  const { message, reason, tag } = failure
  return { tag, reason, message }
}

/** An error as a record tells it: its tag, its reason where it has one, its message in one line, itself encoded. */
export const failureOf = (
  cause: Cause.Cause<unknown>,
  encode: (error: unknown) => Option.Option<unknown> = () => Option.none(),
): Failure => {
  const encoded = Option.filter(Option.flatMap(Cause.failureOption(cause), encode), isShort)
  const error = Option.getOrElse(Cause.failureOption(cause), () => Cause.squash(cause))
  const tag = Predicate.hasProperty(error, "_tag") ? String(error._tag) : undefined
  return {
    tag: tag ?? (error instanceof Error ? error.name : "Error"),
    reason: Predicate.hasProperty(error, "reason") ? String(error.reason) : null,
    message: messageOf(error),
    ...(Option.isSome(encoded) ? { error: encoded.value } : {}),
  }
}

// ---------------------------------------------------------------------------------------------------------

const blank = {
  path: [],
  stepIndex: null,
  stepCount: null,
  items: null,
  detail: null,
  context: {},
  steps: [],
  omitted: 0,
  late: 0,
}

/** What came before the rest. */
const first = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> =>
  cause._tag !== "Sequential" ? cause : first(Cause.isEmpty(cause.left) ? cause.right : cause.left)

/** Whether it is JSON that is not too long. */
const isShort = (value: unknown): boolean => {
  try {
    return (JSON.stringify(value)?.length ?? Number.POSITIVE_INFINITY) <= longestError
  } catch {
    return false
  }
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? ""

const includes = (composite: FiberId.FiberId, id: FiberId.FiberId): boolean =>
  composite === id ||
  (composite._tag === "Composite" && (includes(composite.left, id) || includes(composite.right, id))) ||
  (composite._tag === "Runtime" &&
    id._tag === "Runtime" &&
    composite.id === id.id &&
    composite.startTimeMillis === id.startTimeMillis)
