import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import type { Machine } from "../../src/internal/LocalMachine.js"
import { OperationError } from "../../src/OperationError.js"
import * as Sql from "../../src/OperationStore/Sql.js"
import * as SqlDatabase from "../../src/OperationStore/SqlDatabase.js"
import { leaseMillis, OperationStore } from "../../src/OperationStore.js"
import { contract } from "../contract/OperationStore.js"
import { record, reported } from "../utils/OperationRecords.js"
import * as SqlStores from "../utils/SqlStores.js"
import * as TestMachine from "../utils/TestMachine.js"

contract("sql", SqlStores.layer)

/** A database, and a way to have it as a store on some machine. */
const shared = Effect.gen(function* () {
  const file = join(yield* SqlStores.folder, "operations.sqlite")
  const database = yield* SqlDatabase.make({ file })
  return {
    database,
    on: (machine: Partial<Machine>, alter = (one: SqlDatabase.Service): SqlDatabase.Service => one) =>
      Effect.map(
        Layer.build(
          Sql.layer.pipe(
            Layer.provide(Layer.succeed(SqlDatabase.SqlDatabase, alter(database))),
            Layer.provide(TestMachine.layer(machine)),
          ),
        ),
        Context.get(OperationStore),
      ),
  }
})

const running = (store: typeof OperationStore.Service, id: string) =>
  Effect.gen(function* () {
    const owner = yield* store.acquire
    yield* store.insert(record(id, owner, { status: "running" }))
    return owner
  })

const statusOf = (store: typeof OperationStore.Service, id: string) =>
  Effect.map(store.get(id), (found) => Option.getOrThrow(found).status)

it.scoped("an owner that is gone is shown as such where that cannot be written down, until it can", () =>
  Effect.gen(function* () {
    const { database, on } = yield* shared
    yield* TestClock.setTime(50_000)
    const elsewhere = yield* on({ pid: 2, host: "o'clock" })
    const gone = yield* running(elsewhere, "op_gone")
    yield* elsewhere.report("op_gone", gone.token, reported(3), ["w"])
    yield* elsewhere.insert(record("op_done", gone, { status: "completed", completed: 7 }))
    const full = new OperationError({
      reason: "StoreUnwritable",
      place: database.file,
      expected: "a file that can be written",
      found: "database or disk is full",
      advice: "Make room",
    })
    let isFull = true
    const store = yield* on({ pid: 1, isAlive: (pid) => pid !== 2 }, (one) => ({
      ...one,
      batch: (statements) => (isFull ? Effect.fail(full) : one.batch(statements)),
    }))
    yield* running(store, "op_mine")
    expect(yield* statusOf(store, "op_gone")).toBe("running")
    expect(yield* Effect.flip(store.sweep)).toMatchObject({ reason: "StoreUnwritable" })
    yield* TestClock.adjust(1000)
    yield* Effect.ignore(store.sweep)
    const seen = Option.getOrThrow(yield* store.get("op_gone"))
    expect(seen).toMatchObject({
      status: "failed",
      completed: 50_000,
      sequence: 3,
      warnings: ["w"],
      owner: gone,
      failure: { reason: "OwnerLost", message: "process 2 on o'clock, which ran it, is gone" },
    })
    expect(Option.getOrThrow(yield* store.watch("op_gone", 0))).toMatchObject({
      status: "failed",
      sequence: 3,
    })
    const failed = yield* store.list({ statuses: ["failed"] })
    expect([failed.total, failed.active]).toEqual([1, 1])
    expect(failed.operations).toMatchObject([{ id: "op_gone", failure: seen.failure, completed: 50_000 }])
    expect((yield* store.list({ statuses: ["running"] })).operations.map(({ id }) => id)).toEqual(["op_mine"])
    expect(Option.getOrThrow(yield* store.get("op_done"))).toMatchObject({
      status: "completed",
      completed: 7,
    })
    expect(yield* statusOf(elsewhere, "op_gone")).toBe("running")
    isFull = false
    expect(yield* store.sweep).toBe(1)
    expect(yield* statusOf(elsewhere, "op_gone")).toBe("failed")
    expect(Option.getOrThrow(yield* store.get("op_gone")).failure).toEqual(seen.failure)
  }),
)

it.scoped("the lease of a process that is gone is gone at once, where its number means something here", () =>
  Effect.gen(function* () {
    const { on } = yield* shared
    const store = yield* on({ pid: 1, isAlive: (pid) => pid !== 2 && pid !== 3 })
    yield* running(store, "op_mine")
    yield* running(yield* on({ pid: 2, host: "gone" }), "op_gone")
    yield* running(yield* on({ pid: 3, space: "other" }), "op_elsewhere")
    yield* running(yield* on({ pid: 4 }), "op_alive")
    expect(yield* store.sweep).toBe(1)
    expect(Option.getOrThrow(yield* store.get("op_gone")).failure).toEqual({
      tag: "OperationError",
      reason: "OwnerLost",
      message: expect.stringContaining("process 2 on gone"),
    })
    for (const id of ["op_mine", "op_elsewhere", "op_alive"])
      expect(yield* statusOf(store, id)).toBe("running")
    yield* TestClock.adjust(leaseMillis)
    expect(yield* store.sweep).toBe(3)
  }),
)

it.scoped("the leases of an earlier start of the machine are gone", () =>
  Effect.gen(function* () {
    const { on } = yield* shared
    yield* running(yield* on({ boot: "earlier" }), "op_1")
    const store = yield* on({})
    yield* running(store, "op_2")
    expect(yield* store.sweep).toBe(1)
    expect(yield* statusOf(store, "op_1")).toBe("failed")
    expect(yield* statusOf(store, "op_2")).toBe("running")
  }),
)

it.scoped("a lease that ends later than any can was taken before the machine started", () =>
  Effect.gen(function* () {
    const { on } = yield* shared
    yield* running(yield* on({ now: Effect.succeed(1e9) }), "op_1")
    expect(yield* (yield* on({})).sweep).toBe(1)
  }),
)

it.scoped(
  "a wall clock that jumps neither ends a lease nor keeps it; a process that is stopped loses it",
  () =>
    Effect.gen(function* () {
      const { on } = yield* shared
      let now = 50_000
      const machine = { now: Effect.sync(() => now) }
      const owner = yield* on(machine)
      const other = yield* on({ ...machine, pid: 2 })
      const { token } = yield* running(owner, "op_1")
      yield* TestClock.setTime(Date.UTC(2040, 0))
      expect(yield* other.sweep).toBe(0)
      expect(yield* owner.renew(token)).toBe(true)
      yield* TestClock.setTime(Date.UTC(1990, 0))
      expect(yield* other.sweep).toBe(0)
      now += leaseMillis
      expect(yield* owner.renew(token)).toBe(false)
      expect(yield* owner.report("op_1", token, reported(1), [])).toBe(false)
      expect(yield* other.sweep).toBe(1)
      expect(Option.getOrThrow(yield* other.get("op_1"))).toMatchObject({
        status: "failed",
        completed: Date.UTC(1990, 0),
        sequence: 0,
      })
    }),
)

it.scoped("a lease that is taken or renewed while a sweep waits to read is good", () =>
  Effect.gen(function* () {
    const { on } = yield* shared
    let now = 50_000
    const machine = { now: Effect.sync(() => now) }
    const owner = yield* on({ ...machine, pid: 2 })
    const { token } = yield* running(owner, "op_1")
    const waiting = yield* on(machine, (one) => ({
      ...one,
      query: (sql, params) =>
        Effect.gen(function* () {
          now += 5
          expect(yield* owner.renew(token)).toBe(true)
          yield* Effect.ignore(running(owner, "op_2"))
          return yield* one.query(sql, params)
        }),
    }))
    expect(yield* waiting.sweep).toBe(0)
    expect([yield* statusOf(owner, "op_1"), yield* statusOf(owner, "op_2")]).toEqual(["running", "running"])
  }),
)

it.scoped("a sweep writes nothing where there is nothing to do", () =>
  Effect.gen(function* () {
    const { database, on } = yield* shared
    const store = yield* on({})
    yield* running(store, "op_1")
    const changes = Effect.map(database.query("SELECT total_changes() AS n"), ([row]) => row?.["n"])
    const before = yield* changes
    expect(yield* store.sweep).toBe(0)
    expect(yield* store.prune({ before: 0, keep: 10 })).toBe(0)
    expect(yield* changes).toBe(before)
  }),
)

it.scoped("a record that cannot be read is told by its id, and left out of the list with one warning", () =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    const { database, on } = yield* shared
    const store = yield* on({})
    for (const id of ["op_1", "op_2", "op_3"]) yield* running(store, id)
    yield* database.write("UPDATE operations SET status = 'sleeping' WHERE id = 'op_2'")
    yield* database.write("UPDATE operations SET settings = '{', payload = 'x' WHERE id = 'op_3'")
    const list = Effect.map(store.list({}), ({ operations, total }) => [
      operations.map(({ id }) => id),
      total,
    ])
    yield* Effect.gen(function* () {
      expect(yield* list).toEqual([["op_1"], 3])
      expect(yield* list).toEqual([["op_1"], 3])
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
    expect(lines).toHaveLength(2)
    expect(lines.join("\n")).toMatch(/op_3 in .*operations\.sqlite[\s\S]*op_2 in /)

    const error = yield* Effect.flip(store.get("op_2"))
    expect(error).toMatchObject({ reason: "StoreUnreadable", place: `op_2 in ${database.file}` })
    expect(error.found).toContain("status")
    expect(yield* Effect.flip(store.get("op_3"))).toMatchObject({ reason: "StoreUnreadable" })
  }),
)

it.scoped("lists, sweeps, requests and removals find what they want by an index", () =>
  Effect.gen(function* () {
    const { database, on } = yield* shared
    const plans: Array<string> = []
    const explained = Layer.succeed(SqlDatabase.SqlDatabase, {
      ...database,
      query: (sql: string, params?: ReadonlyArray<SqlDatabase.Parameter>) =>
        Effect.tap(database.query(`EXPLAIN QUERY PLAN ${sql}`, params), (rows) =>
          Effect.sync(() => plans.push(...rows.map(({ detail }) => String(detail)))),
        ).pipe(Effect.zipRight(database.query(sql, params))),
    })
    yield* running(yield* on({}), "op_1")
    yield* Effect.gen(function* () {
      const store = yield* OperationStore
      yield* store.list({ kind: "work", statuses: ["running", "failed"], parent: "op_0" })
      yield* store.list({ offset: 20 })
      yield* store.requested(1)
      yield* store.watch("op_1", 0)
      yield* store.sweep
      yield* store.prune({ before: 0, keep: 0 })
    }).pipe(Effect.provide(Sql.layer.pipe(Layer.provide(explained), Layer.provide(TestMachine.layer()))))
    const touching = plans.filter((plan) => /^(SCAN|SEARCH) operations/.test(plan))
    expect(touching.length).toBeGreaterThan(8)
    expect(touching.filter((plan) => !plan.includes("INDEX"))).toEqual([])
    expect(plans.filter((plan) => plan.includes("ORDER BY"))).toEqual([])
  }),
)
