/**
 * Loads that somebody watches: one progress tree, told to an observer.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { LoadData, type Payload } from "../data/LoadData.js"
import * as LoadMany from "../data/LoadMany.js"
import * as Operation from "../Operation.js"
import * as Progress from "../Progress.js"
import type { Observer } from "./TerminalProgress.js"

export type Outcome = LoadMany.Outcome

/**
 * Loads every series, told to the observer as one operation that succeeds when all of them do; one that fails
 * does not stop the others. The outcomes come in the order of the payloads, here and to `LoadMany.Listener`.
 */
export const run = (
  payloads: ReadonlyArray<Payload>,
  observer: Observer,
): Effect.Effect<ReadonlyArray<Outcome>, never, Loads> =>
  Effect.gen(function* () {
    const [first, ...others] = payloads
    if (first === undefined) return []
    const { kind } = others.length === 0 ? LoadData : LoadMany.LoadMany
    const operationId = yield* Operation.makeId(kind)
    const load: Effect.Effect<ReadonlyArray<Outcome>, LoadMany.LoadManyError, Loads> = others.length === 0
      ? one(first, operationId)
      : many([first, ...others], operationId)
    return yield* load.pipe(
      Progress.observe({ observer, operationId, kind }),
      Effect.catchAll(({ outcomes }) => Effect.succeed(outcomes)),
    )
  })

// ---------------------------------------------------------------------------------------------------------

type Loads = Operation.Handler<"data_load"> | Operation.Handler<"data_load_many">

const one = (payload: Payload, operationId: string) =>
  Effect.gen(function* () {
    const { settled, told } = yield* LoadMany.Listener
    const result = yield* Effect.either(LoadData.run(payload, { operationId }))
    const outcome: Outcome = { payload, result }
    yield* settled(outcome)
    yield* told(outcome)
    const outcomes = [outcome]
    return Either.isRight(result) ? outcomes : yield* new LoadMany.LoadManyError({ outcomes })
  })

const many = (loads: LoadMany.Payload["loads"], operationId: string) =>
  LoadMany.LoadMany.run({ loads }, { operationId })
