/** Operations of other processes: asked for over the store that they share. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as OperationStore from "../../src/OperationStore.js"
import { atOnce } from "../utils/AtOnce.js"
import { another, Task, type Works } from "../utils/OperationTasks.js"

const works: Works = {
  seven: () => Effect.succeed(7),
  hangs: () => Effect.never,
  lingers: () => Effect.ensuring(Effect.never, Effect.sleep(700)),
  hangsOn: () => Effect.ensuring(Effect.never, Effect.sleep("1 minute")),
}
const now = Effect.map(Effect.clock, (clock) => clock.unsafeCurrentTimeMillis())

describe("cancel from another process", () => {
  atOnce("is seen by the owner within 200 ms, and answered once the finalizers are through", () =>
    Effect.gen(function* () {
      const near = yield* another(works)
      const far = yield* another(works)
      const { id, exit } = yield* near.start(Task, { name: "lingers" })
      yield* Effect.sleep(30)
      const { record, isFirst } = yield* far.cancel(id, { reason: "from afar", by: "process 2 on there" })
      expect(isFirst).toBe(true)
      expect(record).toMatchObject({
        status: "cancelled",
        cancellation: { reason: "from afar", by: "process 2 on there", requested: 30 },
      })
      expect(record.completed).toBeLessThanOrEqual(30 + 200 + 700)
      expect(yield* now).toBeLessThanOrEqual(30 + 200 + 700 + 100)
      expect(Exit.isInterrupted(yield* exit)).toBe(true)
      expect(yield* near.get(id)).toEqual(record)
      expect(yield* Effect.flip(far.cancel(id))).toMatchObject({ reason: "Finished" })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("and from the owner's: the first reason counts, whichever it was", () =>
    Effect.gen(function* () {
      const near = yield* another(works)
      const far = yield* another(works)
      for (const [first, second] of [
        [far, near],
        [near, far],
        [far, far],
      ] as const) {
        const { id } = yield* near.start(Task, { name: "lingers" })
        yield* Effect.sleep(1)
        const both = yield* Effect.fork(
          Effect.all([first.cancel(id, { reason: "one" }), second.cancel(id, { reason: "two" })], {
            concurrency: 2,
          }),
        )
        yield* Effect.sleep(150)
        expect(yield* near.get(id)).toMatchObject({
          status: "cancelling",
          cancellation: { reason: "one" },
        })
        const [one, two] = yield* both
        expect([one.isFirst, two.isFirst]).toEqual([true, false])
        const store = yield* OperationStore.OperationStore
        const record = Option.getOrThrow(yield* store.get(id))
        expect(record.cancellation?.reason).toBe("one")
        expect([one.record, two.record]).toEqual([record, record])
      }
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("answers after five seconds though finalizers hang", () =>
    Effect.gen(function* () {
      const near = yield* another(works)
      const far = yield* another(works)
      const { id } = yield* near.start(Task, { name: "hangsOn" })
      yield* Effect.sleep(30)
      const { record, isFirst } = yield* far.cancel(id, { reason: "one" })
      expect(record).toMatchObject({ status: "cancelling", cancellation: { reason: "one" } })
      expect(isFirst).toBe(true)
      expect(yield* now).toBe(5030)
      const again = yield* far.cancel(id, { reason: "two" })
      expect(again).toMatchObject({ isFirst: false, record: { cancellation: { reason: "one" } } })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("of one that waits for its turn ends it", () =>
    Effect.gen(function* () {
      const near = yield* another(works, { limits: { task: 1 } })
      const far = yield* another(works)
      yield* near.start(Task, { name: "hangs" })
      const { id } = yield* near.start(Task, { name: "seven" })
      const { record } = yield* far.cancel(id)
      expect(record).toMatchObject({ status: "cancelled", started: null })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("of one whose owner is gone is Finished: it is OwnerLost", () =>
    Effect.gen(function* () {
      const store = yield* OperationStore.OperationStore
      const near = yield* another(works)
      const far = yield* another(works)
      const { id } = yield* near.start(Task, { name: "hangs" })
      const record = yield* near.get(id)
      yield* store.insert({ ...record, id: "orphan", owner: yield* store.acquire })
      yield* Effect.sleep(15_000)
      expect(yield* Effect.flip(far.cancel("orphan"))).toMatchObject({ reason: "Finished" })
      expect(yield* far.get("orphan")).toMatchObject({ failure: { reason: "OwnerLost" } })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("that its owner has not seen when it closes: its reason is the one that is recorded", () =>
    Effect.gen(function* () {
      const store = yield* OperationStore.OperationStore
      const scope = yield* Scope.make()
      const near = yield* Scope.extend(another(works, { closingReason: "closed" }), scope)
      const { id } = yield* near.start(Task, { name: "hangs" })
      yield* Effect.sleep(10)
      const asked = { reason: "from afar", by: "process 2", requested: 10 }
      yield* store.requestCancel(id, asked)
      const waiting = yield* Effect.fork(near.await(id))
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      const record = Option.getOrThrow(yield* store.get(id))
      expect(record).toMatchObject({ status: "cancelled", cancellation: asked })
      expect(yield* waiting).toEqual(record)
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )
})
