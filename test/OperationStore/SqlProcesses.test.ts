/** A store that processes of their own share. */
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Sql from "../../src/OperationStore/Sql.js"
import { OperationStore } from "../../src/OperationStore.js"
import * as SqlStores from "../utils/SqlStores.js"
import * as SqlWriters from "../utils/SqlWriters.js"

it.scopedLive(
  "two processes write a thousand records each at once, to a file that both make",
  () =>
    Effect.gen(function* () {
      const file = join(yield* SqlStores.folder, "operations.sqlite")
      const writers = yield* Effect.forEach(["one", "two"], (name) =>
        SqlWriters.start({ file, name, count: 1_000 }),
      )
      for (const { go } of writers) yield* go
      const outcomes = yield* Effect.forEach(writers, ({ outcome }) => outcome, { concurrency: 2 })
      for (const { errors, max, millis, p99, refused } of outcomes) {
        expect({ errors, refused }).toEqual({ errors: [], refused: 0 })
        expect(p99).toBeLessThan(500)
        process.stdout.write(
          `1,000 records beside another process: ${millis.toFixed(0)} ms, event loop delay p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms\n`,
        )
      }
      expect(new Set(outcomes.map(({ token }) => token)).size).toBe(2)
      yield* Effect.gen(function* () {
        const store = yield* OperationStore
        expect(yield* store.list({ statuses: ["completed"], limit: 1 })).toMatchObject({
          total: 2_000,
          active: 0,
        })
      }).pipe(Effect.provide(Sql.layerFile({ file })))
    }),
  60_000,
)

it.scopedLive(
  "what a process ran that was killed is failed at once; one that is stopped has its lease",
  () =>
    Effect.gen(function* () {
      const file = join(yield* SqlStores.folder, "operations.sqlite")
      const [killed, stopped] = yield* Effect.all([
        SqlWriters.start({ file, name: "killed", count: 0 }),
        SqlWriters.start({ file, name: "stopped", count: 0 }),
      ])
      yield* killed.go
      yield* stopped.go
      yield* killed.outcome
      yield* stopped.outcome
      yield* Effect.gen(function* () {
        const store = yield* OperationStore
        expect(yield* store.sweep).toBe(0)
        stopped.child.kill("SIGSTOP")
        yield* killed.kill
        expect(yield* store.sweep).toBe(1)
        expect(Option.getOrThrow(yield* store.get("killed"))).toMatchObject({
          status: "failed",
          failure: {
            reason: "OwnerLost",
            message: expect.stringContaining(`process ${killed.child.pid} on`),
          },
        })
        expect(Option.getOrThrow(yield* store.get("stopped")).status).toBe("running")
      }).pipe(Effect.provide(Sql.layerFile({ file })))
    }),
  60_000,
)
