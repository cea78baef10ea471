/** Whose turn it is: limits of a kind, and exclusive keys. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as OperationStore from "../../src/OperationStore.js"
import * as Operations from "../../src/Operations.js"
import { atOnce } from "../utils/AtOnce.js"
import { anotherOver, Solo, system, Task, TaskError, type Works } from "../utils/OperationTasks.js"
import { unwritable } from "../utils/OperationWitness.js"

const second = () => Effect.delay(Effect.succeed(1), 1000)
const works: Works = {
  second,
  a: second,
  b: second,
  fails: () => Effect.delay(Effect.fail(new TaskError({ reason: "Broken" })), 1000),
  dies: () => Effect.delay(Effect.dieMessage("dead"), 1000),
  interrupts: () => Effect.delay(Effect.interrupt, 1000),
}

const operations = Operations.Operations
const statuses = (ids: ReadonlyArray<string>) =>
  Effect.flatMap(operations, ({ get }) =>
    Effect.map(Effect.forEach(ids, get), (records) => records.map(({ status }) => status)),
  )

describe("turns", () => {
  atOnce("as many of a kind as its limit run, the others wait in the order that they came", () =>
    Effect.gen(function* () {
      const { start, get } = yield* operations
      const ids = ["1", "2", "3", "4", "5"]
      yield* Effect.forEach(ids, (id) => start(Task, { name: "second" }, { id }))
      const free = yield* start(Solo, { name: "second" }, { id: "free" })
      expect(yield* statuses([...ids, free.id])).toEqual([
        "running",
        "running",
        "pending",
        "pending",
        "pending",
        "running",
      ])
      expect((yield* get("3")).started).toBeNull()
      yield* Effect.sleep(1001)
      expect(yield* statuses(ids)).toEqual(["completed", "completed", "running", "running", "pending"])
      expect((yield* get("3")).started).toBe(1000)
      yield* Effect.sleep(1000)
      expect(yield* statuses(ids)).toEqual(["completed", "completed", "completed", "completed", "running"])
    }).pipe(Effect.provide(system(works, { limits: { task: 2 } }))),
  )

  atOnce("of one key only one runs, and those of other keys do not wait for it", () =>
    Effect.gen(function* () {
      const { start } = yield* operations
      for (const [id, name] of [
        ["a1", "a"],
        ["a2", "a"],
        ["b1", "b"],
        ["a3", "a"],
      ] as const) {
        yield* start(Solo, { name }, { id })
      }
      yield* start(Task, { name: "a" }, { id: "task" })
      const ids = ["a1", "a2", "b1", "a3", "task"]
      expect(yield* statuses(ids)).toEqual(["running", "pending", "running", "pending", "running"])
      yield* Effect.sleep(1001)
      expect((yield* statuses(ids)).slice(0, 4)).toEqual(["completed", "running", "completed", "pending"])
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("one that waits is cancelled without having run, and holds up nobody", () =>
    Effect.gen(function* () {
      const { start, cancel } = yield* operations
      yield* start(Task, { name: "second" }, { id: "1" })
      yield* start(Task, { name: "second" }, { id: "2" })
      yield* start(Task, { name: "second" }, { id: "3" })
      const { record } = yield* cancel("2", { reason: "no need" })
      expect(record).toMatchObject({
        status: "cancelled",
        started: null,
        completed: 0,
        cancellation: { reason: "no need" },
        progress: { status: "cancelled" },
      })
      expect(yield* statuses(["1", "3"])).toEqual(["running", "pending"])
      yield* Effect.sleep(1001)
      expect(yield* statuses(["1", "3"])).toEqual(["completed", "running"])
    }).pipe(Effect.provide(system(works, { limits: { task: 1 } }))),
  )

  atOnce("a turn is given back however it ends", () =>
    Effect.gen(function* () {
      const { start, cancel, get } = yield* operations
      for (const name of ["second", "fails", "dies", "interrupts"]) {
        const { id, exit } = yield* start(Solo, { name })
        expect((yield* get(id)).status).toBe("running")
        yield* exit
      }
      const { id } = yield* start(Solo, { name: "second" })
      yield* cancel(id)
      expect(yield* statuses([(yield* start(Solo, { name: "second" })).id])).toEqual(["running"])
    }).pipe(Effect.provide(system(works, { limits: { solo: 1 } }))),
  )

  atOnce("a turn is given back where the record cannot be written", () =>
    Effect.gen(function* () {
      let isFull = true
      const { start, get } = yield* anotherOver(
        works,
        (store) => ({
          ...store,
          insert: (record) => (isFull ? Effect.fail(unwritable("disk")) : store.insert(record)),
        }),
        { limits: { task: 1 } },
      )
      expect(yield* Effect.flip(start(Task, { name: "second" }))).toMatchObject({ reason: "StoreUnwritable" })
      isFull = false
      const { id } = yield* start(Task, { name: "second" })
      expect((yield* get(id)).status).toBe("running")
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )
})
