/** How long the registry takes for a page of its list, when ten thousand operations have ended. */
import { performance } from "node:perf_hooks"
import * as Effect from "effect/Effect"
import * as Main from "../../src/node/Main.js"
import * as Record from "../../src/OperationRecord.js"
import { OperationStore } from "../../src/OperationStore.js"
import { Operations } from "../../src/Operations.js"
import * as Part from "./part.js"
import { layerNothing } from "./registryChild.js"

export const ended = 10_000
export const atWork = 20

/** A folder of its own, removed with the scope. */
export const home = Part.folder("registry")

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    const began = performance.now()
    return Effect.map(effect, () => performance.now() - began)
  })

/** The time of each; what is done before it is left out. */
export const times = <A, E, R, E2 = never, R2 = never>(
  n: number,
  one: (index: number) => Effect.Effect<A, E, R>,
  before: Effect.Effect<unknown, E2, R2> = Effect.void,
) =>
  Effect.forEach(
    Array.from({ length: n }, (_, index) => index),
    (index) => Effect.zipRight(before, timed(one(index))),
  )

/** The record that a load leaves, in a home of its own. */
const exemplar = Effect.gen(function* () {
  const directory = yield* home
  return yield* Effect.gen(function* () {
    const operations = yield* Operations
    const { id, exit } = yield* operations.startKind("data_load", {
      symbol: "SPX",
      timeframe: "1d",
      mode: "full",
    })
    yield* exit
    return yield* operations.get(id)
  }).pipe(Effect.provide(Main.layerSystemAt(directory, Main.layerEmbedded({ seed: 1 }))))
}).pipe(Effect.scoped)

/** Milliseconds of a hundred lists, less the first ten, by which page it was. */
export const lists = Effect.gen(function* () {
  const directory = yield* home
  const like = yield* exemplar
  return yield* Effect.gen(function* () {
    const store = yield* OperationStore
    const operations = yield* Operations
    const owner = yield* store.acquire
    const last = { sequence: 9, encoded: JSON.stringify(like.progress), fraction: 1, message: like.message }
    const insert = (index: number) => {
      const begun = like.created + index * 1000
      const status = { status: "running", completed: null, result: null } as const
      return store.insert({
        ...like,
        ...status,
        id: `${like.id}_${index}`,
        created: begun,
        started: begun,
        owner,
      })
    }
    const finish = (index: number) => {
      const at = like.created + index * 1000 + 900
      const ending: Record.Ending =
        index % 10 === 0
          ? {
              status: "cancelled",
              cancellation: { reason: "enough", requested: at, by: "process 1" },
              kept: null,
            }
          : { status: "completed", result: like.result }
      return store.finish(`${like.id}_${index}`, owner.token, ending, at, last, [])
    }
    const keep = Effect.filterOrDieMessage(store.renew(owner.token), (isGood) => isGood, "the lease ran out")
    yield* times(ended, (index) => Effect.zipRight(insert(index), finish(index)), keep)
    yield* times(atWork, (index) => insert(ended + index))
    const page = (query: Parameters<typeof operations.list>[0]) =>
      Effect.map(
        times(100, () => operations.list(query), keep),
        (millis) => millis.slice(10),
      )
    const found = {
      newest: yield* page({}),
      middle: yield* page({ offset: ended / 2 }),
      oldest: yield* page({ offset: ended - 50 }),
      cancelled: yield* page({ statuses: ["cancelled"] }),
      active: yield* page({ statuses: Record.active }),
      kind: yield* page({ kind: like.kind, statuses: ["failed", "cancelled"], offset: 500 }),
    }
    const { active, operations: shown, total } = yield* operations.list({})
    if (active !== atWork || total !== ended + atWork || shown.length !== 100) {
      yield* Effect.dieMessage(`${total} operations are listed, ${active} active`)
    }
    yield* store.release(owner.token)
    return found
  }).pipe(Effect.provide(layerNothing(directory)))
}).pipe(Effect.scoped)
