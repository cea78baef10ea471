/** What an operation has around it: its caller's settings, not its caller's life; its warnings; its time. */
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as OperationStore from "../../src/OperationStore.js"
import * as Operations from "../../src/Operations.js"
import * as Progress from "../../src/Progress.js"
import type { ProgressSnapshot } from "../../src/ProgressSnapshot.js"
import { atOnce, play } from "../utils/AtOnce.js"
import { another, system, Task, type Works } from "../utils/OperationTasks.js"
import { VirtualTime } from "../utils/VirtualTime.js"

class Depth extends Context.Reference<Depth>()("test/Depth", { defaultValue: () => 0 }) {}

const operations = Operations.Operations

const outsideOfScopes = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.mapInputContext(effect, (context: Context.Context<never>) =>
    Context.omit(Scope.Scope)(context as Context.Context<Scope.Scope>),
  )

describe("the surroundings of an operation", () => {
  atOnce("are its caller's references; not its caller's scope, span or step of progress", () => {
    const seen: Array<{ depth: number; scope: boolean; span: boolean; step: unknown }> = []
    const works: Works = {
      looks: () =>
        Effect.gen(function* () {
          yield* Progress.annotate({ done: "all" })
          const scope = yield* Effect.serviceOption(Scope.Scope)
          const { name } = yield* Progress.current
          const span = yield* Effect.option(Effect.currentParentSpan)
          seen.push({
            depth: yield* Depth,
            scope: Option.isSome(scope),
            span: Option.isSome(span),
            step: name,
          })
          return 1
        }),
    }
    return Effect.gen(function* () {
      const shown: Array<ProgressSnapshot> = []
      const exit = yield* Effect.gen(function* () {
        const running = yield* (yield* operations).start(Task, { name: "looks" })
        return yield* running.exit
      }).pipe(
        Effect.scoped,
        Effect.provideService(Depth, 7),
        Effect.withSpan("the caller's"),
        Progress.step("the caller's"),
        Progress.observe({ observer: (snapshot) => Effect.sync(() => shown.push(snapshot)) }),
      )
      expect(yield* exit).toBe(1)
      expect(seen).toEqual([{ depth: 7, scope: false, span: false, step: "task" }])
      expect(shown.at(-1)?.context).toEqual({})
      expect(shown.at(-1)?.steps.map(({ name }) => name)).not.toContain("task")
    }).pipe(Effect.provide(system(works)), outsideOfScopes)
  })

  atOnce("an observer is told of the progress, and one that fails harms nothing", () => {
    const works: Works = {
      counts: () =>
        Effect.as(
          Progress.forEach([1, 2, 3], () => Effect.sleep(100)),
          3,
        ),
    }
    return Effect.gen(function* () {
      const { start } = yield* operations
      const seen: Array<string> = []
      const { exit, id } = yield* start(
        Task,
        { name: "counts" },
        {
          observer: (snapshot) => Effect.sync(() => seen.push(`${snapshot.operationId} ${snapshot.status}`)),
        },
      )
      yield* exit
      expect(seen[0]).toBe(`${id} running`)
      expect(seen.at(-1)).toBe(`${id} completed`)
      const failing = yield* start(Task, { name: "counts" }, { observer: () => Effect.dieMessage("blind") })
      expect(yield* yield* failing.exit).toBe(3)
    }).pipe(Effect.provide(system(works)))
  })
})

describe("the warnings of an operation", () => {
  const works: Works = {
    warns: () =>
      Effect.gen(function* () {
        yield* Effect.logInfo("no warning")
        yield* Effect.logWarning("one", { file: "a" })
        yield* Effect.fork(Effect.logError("two")).pipe(Effect.flatten)
        return 1
      }),
    warnsOften: () =>
      Effect.as(
        Effect.forEach(
          Array.from({ length: 150 }, (_, index) => index),
          (index) => Effect.logWarning(`${index} ${"x".repeat(index === 0 ? 10_000 : 0)}`),
        ),
        2,
      ),
    leaves: () =>
      Effect.gen(function* () {
        const gate = Option.getOrThrow(yield* Effect.serviceOption(Gate))
        yield* Effect.forkDaemon(Effect.zipRight(Deferred.await(gate), Effect.logWarning("too late")))
        yield* Effect.logWarning("in time")
        return 3
      }),
  }
  class Gate extends Context.Tag("test/Gate")<Gate, Deferred.Deferred<void>>() {}

  atOnce("are what it logged as a warning or worse, and nobody else did", () =>
    Effect.gen(function* () {
      const { start, get } = yield* operations
      const { id, exit } = yield* start(Task, { name: "warns" })
      yield* Effect.logWarning("somebody else's")
      yield* exit
      expect((yield* get(id)).warnings).toEqual(['one {"file":"a"}', "two"])
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("are the first hundred, and of each no more than a page", () =>
    Effect.gen(function* () {
      const { start, get } = yield* operations
      const { id, exit } = yield* start(Task, { name: "warnsOften" })
      yield* exit
      const { warnings } = yield* get(id)
      expect(warnings.length).toBe(100)
      expect(warnings[0]?.length).toBe(2001)
      expect(warnings[99]).toBe("99 ")
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("do not change once it has ended", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { start, get } = yield* operations
      const { id, exit } = yield* Effect.provideService(start(Task, { name: "leaves" }), Gate, gate)
      yield* exit
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.sleep(1)
      expect((yield* get(id)).warnings).toEqual(["in time"])
    }).pipe(Effect.provide(system(works))),
  )
})

/** A clock that is set forwards and back, while time goes on as ever. */
class SetClock extends VirtualTime {
  override unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.elapsed * 1_000_000))
  }
}

describe("the time of an operation", () => {
  const works: Works = {
    counts: () =>
      Effect.as(
        Progress.forEach(Array.from({ length: 300 }), () => Effect.sleep(100)),
        1,
      ),
    hangs: () => Effect.never,
  }

  for (const hours of [-48, 48]) {
    it(`a clock that is set by ${hours} hours costs no lease, no changes, and no request to cancel`, () => {
      const time = new SetClock()
      time.shift = Date.UTC(2026, 0, 5)
      play(
        Effect.gen(function* () {
          const near = yield* another(works)
          const far = yield* another(works)
          const store = yield* OperationStore.OperationStore
          const { id, exit } = yield* near.start(Task, { name: "counts" })
          const hanging = yield* near.start(Task, { name: "hangs" })
          const { record } = { record: yield* near.get(id) }
          yield* store.insert({ ...record, id: "orphan", owner: yield* store.acquire })
          const orphan = yield* Effect.fork(far.await("orphan"))
          yield* Effect.sleep(2000)
          time.shift += hours * 3_600_000
          const before = (yield* near.get(id)).sequence
          const reported = Option.getOrThrow(yield* store.get(id)).sequence
          yield* Effect.sleep(2000)
          expect((yield* near.get(id)).sequence).toBeGreaterThan(before + 4)
          expect(Option.getOrThrow(yield* store.get(id)).sequence).toBeGreaterThan(reported + 4)
          const asked = yield* Clock.currentTimeNanos
          expect((yield* far.cancel(hanging.id)).record.status).toBe("cancelled")
          expect(Number((yield* Clock.currentTimeNanos) - asked) / 1_000_000).toBeLessThanOrEqual(300)
          expect(orphan.unsafePoll()).toBeNull()
          yield* Effect.sleep(13_000)
          expect(yield* orphan).toMatchObject({ failure: { reason: "OwnerLost" } })
          expect(yield* yield* exit).toBe(1)
          expect(time.elapsed).toBeLessThan(31_000)
        }).pipe(Effect.provide(OperationStore.layerMemory)),
        time,
      )
    })
  }
})
