import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { DataError } from "../../../src/data/DataError.js"
import * as RemoteOperations from "../../../src/node/api/RemoteOperations.js"
import * as Record from "../../../src/OperationRecord.js"
import * as Operations from "../../../src/Operations.js"
import { Count, serve } from "./Served.js"

/** What a list tells, of a record. */
const summary = (one: Record.Summary) =>
  Object.fromEntries(Object.keys(Record.Summary.fields).map((key) => [key, one[key as keyof Record.Summary]]))

/** The registry of a server, as a program on another machine has it. */
const both = Effect.gen(function* () {
  const { operations, url } = yield* serve({ token: "sesame" })
  const layer = RemoteOperations.layer(`${url}/api/v1`)
  const config = ConfigProvider.fromMap(new Map([["KTRDR_API_TOKEN", "sesame"]]))
  const there = yield* Effect.withConfigProvider(
    Effect.map(Layer.build(layer), (context) => Context.get(context, Operations.Operations)),
    config,
  )
  return { here: operations, there }
})

describe("the operations of a server", () => {
  it.scopedLive("are started, watched and waited for like one's own", () =>
    Effect.gen(function* () {
      const { here, there } = yield* both
      const seen: Array<string> = []
      const payload = { name: "far", ticks: 4, millis: 130, last: "end" } as const
      const { id, exit } = yield* there.start(Count, payload, {
        observer: ({ message }) => Effect.sync(() => void seen.push(message)),
      })
      expect(yield* yield* exit).toEqual({ counted: 4 })
      expect(seen.at(-1)).toBe("Counting far: 4")
      expect(yield* there.get(id)).toEqual(yield* here.get(id))
      expect(yield* there.await(id)).toMatchObject({ status: "completed", payload })
      const changes = Chunk.toReadonlyArray(yield* Stream.runCollect(there.changes(id)))
      expect(changes.map(({ status }) => status)).toEqual(["completed"])
    }),
  )

  it.scopedLive("fail, are cancelled, resumed and tried again like one's own", () =>
    Effect.gen(function* () {
      const { here, there } = yield* both
      const failing = yield* there.startKind("count", { name: "f", ticks: 1, last: "fail" })
      expect(yield* Effect.either(Effect.flatten(failing.exit))).toMatchObject(
        Either.left({ tag: "DataError", reason: "Unreachable" }),
      )
      const typed = yield* there.start(Count, { name: "g", ticks: 1, millis: 0, last: "fail" })
      const error = yield* Effect.flip(Effect.flatten(typed.exit))
      expect(error).toBeInstanceOf(DataError)
      expect(error).toMatchObject({ reason: "Unreachable", place: "g", advice: "Do not tell it" })
      const listed = yield* there.list({ statuses: ["failed"] })
      expect(listed.operations[0]?.failure).toEqual({
        tag: "DataError",
        reason: "Unreachable",
        message: expect.stringContaining("told to fail"),
      })
      const retried = yield* there.retry(failing.id)
      yield* retried.exit
      expect(yield* here.get(retried.id)).toMatchObject({ resumedFrom: failing.id, status: "failed" })

      const waiting = yield* there.startKind("count", { name: "w", ticks: 0, last: "wait" })
      const answer = yield* there.cancel(waiting.id, { reason: "over there" })
      expect(answer).toMatchObject({
        isFirst: true,
        record: {
          status: "cancelled",
          cancellation: { reason: "over there", by: expect.stringContaining("API") },
        },
      })
      expect((yield* Effect.exit(Effect.flatten(waiting.exit)))._tag).toBe("Failure")
      const resumed = yield* there.resume(waiting.id)
      const refused = yield* Effect.either(there.resume(waiting.id))
      expect(refused).toMatchObject(Either.left({ reason: "Superseded", place: waiting.id }))
      yield* there.cancel(resumed.id)
      const page = yield* there.list({ kind: "count", statuses: ["cancelled"] })
      expect(page.operations.map(({ id, cancellation }) => [id, cancellation?.reason])).toEqual([
        [resumed.id, "no reason given"],
        [waiting.id, "over there"],
      ])
      expect(page.operations).toEqual((yield* here.list({ statuses: ["cancelled"] })).operations.map(summary))
      for (const [asked, reason] of [
        [there.get("nope"), "UnknownId"],
        [there.startKind("nosuch", {}), "UnknownKind"],
        [there.startKind("count", { ticks: "x" }), "InvalidPayload"],
        [there.cancel(waiting.id), "Finished"],
      ] as const) {
        expect(yield* Effect.either(asked as Effect.Effect<unknown, unknown>)).toMatchObject(
          Either.left({ _tag: "OperationError", reason }),
        )
      }
    }),
  )

  it.scopedLive(
    "cannot be asked for where there is no server, which is told as a store that cannot be read",
    () =>
      Effect.gen(function* () {
        const context = yield* Layer.build(RemoteOperations.layer("http://127.0.0.1:9"))
        const there = Context.get(context, Operations.Operations)
        expect(yield* Effect.either(there.list())).toMatchObject(
          Either.left({
            _tag: "OperationError",
            reason: "StoreUnreadable",
            place: "ktrdr API at http://127.0.0.1:9",
            advice: expect.stringContaining("start it, or correct --server"),
          }),
        )
      }),
  )
})
