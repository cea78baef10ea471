/** What watchers are told, in the process that runs the operation and in others. */
import { describe, expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { OperationError } from "../../src/OperationError.js"
import * as OperationStore from "../../src/OperationStore.js"
import * as Operations from "../../src/Operations.js"
import * as Progress from "../../src/Progress.js"
import { atOnce } from "../utils/AtOnce.js"
import { another, anotherOver, system, Task, TaskError, type Works } from "../utils/OperationTasks.js"
import { unwritable } from "../utils/OperationWitness.js"

/** Counts to 40, one every 100 ms. */
const counts = () =>
  Progress.forEach(
    Array.from({ length: 40 }, (_, index) => index),
    () => Effect.sleep(100),
    { unit: "number" },
  ).pipe(Effect.as(40))
const works: Works = {
  counts,
  busy: () =>
    Progress.forEach(
      Array.from({ length: 4000 }, (_, index) => index),
      () => Effect.sleep(1),
    ).pipe(Effect.as(1)),
  fails: () => Effect.zipRight(Effect.sleep(300), Effect.fail(new TaskError({ reason: "Broken" }))),
  hangs: () => Effect.never,
  strange: () => Effect.zipRight(Progress.annotate({ done: 10n }), Effect.as(Effect.sleep(300), 1)),
}
const operations = Operations.Operations

const watched = (changes: Stream.Stream<Operations.Change, unknown>) =>
  Effect.map(Stream.runCollect(changes), Chunk.toReadonlyArray)
const isGrowing = (changes: ReadonlyArray<Operations.Change>) =>
  changes.every(({ sequence }, index) => index === 0 || sequence > changes[index - 1]!.sequence)

describe("changes", () => {
  atOnce("begin with the state now, come four times a second at most, and end with the terminal one", () =>
    Effect.gen(function* () {
      const { start, changes, get } = yield* operations
      const { id } = yield* start(Task, { name: "busy" })
      yield* Effect.sleep(1000)
      const seen: Array<{ at: number; change: Operations.Change }> = []
      yield* Stream.runForEach(changes(id), (change) =>
        Effect.map(Effect.clock, (clock) => {
          seen.push({ at: clock.unsafeCurrentTimeMillis(), change })
        }),
      )
      expect(seen[0]!.at).toBe(1000)
      const { fraction } = seen[0]!.change.snapshot()
      expect(Math.abs(0.22 - (fraction ?? 0))).toBeLessThan(0.04)
      expect(seen.length).toBeGreaterThan(10)
      for (let at = 1000; at < 4000; at += 1000)
        expect(seen.filter((one) => one.at > at && one.at <= at + 1000).length).toBeLessThanOrEqual(5)
      expect(isGrowing(seen.map(({ change }) => change))).toBe(true)
      expect(seen.map(({ change }) => change.status).slice(-2)).toEqual(["running", "completed"])
      const { progress, sequence } = yield* get(id)
      expect(seen.at(-1)!.change.snapshot()).toEqual(progress)
      expect(JSON.parse(seen.at(-1)!.change.encoded)).toEqual(progress)
      expect(seen.at(-1)!.change.sequence).toBe(sequence)
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("a slow watcher misses some, never the last, and holds up nobody", () =>
    Effect.gen(function* () {
      const { start, changes } = yield* operations
      const { id, exit } = yield* start(Task, { name: "busy" })
      const slow: Array<Operations.Change> = []
      const watching = yield* Effect.fork(
        Stream.runForEach(changes(id), (change) =>
          Effect.zipRight(
            Effect.sync(() => slow.push(change)),
            Effect.sleep(10_000),
          ),
        ),
      )
      yield* exit
      expect((yield* Effect.clock).unsafeCurrentTimeMillis()).toBeLessThan(5000)
      yield* watching
      expect(slow.at(-1)!.status).toBe("completed")
      expect(slow.filter(({ status }) => status === "completed").length).toBe(1)
      expect(isGrowing(slow)).toBe(true)
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("one who comes back is told what he missed; one who has seen the end is told it again", () =>
    Effect.gen(function* () {
      const { start, changes, get } = yield* operations
      const { id } = yield* start(Task, { name: "counts" })
      const first = yield* watched(Stream.take(changes(id), 5))
      yield* Effect.sleep(2000)
      const rest = yield* watched(changes(id, first[2]!.sequence))
      expect(rest.slice(0, 2).map(({ sequence }) => sequence)).toEqual(
        first.slice(3).map(({ sequence }) => sequence),
      )
      expect(isGrowing([...first.slice(0, 3), ...rest])).toBe(true)
      expect(rest.length).toBeGreaterThan(10)
      const { sequence } = yield* get(id)
      for (const seen of [sequence, sequence + 1000]) {
        const after = yield* watched(changes(id, seen))
        expect(after.map(({ status }) => status)).toEqual(["completed"])
      }
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("a request to cancel shows at once, and a cancel while one waits for its turn ends the watch", () =>
    Effect.gen(function* () {
      const { start, changes, cancel } = yield* operations
      yield* start(Task, { name: "hangs" })
      const { id } = yield* start(Task, { name: "hangs" })
      const watching = yield* Effect.fork(watched(changes(id)))
      yield* Effect.sleep(1)
      yield* cancel(id)
      expect((yield* watching).map(({ status }) => status)).toEqual(["pending", "cancelling", "cancelled"])
    }).pipe(Effect.provide(system(works, { limits: { task: 1 } }))),
  )

  atOnce("of what nobody knows are a typed error", () =>
    Effect.gen(function* () {
      const { changes } = yield* operations
      expect(yield* Effect.flip(watched(changes("no")))).toMatchObject({ reason: "UnknownId" })
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("facts that JSON cannot say are left out, and nothing hangs for it", () =>
    Effect.gen(function* () {
      const { start, changes, get } = yield* operations
      const { id, exit } = yield* start(Task, { name: "strange" })
      const seen = yield* watched(changes(id))
      expect(yield* exit).toEqual(Exit.succeed(1))
      expect(JSON.parse(seen.at(-1)!.encoded)).toMatchObject({ status: "completed", context: {} })
      expect((yield* get(id)).status).toBe("completed")
    }).pipe(Effect.provide(system(works))),
  )
})

describe("changes from another process", () => {
  atOnce("are read from the store once for all who watch the same, and no longer than they do", () =>
    Effect.gen(function* () {
      let reads = 0
      const { start } = yield* another(works)
      const far = yield* anotherOver(works, (store) => ({
        ...store,
        watch: (id, sequence) => {
          reads++
          return store.watch(id, sequence)
        },
      }))
      const { id } = yield* start(Task, { name: "counts" })
      const watchers = yield* Effect.forEach(Array.from({ length: 50 }), () =>
        Effect.fork(watched(far.changes(id))),
      )
      yield* Effect.sleep(2000)
      expect(reads).toBeGreaterThan(15)
      expect(reads).toBeLessThan(25)
      const all = yield* Fiber.joinAll(watchers)
      for (const seen of all) {
        expect(seen.length).toBeGreaterThan(10)
        expect(isGrowing(seen)).toBe(true)
        expect(seen.filter(({ status }) => status === "completed").length).toBe(1)
        expect(seen.at(-1)!.status).toBe("completed")
        expect(seen.at(-1)!.encoded).toBe(all[0]!.at(-1)!.encoded)
      }
      expect(reads).toBeLessThan(50)
      const before = reads
      yield* Effect.sleep(2000)
      expect(reads).toBe(before)
      const leaving = yield* Effect.fork(watched(far.changes((yield* start(Task, { name: "hangs" })).id)))
      yield* Effect.sleep(500)
      yield* Fiber.interrupt(leaving)
      const left = reads
      yield* Effect.sleep(2000)
      expect(left).toBeGreaterThan(before)
      expect(reads).toBe(left)
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("tell the end of an operation whose owner is gone", () =>
    Effect.gen(function* () {
      const store = yield* OperationStore.OperationStore
      const { start, get } = yield* another(works)
      const { changes, await: awaited } = yield* another(works)
      const { record } = yield* Effect.map(
        Effect.flatMap(start(Task, { name: "hangs" }), ({ id }) => get(id)),
        (one) => ({ record: one }),
      )
      const owner = yield* store.acquire
      yield* store.insert({ ...record, id: "orphan", owner })
      const watching = yield* Effect.fork(watched(changes("orphan")))
      const waiting = yield* Effect.fork(awaited("orphan"))
      yield* Effect.sleep(16_500)
      const seen = yield* watching
      expect(seen.map(({ status }) => status)).toEqual(["running", "failed"])
      expect(seen.at(-1)!.snapshot().status).toBe("failed")
      expect(yield* waiting).toMatchObject({ status: "failed", failure: { reason: "OwnerLost" } })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("fail for all who watch when the store does, and can be had again after that", () =>
    Effect.gen(function* () {
      let isBroken = false
      let failing: Effect.Effect<never, OperationError> = Effect.fail(unwritable("disk"))
      const { start } = yield* another(works)
      const { changes } = yield* anotherOver(works, (store) => ({
        ...store,
        watch: (id, sequence) => (isBroken ? failing : store.watch(id, sequence)),
      }))
      const { id } = yield* start(Task, { name: "counts" })
      expect((yield* watched(Stream.take(changes(id), 2))).length).toBe(2)
      isBroken = true
      const two = Effect.all([Effect.flip(watched(changes(id))), Effect.flip(watched(changes(id)))], {
        concurrency: 2,
      })
      expect(yield* two).toMatchObject([{ reason: "StoreUnwritable" }, { reason: "StoreUnwritable" }])
      failing = Effect.dieMessage("by a defect as well")
      const died = yield* Effect.exit(watched(changes(id)))
      expect(Exit.isFailure(died) && Cause.isDie(died.cause)).toBe(true)
      isBroken = false
      expect((yield* watched(changes(id))).at(-1)!.status).toBe("completed")
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("end with an error when the registry that reads them ends", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { start } = yield* another(works)
      const { changes, await: awaited, get } = yield* Scope.extend(another(works), scope)
      const { id } = yield* start(Task, { name: "hangs" })
      const watching = yield* Effect.fork(watched(changes(id)))
      const waiting = yield* Effect.fork(awaited(id))
      yield* Effect.sleep(300)
      yield* Scope.close(scope, Exit.void)
      expect(yield* Effect.flip(Fiber.join(watching))).toMatchObject({ reason: "Closing" })
      expect(yield* Effect.flip(Fiber.join(waiting))).toMatchObject({ reason: "Closing" })
      expect(yield* Effect.flip(watched(changes(id)))).toMatchObject({ reason: "Closing" })
      expect((yield* get(id)).status).toBe("running")
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("await gives the record of another process", () =>
    Effect.gen(function* () {
      const { start } = yield* another(works)
      const { await: awaited } = yield* another(works)
      const { id } = yield* start(Task, { name: "fails" })
      expect(yield* awaited(id)).toMatchObject({ status: "failed", failure: { reason: "Broken" } })
      expect((yield* Effect.clock).unsafeCurrentTimeMillis()).toBeLessThanOrEqual(400)
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )
})
