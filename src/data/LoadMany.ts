/**
 * The operation that loads many series: one tree of progress, several series at once, an outcome for each.
 */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Permits } from "../internal/Permits.js"
import * as Operation from "../Operation.js"
import * as Progress from "../Progress.js"
import { DataError } from "./DataError.js"
import * as DataProgress from "./DataProgress.js"
import * as LoadData from "./LoadData.js"
import { LoadReport } from "./LoadReport.js"
import * as Series from "./Series.js"
import type { Timeframe } from "./Timeframe.js"

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
 * Who is told of outcomes: nobody by default.
 *
 * - `settled` of every one as soon as it is there
 * - `told` of every one as soon as it and all before it are there, in the order in which the series were asked
 *   for; the next series waits until it was told
 */
export class Listener extends Context.Reference<Listener>()("ktrdr/data/LoadMany/Listener", {
  defaultValue: (): {
    readonly settled: (outcome: Outcome) => Effect.Effect<void>
    readonly told: (outcome: Outcome) => Effect.Effect<void>
  } => ({ settled: () => Effect.void, told: () => Effect.void }),
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
  estimate: ({ loads }) => {
    const estimate = single.estimate(loads[0])
    return { ...estimate, key: `data_load_many ${estimate.key}` }
  },
  render: DataProgress.renderMany,
  kept: DataProgress.keptOfMany,
  continuation: ({ loads }) => ({ loads: Arr.map(loads, LoadData.goOn) }),
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
 * Loads the series as steps of the current one, of each timeframe `concurrency` at a time (4 where left out):
 * series whose bars a source holds back hold up none whose bars it does not. One that fails does not stop the
 * others. The outcomes come in the order of `loads`.
 */
export const all = Effect.fn("LoadMany.all")(function* (
  loads: ReadonlyArray<LoadData.Payload>,
  options: { readonly concurrency?: number } = {},
) {
  const { settled, told } = yield* Listener
  const tell = inOrder(told)
  const inLane = lanes(options.concurrency ?? defaultConcurrency)
  yield* Progress.annotate(facts(loads))
  if (loads.length <= mostPlanned) yield* Progress.plan(loads.map(Series.format))
  return yield* Progress.forEach(
    loads,
    (payload, index) =>
      LoadData.LoadData.run(payload).pipe(
        Progress.step(Series.format(payload)),
        Effect.either,
        Effect.map((result): Outcome => ({ payload, result })),
        Effect.tap(settled),
        Effect.tap((outcome) => tell(index, outcome)),
        inLane(payload.timeframe),
      ),
    { concurrency: "unbounded", unit: DataProgress.seriesUnit },
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

/** So many of each timeframe at a time, in the order in which they come. */
const lanes = (width: number) => {
  const all = new Map<Timeframe, Permits>()
  return (timeframe: Timeframe) => {
    const lane = all.get(timeframe) ?? new Permits(width)
    all.set(timeframe, lane)
    return lane.hold
  }
}

/** Holds outcomes back until all before them have been told. */
const inOrder = (told: (outcome: Outcome) => Effect.Effect<void>) => {
  const turn = new Permits(1)
  const held = new Map<number, Outcome>()
  let next = 0
  return (index: number, outcome: Outcome): Effect.Effect<void> =>
    turn.hold(
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
