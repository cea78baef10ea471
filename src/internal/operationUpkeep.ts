/**
 * What a registry does while operations run: renews its lease, takes up cancels of other processes, removes old records.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import type { OperationError } from "../OperationError.js"
import * as Record from "../OperationRecord.js"
import type { Service as Store } from "../OperationStore.js"
import type { Entry } from "./operationEntry.js"
import { steady } from "./operationLease.js"
import type { Ownership } from "./operationOwnership.js"

export interface Kept {
  readonly store: Store
  readonly ownership: Pick<Ownership, "attend">
  readonly entries: ReadonlyMap<string, Entry>
  /** Open while anything runs; closed here once nothing does. */
  readonly atWork: Effect.Latch
  readonly cancel: (entry: Entry, cancellation: Record.Cancellation) => Effect.Effect<unknown, OperationError>
  /** Tells what went wrong, once. */
  readonly warn: (error: { readonly message: string }) => Effect.Effect<void>
}

/** Never ends; what goes wrong costs a warning. */
export const upkeep = ({ store, ownership, entries, atWork, cancel, warn }: Kept): Effect.Effect<never> => {
  let pruned = Number.NEGATIVE_INFINITY

  const attend = Effect.gen(function* () {
    for (const { id, cancellation } of yield* ownership.attend) {
      const entry = entries.get(id)
      if (entry !== undefined && entry.cancellation === undefined) {
        yield* Effect.ignore(cancel(entry, cancellation))
      }
    }
  })

  const prune = Effect.gen(function* () {
    const now = yield* steady()
    if (now < pruned + pruneMillis) return
    pruned = now
    const { operations: newest } = yield* store.list({
      statuses: Record.terminal,
      limit: 1,
      offset: sparedRecords - 1,
    })
    const last = newest[0]?.completed ?? Number.NEGATIVE_INFINITY
    const before = Math.min(yield* Clock.currentTimeMillis, last) - keptMillis
    yield* store.prune({ before: Math.max(0, before), keep: keptRecords })
  })

  const safely = (work: Effect.Effect<void, OperationError>): Effect.Effect<void> =>
    work.pipe(
      Effect.catchAll(warn),
      Effect.catchAllDefect((defect) => warn({ message: Inspectable.toStringUnknown(defect) })),
    )

  return atWork.await.pipe(
    Effect.zipRight(Effect.sleep(attendMillis)),
    Effect.zipRight(safely(attend)),
    Effect.zipRight(safely(prune)),
    Effect.tap(() => Effect.sync(() => entries.size === 0 && atWork.unsafeClose())),
    Effect.forever,
  )
}

// ---------------------------------------------------------------------------------------------------------

/** A request of another process is seen within this time. */
const attendMillis = 25

/**
 * Ended operations are kept for 7 days, and no more of them than `keptRecords`. Days are counted from the last but
 * so many: neither a clock that was set wrong nor a long absence costs what was done last.
 */
const keptMillis = 7 * 24 * 3_600_000
const keptRecords = 10_000
const sparedRecords = 100
/** How often those that are not kept any longer are removed. */
const pruneMillis = 3_600_000
