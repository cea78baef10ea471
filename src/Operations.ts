/**
 * The registry: starts operations, and lists, watches, cancels and resumes them, those of other processes as
 * well, as far as they share its `OperationStore`. Cancellation is the interruption of the operation's fiber and
 * nothing else; what the record says is taken from the exit.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import { makeService } from "./internal/operationService.js"
import type * as Operation from "./Operation.js"
import type { OperationError } from "./OperationError.js"
import type { OperationRecord, Status } from "./OperationRecord.js"
import * as OperationStore from "./OperationStore.js"
import type { ProgressSnapshot } from "./ProgressSnapshot.js"

export interface StartOptions {
  /** Told of its progress as by `Progress.observe`, at most four times a second. */
  readonly observer?: (snapshot: ProgressSnapshot) => Effect.Effect<void>
  /** The id to give it; a new one by default. */
  readonly id?: string
  /** The operation that it is a part of; by default the one that starts it. It ends no later than that one. */
  readonly parent?: string
  /** What another owner has to know to go on with it, besides the payload; those of the registry by default. */
  readonly settings?: Readonly<Record<string, string>>
}

/** An operation of this process. */
export interface Running<out Success, out Failure> {
  readonly id: string
  /**
   * How it ended, once that is recorded. Whoever waits may be interrupted without harm to the operation. Fails
   * with `OwnerLost` where this process was found to be its owner no more; with its own failure where it had one and
   * the lease was lost because the store could not be written.
   */
  readonly exit: Effect.Effect<Exit.Exit<Success, Failure | OperationError>>
}

/** What a watcher is told: the operation's state, and its progress, encoded once for all. */
export interface Change {
  readonly id: string
  /** Grows by one with each snapshot. */
  readonly sequence: number
  readonly status: Status
  /** The progress as JSON: a `ProgressSnapshot`. */
  readonly encoded: string
  readonly snapshot: () => ProgressSnapshot
}

export interface CancelOptions {
  readonly reason?: string
  /** Who asks: this process by default. */
  readonly by?: string
}

export interface CancelAnswer {
  /** Terminal; still `cancelling` where its finalizers take longer than the bound. */
  readonly record: OperationRecord
  /** False when somebody else had asked before: his reason counts. */
  readonly isFirst: boolean
}

export interface Service {
  readonly operations: ReadonlyMap<string, Operation.Any>
  /**
   * Starts an operation of this registry and returns once it is recorded; it runs on when the caller ends, until
   * the registry does. It waits as `pending` where its kind's limit or its exclusive key asks for that. Fails
   * with `Finished` as a part of an operation that has ended or is about to.
   */
  readonly start: <Member extends Operation.Any>(
    operation: Member,
    payload: Operation.PayloadOf<Member>,
    options?: StartOptions,
  ) => Effect.Effect<Running<Operation.SuccessOf<Member>, Operation.FailureOf<Member>>, OperationError>
  /** The same of whatever kind, with a payload from outside. */
  readonly startKind: (
    kind: string,
    payload: unknown,
    options?: StartOptions,
  ) => Effect.Effect<Running<unknown, unknown>, OperationError>
  /** Fails with `UnknownId`. */
  readonly get: (id: string) => Effect.Effect<OperationRecord, OperationError>
  /** Newest first, ended ones included. */
  readonly list: (query?: OperationStore.Query) => Effect.Effect<OperationStore.Page, OperationError>
  /**
   * What becomes of an operation, from after `sequence` on, or from now: at most four changes a second, the
   * terminal one last. A slow reader misses some that are not the last.
   */
  readonly changes: (id: string, sequence?: number) => Stream.Stream<Change, OperationError>
  /** The record once it is terminal. */
  readonly await: (id: string) => Effect.Effect<OperationRecord, OperationError>
  /**
   * Interrupts the operation and waits for its finalizers, five seconds at most. Fails with `UnknownId`, and
   * with `Finished` when it had ended before.
   */
  readonly cancel: (id: string, options?: CancelOptions) => Effect.Effect<CancelAnswer, OperationError>
  /** Goes on, as a new operation, with one that failed or was cancelled and whose kind can be resumed. */
  readonly resume: (
    id: string,
    options?: StartOptions,
  ) => Effect.Effect<Running<unknown, unknown>, OperationError>
  /** Starts, as a new operation, one that failed or was cancelled from its beginning. */
  readonly retry: (
    id: string,
    options?: StartOptions,
  ) => Effect.Effect<Running<unknown, unknown>, OperationError>
}

export class Operations extends Context.Tag("ktrdr/Operations")<Operations, Service>() {}

export interface Options {
  /** How many of a kind run at once; as many as are started by default. */
  readonly limits?: Readonly<Record<string, number>>
  readonly settings?: Readonly<Record<string, string>>
  /** The reason of those that are cancelled because the registry ends. */
  readonly closingReason?: string
}

/**
 * A registry of the operations of a group, whose handlers it needs. When its scope closes its operations are
 * cancelled, and what became of them is recorded.
 */
export const layer = <Member extends Operation.Any>(
  group: Operation.Group<Member>,
  options: Options = {},
): Layer.Layer<Operations, never, OperationStore.OperationStore | Operation.HandlersOf<Member>> =>
  Layer.scoped(Operations, makeService<Operation.HandlersOf<Member>>(group.operations, options))

/** A registry over records of this process alone. */
export const layerTest = <Member extends Operation.Any>(
  group: Operation.Group<Member>,
  options: Options = {},
): Layer.Layer<Operations | OperationStore.OperationStore, never, Operation.HandlersOf<Member>> =>
  Layer.provideMerge(layer(group, options), OperationStore.layerMemory)

/**
 * Runs an operation in the registry as if it were a part of the caller: to interrupt the caller cancels it, for
 * `reason`, and it ends as the operation did.
 */
export const run = <Member extends Operation.Any>(
  operation: Member,
  payload: Operation.PayloadOf<Member>,
  options: StartOptions & { readonly reason?: string } = {},
): Effect.Effect<Operation.SuccessOf<Member>, Operation.FailureOf<Member> | OperationError, Operations> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const operations = yield* Operations
      const { id, exit } = yield* operations.start(operation, payload, options)
      const ended = yield* restore(exit).pipe(
        Effect.onInterrupt(() =>
          Effect.ignore(operations.cancel(id, { reason: options.reason ?? "the caller was interrupted" })),
        ),
      )
      return yield* ended
    }),
  )
