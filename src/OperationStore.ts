/**
 * Where operations are recorded, for every process of a user: a port, and a store of this process alone.
 *
 * Each owner holds a lease with a token that grows for good. Every write of an owner names its token and is
 * refused once the lease is gone, or the operation has ended: so an owner that was suspended and woken alters
 * nothing, and a terminal state is written once. A request to cancel is a row that the owner reads.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import { makeMemory } from "./internal/operationMemory.js"
import type { OperationError } from "./OperationError.js"
import type { Cancellation, Ending, OperationRecord, Owner, Status, Summary } from "./OperationRecord.js"

export { leaseMillis, renewalMillis } from "./internal/operationLease.js"
export { defaultLimit, maxLimit } from "./internal/operationQuery.js"

/** Which operations a list shows: all of those that fit. */
export interface Query {
  readonly statuses?: ReadonlyArray<Status> | undefined
  readonly kind?: string | undefined
  /** The parts of this operation only. */
  readonly parent?: string | undefined
  /** At most so many, 1 to `maxLimit`; `defaultLimit` where left out. */
  readonly limit?: number | undefined
  /** After so many. */
  readonly offset?: number | undefined
}

/** A part of the list, newest first. */
export interface Page {
  readonly operations: ReadonlyArray<Summary>
  /** How many fit the query. */
  readonly total: number
  /** How many operations of the store have not ended, whatever the query. */
  readonly active: number
}

/** A snapshot to be kept: `encoded` is the JSON of it. */
export interface Reported {
  readonly sequence: number
  readonly encoded: string
  readonly fraction: number | null
  readonly message: string
}

/** What a watcher learns: the newest snapshot (none before the first) and the state. */
export interface Seen {
  readonly status: Status
  readonly sequence: number
  readonly encoded: string | undefined
}

export interface Requested {
  readonly id: string
  readonly cancellation: Cancellation
}

export interface Service {
  /** Takes a lease for this process. */
  readonly acquire: Effect.Effect<Owner, OperationError>
  /** Makes the lease good for another `leaseMillis`; false once it is gone or was let run out. */
  readonly renew: (token: number) => Effect.Effect<boolean, OperationError>
  /** Gives the lease back. */
  readonly release: (token: number) => Effect.Effect<void, OperationError>

  /**
   * Writes a new record down. Fails with `OwnerLost` when the lease that it names is gone, with `Superseded` when
   * another one that has not ended goes on with the same operation.
   */
  readonly insert: (record: OperationRecord) => Effect.Effect<void, OperationError>
  /** Turns `pending` into `running`. This and the next two: false when the lease is gone or it has ended. */
  readonly begin: (id: string, token: number, at: number) => Effect.Effect<boolean, OperationError>
  readonly report: (
    id: string,
    token: number,
    reported: Reported,
    warnings: ReadonlyArray<string>,
  ) => Effect.Effect<boolean, OperationError>
  /** Gives an operation its terminal state, with the last snapshot and all warnings, no earlier than it began. */
  readonly finish: (
    id: string,
    token: number,
    ending: Ending,
    at: number,
    last: Reported | undefined,
    warnings: ReadonlyArray<string>,
  ) => Effect.Effect<boolean, OperationError>

  /**
   * Asks for an operation to be cancelled; the first request counts. Answers with the record as it is then:
   * `cancelling` with the request that counts, or terminal; none where there is no such operation.
   */
  readonly requestCancel: (
    id: string,
    cancellation: Cancellation,
  ) => Effect.Effect<Option.Option<OperationRecord>, OperationError>
  /** Which operations of an owner are to be cancelled. */
  readonly requested: (token: number) => Effect.Effect<ReadonlyArray<Requested>, OperationError>

  readonly get: (id: string) => Effect.Effect<Option.Option<OperationRecord>, OperationError>
  readonly list: (query: Query) => Effect.Effect<Page, OperationError>
  /** What is new of an operation since `sequence`: its snapshot is left out where it is that one still. */
  readonly watch: (id: string, sequence: number) => Effect.Effect<Option.Option<Seen>, OperationError>

  /**
   * Fails, with `OwnerLost`, the operations whose owner is gone, and says how many those were. Where that cannot be
   * written down, this store shows them so from then on all the same.
   */
  readonly sweep: Effect.Effect<number, OperationError>
  /** Removes ended operations, oldest first: those that ended before `before`, and all but the newest `keep`. */
  readonly prune: (limits: {
    readonly before: number
    readonly keep: number
  }) => Effect.Effect<number, OperationError>
}

export class OperationStore extends Context.Tag("ktrdr/OperationStore")<OperationStore, Service>() {}

/** Records of this process, gone with it. */
export const layerMemory: Layer.Layer<OperationStore> = Layer.effect(OperationStore, makeMemory)
