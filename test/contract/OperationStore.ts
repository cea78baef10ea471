/**
 * What every store of operations keeps to. One call for each implementation, whose leases have to run out by
 * `Clock`.
 */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import type { Ending, Owner, Status } from "../../src/OperationRecord.js"
import * as Record from "../../src/OperationRecord.js"
import { leaseMillis, maxLimit, OperationStore, renewalMillis } from "../../src/OperationStore.js"
import { cancellation, failure, record, reported, snapshot } from "../utils/OperationRecords.js"

const completed: Ending = { status: "completed", result: { made: 3 } }
const failed: Ending = { status: "failed", failure, kept: "half of it" }
const cancelled: Ending = { status: "cancelled", cancellation: cancellation("enough"), kept: null }

const getSome = (id: string) =>
  Effect.flatMap(OperationStore, (store) => Effect.map(store.get(id), Option.getOrThrow))

/** Inserts operations, created one after another, and begins them. */
const begun = (owner: Owner, ids: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const store = yield* OperationStore
    for (const [index, id] of ids.entries()) {
      yield* store.insert(record(id, owner, { created: index }))
      expect(yield* store.begin(id, owner.token, index)).toBe(true)
    }
  })

/** What can happen to an operation, in a random order. */
const event = fc.oneof(
  fc.record({ _tag: fc.constant("begin" as const), isOwner: fc.boolean() }),
  fc.record({ _tag: fc.constant("report" as const), isOwner: fc.boolean() }),
  fc.record({
    _tag: fc.constant("finish" as const),
    isOwner: fc.boolean(),
    ending: fc.constantFrom(completed, failed, cancelled),
  }),
  fc.record({ _tag: fc.constant("cancel" as const), reason: fc.constantFrom("a", "b") }),
  fc.record({ _tag: fc.constant("renew" as const) }),
  fc.record({ _tag: fc.constant("sweep" as const) }),
  fc.record({ _tag: fc.constant("pass" as const), millis: fc.integer({ min: 1, max: leaseMillis }) }),
  fc.record({ _tag: fc.constant("release" as const) }),
)
type Event = typeof event extends fc.Arbitrary<infer A> ? A : never

/** The laws of a record and its lease, said in the plainest way. */
class Model {
  status: Status = "pending"
  reason: string | undefined
  isReleased = false
  #left = leaseMillis

  get isHeld(): boolean {
    return !this.isReleased && this.#left > 0
  }
  get isOver(): boolean {
    return Record.isTerminal(this)
  }
  may(isOwner: boolean): boolean {
    return isOwner && this.isHeld && !this.isOver
  }
  pass(millis: number): void {
    this.#left -= millis
  }
  renew(): boolean {
    if (this.isHeld) this.#left = leaseMillis
    return this.isHeld
  }
  cancel(reason: string): void {
    if (this.status !== "pending" && this.status !== "running") return
    this.status = "cancelling"
    this.reason = reason
  }
}

export const contract = <E>(name: string, layer: Layer.Layer<OperationStore, E>): void => {
  const law = <A, E2>(title: string, effect: Effect.Effect<A, E2, OperationStore>) =>
    it.effect(`${name}: ${title}`, () => Effect.provide(effect, layer))

  law(
    "a record comes back as it was written",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      const rich = record("op_1", owner, {
        status: "running",
        created: 1_700_000_000_123,
        started: 1_700_000_000_124,
        fraction: 0.1 + 0.2,
        message: "größer 🙂 “x”\u0000 \ud800",
        payload: { deep: [1, null, { ключ: "値\u0000" }], empty: {}, number: -1e-9 },
        parent: "op_0",
        resumedFrom: "op_00",
        attempt: 3,
        sequence: 5,
        progress: snapshot("größer 🙂"),
        warnings: ["one", "zwei 🙂"],
        settings: { host: "http://127.0.0.1:1" },
      })
      yield* store.insert(rich)
      expect(yield* getSome("op_1")).toEqual(rich)
      expect(yield* store.get("op_2")).toEqual(Option.none())
      expect(yield* store.get("op_1\u0000x")).toEqual(Option.none())
      expect((yield* store.list({})).operations).toMatchObject([
        { id: "op_1", message: rich.message, payload: rich.payload, parent: "op_0", owner, attempt: 3 },
      ])
    }),
  )

  law(
    "a payload, a snapshot and a result of a MiB each are kept whole",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      const big = "ab🙂 \n".repeat(2 ** 20 / 10)
      yield* store.insert(record("op_1", owner, { payload: { big } }))
      yield* store.begin("op_1", owner.token, 2)
      yield* store.report("op_1", owner.token, reported(1, { ...snapshot("m"), context: { big } }), [])
      yield* store.finish("op_1", owner.token, { status: "completed", result: { big } }, 3, undefined, [])
      const kept = yield* getSome("op_1")
      expect(kept.payload).toEqual({ big })
      expect(kept.progress?.context).toEqual({ big })
      expect(kept.result).toEqual({ big })
    }),
  )

  law(
    "no record takes the id of another",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      yield* store.insert(record("op_1", owner))
      const error = yield* Effect.flip(store.insert(record("op_1", owner, { payload: "other" })))
      expect(error).toMatchObject({ reason: "InvalidPayload", place: "operation id" })
      expect((yield* getSome("op_1")).payload).toEqual({ what: "op_1" })
    }),
  )

  law(
    "of those that go on with an operation one runs at a time",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const [one, other] = [yield* store.acquire, yield* store.acquire]
      yield* store.insert(record("op_2", one, { resumedFrom: "op_1" }))
      const second = record("op_3", other, { resumedFrom: "op_1" })
      expect(yield* Effect.flip(store.insert(second))).toMatchObject({
        reason: "Superseded",
        place: "op_1",
        found: "op_2, which does",
      })
      expect(yield* store.get("op_3")).toEqual(Option.none())
      yield* store.insert(record("op_4", other, { resumedFrom: "op_0" }))
      yield* store.finish("op_2", one.token, { status: "completed", result: null }, 5, undefined, [])
      yield* store.insert(second)
      expect(yield* getSome("op_3")).toEqual(second)
    }),
  )

  law(
    "an operation begins, reports and completes",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      yield* store.insert(record("op_1", owner))
      expect(yield* store.begin("op_1", owner.token, 1_100)).toBe(true)
      expect(yield* getSome("op_1")).toMatchObject({ status: "running", started: 1_100, sequence: 0 })
      const warnings = ["slow"]
      const many = snapshot("hundred steps", 100)
      expect(yield* store.report("op_1", owner.token, reported(4, many), warnings)).toBe(true)
      warnings.push("later")
      expect(yield* getSome("op_1")).toMatchObject({
        sequence: 4,
        progress: many,
        fraction: 0.25,
        message: "hundred steps",
        warnings: ["slow"],
      })
      expect(yield* store.finish("op_1", owner.token, completed, 1_200, reported(5), ["slow", "late"])).toBe(
        true,
      )
      expect(yield* getSome("op_1")).toEqual(
        record("op_1", owner, {
          status: "completed",
          started: 1_100,
          completed: 1_200,
          sequence: 5,
          progress: snapshot("5"),
          fraction: 0.25,
          message: "5",
          warnings: ["slow", "late"],
          result: { made: 3 },
        }),
      )
    }),
  )

  law(
    "an ending keeps the last snapshot where it brings none, and says what was kept",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      yield* begun(owner, ["op_1", "op_2", "op_3"])
      yield* store.report("op_1", owner.token, reported(1), [])
      yield* store.finish("op_1", owner.token, failed, 9, undefined, [])
      expect(yield* getSome("op_1")).toMatchObject({
        status: "failed",
        failure,
        kept: "half of it",
        sequence: 1,
      })
      yield* store.finish("op_2", owner.token, cancelled, 9, undefined, ["w"])
      expect(yield* getSome("op_2")).toMatchObject({
        status: "cancelled",
        cancellation: cancellation("enough"),
        kept: null,
        failure: null,
        warnings: ["w"],
      })
      yield* store.finish("op_3", owner.token, { status: "completed", result: undefined }, 9, undefined, [])
      expect((yield* getSome("op_3")).result ?? null).toBe(null)
    }),
  )

  law(
    "tokens grow for good, whether leases are given back or not",
    Effect.gen(function* () {
      const store = yield* OperationStore
      let last = 0
      for (let index = 0; index < 5; index++) {
        const { token } = yield* store.acquire
        expect(token).toBeGreaterThan(last)
        last = token
        if (index % 2 === 0) yield* store.release(token)
      }
    }),
  )

  law(
    "a lease is good for its time after it was taken or renewed, and no later renewal brings it back",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      const { token } = owner
      yield* store.insert(record("op_1", owner))
      for (let index = 0; index < 4; index++) {
        yield* TestClock.adjust(renewalMillis)
        expect(yield* store.renew(token)).toBe(true)
      }
      yield* TestClock.adjust(leaseMillis - 1)
      expect(yield* store.report("op_1", token, reported(1), [])).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* store.report("op_1", token, reported(2), [])).toBe(false)
      expect(yield* store.begin("op_1", token, 1)).toBe(false)
      expect(yield* store.finish("op_1", token, completed, 1, undefined, [])).toBe(false)
      expect(yield* Effect.flip(store.insert(record("op_2", owner)))).toMatchObject({ reason: "OwnerLost" })
      expect(yield* store.renew(token)).toBe(false)
      expect(yield* getSome("op_1")).toMatchObject({ status: "pending", sequence: 1 })
      expect(yield* store.get("op_2")).toEqual(Option.none())
      expect(yield* store.renew(token + 1_000)).toBe(false)
    }),
  )

  law(
    "a lease that was given back writes nothing",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      yield* begun(owner, ["op_1"])
      yield* store.release(owner.token)
      yield* store.release(owner.token)
      expect(yield* store.renew(owner.token)).toBe(false)
      expect(yield* store.report("op_1", owner.token, reported(1), [])).toBe(false)
      expect(yield* store.sweep).toBe(1)
    }),
  )

  law(
    "only the owner alters an operation, whoever else has a lease",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      const other = yield* store.acquire
      yield* begun(owner, ["op_1"])
      expect(yield* store.begin("op_1", other.token, 1)).toBe(false)
      expect(yield* store.report("op_1", other.token, reported(1), [])).toBe(false)
      expect(yield* store.finish("op_1", other.token, completed, 1, undefined, [])).toBe(false)
      expect(yield* store.report("op_9", owner.token, reported(1), [])).toBe(false)
      expect(yield* getSome("op_1")).toMatchObject({ status: "running", sequence: 0 })
    }),
  )

  law(
    "of two requests to cancel the first counts; the owner reads it; what has ended is not cancelled",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      yield* begun(owner, ["op_1", "op_2"])
      const other = yield* store.acquire
      yield* begun(other, ["op_3"])
      expect(yield* store.requested(owner.token)).toEqual([])
      const answer = yield* store.requestCancel("op_1", cancellation("first"))
      expect(Option.getOrThrow(answer)).toMatchObject({
        status: "cancelling",
        cancellation: cancellation("first"),
      })
      yield* store.requestCancel("op_3", cancellation("third"))
      expect(Option.getOrThrow(yield* store.requestCancel("op_1", cancellation("second")))).toMatchObject({
        status: "cancelling",
        cancellation: cancellation("first"),
      })
      expect(yield* store.requested(owner.token)).toEqual([
        { id: "op_1", cancellation: cancellation("first") },
      ])
      expect(yield* store.begin("op_1", owner.token, 5)).toBe(true)
      expect(yield* store.report("op_1", owner.token, reported(1), [])).toBe(true)
      expect((yield* getSome("op_1")).status).toBe("cancelling")

      yield* store.finish("op_2", owner.token, completed, 9, undefined, [])
      expect(Option.getOrThrow(yield* store.requestCancel("op_2", cancellation("late")))).toMatchObject({
        status: "completed",
        cancellation: null,
      })
      yield* store.finish("op_1", owner.token, completed, 9, undefined, [])
      expect(yield* getSome("op_1")).toMatchObject({
        status: "completed",
        cancellation: cancellation("first"),
      })
      yield* store.finish("op_3", other.token, cancelled, 9, undefined, [])
      expect(yield* getSome("op_3")).toMatchObject({
        status: "cancelled",
        cancellation: cancellation("third"),
      })
      expect(yield* store.requested(owner.token)).toEqual([])
      expect(yield* store.requestCancel("op_9", cancellation("x"))).toEqual(Option.none())
    }),
  )

  law(
    "the list is in order, newest first, in pages and by what is asked for",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      const { token } = owner
      for (let index = 0; index < 250; index++) {
        yield* store.insert(
          record(`op_${String(index).padStart(3, "0")}`, owner, {
            created: Math.floor(index / 2),
            kind: index % 10 === 0 ? "rare" : "work",
            parent: index % 25 === 1 ? "op_000" : null,
            status: index % 5 === 0 ? "running" : "pending",
          }),
        )
      }
      for (const id of ["op_000", "op_010"]) yield* store.finish(id, token, completed, 300, undefined, [])
      const all = yield* store.list({ limit: maxLimit })
      const ids = Array.from({ length: 250 }, (_, index) => `op_${String(249 - index).padStart(3, "0")}`)
      expect(all.operations.map(({ id }) => id)).toEqual(ids)
      expect(all).toMatchObject({ total: 250, active: 248 })

      const first = yield* store.list({})
      expect(first.operations.map(({ id }) => id)).toEqual(ids.slice(0, 100))
      const late = yield* store.list({ limit: 7, offset: 120 })
      expect(late.operations.map(({ id }) => id)).toEqual(ids.slice(120, 127))
      expect(late).toMatchObject({ total: 250, active: 248 })
      expect(yield* store.list({ offset: 1_000 })).toEqual({ operations: [], total: 250, active: 248 })

      expect(yield* store.list({ kind: "rare", limit: 2 })).toMatchObject({
        operations: [{ id: "op_240" }, { id: "op_230" }],
        total: 25,
        active: 248,
      })
      expect(yield* store.list({ parent: "op_000", limit: 1 })).toMatchObject({
        operations: [{ id: "op_226" }],
        total: 10,
      })
      expect(yield* store.list({ statuses: ["running", "completed"], kind: "rare" })).toMatchObject({
        total: 25,
      })
      expect(yield* store.list({ statuses: ["completed"] })).toMatchObject({
        operations: [{ id: "op_010", completed: 300 }, { id: "op_000" }],
        total: 2,
      })
      expect(yield* store.list({ statuses: [] })).toEqual({ operations: [], total: 0, active: 248 })
      expect(yield* store.list({ kind: "' OR 1 --" })).toMatchObject({ total: 0 })
    }),
  )

  law(
    "a limit or offset that makes no sense is refused",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const limits = [0, -1, 1e9, maxLimit + 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]
      for (const limit of limits) {
        const error = yield* Effect.flip(store.list({ limit }))
        expect(error).toMatchObject({ reason: "InvalidQuery", place: "limit", found: String(limit) })
      }
      for (const offset of [-1, 0.5, Number.NaN, 1e300]) {
        expect(yield* Effect.flip(store.list({ offset }))).toMatchObject({
          reason: "InvalidQuery",
          place: "offset",
        })
      }
    }),
  )

  law(
    "a watcher is told of the newest snapshot once, and of the state each time",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      yield* begun(owner, ["op_1"])
      const watch = (sequence: number) => Effect.map(store.watch("op_1", sequence), Option.getOrThrow)
      expect(yield* watch(0)).toEqual({ status: "running", sequence: 0, encoded: undefined })
      yield* store.report("op_1", owner.token, reported(1), [])
      yield* store.report("op_1", owner.token, reported(3), [])
      const seen = yield* watch(0)
      expect(seen).toMatchObject({ status: "running", sequence: 3 })
      expect(JSON.parse(seen.encoded ?? "")).toEqual(snapshot("3"))
      expect(yield* watch(3)).toEqual({ status: "running", sequence: 3, encoded: undefined })
      yield* store.requestCancel("op_1", cancellation("x"))
      expect(yield* watch(3)).toEqual({ status: "cancelling", sequence: 3, encoded: undefined })
      yield* store.finish("op_1", owner.token, cancelled, 9, reported(4), [])
      expect(yield* watch(3)).toMatchObject({ status: "cancelled", sequence: 4 })
      expect(yield* store.watch("op_2", 0)).toEqual(Option.none())
    }),
  )

  law(
    "what its owner left is failed with OwnerLost, once, and nothing else is",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const gone = yield* store.acquire
      yield* begun(gone, ["op_1", "op_2", "op_3"])
      yield* store.report("op_1", gone.token, reported(2), ["w"])
      yield* store.finish("op_2", gone.token, completed, 9, undefined, [])
      yield* store.requestCancel("op_3", cancellation("stop"))
      yield* TestClock.adjust(renewalMillis)
      const here = yield* store.acquire
      yield* begun(here, ["op_4"])
      expect(yield* store.sweep).toBe(0)
      yield* TestClock.adjust(leaseMillis - renewalMillis)
      expect(yield* store.sweep).toBe(2)
      expect(yield* store.sweep).toBe(0)
      const lost = yield* getSome("op_1")
      expect(lost).toMatchObject({
        status: "failed",
        completed: leaseMillis,
        failure: { tag: "OperationError", reason: "OwnerLost" },
        sequence: 2,
        warnings: ["w"],
      })
      expect(lost.failure?.message).toContain(`process ${gone.pid} on ${gone.host}`)
      expect(yield* getSome("op_2")).toMatchObject({ status: "completed", failure: null })
      expect(yield* getSome("op_3")).toMatchObject({ status: "failed", cancellation: cancellation("stop") })
      expect((yield* getSome("op_4")).status).toBe("running")
      expect(yield* store.finish("op_1", gone.token, completed, 10, undefined, [])).toBe(false)
      expect(yield* getSome("op_1")).toEqual(lost)
    }),
  )

  law(
    "what a list tells of those that ended badly is why, but not the error itself",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      yield* begun(owner, ["op_1", "op_2", "op_3"])
      const whole = { ...failure, error: { _tag: "WorkError", parts: ["a\u0000", "größer"] } }
      yield* store.finish("op_1", owner.token, { ...failed, failure: whole }, 9, undefined, [])
      yield* store.finish("op_2", owner.token, cancelled, 9, undefined, [])
      expect((yield* getSome("op_1")).failure).toEqual(whole)
      const { operations } = yield* store.list({})
      expect(operations.map(({ failure: why, cancellation: asked }) => [why, asked])).toEqual([
        [null, null],
        [null, cancellation("enough")],
        [failure, null],
      ])
    }),
  )

  law(
    "nothing begins before it was created or ends before it began, however the clock is set",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      yield* store.insert(record("op_1", owner, { created: 1_000 }))
      yield* store.begin("op_1", owner.token, 400)
      expect((yield* getSome("op_1")).started).toBe(1_000)
      yield* store.finish("op_1", owner.token, completed, 500, undefined, [])
      expect((yield* getSome("op_1")).completed).toBe(1_000)
      yield* store.insert(record("op_2", owner, { created: 1e9, started: 2e9, status: "running" }))
      yield* TestClock.adjust(leaseMillis)
      expect(yield* store.sweep).toBe(1)
      expect(yield* getSome("op_2")).toMatchObject({ status: "failed", completed: 2e9 })
    }),
  )

  law(
    "ended operations are removed, oldest first, by age and by number; those at work never",
    Effect.gen(function* () {
      const store = yield* OperationStore
      const owner = yield* store.acquire
      const names = Array.from({ length: 320 }, (_, index) => `op_${String(index).padStart(3, "0")}`)
      yield* begun(owner, [...names, "op_old"])
      for (const [index, id] of names.entries()) {
        yield* store.finish(
          id,
          owner.token,
          index % 2 === 0 ? completed : failed,
          1_000 + index,
          undefined,
          [],
        )
      }
      const left = Effect.map(store.list({ limit: maxLimit }), ({ operations }) =>
        operations.map(({ id }) => id).sort(),
      )
      expect(yield* store.prune({ before: 1_000, keep: 320 })).toBe(0)
      expect(yield* store.prune({ before: 1_210, keep: 10_000 })).toBe(210)
      expect(yield* left).toEqual([...names.slice(210), "op_old"])
      expect(yield* store.prune({ before: 0, keep: 5 })).toBe(105)
      expect(yield* left).toEqual([...names.slice(315), "op_old"])
      expect(yield* store.prune({ before: 1_318, keep: 1 })).toBe(4)
      expect(yield* left).toEqual(["op_319", "op_old"])
      expect(yield* store.prune({ before: 1e15, keep: 0 })).toBe(1)
      expect(yield* left).toEqual(["op_old"])
    }),
  )

  it.effect(`${name}: a terminal state absorbs, whatever happens in whatever order`, () =>
    Effect.gen(function* () {
      const store = yield* OperationStore
      const runtime = yield* Effect.runtime<OperationStore>()
      let runs = 0
      const follow = (events: ReadonlyArray<Event>) =>
        Effect.gen(function* () {
          const id = `op_${runs++}`
          const owner = yield* store.acquire
          const other = yield* store.acquire
          const model = new Model()
          let last: Record.OperationRecord | undefined
          yield* store.insert(record(id, owner))
          for (const [index, one] of events.entries()) {
            const token = "isOwner" in one && !one.isOwner ? other.token : owner.token
            switch (one._tag) {
              case "begin": {
                const may = model.may(one.isOwner)
                expect(yield* store.begin(id, token, index)).toBe(may)
                if (may && model.status === "pending") model.status = "running"
                break
              }
              case "report":
                expect(yield* store.report(id, token, reported(index), [])).toBe(model.may(one.isOwner))
                break
              case "finish": {
                const may = model.may(one.isOwner)
                expect(yield* store.finish(id, token, one.ending, index, undefined, [])).toBe(may)
                if (may) model.status = one.ending.status
                if (may && one.ending.status === "cancelled") model.reason ??= one.ending.cancellation.reason
                break
              }
              case "cancel":
                yield* store.requestCancel(id, cancellation(one.reason))
                model.cancel(one.reason)
                break
              case "renew":
                expect(yield* store.renew(owner.token)).toBe(model.renew())
                break
              case "sweep":
                yield* store.sweep
                if (!model.isHeld && !model.isOver) model.status = "failed"
                break
              case "pass":
                yield* TestClock.adjust(one.millis)
                yield* store.renew(other.token)
                model.pass(one.millis)
                break
              case "release":
                yield* store.release(owner.token)
                model.isReleased = true
            }
            const now = yield* getSome(id)
            expect([now.status, now.cancellation?.reason]).toEqual([model.status, model.reason])
            if (last !== undefined) expect(now).toEqual(last)
            if (Record.isTerminal(now)) last = now
          }
          yield* store.release(owner.token)
          yield* store.release(other.token)
        })
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.array(event, { maxLength: 12 }), (events) =>
            Runtime.runPromise(runtime)(follow(events)),
          ),
          { numRuns: 60 },
        ),
      )
    }).pipe(Effect.provide(layer)),
  )
}
