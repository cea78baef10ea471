/**
 * A process that owns operations: writes so many records, sixteen at a time, and says how that went, or holds
 * one until it is killed. It begins when a line comes on its standard input.
 */
import { once } from "node:events"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Sql from "../../src/OperationStore/Sql.js"
import { OperationStore, renewalMillis } from "../../src/OperationStore.js"
import { record, reported } from "./OperationRecords.js"
import { Orders, type Outcome } from "./SqlWriters.js"

const { count, file, name } = Schema.decodeSync(Orders)(process.argv[2] ?? "")

const say = (outcome: Outcome): void => void process.stdout.write(`${JSON.stringify(outcome)}\n`)

const told = Effect.promise(() => once(process.stdin, "data"))

const hold = Effect.gen(function* () {
  const store = yield* OperationStore
  const owner = yield* store.acquire
  yield* store.insert(record(name, owner, { status: "running" }))
  say({ token: owner.token, refused: 0, errors: [], p99: 0, max: 0, millis: 0 })
  yield* Effect.never
})

const write = Effect.gen(function* () {
  const store = yield* OperationStore
  const owner = yield* store.acquire
  yield* store.renew(owner.token).pipe(Effect.delay(renewalMillis), Effect.forever, Effect.fork)
  let refused = 0
  const one = (index: number) =>
    Effect.gen(function* () {
      const id = `${name}_${index}`
      yield* store.insert(record(id, owner))
      const isDone = yield* store.finish(
        id,
        owner.token,
        { status: "completed", result: index },
        2,
        reported(1),
        [],
      )
      if (!isDone) refused++
    })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const begun = performance.now()
  const results = yield* Effect.forEach(
    Array.from({ length: count }, (_, index) => index),
    (index) => Effect.either(one(index)),
    { concurrency: 16 },
  )
  const millis = performance.now() - begun
  delay.disable()
  const errors = results.flatMap((result) => (result._tag === "Left" ? [result.left.message] : []))
  const { p99, max } = { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }
  say({ token: owner.token, refused, errors, p99, max, millis })
})

const program = Effect.zipRight(told, count === 0 ? hold : write)

await Effect.runPromise(Effect.provide(program, Sql.layerFile({ file }).pipe(Layer.orDie)))
process.stdin.destroy()
