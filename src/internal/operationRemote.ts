/**
 * Operations of other processes, as their rows in the store tell of them.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { OperationError } from "../OperationError.js"
import * as Record from "../OperationRecord.js"
import type { Service as Store } from "../OperationStore.js"
import type { Change } from "../Operations.js"
import { Feed, fromEncoded, fromSnapshot } from "./operationFeed.js"
import { steady } from "./operationLease.js"
import * as Refusal from "./operationRefusal.js"

export interface Remote {
  /** Fails the operations whose owner is gone; what keeps it from that is logged, and no reason not to read. */
  readonly sweep: Effect.Effect<void>
  /** The record, after those were failed whose owner is gone. Fails with `UnknownId`. */
  readonly get: (id: string) => Effect.Effect<Record.OperationRecord, OperationError>
  /** Reads the store for all watchers of an operation together. */
  readonly changes: (id: string, sequence?: number) => Stream.Stream<Change, OperationError>
  /** The record once it is terminal. */
  readonly await: (id: string) => Effect.Effect<Record.OperationRecord, OperationError>
}

export const makeRemote = (store: Store): Effect.Effect<Remote, never, Scope.Scope> =>
  Effect.gen(function* () {
    let warned = ""
    const sweep = Effect.catchAll(store.sweep, ({ message }) =>
      Effect.suspend(() => {
        if (warned === message) return Effect.void
        warned = message
        return Effect.logWarning(message)
      }),
    )

    const get: Remote["get"] = (id) =>
      Effect.flatMap(
        Effect.zipRight(sweep, store.get(id)),
        Effect.mapError(() => Refusal.unknownId(id)),
      )

    /** Reads until the operation has ended. */
    const read = (id: string, tell: (change: Change) => Effect.Effect<void>) =>
      Effect.gen(function* () {
        let [sequence, status, swept] = [-1, "", Number.NEGATIVE_INFINITY]
        for (;;) {
          const now = yield* steady()
          if (now - swept >= sweepMillis) {
            swept = now
            yield* sweep
          }
          const seen = yield* store.watch(id, sequence)
          if (Option.isNone(seen)) return yield* Refusal.unknownId(id)
          if (seen.value.sequence !== sequence || seen.value.status !== status) {
            const change = yield* changeOf(id, seen.value.status, seen.value.sequence, seen.value.encoded)
            ;({ sequence, status } = change)
            yield* tell(change)
            if (Record.isTerminal(change)) return
          }
          yield* Effect.sleep(readMillis)
        }
      })

    const changeOf = (id: string, status: Record.Status, sequence: number, encoded: string | undefined) =>
      encoded !== undefined && !Record.isTerminal({ status })
        ? Effect.succeed(fromEncoded(id, sequence, status, encoded))
        : Effect.zipWith(get(id), Clock.currentTimeMillis, (record, now) =>
            fromSnapshot(id, record.sequence, record.status, Record.snapshotOf(record, now)),
          )

    const feeds = yield* RcMap.make({
      lookup: (id: string) =>
        Effect.gen(function* () {
          const feed = new Feed()
          yield* Effect.addFinalizer(() => feed.fail(Cause.fail(Refusal.closing(id))))
          yield* read(id, (change) => feed.publish(change)).pipe(
            Effect.catchAllCause((cause) => feed.fail(cause)),
            Effect.interruptible,
            Effect.forkScoped,
          )
          return feed
        }),
    })

    let isClosed = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true
      }),
    )
    const feedOf = (id: string) =>
      Effect.suspend(() => (isClosed ? Effect.interrupt : RcMap.get(feeds, id))).pipe(
        Effect.catchAllCause((cause) => Effect.failCause(isClosed ? Cause.fail(Refusal.closing(id)) : cause)),
      )

    return {
      sweep,
      get,
      changes: (id, sequence) =>
        Stream.unwrapScoped(
          Effect.zipRight(
            get(id),
            Effect.map(feedOf(id), (feed) => feed.changes(sequence)),
          ),
        ),
      await: (id) =>
        Effect.zipRight(
          get(id),
          Effect.zipRight(
            Effect.scoped(Effect.flatMap(feedOf(id), (feed) => Stream.runDrain(feed.changes()))),
            get(id),
          ),
        ),
    }
  })

// ---------------------------------------------------------------------------------------------------------

const readMillis = 100
const sweepMillis = 1000
