/** To resume, and to retry. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as OperationStore from "../../src/OperationStore.js"
import * as Operations from "../../src/Operations.js"
import { atOnce } from "../utils/AtOnce.js"
import { another, anotherOver, Once, system, Task, TaskError, type Works } from "../utils/OperationTasks.js"

const told: Array<unknown> = []
const works: Works = {
  fails: ({ attempt, resumedFrom, earlier }, round) =>
    Effect.suspend(() => {
      told.push({ attempt, resumedFrom, earlier, round })
      return Effect.fail(new TaskError({ reason: "Broken" }))
    }),
  hangs: () => Effect.never,
  seven: () => Effect.succeed(7),
}
const operations = Operations.Operations

/** Starts it and waits for its end. */
const ended = (name: string, kind: typeof Task | typeof Once = Task) =>
  Effect.gen(function* () {
    const { start } = yield* operations
    const { id, exit } = yield* start(kind, { name }, { settings: { source: "first" } })
    yield* exit
    return id
  })

describe("resume and retry", () => {
  atOnce("start a new operation that names the one it goes on with, with its settings", () =>
    Effect.gen(function* () {
      told.length = 0
      const { get, resume, retry } = yield* operations
      const first = yield* ended("fails")
      const resumed = yield* resume(first)
      yield* resumed.exit
      const retried = yield* retry(resumed.id, { settings: { source: "second" } })
      yield* retried.exit
      expect(told).toEqual([
        { attempt: 1, resumedFrom: undefined, earlier: [], round: undefined },
        { attempt: 2, resumedFrom: first, earlier: [], round: 1 },
        { attempt: 3, resumedFrom: undefined, earlier: [], round: 1 },
      ])
      const fourth = yield* resume(retried.id)
      yield* fourth.exit
      expect(told.at(-1)).toMatchObject({ resumedFrom: retried.id, earlier: [] })
      yield* (yield* resume(fourth.id)).exit
      expect(told.at(-1)).toMatchObject({ resumedFrom: fourth.id, earlier: [retried.id] })
      expect(yield* get(resumed.id)).toMatchObject({
        resumedFrom: first,
        attempt: 2,
        payload: { name: "fails", round: 1 },
        settings: { source: "first" },
      })
      expect(yield* get(retried.id)).toMatchObject({
        resumedFrom: resumed.id,
        attempt: 3,
        payload: { name: "fails", round: 1 },
        settings: { source: "second" },
      })
      expect(yield* get(first)).toMatchObject({ status: "failed", resumedFrom: null })
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("are refused for what runs, what succeeded, and a kind that nothing goes on with", () =>
    Effect.gen(function* () {
      const { start, resume, retry } = yield* operations
      const { id } = yield* start(Task, { name: "hangs" })
      for (const again of [resume, retry]) {
        expect(yield* Effect.flip(again(id))).toMatchObject({
          reason: "NotFinished",
          found: expect.stringContaining("running"),
        })
        expect(yield* Effect.flip(again(yield* ended("seven")))).toMatchObject({ reason: "Succeeded" })
      }
      const once = yield* ended("fails", Once)
      expect(yield* Effect.flip(resume(once))).toMatchObject({ reason: "NotResumable", found: "once" })
      expect((yield* retry(once)).id).not.toBe(once)
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("are refused while another one goes on with it, be they asked at once", () =>
    Effect.gen(function* () {
      const { start, cancel, resume, retry } = yield* anotherOver(works, (store) => ({
        ...store,
        list: (query) => Effect.zipLeft(store.list(query), Effect.sleep(10)),
      }))
      const { id } = yield* start(Task, { name: "hangs" })
      yield* cancel(id)
      const both = yield* Effect.all([Effect.either(resume(id)), Effect.either(retry(id))], {
        concurrency: "unbounded",
      })
      const right = both.find(Either.isRight)
      const left = both.find(Either.isLeft)
      expect(left?.left).toMatchObject({ reason: "Superseded", found: `${right?.right.id}, which does` })
      yield* cancel(right?.right.id ?? "")
      expect((yield* resume(id)).id).not.toBe(right?.right.id)
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )

  atOnce("are refused for records of another version, or of a kind that is not known here", () =>
    Effect.gen(function* () {
      const store = yield* OperationStore.OperationStore
      const { start, cancel, resume } = yield* operations
      const { id } = yield* start(Task, { name: "hangs" })
      const { record } = yield* cancel(id)
      const { owner } = yield* Effect.map(store.acquire, (own) => ({ owner: own }))
      yield* store.insert({ ...record, id: "old", version: 1, owner, status: "pending" })
      yield* store.insert({ ...record, id: "strange", kind: "dig", owner, status: "pending" })
      yield* store.release(owner.token)
      expect(yield* Effect.flip(resume("old"))).toMatchObject({
        reason: "OutdatedPayload",
        expected: "a payload of version 2",
        found: "one of version 1",
      })
      expect(yield* Effect.flip(resume("strange"))).toMatchObject({ reason: "UnknownKind" })
    }).pipe(Effect.provide(system(works))),
  )

  atOnce("go on with what another process left, once that is gone", () =>
    Effect.gen(function* () {
      const { id } = yield* Effect.scoped(
        Effect.flatMap(another(works), ({ start }) => start(Task, { name: "hangs" })),
      )
      const { resume, get } = yield* another({ ...works, hangs: () => Effect.succeed(5) })
      const { id: next, exit } = yield* resume(id)
      expect(yield* yield* exit).toBe(5)
      expect(yield* get(next)).toMatchObject({ resumedFrom: id, attempt: 2 })
    }).pipe(Effect.provide(OperationStore.layerMemory)),
  )
})
