/** Operations that other operations start. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { OperationError } from "../../src/OperationError.js"
import * as OperationStore from "../../src/OperationStore.js"
import * as Operations from "../../src/Operations.js"
import { atOnce } from "../utils/AtOnce.js"
import { anotherOver, system, Task, TaskError, type Works } from "../utils/OperationTasks.js"

/** The registry that the running operation was started in. */
const registry = Effect.map(Effect.serviceOption(Operations.Operations), Option.getOrThrow)
const part = (name: string) =>
  Effect.orDie(Effect.flatMap(registry, ({ start }) => start(Task, { name }, { id: name })))

const late: Array<OperationError> = []
const works: Works = {
  hangs: () => Effect.never,
  lingers: () => Effect.ensuring(Effect.never, Effect.sleep(700)),
  fails: () => Effect.delay(Effect.fail(new TaskError({ reason: "Broken" })), 100),
  waits: () => Effect.zipRight(part("lingers"), Effect.never),
  nests: () => Effect.zipRight(part("waits"), Effect.never),
  startsLate: () => Effect.ensuring(Effect.never, part("hangs")),
  cleansUp: () => Effect.ensuring(Effect.never, Effect.sleep(500)),
  leaves: () => Effect.as(Effect.zipRight(part("lingers"), Effect.sleep(10)), 2),
  runs: () =>
    Operations.run(Task, { name: "lingers" }, { id: "lingers" }).pipe(
      Effect.provideServiceEffect(Operations.Operations, registry),
      Effect.orDie,
    ),
  spoils: () => Effect.flatMap(part("fails"), ({ exit }) => Effect.as(exit, 3)),
  daemon: () =>
    Effect.forkDaemon(
      Effect.flatMap(registry, ({ start }) => Effect.flip(start(Task, { name: "hangs" }))).pipe(
        Effect.delay(500),
        Effect.map((error) => late.push(error)),
      ),
    ).pipe(Effect.as(4)),
}

const operations = Operations.Operations

describe("parts", () => {
  atOnce("know what they are a part of; nobody else is", () =>
    Effect.gen(function* () {
      const { get, list, start } = yield* operations
      yield* start(Task, { name: "nests" }, { id: "nests" })
      yield* Effect.sleep(1)
      expect((yield* get("waits")).parent).toBe("nests")
      expect((yield* get("lingers")).parent).toBe("waits")
      expect((yield* get("nests")).parent).toBeNull()
      expect((yield* list({ parent: "nests" })).operations.map(({ id }) => id)).toEqual(["waits"])
      const { id } = yield* start(Task, { name: "hangs" }, { parent: "nests" })
      expect((yield* get(id)).parent).toBe("nests")
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("to cancel an operation cancels its parts, and theirs, for its reason; they end first", () =>
    Effect.gen(function* () {
      const { get, start, cancel } = yield* operations
      yield* start(Task, { name: "nests" }, { id: "nests" })
      yield* Effect.sleep(1)
      const { record } = yield* cancel("nests", { reason: "all of it", by: "me" })
      expect(record).toMatchObject({
        status: "cancelled",
        completed: 701,
        cancellation: { reason: "all of it", by: "me" },
      })
      expect(yield* get("waits")).toMatchObject({
        status: "cancelled",
        completed: 701,
        cancellation: { reason: "all of it", by: "operation nests", requested: 1 },
      })
      expect(yield* get("lingers")).toMatchObject({
        status: "cancelled",
        completed: 701,
        cancellation: { reason: "all of it", by: "operation waits" },
      })
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("a part that the interrupted work cancels itself is cancelled for the reason of the whole", () =>
    Effect.gen(function* () {
      const near = yield* anotherOver(works, (store) => ({
        ...store,
        requestCancel: (id, asked) => Effect.delay(store.requestCancel(id, asked), id === "runs" ? 50 : 0),
      }))
      const store = yield* OperationStore.OperationStore
      const starting = near.start(Task, { name: "runs" }, { id: "runs" })
      yield* Effect.provideService(starting, Operations.Operations, near)
      yield* Effect.sleep(1)
      yield* near.cancel("runs", { reason: "all of it", by: "me" })
      expect(yield* Effect.flatten(store.get("lingers"))).toMatchObject({
        status: "cancelled",
        cancellation: { reason: "all of it", by: "operation runs" },
      })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("nothing starts as a part of one that is being cancelled, from its own finalizers neither", () =>
    Effect.gen(function* () {
      const { list, start, cancel } = yield* operations
      yield* start(Task, { name: "startsLate" }, { id: "late" })
      yield* start(Task, { name: "cleansUp" }, { id: "whole" })
      yield* Effect.sleep(1)
      yield* cancel("late")
      yield* Effect.fork(cancel("whole"))
      yield* Effect.sleep(100)
      const starting = start(Task, { name: "hangs" }, { parent: "whole" })
      expect(yield* Effect.flip(starting)).toMatchObject({ reason: "Finished", place: "whole" })
      expect((yield* list()).total).toBe(2)
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("a part that was on its way then is cancelled for the same reason", () =>
    Effect.gen(function* () {
      const near = yield* anotherOver(works, (store) => ({
        ...store,
        insert: (record) => Effect.delay(store.insert(record), 100),
      }))
      yield* near.start(Task, { name: "cleansUp" }, { id: "whole" })
      yield* Effect.fork(near.start(Task, { name: "lingers" }, { id: "lingers", parent: "whole" }))
      yield* Effect.sleep(50)
      const { record } = yield* near.cancel("whole", { reason: "all of it" })
      expect(record.completed).toBe(100 + 50 + 500 + 700)
      expect(yield* near.get("lingers")).toMatchObject({
        status: "cancelled",
        cancellation: { reason: "all of it", by: "operation whole" },
      })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("an operation does not end before its parts: what it leaves is cancelled", () =>
    Effect.gen(function* () {
      const { get, start } = yield* operations
      const { exit } = yield* start(Task, { name: "leaves" }, { id: "leaves" })
      expect(yield* exit).toEqual(Exit.succeed(2))
      expect(yield* get("leaves")).toMatchObject({ status: "completed", completed: 710 })
      expect(yield* get("lingers")).toMatchObject({
        status: "cancelled",
        completed: 710,
        cancellation: { reason: "the operation that it is a part of has ended", by: "operation leaves" },
      })
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("a part that fails does not fail the whole by itself", () =>
    Effect.gen(function* () {
      const { get, start } = yield* operations
      const { exit } = yield* start(Task, { name: "spoils" })
      expect(yield* exit).toEqual(Exit.succeed(3))
      expect((yield* get("fails")).status).toBe("failed")
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("to cancel a part leaves the whole alone", () =>
    Effect.gen(function* () {
      const { get, start, cancel } = yield* operations
      yield* start(Task, { name: "waits" }, { id: "waits" })
      yield* Effect.sleep(1)
      yield* cancel("lingers")
      expect((yield* get("waits")).status).toBe("running")
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("what has done its work starts no parts any more", () =>
    Effect.gen(function* () {
      const { start } = yield* operations
      const { id, exit } = yield* start(Task, { name: "daemon" })
      yield* exit
      yield* Effect.sleep(501)
      expect(late).toMatchObject([{ reason: "Finished", place: id }])
    }).pipe(Effect.provide(system(works))),
  )
})
