/**
 * What `Operations` offers: on what this process runs, and on what other processes do.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Operation from "../Operation.js"
import type { OperationError } from "../OperationError.js"
import * as Record from "../OperationRecord.js"
import { OperationStore } from "../OperationStore.js"
import type { CancelAnswer, Options, Service, StartOptions } from "../Operations.js"
import { isSame } from "./operationEntry.js"
import * as Refusal from "./operationRefusal.js"
import { makeRegistry } from "./operationRegistry.js"
import { makeRemote } from "./operationRemote.js"

export const makeService = <Handlers>(
  operations: ReadonlyMap<string, Operation.Any>,
  options: Options,
): Effect.Effect<Service, never, OperationStore | Handlers | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* OperationStore
    const { cancel, entries, group, start } = yield* makeRegistry<Handlers>(operations, options)
    const remote = yield* makeRemote(store)
    const goingOn = yield* Effect.makeSemaphore(1)

    const get: Service["get"] = (id) =>
      Effect.suspend(() => {
        const entry = entries.get(id)
        return entry === undefined ? remote.get(id) : Effect.succeed(entry.current)
      })

    const awaited: Service["await"] = (id) =>
      Effect.suspend(() => {
        const entry = entries.get(id)
        return entry === undefined
          ? remote.await(id)
          : Effect.map(Deferred.await(entry.ended), () => entry.record)
      })

    /** The record as it is once it has ended, or after the bound. */
    const settled = (id: string): Effect.Effect<Record.OperationRecord, OperationError> =>
      Effect.flatMap(
        Effect.timeoutOption(awaited(id), cancelBound),
        Option.match({ onSome: Effect.succeed, onNone: () => get(id) }),
      )

    const cancelHere = (id: string, asked: Record.Cancellation) =>
      Effect.suspend(() => {
        const entry = entries.get(id)
        if (entry === undefined) return Effect.succeedNone
        return Effect.asSome(cancel(entry, asked))
      })

    const cancelThere = (id: string, asked: Record.Cancellation) =>
      Effect.gen(function* () {
        const before = yield* remote.get(id)
        if (Record.isTerminal(before)) return yield* Refusal.finished(before)
        const after = yield* Effect.mapError(Effect.flatten(store.requestCancel(id, asked)), (error) =>
          error._tag === "NoSuchElementException" ? Refusal.unknownId(id) : error,
        )
        if (Record.isTerminal(after) && after.cancellation === null) return yield* Refusal.finished(after)
        return before.status !== "cancelling" && isSame(after.cancellation, asked)
      })

    const cancelIt: Service["cancel"] = (id, { reason = "no reason given", by = "this process" } = {}) =>
      Effect.gen(function* () {
        const told = reason.length > longestReason ? `${reason.slice(0, longestReason - 1)}…` : reason
        const asked = { reason: told, by, requested: yield* Clock.currentTimeMillis }
        const here = yield* cancelHere(id, asked)
        const isFirst = Option.isSome(here) ? here.value : yield* cancelThere(id, asked)
        const record = yield* settled(id)
        return { record, isFirst } satisfies CancelAnswer
      })

    const earlier = (record: Record.OperationRecord) =>
      Effect.gen(function* () {
        const ids: Array<string> = []
        let one = Option.some(record)
        while (Option.isSome(one) && ids.length < longestChain) {
          const { isResumed, resumedFrom } = one.value
          if (!isResumed || resumedFrom === null || ids.includes(resumedFrom)) break
          ids.push(resumedFrom)
          one = yield* store.get(resumedFrom)
        }
        return ids
      })

    /** Starts again what has ended without success: one after another, lest two go on with the same. */
    const again = (id: string, isResumed: boolean, given: StartOptions) =>
      Effect.gen(function* () {
        const record = yield* get(id)
        if (!Record.isTerminal(record)) return yield* Refusal.notFinished(record)
        if (record.status === "completed") return yield* Refusal.succeeded(record)
        const operation = yield* group.get(record.kind)
        const { definition } = operation
        if (isResumed && definition.resume === "none") return yield* Refusal.notResumable(record)
        if (definition.version !== record.version) return yield* Refusal.outdated(record, definition.version)
        const { operations: live } = yield* store.list({
          statuses: Record.active,
          kind: record.kind,
          limit: 1000,
        })
        const successor = live.find(({ resumedFrom }) => resumedFrom === id)
        if (successor !== undefined) return yield* Refusal.superseded(id, successor.id)
        const payload = yield* operation.decode(record.payload)
        return yield* start(
          operation,
          isResumed ? (definition.continuation?.(payload) ?? payload) : payload,
          {
            settings: record.settings,
            ...given,
            continues: {
              id,
              attempt: record.attempt + 1,
              isResumed,
              earlier: isResumed ? yield* earlier(record) : [],
            },
          },
        )
      }).pipe(goingOn.withPermits(1))

    return {
      operations,
      start: start as Service["start"],
      startKind: (kind, payload, given) =>
        Effect.flatMap(group.get(kind), (operation) =>
          Effect.flatMap(operation.decode(payload), (decoded) => start(operation, decoded, given)),
        ),
      get,
      list: (query = {}) => Effect.zipRight(remote.sweep, store.list(query)),
      changes: (id, sequence) =>
        Stream.suspend(() => {
          const entry = entries.get(id)
          return entry === undefined ? remote.changes(id, sequence) : entry.changes(sequence)
        }),
      await: awaited,
      cancel: cancelIt,
      resume: (id, given = {}) => again(id, true, given),
      retry: (id, given = {}) => again(id, false, given),
    }
  })

// ---------------------------------------------------------------------------------------------------------

/** Characters of a reason, which lists show. */
const longestReason = 1000

/** How many operations may be told that went on from one another. */
const longestChain = 100

/** The longest that a cancel takes with a dead host. */
const cancelBound = "5 seconds"
