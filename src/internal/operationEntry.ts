/**
 * An operation that this process runs: its record as it is now, who watches it, how it ends.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Inspectable from "effect/Inspectable"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Operation from "../Operation.js"
import type { OperationError } from "../OperationError.js"
import * as Record from "../OperationRecord.js"
import type { Reported, Service as Store } from "../OperationStore.js"
import type { Change } from "../Operations.js"
import type { ProgressSnapshot } from "../ProgressSnapshot.js"
import { Feed, fromSnapshot } from "./operationFeed.js"
import type { Lease } from "./operationLease.js"
import * as Metrics from "./operationMetrics.js"
import * as Refusal from "./operationRefusal.js"

/** What its handler succeeded with, and the same encoded. */
export interface Outcome {
  readonly value: unknown
  readonly result: unknown
}

/** What an entry shares with the others of its registry. */
export interface Surroundings {
  readonly store: Store
  /** Tells of a store that does not take what is to be kept, once. */
  readonly warn: (error: OperationError) => Effect.Effect<void>
  readonly isClosing: () => boolean
  readonly closingReason: string
}

export class Entry {
  readonly feed = new Feed()
  readonly ended = Deferred.unsafeMake<Exit.Exit<unknown, unknown>>(FiberId.none)
  /** The request to cancel it that counts. */
  cancellation: Record.Cancellation | undefined
  /** When it began to run. */
  begun: number | null
  #isDone = false
  #isEnding = false
  #fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  #interruptors: ReadonlyArray<FiberId.FiberId> = []
  #snapshot: ProgressSnapshot | undefined
  readonly #warnings: Array<string> = []
  readonly #canceller = FiberId.unsafeMake()

  constructor(
    public record: Record.OperationRecord,
    readonly operation: Operation.Any,
    readonly lease: Lease,
    readonly around: Surroundings,
  ) {
    this.begun = record.started
  }

  get id(): string {
    return this.record.id
  }

  /** The record with the progress that it has now. */
  get current(): Record.OperationRecord {
    const progress = this.#snapshot
    return progress === undefined || Record.isTerminal(this.record)
      ? this.record
      : {
          ...this.record,
          progress,
          fraction: progress.fraction,
          message: progress.message,
          warnings: [...this.#warnings],
        }
  }

  /** What becomes of it, from after `sequence` on, or from now. */
  changes(sequence?: number): Stream.Stream<Change, OperationError> {
    const now = Effect.map(Clock.currentTimeMillis, (at) =>
      fromSnapshot(this.id, this.record.sequence, this.record.status, Record.snapshotOf(this.current, at)),
    )
    return this.feed.last === undefined && sequence === undefined
      ? Stream.concat(Stream.fromEffect(now), this.feed.changes(0))
      : this.feed.changes(sequence)
  }

  /** The fiber that does its work. */
  attach(fiber: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#fiber = fiber
      return Effect.forEach(this.#interruptors, (id) => Fiber.interruptAsFork(fiber, id), { discard: true })
    })
  }

  get isInterrupted(): boolean {
    return this.#interruptors.length > 0
  }

  /** Its work is done, or is to end: no part of it starts any more. */
  get isOver(): boolean {
    return this.#isDone || this.isInterrupted
  }

  /** Its work is done. */
  done(): void {
    this.#isDone = true
  }

  /** Because a request says so; the first one counts. */
  cancel(cancellation: Record.Cancellation): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#isEnding || this.cancellation !== undefined) return Effect.void
      this.#count(cancellation)
      return Metrics.cancelRequested(this.record.kind).pipe(
        Effect.zipRight(this.#interrupt(this.#canceller)),
        Effect.zipRight(this.#announce),
      )
    })
  }

  /** What the store says of who asked first. */
  correct(standing: Record.Cancellation): void {
    if (!this.#isEnding && this.cancellation !== undefined) this.#count(standing)
  }

  /** Because its registry ends. */
  close(): Effect.Effect<void> {
    return this.#interrupt(closing)
  }

  /** Because the lease is gone. */
  lose(): Effect.Effect<void> {
    return this.#interrupt(lost)
  }

  /** Its turn has come. */
  readonly begin: Effect.Effect<void> = Effect.gen(this, function* () {
    const at = yield* Clock.currentTimeMillis
    yield* Effect.uninterruptible(
      Effect.suspend(() => {
        if (this.record.status !== "pending") return Effect.void
        this.begun = Math.max(at, this.record.created)
        this.record = { ...this.record, status: "running", started: this.begun }
        return Metrics.started(this.record.kind)
      }),
    )
    yield* this.#tell(this.around.store.begin(this.id, this.token, at))
  })

  /** Takes a snapshot: the watchers get it, and the store. */
  observe(snapshot: ProgressSnapshot): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      this.#snapshot = snapshot
      if (snapshot.status !== "running") return
      const change = this.#change(snapshot)
      yield* this.feed.publish(change)
      yield* this.#tell(
        this.around.store.report(this.id, this.token, reported(change, snapshot), [...this.#warnings]),
      )
    })
  }

  /** Collects the warnings that the effect logs. */
  collecting<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    const collector = Logger.make(({ logLevel, message }) => {
      if (LogLevel.lessThan(logLevel, LogLevel.Warning) || this.#warnings.length >= mostWarnings) return
      const parts = Array.isArray(message) ? message : [message]
      const text = parts.map((part) => Inspectable.toStringUnknown(part, 0)).join(" ")
      this.#warnings.push(text.length > longestWarning ? `${text.slice(0, longestWarning)}…` : text)
    })
    return Effect.locallyWith(effect, FiberRef.currentLoggers, HashSet.add(collector))
  }

  /**
   * Records how it ended; what the record says then is what its watchers and those who wait for it are told. Where
   * it cannot be recorded, as the lease is gone, it is lost; but its own failure is told, unless the store has another.
   */
  end(exit: Exit.Exit<Outcome, unknown>): Effect.Effect<Record.OperationRecord> {
    return Effect.gen(this, function* () {
      const at = yield* Clock.currentTimeMillis
      this.#isEnding = true
      const ending = this.#endingOf(exit, at)
      const ended = Record.end({ ...this.current, warnings: [...this.#warnings] }, ending, at)
      const snapshot = Record.snapshotOf(ended, at)
      const { fraction, message } = snapshot
      const last = fromSnapshot(this.id, this.record.sequence + 1, ended.status, snapshot)
      const kept = { ...ended, progress: snapshot, fraction, message, sequence: last.sequence }
      const isTaken = yield* this.#finish(ending, at, reported(last, snapshot))
      this.record = isTaken
        ? ending.status === "cancelled"
          ? yield* this.#stored(kept)
          : kept
        : yield* this.#truth(at, ending.status === "failed" ? kept : undefined)
      const isKept = isTaken || this.record.sequence === last.sequence
      yield* this.feed.publish(
        isKept
          ? last
          : fromSnapshot(this.id, last.sequence, this.record.status, Record.snapshotOf(this.record, at)),
      )
      yield* Deferred.succeed(
        this.ended,
        isKept
          ? Exit.map(exit, ({ value }) => value)
          : Exit.fail(Refusal.ownerLost(this.id, this.lease.loss)),
      )
      return this.record
    }).pipe(Effect.onError((cause) => Deferred.failCause(this.ended, cause)))
  }

  get token(): number {
    return this.record.owner.token
  }

  #count(cancellation: Record.Cancellation): void {
    this.cancellation = cancellation
    this.record = { ...this.record, status: "cancelling", cancellation }
  }

  #interrupt(by: FiberId.FiberId): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#interruptors = [...this.#interruptors, by]
      return this.#fiber === undefined ? Effect.void : Fiber.interruptAsFork(this.#fiber, by)
    })
  }

  #endingOf(exit: Exit.Exit<Outcome, unknown>, at: number): Record.Ending {
    const because = (reason: string): Record.Cancellation => ({ reason, requested: at, by: "its owner" })
    return Record.endingOf(exit, {
      encode: ({ result }) => result,
      encodeError: Schema.encodeUnknownOption(this.operation.definition.error),
      cancellers: [
        [this.#canceller, this.cancellation ?? because("cancelled")],
        [closing, this.cancellation ?? because(this.around.closingReason)],
      ],
      fromInside: because("it interrupted itself"),
      kept: this.#kept(),
    })
  }

  /** Tells the watchers of a state that is new, with the progress that they know. */
  readonly #announce: Effect.Effect<void> = Effect.gen(this, function* () {
    const now = yield* Clock.currentTimeMillis
    if (!this.#isEnding) yield* this.feed.publish(this.#change(Record.snapshotOf(this.current, now)))
  })

  #change(snapshot: ProgressSnapshot): Change {
    const sequence = this.record.sequence + 1
    this.record = { ...this.record, sequence }
    return fromSnapshot(this.id, sequence, this.record.status, snapshot)
  }

  #kept(): string | null {
    const { kept } = this.operation.definition
    if (kept === undefined || this.#snapshot === undefined) return null
    try {
      return kept(this.#snapshot, this.#snapshot.context)
    } catch {
      return null
    }
  }

  /** A store that does not take it costs a warning; one that refuses it says that the lease is gone. */
  #tell(writing: Effect.Effect<boolean, OperationError>): Effect.Effect<void> {
    return writing.pipe(
      Effect.catchAll((error) => Effect.as(this.around.warn(error), true)),
      Effect.flatMap((isOwned) => (isOwned ? Effect.void : this.lose())),
    )
  }

  /**
   * False when the lease is gone; true as well where a registry that ends cannot bring the store to take it,
   * which is said.
   */
  #finish(ending: Record.Ending, at: number, last: Reported): Effect.Effect<boolean> {
    const write = (snapshot: Reported | undefined) =>
      this.around.store.finish(this.id, this.token, ending, at, snapshot, [...this.#warnings])
    const attempt = Effect.flatMap(this.lease.isGood, (isGood) =>
      isGood
        ? Effect.catchAllDefect(
            Effect.suspend(() => write(last)),
            () => write(undefined),
          )
        : Effect.succeed(false),
    )
    return attempt.pipe(
      Effect.tapError(this.around.warn),
      Effect.retry({ schedule: Schedule.spaced("1 second"), while: () => !this.around.isClosing() }),
      Effect.catchAll((error) =>
        Effect.as(
          Effect.logError(`${this.id} is ${ending.status}, which could not be recorded: ${error.message}`),
          true,
        ),
      ),
    )
  }

  /** What the store says of it that this process may not alter any more; `own` or a loss where it says nothing. */
  #truth(at: number, own: Record.OperationRecord | undefined): Effect.Effect<Record.OperationRecord> {
    const other = own ?? Record.end(this.current, Record.lost(this.record, this.lease.loss), at)
    return Effect.zipRight(Effect.ignore(this.around.store.sweep), this.#stored(other))
  }

  /** The terminal record that the store has; the other one where it has none. */
  #stored(other: Record.OperationRecord): Effect.Effect<Record.OperationRecord> {
    return this.around.store.get(this.id).pipe(
      Effect.map(Option.filter(Record.isTerminal)),
      Effect.map(Option.getOrElse(() => other)),
      Effect.orElseSucceed(() => other),
    )
  }
}

// ---------------------------------------------------------------------------------------------------------

const mostWarnings = 100
const longestWarning = 2000

const closing = FiberId.unsafeMake()
const lost = FiberId.unsafeMake()

export const isSame = (a: Record.Cancellation | null, b: Record.Cancellation): boolean =>
  a !== null && a.reason === b.reason && a.by === b.by && a.requested === b.requested

const reported = ({ sequence, encoded }: Change, { fraction, message }: ProgressSnapshot): Reported => ({
  sequence,
  encoded,
  fraction,
  message,
})
