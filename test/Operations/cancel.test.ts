/** To cancel, in the process that runs the operation. */
import { describe, expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Operations from "../../src/Operations.js"
import { atOnce } from "../utils/AtOnce.js"
import { system, Task, TaskError, type Works } from "../utils/OperationTasks.js"

const works: Works = {
  seven: () => Effect.succeed(7),
  lingers: () => Effect.ensuring(Effect.never, Effect.sleep("1 second")),
  hangsOn: () => Effect.ensuring(Effect.never, Effect.sleep("1 minute")),
}
const operations = Operations.Operations

describe("cancel", () => {
  atOnce("interrupts, waits for the finalizers, and tells what was kept and who asked why", () =>
    Effect.gen(function* () {
      const { start, cancel } = yield* operations
      const { id, exit } = yield* start(Task, { name: "lingers" })
      yield* Effect.yieldNow()
      const cancelling = yield* Effect.fork(cancel(id, { reason: "enough", by: "the test" }))
      yield* Effect.sleep("999 millis")
      expect(cancelling.unsafePoll()).toBeNull()
      yield* Effect.sleep("1 millis")
      const { record, isFirst } = yield* cancelling
      expect(isFirst).toBe(true)
      expect(record).toMatchObject({
        status: "cancelled",
        cancellation: { reason: "enough", by: "the test", requested: 0 },
        completed: 1000,
        kept: "nothing",
        failure: null,
        result: null,
      })
      const ended = yield* exit
      expect(Exit.isFailure(ended) && Cause.isInterruptedOnly(ended.cause)).toBe(true)
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("the first reason counts, of two that come one after another and of two at once", () =>
    Effect.gen(function* () {
      const { start, cancel } = yield* operations
      const { id } = yield* start(Task, { name: "lingers" })
      yield* Effect.yieldNow()
      const asks = ["one", "two", "three"].map((reason) => cancel(id, { reason }))
      const fiber = yield* Effect.fork(Effect.all(asks, { concurrency: "unbounded" }))
      yield* Effect.sleep("1 second")
      const answers = yield* fiber
      expect(answers.map(({ isFirst }) => isFirst)).toEqual([true, false, false])
      expect(new Set(answers.map(({ record }) => record.cancellation?.reason))).toEqual(new Set(["one"]))
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("of what has ended is Finished, and changes nothing", () =>
    Effect.gen(function* () {
      const { start, cancel, get } = yield* operations
      const { id, exit } = yield* start(Task, { name: "seven" })
      yield* exit
      const before = yield* get(id)
      expect(yield* Effect.flip(cancel(id))).toMatchObject({ reason: "Finished", place: id })
      expect(yield* get(id)).toEqual(before)
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("answers after five seconds though finalizers hang, and the end is recorded when it comes", () =>
    Effect.gen(function* () {
      const { start, cancel, get } = yield* operations
      const { id, exit } = yield* start(Task, { name: "hangsOn" })
      yield* Effect.yieldNow()
      const cancelling = yield* Effect.fork(cancel(id))
      yield* Effect.sleep("4999 millis")
      expect(cancelling.unsafePoll()).toBeNull()
      yield* Effect.sleep("1 millis")
      expect((yield* cancelling).record).toMatchObject({
        status: "cancelling",
        cancellation: { reason: "no reason given", by: "this process" },
        completed: null,
      })
      yield* Effect.sleep("55 seconds")
      yield* exit
      expect((yield* get(id)).status).toBe("cancelled")
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("before the first step of the work, ends it without that step", () => {
    let steps = 0
    const counting: Works = { counts: () => Effect.sync(() => ++steps) }
    return Effect.gen(function* () {
      const { start, cancel } = yield* operations
      const { id } = yield* start(Task, { name: "counts" })
      expect((yield* cancel(id)).record.status).toBe("cancelled")
      expect(steps).toBe(0)
    }).pipe(Effect.provide(system(counting)))
  })

  atOnce("a finalizer that dies does not make it a failed one", () => {
    const dying: Works = { x: () => Effect.ensuring(Effect.never, Effect.dieMessage("in the end")) }
    return Effect.gen(function* () {
      const { start, cancel } = yield* operations
      const { id, exit } = yield* start(Task, { name: "x" })
      yield* Effect.yieldNow()
      expect((yield* cancel(id, { reason: "enough" })).record).toMatchObject({
        status: "cancelled",
        failure: null,
        cancellation: { reason: "enough" },
      })
      const ended = yield* exit
      expect(Exit.isFailure(ended) && Cause.isInterrupted(ended.cause)).toBe(true)
    }).pipe(Effect.provide(system(dying)))
  })

  atOnce("one that had failed before, and was only cleaning up, has failed", () => {
    const failing: Works = {
      x: () => Effect.ensuring(Effect.fail(new TaskError({ reason: "Broken" })), Effect.sleep(1000)),
    }
    return Effect.gen(function* () {
      const { start, cancel } = yield* operations
      const { id, exit } = yield* start(Task, { name: "x" })
      yield* Effect.yieldNow()
      const cancelling = yield* Effect.fork(cancel(id, { reason: "late" }))
      yield* Effect.sleep(1000)
      expect((yield* cancelling).record).toMatchObject({
        status: "failed",
        failure: { reason: "Broken" },
        cancellation: { reason: "late" },
      })
      expect(Cause.failureOption(yield* Effect.flip(Effect.sandbox(Effect.flatten(exit))))).toMatchObject({
        value: { reason: "Broken" },
      })
    }).pipe(Effect.provide(system(failing)))
  })

  atOnce("nothing that the work forked outlives the record", () => {
    const log: Array<string> = []
    const forking: Works = {
      x: () =>
        Effect.fork(
          Effect.ensuring(
            Effect.never,
            Effect.zipRight(
              Effect.sleep(500),
              Effect.sync(() => log.push("released")),
            ),
          ),
        ).pipe(Effect.zipRight(Effect.sleep(100)), Effect.as(3)),
    }
    return Effect.gen(function* () {
      const { start } = yield* operations
      const { exit } = yield* start(Task, { name: "x" })
      yield* Effect.fork(
        Effect.map(exit, () => {
          log.push("recorded")
        }),
      )
      yield* Effect.sleep(1000)
      expect(log).toEqual(["released", "recorded"])
    }).pipe(Effect.provide(system(forking)))
  })
})
