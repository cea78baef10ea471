/** A registry whose store does not do what it should, and one whose lease is gone. */
import { describe, expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as OperationFence from "../../src/OperationFence.js"
import * as OperationStore from "../../src/OperationStore.js"
import * as Progress from "../../src/Progress.js"
import { atOnce } from "../utils/AtOnce.js"
import { another, anotherOver, logged, Task, TaskError, type Works } from "../utils/OperationTasks.js"
import { type Mood, moody, unwritable } from "../utils/OperationWitness.js"

const works: Works = {
  seven: () => Effect.succeed(7),
  counts: () => Progress.forEach(Array.from({ length: 20 }), () => Effect.sleep(100)).pipe(Effect.as(1)),
  fails: () => Effect.fail(new TaskError({ reason: "Broken" })),
  hangs: () => Effect.never,
  lingers: () => Effect.ensuring(Effect.never, Effect.sleep(100)),
}

/** Methods of the store in a mood. */
type Moods = Partial<Record<keyof OperationStore.Service, Mood>>

const inMood = (moods: Moods) => (store: OperationStore.Service) =>
  moody(store, (method) => moods[method] ?? "well")

const stored = (id: string) =>
  Effect.flatMap(OperationStore.OperationStore, (store) =>
    Effect.zipRight(store.sweep, Effect.flatten(store.get(id))),
  )

describe("a store that cannot be written", () => {
  atOnce("fails a start with what is the matter, and the next one is recorded", () =>
    Effect.gen(function* () {
      for (const method of ["acquire", "insert"] as const) {
        const moods: Moods = { [method]: "refuses" }
        const { start, list } = yield* anotherOver(works, inMood(moods))
        const before = (yield* list()).total
        expect(yield* Effect.flip(start(Task, { name: "seven" }))).toMatchObject({
          reason: "StoreUnwritable",
          place: `store.${method}`,
        })
        expect((yield* list()).total).toBe(before)
        moods[method] = "well"
        expect(yield* yield* (yield* start(Task, { name: "seven" })).exit).toBe(7)
      }
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("that had written the record all the same leaves nothing that seems to run", () =>
    Effect.gen(function* () {
      const { start, list } = yield* anotherOver(works, inMood({ insert: "lies" }))
      yield* Effect.flip(start(Task, { name: "hangs" }, { id: "said" }))
      expect((yield* list()).active).toBe(0)
      expect(yield* stored("said")).toMatchObject({
        status: "failed",
        failure: { tag: "OperationError", reason: "StoreUnwritable" },
      })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("does no harm to an operation whose id is given again", () =>
    Effect.gen(function* () {
      const moods: Moods = {}
      const { start } = yield* anotherOver(works, inMood(moods))
      yield* start(Task, { name: "hangs" }, { id: "mine" })
      moods.insert = "refuses"
      expect(yield* Effect.flip(start(Task, { name: "seven" }, { id: "mine" }))).toMatchObject({
        reason: "InvalidPayload",
      })
      expect((yield* stored("mine")).status).toBe("running")
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("costs one warning while work goes on, and how it ends is recorded", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { start } = yield* anotherOver(works, inMood({ report: "refuses" }))
      const { id, exit } = yield* start(Task, { name: "counts" })
      expect(yield* yield* exit).toBe(1)
      expect(lines).toEqual([unwritable("store.report").message])
      expect(yield* stored(id)).toMatchObject({ status: "completed", fraction: 1, warnings: lines })
    }).pipe(Effect.provide(OperationStore.layerMemory), Effect.provide(logged(lines)))
  })

  atOnce("is tried again with how an operation ended, until that is recorded", () =>
    Effect.gen(function* () {
      const moods: Moods = { finish: "refuses" }
      const { start, get } = yield* anotherOver(works, inMood(moods))
      const { id, exit } = yield* start(Task, { name: "seven" })
      const waiting = yield* Effect.fork(exit)
      yield* Effect.sleep(2500)
      expect(waiting.unsafePoll()).toBeNull()
      expect((yield* get(id)).status).toBe("running")
      moods.finish = "well"
      expect(yield* waiting).toEqual(Exit.succeed(7))
      expect((yield* Effect.clock).unsafeCurrentTimeMillis()).toBe(3000)
      expect(yield* stored(id)).toMatchObject({ status: "completed", completed: 0, result: "7" })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("that had recorded the end all the same is not taken for the loss of the lease", () =>
    Effect.gen(function* () {
      for (const name of ["seven", "fails", "interrupts"]) {
        const moods: Moods = { finish: "lies" }
        const { start } = yield* anotherOver({ ...works, interrupts: () => Effect.interrupt }, inMood(moods))
        const { id, exit } = yield* start(Task, { name })
        yield* Effect.sleep(500)
        moods.finish = "well"
        const ended = yield* exit
        const { status } = yield* stored(id)
        expect(status).toBe(name === "seven" ? "completed" : name === "fails" ? "failed" : "cancelled")
        expect(Exit.isSuccess(ended) || !String(ended.cause).includes("OwnerLost")).toBe(true)
        expect(Exit.isSuccess(ended)).toBe(name === "seven")
      }
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("for longer than the lease: the work is ended, and its owner knows that it has lost it", () =>
    Effect.gen(function* () {
      const moods: Moods = { renew: "refuses", finish: "refuses" }
      const { start } = yield* anotherOver(works, inMood(moods))
      const hangs = yield* start(Task, { name: "hangs" })
      const seven = yield* start(Task, { name: "seven" })
      const lost = [yield* hangs.exit, yield* seven.exit]
      for (const exit of lost) {
        expect(Exit.isFailure(exit) ? Cause.failureOption(exit.cause) : exit).toMatchObject({
          value: { reason: "OwnerLost" },
        })
      }
      for (const id of [hangs.id, seven.id])
        expect(yield* stored(id)).toMatchObject({ status: "failed", failure: { reason: "OwnerLost" } })
      moods.renew = moods.finish = "well"
      expect(yield* yield* (yield* start(Task, { name: "seven" })).exit).toBe(7)
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("for longer than the lease: work that failed by itself is told as that, with what it kept", () =>
    Effect.gen(function* () {
      const full: Moods = { renew: "refuses", finish: "refuses", report: "refuses", sweep: "refuses" }
      const { start, await: ended } = yield* anotherOver(
        {
          ...works,
          fills: () =>
            Task.annotate({ done: "half" }).pipe(
              Effect.zipRight(Effect.sleep(1000)),
              Effect.zipRight(Effect.fail(new TaskError({ reason: "Full" }))),
            ),
        },
        inMood(full),
      )
      const fills = yield* start(Task, { name: "fills" })
      expect(yield* fills.exit).toEqual(Exit.fail(new TaskError({ reason: "Full" })))
      expect((yield* Effect.clock).unsafeCurrentTimeMillis()).toBeLessThan(20_000)
      const hangs = yield* start(Task, { name: "hangs" })
      const waiting = yield* Effect.fork(ended(hangs.id))
      const lost = yield* hangs.exit
      expect(Exit.isFailure(lost) ? Cause.failureOption(lost.cause) : lost).toMatchObject({
        value: {
          reason: "OwnerLost",
          found: expect.stringContaining("could not renew its lease: store.renew"),
        },
      })
      expect((yield* Fiber.join(waiting)).failure?.message).toMatch(
        /^process 0 on memory, which ran it, could not renew its lease: store\.renew: .* Make room$/,
      )
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("tells those who wait of a failure, and what was kept, as the one who ran it is told", () =>
    Effect.gen(function* () {
      const full: Moods = { renew: "refuses", finish: "refuses" }
      const { start, await: ended } = yield* anotherOver(
        {
          ...works,
          fills: () =>
            Task.annotate({ done: "half" }).pipe(
              Effect.zipRight(Effect.sleep(1000)),
              Effect.zipRight(Effect.fail(new TaskError({ reason: "Full" }))),
            ),
        },
        (store) => ({ ...inMood(full)(store), sweep: Effect.succeed(0) }),
      )
      const { id } = yield* start(Task, { name: "fills" })
      expect(yield* ended(id)).toMatchObject({
        status: "failed",
        failure: { tag: "TaskError", reason: "Full", error: { _tag: "TaskError", reason: "Full" } },
        kept: "half is done",
      })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("does not keep a cancel from ending the work", () =>
    Effect.gen(function* () {
      const { start, cancel } = yield* anotherOver(works, inMood({ requestCancel: "refuses" }))
      const { id } = yield* start(Task, { name: "lingers" })
      yield* Effect.sleep(1)
      expect(yield* cancel(id, { reason: "enough" })).toMatchObject({
        isFirst: true,
        record: { status: "cancelled", completed: 101, cancellation: { reason: "enough" } },
      })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("is read all the same, where a lost owner cannot be written down", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { start } = yield* another(works)
      const { id } = yield* start(Task, { name: "hangs" })
      const { get, list } = yield* anotherOver(works, inMood({ sweep: "refuses" }))
      expect((yield* get(id)).status).toBe("running")
      expect((yield* list()).active).toBe(1)
      expect(lines).toEqual([unwritable("store.sweep").message])
    }).pipe(Effect.provide(OperationStore.layerMemory), Effect.provide(logged(lines)))
  })

  atOnce("by a defect neither ends the attendance nor leaves an operation that never ends", () =>
    Effect.gen(function* () {
      let isBroken = true
      const { start, cancel } = yield* anotherOver(works, (store) => ({
        ...store,
        requested: (token) => (isBroken ? Effect.dieMessage("requested") : store.requested(token)),
        finish: (id, token, ending, at, last, warnings) =>
          last === undefined
            ? store.finish(id, token, ending, at, last, warnings)
            : Effect.dieMessage("a snapshot that it does not like"),
      }))
      const { id } = yield* start(Task, { name: "hangs" })
      yield* Effect.sleep(20_000)
      isBroken = false
      const far = yield* another(works)
      expect((yield* far.cancel(id, { reason: "from afar" })).record).toMatchObject({
        status: "cancelled",
        cancellation: { reason: "from afar" },
      })
      expect(yield* Effect.flip(cancel(id))).toMatchObject({ reason: "Finished" })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )
})

describe("a start that is interrupted", () => {
  atOnce("before it is in the store is not there; once it may be, it is ended", () =>
    Effect.gen(function* () {
      for (const isWritten of [false, true]) {
        const isThere = yield* Deferred.make<void>()
        const { start, list } = yield* anotherOver(
          works,
          (store) => ({
            ...store,
            insert: (record) =>
              (isWritten ? store.insert(record) : Effect.void).pipe(
                Effect.zipRight(Deferred.succeed(isThere, undefined)),
                Effect.zipRight(record.id === "next" ? Effect.void : Effect.never),
              ),
          }),
          { limits: { task: 1 } },
        )
        const id = `is written: ${isWritten}`.replace(/\W+/g, "-")
        const starting = yield* Effect.fork(start(Task, { name: "hangs" }, { id }))
        yield* Deferred.await(isThere)
        expect(Exit.isInterrupted(yield* Fiber.interrupt(starting))).toBe(true)
        expect((yield* list()).active).toBe(0)
        if (isWritten) {
          expect(yield* stored(id)).toMatchObject({
            status: "cancelled",
            cancellation: { reason: "its start was interrupted" },
          })
          yield* start(Task, { name: "hangs" }, { id: "next" })
          expect((yield* stored("next")).status).toBe("running")
        }
      }
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )
})

describe("the lease", () => {
  atOnce("is renewed while an operation runs, however long, and while its finalizers do", () =>
    Effect.gen(function* () {
      const { start } = yield* another({
        ...works,
        long: () => Effect.delay(Effect.succeed(1), 120_000),
      })
      const { exit } = yield* start(Task, { name: "long" })
      const watcher = yield* another(works)
      for (let second = 0; second < 119; second++) {
        yield* Effect.sleep(1000)
        expect((yield* watcher.list()).active).toBe(1)
      }
      expect(yield* yield* exit).toBe(1)
      const id = yield* Effect.scoped(
        Effect.gen(function* () {
          const closing = yield* another({
            ...works,
            sticks: () => Effect.ensuring(Effect.never, Effect.sleep(60_000)),
          })
          const started = yield* closing.start(Task, { name: "sticks" })
          yield* Effect.sleep(1)
          return started.id
        }),
      )
      expect((yield* stored(id)).status).toBe("cancelled")
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("is renewed by the start that finds it old, so that nothing begins under one that runs out", () =>
    Effect.gen(function* () {
      for (const idle of [4900, 9900, 14_850, 14_950, 14_999, 15_000, 30_000]) {
        const { start } = yield* another(works)
        yield* (yield* start(Task, { name: "seven" })).exit
        yield* Effect.sleep(idle)
        expect(yield* yield* (yield* start(Task, { name: "counts" })).exit).toBe(1)
      }
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("is given back when the registry ends", () =>
    Effect.gen(function* () {
      const store = yield* OperationStore.OperationStore
      const token = yield* Effect.scoped(
        Effect.gen(function* () {
          const { start, get } = yield* another(works)
          const { id } = yield* start(Task, { name: "hangs" })
          const { owner } = yield* get(id)
          expect(yield* store.renew(owner.token)).toBe(true)
          return owner.token
        }),
      )
      expect(yield* store.renew(token)).toBe(false)
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("once it is gone its operations end as OwnerLost; the next start takes a new one", () =>
    Effect.gen(function* () {
      const store = yield* OperationStore.OperationStore
      const { start, get } = yield* another(works)
      const { id, exit } = yield* start(Task, { name: "lingers" })
      const { owner } = yield* get(id)
      yield* store.release(owner.token)
      expect(yield* stored(id)).toMatchObject({ status: "failed", failure: { reason: "OwnerLost" } })
      const next = yield* start(Task, { name: "seven" })
      expect((yield* get(next.id)).owner.token).toBeGreaterThan(owner.token)
      expect(yield* yield* next.exit).toBe(7)
      const ended = yield* exit
      expect(Exit.isFailure(ended) ? Cause.failureOption(ended.cause) : ended).toMatchObject({
        value: { reason: "OwnerLost", place: id },
      })
      expect(yield* get(id)).toMatchObject({
        status: "failed",
        failure: {
          reason: "OwnerLost",
          message: expect.stringMatching(/^process 0 on memory, which ran it, let its lease go: /),
        },
      })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("is asked for by whoever is about to do what cannot be undone", () => {
    const done: Array<string> = []
    return Effect.gen(function* () {
      let isHeld = true
      const { start } = yield* anotherOver(
        {
          ...works,
          careful: () =>
            Effect.gen(function* () {
              yield* OperationFence.check
              done.push("first")
              yield* Effect.uninterruptible(Effect.sleep(16_000))
              yield* OperationFence.check
              done.push("second")
              return 1
            }),
        },
        (store) => ({ ...store, renew: (token) => (isHeld ? store.renew(token) : Effect.succeed(false)) }),
      )
      const { id, exit } = yield* start(Task, { name: "careful" })
      yield* Effect.sleep(100)
      isHeld = false
      const ended = yield* exit
      expect(done).toEqual(["first"])
      expect(Exit.isFailure(ended) ? Cause.failureOption(ended.cause) : ended).toMatchObject({
        value: { reason: "OwnerLost" },
      })
      expect((yield* stored(id)).failure?.reason).toBe("OwnerLost")
      yield* OperationFence.check
    }).pipe(Effect.provide(OperationStore.layerMemory))
  })
})

describe("what has ended", () => {
  const week = 7 * 24 * 3_600_000

  atOnce("is kept though the clock is set a month ahead, until a hundred others ended after that", () =>
    Effect.gen(function* () {
      let ahead = 0
      const clock = yield* Effect.clock
      const shifted: Clock.Clock = Object.assign(Object.create(clock) as Clock.Clock, {
        unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + ahead,
        currentTimeMillis: Effect.sync(() => clock.unsafeCurrentTimeMillis() + ahead),
        sleep: clock.sleep.bind(clock),
      })
      yield* Effect.gen(function* () {
        const { start, list } = yield* another(works)
        const seven = Effect.flatMap(start(Task, { name: "seven" }), ({ exit }) => Effect.flatten(exit))
        /** Every registry looks at what has ended when it begins to work. */
        const pruned = Effect.zipRight(
          Effect.scoped(
            Effect.flatMap(another(works), (next) =>
              Effect.flatMap(next.start(Task, { name: "counts" }), ({ exit }) => Effect.flatten(exit)),
            ),
          ),
          Effect.map(list({ limit: 1 }), ({ total }) => total),
        )
        yield* Effect.repeatN(seven, 119)
        ahead = 4 * week
        expect(yield* pruned).toBe(121)
        yield* Effect.repeatN(seven, 97)
        expect(yield* pruned).toBe(220)
        yield* seven
        expect(yield* pruned).toBe(102)
      }).pipe(Effect.withClock(shifted))
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )
})
