import { describe, expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Operation from "../src/Operation.js"
import * as OperationStore from "../src/OperationStore.js"
import * as Operations from "../src/Operations.js"
import { atOnce } from "./utils/AtOnce.js"
import { group, handlers, Once, Solo, system, Task, TaskError, type Works } from "./utils/OperationTasks.js"

const works: Works = {
  seven: () => Effect.succeed(7),
  second: () => Effect.delay(Effect.succeed(1), 1000),
  fails: () => Effect.fail(new TaskError({ reason: "Broken" })),
  dies: () => Effect.die(new RangeError("out of it\nand more")),
  interrupts: () => Effect.interrupt,
  hangs: () => Effect.never,
  lingers: () => Effect.ensuring(Effect.never, Effect.sleep("1 second")),
}

const operations = Operations.Operations

describe("start", () => {
  atOnce(
    "returns once it is recorded, and the record tells of it from beginning to end",
    () =>
      Effect.gen(function* () {
        const { start, get } = yield* operations
        const { id, exit } = yield* start(Task, { name: "second" }, { settings: { source: "here" } })
        expect(id).toMatch(/^op_task_20260105_060708_[0-9a-f]{8}$/)
        const begun = yield* get(id)
        expect(begun).toMatchObject({
          id,
          kind: "task",
          version: 2,
          status: "running",
          created: Date.UTC(2026, 0, 5, 6, 7, 8),
          started: Date.UTC(2026, 0, 5, 6, 7, 8),
          completed: null,
          payload: { name: "second" },
          parent: null,
          resumedFrom: null,
          attempt: 1,
          result: null,
          settings: { source: "here" },
        })
        yield* Effect.sleep("1 second")
        expect(yield* yield* exit).toBe(1)
        expect(yield* get(id)).toMatchObject({
          status: "completed",
          completed: Date.UTC(2026, 0, 5, 6, 7, 9),
          result: "1",
          fraction: 1,
          failure: null,
          cancellation: null,
          kept: null,
          progress: { status: "completed", operationId: id },
        })
        expect(yield* (yield* OperationStore.OperationStore).get(id)).toEqual(yield* Effect.option(get(id)))
      }).pipe(Effect.provide(system(works))),
    Date.UTC(2026, 0, 5, 6, 7, 8),
  )

  atOnce("records a failure by tag, reason and the first line of its message, and a defect alike", () =>
    Effect.gen(function* () {
      const { start, get } = yield* operations
      const failed = yield* start(Task, { name: "fails" })
      expect(yield* failed.exit).toEqual(Exit.fail(new TaskError({ reason: "Broken" })))
      expect((yield* get(failed.id)).failure).toEqual({
        tag: "TaskError",
        reason: "Broken",
        error: { _tag: "TaskError", reason: "Broken" },
        message: "it is Broken",
      })
      const died = yield* start(Task, { name: "dies" })
      expect(Exit.isFailure(yield* died.exit)).toBe(true)
      expect((yield* get(died.id)).failure).toEqual({ tag: "RangeError", reason: null, message: "out of it" })
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("one that interrupts itself is cancelled, and says that nobody else did it", () =>
    Effect.gen(function* () {
      const { start, get } = yield* operations
      const { id, exit } = yield* start(Task, { name: "interrupts" })
      const ended = yield* exit
      expect(Exit.isFailure(ended) && Cause.isInterruptedOnly(ended.cause)).toBe(true)
      expect(yield* get(id)).toMatchObject({
        status: "cancelled",
        cancellation: { reason: "it interrupted itself", by: "its owner" },
      })
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("a definition that throws fails the operation, and nothing is left of it", () =>
    Effect.gen(function* () {
      const { start, get, list } = yield* operations
      const { id, exit } = yield* start(Task, { name: "no estimate" })
      yield* exit
      expect(yield* get(id)).toMatchObject({ status: "failed", failure: { tag: "RangeError" } })
      const next = yield* start(Task, { name: "seven" })
      expect(yield* yield* next.exit).toBe(7)
      expect((yield* list()).active).toBe(0)
    }).pipe(Effect.provide(system(works, { limits: { task: 1 } }))),
  )

  atOnce("goes on when its starter ends, and whoever waits may be interrupted without harm", () =>
    Effect.gen(function* () {
      const { start } = yield* operations
      const { exit } = yield* Effect.flatten(Effect.fork(start(Task, { name: "second" })))
      const waiting = yield* Effect.fork(exit)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(waiting)
      yield* Effect.sleep("1 second")
      expect(yield* yield* exit).toBe(1)
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("refuses what is not of the registry, and a payload or an id that does not fit", () =>
    Effect.gen(function* () {
      const { start, startKind, list } = yield* operations
      expect(yield* Effect.flip(startKind("dig", {}))).toMatchObject({ reason: "UnknownKind" })
      expect(yield* Effect.flip(startKind("task", { name: 7 }))).toMatchObject({
        reason: "InvalidPayload",
        place: "task payload.name",
      })
      const twin = Operation.make("task", Once.definition)
      expect(yield* Effect.flip(start(twin as typeof Task, { name: "seven" }))).toMatchObject({
        reason: "UnknownKind",
      })
      const unfit = { name: 7 } as unknown as { readonly name: string }
      expect(yield* Effect.flip(start(Task, unfit))).toMatchObject({ reason: "InvalidPayload" })
      for (const id of ["", "a b", "../x", "x".repeat(201)]) {
        expect(yield* Effect.flip(start(Task, { name: "seven" }, { id }))).toMatchObject({
          reason: "InvalidPayload",
          place: "operation id",
        })
      }
      expect((yield* list()).total).toBe(0)
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("an id is given once: to one that runs, one that is on its way, and one that has ended", () =>
    Effect.gen(function* () {
      const { cancel, start, get } = yield* operations
      const hangs = start(Task, { name: "hangs" }, { id: "mine" })
      const both = yield* Effect.all([Effect.either(hangs), Effect.either(hangs)], { concurrency: 2 })
      expect(both.map(({ _tag }) => _tag).sort()).toEqual(["Left", "Right"])
      expect(yield* Effect.flip(hangs)).toMatchObject({ reason: "InvalidPayload", place: "operation id" })
      expect((yield* get("mine")).status).toBe("running")
      yield* cancel("mine")
      expect(yield* Effect.flip(hangs)).toMatchObject({ reason: "InvalidPayload", place: "operation id" })
      expect((yield* get("mine")).status).toBe("cancelled")
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("startKind starts what it is told from outside", () =>
    Effect.gen(function* () {
      const { exit } = yield* (yield* operations).startKind("task", { name: "seven" })
      expect(yield* yield* exit).toBe(7)
    }).pipe(Effect.provide(system(works))),
  )
})

describe("get, list and await", () => {
  atOnce("an unknown id is a typed answer, whoever is asked for it", () =>
    Effect.gen(function* () {
      const { get, await: awaited, cancel, resume, retry } = yield* operations
      for (const ask of [get("no"), awaited("no"), cancel("no"), resume("no"), retry("no")]) {
        expect(yield* Effect.flip(ask as Effect.Effect<unknown, unknown>)).toMatchObject({
          reason: "UnknownId",
          found: '"no"',
        })
      }
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("a list is newest first, and holds what has ended", () =>
    Effect.gen(function* () {
      const { start, list } = yield* operations
      yield* Effect.flatMap(start(Task, { name: "seven" }, { id: "a" }), ({ exit }) => exit)
      yield* Effect.sleep(1)
      yield* start(Solo, { name: "hangs" }, { id: "b" })
      const page = yield* list()
      expect(page.operations.map(({ id, status }) => [id, status])).toEqual([
        ["b", "running"],
        ["a", "completed"],
      ])
      expect(page).toMatchObject({ total: 2, active: 1 })
      expect((yield* list({ kind: "task" })).operations.map(({ id }) => id)).toEqual(["a"])
      expect(yield* Effect.flip(list({ limit: -1 }))).toMatchObject({ reason: "InvalidQuery" })
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("await gives the terminal record, before and after the end", () =>
    Effect.gen(function* () {
      const { start, await: awaited } = yield* operations
      const { id } = yield* start(Task, { name: "second" })
      const early = yield* Effect.fork(awaited(id))
      yield* Effect.sleep("1 second")
      expect(yield* early).toMatchObject({ status: "completed", result: "1" })
      expect(yield* awaited(id)).toEqual(yield* early)
    }).pipe(Effect.provide(system(works))),
  )
})

describe("run", () => {
  atOnce("ends as the operation did", () =>
    Effect.gen(function* () {
      expect(yield* Operations.run(Task, { name: "seven" })).toBe(7)
      expect(yield* Effect.flip(Operations.run(Task, { name: "fails" }))).toEqual(
        new TaskError({ reason: "Broken" }),
      )
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("to interrupt it cancels the operation, for the reason, and waits for its end", () =>
    Effect.gen(function* () {
      const { list } = yield* operations
      const running = yield* Effect.fork(Operations.run(Task, { name: "lingers" }, { reason: "Ctrl-C" }))
      yield* Effect.sleep(10)
      const interrupting = yield* Effect.fork(Fiber.interrupt(running))
      yield* Effect.sleep(500)
      expect(interrupting.unsafePoll()).toBeNull()
      yield* Effect.sleep(500)
      expect(Exit.isInterrupted(yield* interrupting)).toBe(true)
      const [operation] = (yield* list()).operations
      expect(yield* (yield* operations).get(operation?.id ?? "")).toMatchObject({
        status: "cancelled",
        cancellation: { reason: "Ctrl-C", by: "this process" },
      })
    }).pipe(Effect.provide(system(works))),
  )
})

describe("the end of a registry", () => {
  atOnce("cancels what runs and what waits, for its reason, and records it before it is gone", () =>
    Effect.gen(function* () {
      const store = yield* OperationStore.OperationStore
      const ids = yield* Effect.gen(function* () {
        const { start } = yield* operations
        const running = yield* start(Task, { name: "lingers" })
        const pending = yield* start(Task, { name: "seven" })
        const waiting = yield* Effect.forkDaemon((yield* operations).await(pending.id))
        yield* Effect.sleep(1)
        yield* Effect.forkDaemon(Effect.sleep(1000))
        return { running, pending, waiting }
      }).pipe(
        Effect.provide(
          system(works, { limits: { task: 1 }, closingReason: "the server ends" }).pipe(
            Layer.provide(Layer.succeed(OperationStore.OperationStore, store)),
          ),
        ),
      )
      expect(Exit.isInterrupted(yield* ids.running.exit)).toBe(true)
      expect(Exit.isInterrupted(yield* ids.pending.exit)).toBe(true)
      expect((yield* ids.waiting).status).toBe("cancelled")
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("a start that comes after it is refused, and one on its way is cancelled as well", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const isThere = yield* Deferred.make<void>()
      const memory = yield* OperationStore.OperationStore
      const slow: OperationStore.Service = {
        ...memory,
        insert: (record) =>
          Deferred.succeed(isThere, undefined).pipe(
            Effect.zipRight(Deferred.await(gate)),
            Effect.zipRight(memory.insert(record)),
          ),
      }
      const registry = Layer.provide(
        Operations.layer(group, { closingReason: "closed" }),
        Layer.merge(handlers(works), Layer.succeed(OperationStore.OperationStore, slow)),
      )
      const inside = yield* Deferred.make<Operations.Service>()
      const end = yield* Deferred.make<void>()
      const using = yield* Effect.fork(
        Effect.provide(
          Effect.flatMap(operations, (it) => Deferred.succeed(inside, it)).pipe(
            Effect.zipRight(Deferred.await(end)),
          ),
          registry,
        ),
      )
      const service = yield* Deferred.await(inside)
      const starting = yield* Effect.fork(service.start(Task, { name: "hangs" }))
      yield* Deferred.await(isThere)
      yield* Deferred.succeed(end, undefined)
      yield* Effect.sleep(1)
      expect(using.unsafePoll()).toBeNull()
      expect(yield* Effect.flip(service.start(Task, { name: "seven" }))).toMatchObject({ reason: "Closing" })
      yield* Deferred.succeed(gate, undefined)
      const { id, exit } = yield* starting
      yield* using
      expect(Exit.isInterrupted(yield* exit)).toBe(true)
      expect(yield* Effect.flatten(memory.get(id))).toMatchObject({
        status: "cancelled",
        cancellation: { reason: "closed" },
      })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )
})
