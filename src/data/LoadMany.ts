/**
 * The operation that loads many series: one tree of progress, several series at once, an outcome for each.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Operation from "../Operation.js"
import * as Progress from "../Progress.js"
import { DataError } from "./DataError.js"
import * as DataProgress from "./DataProgress.js"
import * as LoadData from "./LoadData.js"
import { LoadReport } from "./LoadReport.js"
import * as Series from "./Series.js"

/** What became of one series. */
export const Outcome = Schema.Struct({
  payload: LoadData.Payload,
  result: Schema.Either({ right: LoadReport, left: DataError }),
}).annotations({ identifier: "LoadOutcome" })
export type Outcome = typeof Outcome.Type

/** Not every series could be loaded; the others were, and their reports are here too, in the order asked for. */
export class LoadManyError extends Schema.TaggedError<LoadManyError>("ktrdr/data/LoadManyError")(
  "LoadManyError",
  { outcomes: Schema.Array(Outcome) },
) {
  override get message(): string {
    const failed = this.outcomes.flatMap(({ payload, result }) =>
      Either.isLeft(result) ? [`${Series.format(payload)} (${result.left.reason})`] : [],
    )
    return `${failed.length} of ${this.outcomes.length} series could not be loaded: ${failed.join(", ")}`
  }
}

export const Payload = Schema.Struct({ loads: Schema.NonEmptyArray(LoadData.Payload) }).annotations({
  identifier: "LoadManyPayload",
})
export type Payload = typeof Payload.Type

/**
 * Told of every outcome as soon as it and all before it are there, in the order in which the series were asked
 * for; the next series waits until it was told. Nobody by default.
 */
export class Listener extends Context.Reference<Listener>()("ktrdr/data/LoadMany/Listener", {
  defaultValue: (): { readonly told: (outcome: Outcome) => Effect.Effect<void> } => ({
    told: () => Effect.void,
  }),
}) {}

/** Kind `data_load_many`: `LoadData` for each series. Resumes by running again. */
export const LoadMany = Operation.make("data_load_many", {
  version: 1,
  payload: Payload,
  success: Schema.Array(Outcome),
  error: LoadManyError,
  context: DataProgress.Context,
  idempotencyKey: ({ loads }) => loads.map(single.idempotencyKey).join("\n"),
  resume: "again",
  estimate: ({ loads }) => ({
    key: `data_load_many ${single.estimate(loads[0]).key}`,
    units: loads.reduce((sum, load) => sum + single.estimate(load).units, 0),
  }),
  render: DataProgress.renderMany,
})

/** The handler: needs that of `LoadData`. */
export const layer: Layer.Layer<
  Operation.Handler<"data_load_many">,
  never,
  Operation.Handler<"data_load">
> = LoadMany.toLayer(({ loads }) =>
  Effect.filterOrFail(
    all(loads),
    (outcomes) => outcomes.every(({ result }) => Either.isRight(result)),
    (outcomes) => new LoadManyError({ outcomes }),
  ),
)

/**
 * Loads the series as steps of the current one, `concurrency` at a time (4 where left out); one that fails
 * does not stop the others. The outcomes come in the order of `loads`.
 */
export const all = Effect.fn("LoadMany.all")(function* (
  loads: ReadonlyArray<LoadData.Payload>,
  options: { readonly concurrency?: number } = {},
) {
  const { told } = yield* Listener
  const tell = inOrder(told)
  yield* Progress.annotate(facts(loads))
  if (loads.length <= mostPlanned) yield* Progress.plan(loads.map(Series.format))
  return yield* Progress.forEach(
    loads,
    (payload, index) =>
      LoadData.LoadData.run(payload).pipe(
        Progress.step(Series.format(payload)),
        Effect.either,
        Effect.map((result): Outcome => ({ payload, result })),
        Effect.tap((outcome) => tell(index, outcome)),
      ),
    { concurrency: options.concurrency ?? defaultConcurrency, unit: DataProgress.seriesUnit },
  )
})

// ---------------------------------------------------------------------------------------------------------

const defaultConcurrency = 4

/** Of more series than these, whole ones are counted: each that is planned is looked at for every snapshot. */
const mostPlanned = 100

const single = LoadData.LoadData.definition

/** What is common to all loads. */
const facts = (loads: ReadonlyArray<LoadData.Payload>): Partial<DataProgress.Context> => {
  const common = <A>(of: (load: LoadData.Payload) => A): A | undefined => {
    const values = new Set(loads.map(of))
    return values.size === 1 ? [...values][0] : undefined
  }
  const timeframe = common((load) => load.timeframe)
  const mode = common((load) => load.mode)
  return {
    symbols: [...new Set(loads.map(({ symbol }) => symbol))],
    ...(timeframe === undefined ? {} : { timeframe }),
    ...(mode === undefined ? {} : { mode }),
  }
}

/** Holds outcomes back until all before them have been told. */
const inOrder = (told: (outcome: Outcome) => Effect.Effect<void>) => {
  const turn = Effect.unsafeMakeSemaphore(1)
  const held = new Map<number, Outcome>()
  let next = 0
  return (index: number, outcome: Outcome): Effect.Effect<void> =>
    turn.withPermits(1)(
      Effect.suspend(() => {
        held.set(index, outcome)
        return Effect.whileLoop({
          while: () => held.has(next),
          body: () => told(held.get(next)!),
          step: () => void held.delete(next++),
        })
      }),
    )
}
