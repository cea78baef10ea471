/**
 * The registry behind `Operations.layer`.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Operation from "../Operation.js"
import type { OperationError } from "../OperationError.js"
import { OperationFence } from "../OperationFence.js"
import * as Record from "../OperationRecord.js"
import { OperationStore } from "../OperationStore.js"
import type { Options, Running, StartOptions } from "../Operations.js"
import * as Progress from "../Progress.js"
import { Entry, isSame, type Surroundings } from "./operationEntry.js"
import * as Metrics from "./operationMetrics.js"
import { makeOwnership } from "./operationOwnership.js"
import * as Refusal from "./operationRefusal.js"
import { idTaken } from "./operationStored.js"
import { type Claim, Turns } from "./operationTurns.js"
import { upkeep } from "./operationUpkeep.js"

/** What a registry does with operations of its own process. */
export interface Registry {
  readonly entries: ReadonlyMap<string, Entry>
  readonly group: Operation.Group<Operation.Any>
  readonly start: (
    operation: Operation.Any,
    payload: unknown,
    options?: StartOptions & Continuing,
  ) => Effect.Effect<Running<unknown, unknown>, OperationError>
  /**
   * Asks it, and the operations that are parts of it, to end; returns before they have. Says whether it was the
   * first to ask; fails with `Finished` where it came too late.
   */
  readonly cancel: (entry: Entry, cancellation: Record.Cancellation) => Effect.Effect<boolean, OperationError>
}

/** The operation that another one goes on with. */
export interface Continuing {
  readonly continues?: {
    readonly id: string
    readonly attempt: number
    readonly isResumed: boolean
    readonly earlier: ReadonlyArray<string>
  }
}

export const makeRegistry = <Handlers>(
  operations: ReadonlyMap<string, Operation.Any>,
  options: Options,
): Effect.Effect<Registry, never, OperationStore | Handlers | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* OperationStore
    const tags = [...operations.values()].map(({ handler }) => handler)
    const handlers: Context.Context<Handlers> = Context.pick(...tags)(yield* Effect.context<Handlers>())
    const group = Operation.group(...operations.values())
    const turns = new Turns(options.limits ?? {})
    const entries = new Map<string, Entry>()
    /** Those that are on their way into the store. */
    const starting = new Map<string, { readonly parent: string | null; readonly isThrough: Effect.Latch }>()
    const fibers = yield* FiberMap.make<string>()
    const ownership = yield* makeOwnership(store, entries)
    const atWork = yield* Effect.makeLatch(false)
    let isClosing = false
    let warned = ""

    const warn = ({ message }: { readonly message: string }): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (warned === message) return Effect.void
        warned = message
        return Effect.logWarning(message)
      })

    const surroundings: Surroundings = {
      store,
      warn,
      isClosing: () => isClosing,
      closingReason: options.closingReason ?? "the process that ran it ended",
    }

    const partsOf = ({ id }: Entry) => [...entries.values()].filter(({ record }) => record.parent === id)

    /** Interrupts it and what is a part of it, before anything is written; says which those are. */
    const interrupt = (
      entry: Entry,
      cancellation: Record.Cancellation,
    ): Effect.Effect<ReadonlyArray<Entry>> =>
      Effect.gen(function* () {
        yield* entry.cancel(cancellation)
        const asked = { ...(entry.cancellation ?? cancellation), by: `operation ${entry.id}` }
        const parts = partsOf(entry).filter((part) => !part.isInterrupted)
        const below = yield* Effect.forEach(parts, (part) => interrupt(part, asked))
        return [entry, ...below.flat()]
      })

    /** Writes the request down, and learns which one was the first. */
    const request = (entry: Entry, cancellation: Record.Cancellation) =>
      store.requestCancel(entry.id, cancellation).pipe(
        Effect.catchAll((error) => Effect.as(warn(error), Option.none<Record.OperationRecord>())),
        Effect.map(Option.getOrUndefined),
        Effect.tap((record) =>
          Effect.sync(() => {
            if (record !== undefined && record.cancellation !== null) entry.correct(record.cancellation)
          }),
        ),
      )

    const cancel: Registry["cancel"] = (entry, cancellation) =>
      Effect.gen(function* () {
        const isFirstHere = entry.cancellation === undefined
        const [, ...parts] = yield* interrupt(entry, cancellation)
        const asked = entry.cancellation ?? cancellation
        const record = yield* request(entry, asked)
        if (record?.cancellation === null) return yield* Refusal.finished(record)
        const { reason } = record?.cancellation ?? asked
        yield* Effect.forEach(parts, (part) => request(part, { ...(part.cancellation ?? asked), reason }), {
          discard: true,
        })
        return record === undefined ? isFirstHere : isSame(record.cancellation, cancellation)
      })

    const cancelParts = (entry: Entry, reason: string): Effect.Effect<void> =>
      Effect.flatMap(Clock.currentTimeMillis, (requested) =>
        Effect.forEach(
          partsOf(entry).filter((part) => !part.isInterrupted),
          (part) => Effect.ignore(cancel(part, { reason, requested, by: `operation ${entry.id}` })),
          { discard: true },
        ),
      )

    const settle = (entry: Entry, claim: Claim, exit: Parameters<Entry["end"]>[0]): Effect.Effect<void> =>
      Effect.gen(function* () {
        entry.done()
        const late = [...starting.values()].filter(({ parent }) => parent === entry.id)
        yield* Effect.forEach(late, ({ isThrough }) => isThrough.await, { discard: true })
        const over = isClosing ? surroundings.closingReason : "the operation that it is a part of has ended"
        yield* cancelParts(entry, entry.cancellation?.reason ?? over)
        yield* Effect.forEach(partsOf(entry), (part) => Deferred.await(part.ended), { discard: true })
        const leave = Effect.sync(() => {
          entries.delete(entry.id)
          turns.leave(claim)
        })
        const { kind, completed, cancellation, status } = yield* Effect.ensuring(entry.end(exit), leave)
        const millis = entry.begun === null || completed === null ? undefined : completed - entry.begun
        yield* Metrics.ended(kind, status as Record.Ending["status"], millis)
        if (cancellation !== null && completed !== null) {
          yield* Metrics.cancelTook(kind, Math.max(0, completed - cancellation.requested))
        }
      })

    const start: Registry["start"] = (operation, payload, given = {}) =>
      Effect.gen(function* () {
        const { definition, kind } = operation
        if ((yield* group.get(kind)) !== operation) return yield* Refusal.otherDefinition(kind)
        const encoded = yield* Effect.mapError(Schema.encodeUnknown(definition.payload)(payload), (error) =>
          Refusal.unfitPayload(kind, error.message.split("\n")[0] ?? ""),
        )
        const created = yield* Clock.currentTimeMillis
        const id = given.id ?? (yield* Operation.makeId(kind))
        if (!/^[\w.-]{1,200}$/.test(id)) return yield* Refusal.unfitId(id)
        const around = yield* Current
        const parent = given.parent ?? around.id ?? null
        const whole = given.parent === undefined ? around : entries.get(given.parent)
        const key = definition.exclusive?.(payload)
        const claim: Claim = { kind, key: key === undefined ? undefined : `${kind} ${key}` }
        const { continues } = given

        const through = Effect.gen(function* () {
          const isTurn = turns.enter(claim)
          const { record, lease } = yield* Effect.onError(
            ownership.insert({
              ...unused,
              id,
              kind,
              version: definition.version,
              status: isTurn ? "running" : "pending",
              created,
              started: isTurn ? created : null,
              payload: encoded,
              parent,
              resumedFrom: continues?.id ?? null,
              isResumed: continues?.isResumed ?? false,
              attempt: continues?.attempt ?? 1,
              settings: given.settings ?? options.settings ?? {},
            }),
            () => Effect.sync(() => turns.leave(claim)),
          )
          yield* Metrics.waiting(kind)
          if (isTurn) yield* Metrics.started(kind)
          const entry = new Entry(record, operation, lease, surroundings)
          entries.set(id, entry)
          atWork.unsafeOpen()
          const observed = Progress.observe(workOf(entry, payload, continues), {
            observer: (snapshot) =>
              Effect.zipRight(entry.observe(snapshot), given.observer?.(snapshot) ?? Effect.void),
            interval: observeMillis,
            operationId: id,
            kind,
          })
          const work = isTurn
            ? entry.collecting(observed)
            : turns
                .await(claim)
                .pipe(Effect.zipRight(entry.begin), Effect.zipRight(entry.collecting(observed)))
          const check = Effect.flatMap(lease.isGood, (isGood) =>
            isGood ? Effect.void : Effect.zipRight(ownership.lose(lease), Effect.interrupt),
          )
          const program = Effect.gen(function* () {
            const fiber = yield* Effect.fork(Effect.interruptible(work))
            yield* entry.attach(fiber)
            yield* settle(entry, claim, yield* Fiber.await(fiber))
          }).pipe(
            Effect.uninterruptible,
            Effect.mapInputContext((caller: Context.Context<never>) =>
              Context.mergeAll(
                Context.omit(Scope.Scope)(Progress.omit(caller) as Context.Context<Scope.Scope>),
                handlers,
                Context.make(Current, entry),
                Context.make(OperationFence, { check }),
              ),
            ),
          ) as Effect.Effect<void>
          yield* FiberMap.run(fibers, id, program)
          return { id, exit: Deferred.await(entry.ended) }
        })

        if (isClosing) return yield* Refusal.closing(kind)
        if (whole?.isOver === true) return yield* Refusal.noPart(whole.id ?? "")
        if (entries.has(id) || starting.has(id)) return yield* idTaken(id)
        const isThrough = Effect.unsafeMakeLatch(false)
        starting.set(id, { parent, isThrough })
        return yield* Effect.ensuring(
          through,
          Effect.sync(() => {
            starting.delete(id)
            isThrough.unsafeOpen()
          }),
        )
      }).pipe(Effect.uninterruptible)

    yield* Effect.forkScoped(
      Effect.interruptible(upkeep({ store, ownership, entries, atWork, cancel, warn })),
    )
    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        isClosing = true
        yield* Effect.forEach([...starting.values()], ({ isThrough }) => isThrough.await, { discard: true })
        const live = [...entries.values()]
        yield* Effect.forEach(live, (entry) => entry.close(), { discard: true })
        yield* Effect.forEach(live, (entry) => Deferred.await(entry.ended), { discard: true })
        yield* ownership.release
      }),
    )
    return { entries, group, start, cancel }
  })

// ---------------------------------------------------------------------------------------------------------

/** How often a snapshot is taken for its observer, the watchers and the store: four times a second at most. */
const observeMillis = 250

/** What its handler does, and what that comes to encoded. */
const workOf = ({ operation, record, id }: Entry, payload: unknown, continues: Continuing["continues"]) =>
  Effect.suspend(() =>
    operation.run(payload, {
      operationId: id,
      attempt: record.attempt,
      ...(continues?.isResumed === true ? { resumedFrom: continues.id, earlier: continues.earlier } : {}),
    }),
  ).pipe(
    Effect.flatMap((value) =>
      Effect.map(Effect.orDie(Schema.encodeUnknown(operation.definition.success)(value)), (result) => ({
        value,
        result,
      })),
    ),
  )

/** The operation that what it starts is a part of. */
class Current extends Context.Reference<Current>()("ktrdr/Operations/Current", {
  defaultValue: (): { readonly id: string | undefined; readonly isOver: boolean } => ({
    id: undefined,
    isOver: false,
  }),
}) {}

const unused = {
  completed: null,
  fraction: null,
  message: "",
  sequence: 0,
  progress: null,
  warnings: [],
  failure: null,
  result: null,
  cancellation: null,
  kept: null,
}
