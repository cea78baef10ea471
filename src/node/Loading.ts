/**
 * Loads of several series at once, as one operation that is watched.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { DataError } from "../data/DataError.js"
import * as DataProgress from "../data/DataProgress.js"
import { LoadData, type Payload } from "../data/LoadData.js"
import type { LoadReport } from "../data/LoadReport.js"
import * as Series from "../data/Series.js"
import * as Operation from "../Operation.js"
import * as Progress from "../Progress.js"
import type { ProgressRenderer } from "../ProgressRenderer.js"
import type { Observer } from "./TerminalProgress.js"

/** What became of one series. */
export interface Outcome {
  readonly payload: Payload
  readonly result: Either.Either<LoadReport, DataError>
}

/** Series that load at the same time. */
const concurrency = 3

/**
 * Loads every series, told to the observer as one progress tree that succeeds when all of them do; one that
 * fails does not stop the others.
 */
export const run = (
  payloads: ReadonlyArray<Payload>,
  observer: Observer,
): Effect.Effect<ReadonlyArray<Outcome>, never, Operation.Handler<"data_load">> =>
  Effect.gen(function* () {
    const operationId = yield* Operation.makeId(LoadData.kind)
    const options = { observer, operationId, kind: LoadData.kind }
    const [only, ...others] = payloads
    const observed =
      only !== undefined && others.length === 0
        ? Progress.observe(one(only, operationId), options)
        : Progress.observe(many(payloads), { ...options, render: renderSeries(payloads) })
    return yield* Effect.catchAll(observed, Effect.succeed)
  })

// ---------------------------------------------------------------------------------------------------------

type Loads = Effect.Effect<ReadonlyArray<Outcome>, ReadonlyArray<Outcome>, Operation.Handler<"data_load">>

const one = (payload: Payload, operationId: string): Loads =>
  LoadData.run(payload, { operationId }).pipe(
    Effect.mapBoth({
      onSuccess: (report) => [{ payload, result: Either.right(report) }],
      onFailure: (error) => [{ payload, result: Either.left(error) }],
    }),
  )

const many = (payloads: ReadonlyArray<Payload>): Loads =>
  Progress.plan(payloads.map(Series.format)).pipe(
    Effect.zipRight(
      Progress.forEach(
        payloads,
        (payload) =>
          LoadData.run(payload).pipe(
            Progress.step(Series.format(payload)),
            Effect.either,
            Effect.map((result): Outcome => ({ payload, result })),
          ),
        { concurrency, unit },
      ),
    ),
    Effect.filterOrFail(
      (outcomes) => outcomes.every(({ result }) => Either.isRight(result)),
      (outcomes) => outcomes,
    ),
  )

const unit = "series"

/** The line of many loads counts series, whatever the one at work counts. */
const renderSeries = (payloads: ReadonlyArray<Payload>): ProgressRenderer => {
  const context = { ...payloads[0], symbols: payloads.map(({ symbol }) => symbol) }
  return (snapshot) => {
    const items = snapshot.steps.find((step) => step.items?.unit === unit)?.items ?? null
    return DataProgress.render({ ...snapshot, items }, context)
  }
}
