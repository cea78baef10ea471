/**
 * The lease under which a registry runs its operations, and what is written down and ended with it.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { OperationError } from "../OperationError.js"
import { endingOf, type OperationRecord } from "../OperationRecord.js"
import type { Requested, Service as Store } from "../OperationStore.js"
import type { Entry } from "./operationEntry.js"
import { Lease } from "./operationLease.js"

export interface Owned {
  readonly record: OperationRecord
  readonly lease: Lease
}

export interface Ownership {
  /** Writes a record down, under a lease that is good; what may have been written all the same is ended where that fails. */
  readonly insert: (record: Omit<OperationRecord, "owner">) => Effect.Effect<Owned, OperationError>
  /** Renews the lease where that is due, and says which of the operations under it are to be cancelled. */
  readonly attend: Effect.Effect<ReadonlyArray<Requested>, OperationError>
  /** Ends the operations of a lease that is gone. */
  readonly lose: (lease: Lease) => Effect.Effect<void>
  /** Gives the lease back. */
  readonly release: Effect.Effect<void>
}

export const makeOwnership = (store: Store, entries: ReadonlyMap<string, Entry>): Effect.Effect<Ownership> =>
  Effect.map(Effect.makeSemaphore(1), (taking) => {
    let lease: Lease | undefined

    const lose: Ownership["lose"] = (gone) =>
      Effect.suspend(() => {
        gone.lose()
        if (lease === gone) lease = undefined
        const owned = [...entries.values()].filter((entry) => entry.lease === gone)
        return Effect.forEach(owned, (entry) => entry.lose(), { discard: true })
      })

    /** The lease: good for a while still, and taken where there is none that is. */
    const own = Effect.gen(function* () {
      if (lease !== undefined && (yield* lease.keep)) return lease
      if (lease !== undefined) yield* lose(lease)
      lease = yield* Lease.take(store)
      return lease
    }).pipe(taking.withPermits(1))

    const insert: Ownership["insert"] = (unowned) =>
      Effect.suspend(() => {
        let written: OperationRecord | undefined
        return Effect.gen(function* () {
          const held = yield* own
          const record = { ...unowned, owner: held.owner }
          written = record
          yield* Effect.tapError(store.insert(record), ({ reason }) =>
            reason === "OwnerLost" ? lose(held) : Effect.void,
          )
          return { record, lease: held }
        }).pipe(
          Effect.retry({ times: 1, while: ({ reason }) => reason === "OwnerLost" }),
          Effect.interruptible,
          Effect.onError((cause) =>
            written === undefined || isRefused(cause) ? Effect.void : takeBack(store, written, cause),
          ),
        )
      })

    const attend: Ownership["attend"] = Effect.gen(function* () {
      if (lease === undefined) return []
      if (yield* lease.keep) return yield* store.requested(lease.owner.token)
      yield* lose(lease)
      return []
    })

    const release = Effect.suspend(() => {
      const held = lease
      lease = undefined
      return held === undefined ? Effect.void : Effect.ignore(store.release(held.owner.token))
    })

    return { insert, attend, lose, release }
  })

// ---------------------------------------------------------------------------------------------------------

/** A start that is interrupted waits no longer than this for the store. */
const takeBackMillis = 1000

const isRefused = (cause: Cause.Cause<OperationError>): boolean =>
  Option.exists(
    Cause.failureOption(cause),
    ({ reason }) => reason === "OwnerLost" || reason === "InvalidPayload" || reason === "Superseded",
  )

const takeBack = (
  store: Store,
  { id, owner }: OperationRecord,
  cause: Cause.Cause<OperationError>,
): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (at) => {
    const ending = endingOf(Exit.failCause(cause), {
      encode: () => null,
      cancellers: [],
      fromInside: { reason: "its start was interrupted", requested: at, by: "its owner" },
      kept: null,
    })
    return store.finish(id, owner.token, ending, at, undefined, [])
  }).pipe(Effect.interruptible, Effect.timeoutOption(takeBackMillis), Effect.ignore)
