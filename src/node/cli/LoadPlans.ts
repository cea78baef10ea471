/**
 * What the commands that load can say beforehand: what they would ask for, and how long it lawfully takes.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { DataError } from "../../data/DataError.js"
import { DataManager } from "../../data/DataManager.js"
import type { Payload } from "../../data/LoadData.js"
import type { Asking } from "../../data/LoadPlanner.js"
import * as Series from "../../data/Series.js"
import * as IbPacing from "../../hosts/ib/IbPacing.js"
import * as Progress from "../../Progress.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import { Incomplete } from "./Failure.js"
import * as LoadPlanText from "./LoadPlanText.js"
import * as LoadText from "./LoadText.js"

export interface Options {
  readonly pacing: IbPacing.Mode
  readonly json: boolean
  readonly noProgress: boolean
}

/**
 * Prints what the loads would ask for, and when, and stops there: the source is asked for nothing but its
 * listings, and nothing is written. Fails with `Incomplete` when a series cannot be planned; the others are.
 */
export const print = (
  payloads: ReadonlyArray<Payload>,
  options: Options,
): Effect.Effect<void, Incomplete | Output.OutputError, Output.Output | DataManager> =>
  Effect.gen(function* () {
    const outcomes = yield* planAll(payloads, options)
    const planned = successes(outcomes)
    const schedule = yield* scheduleOf(planned, options.pacing)
    if (options.json) {
      for (const { payload, result } of outcomes) {
        yield* Output.line(
          Either.match(result, {
            onLeft: (error) => LoadText.failure(payload, error),
            onRight: LoadPlanText.seriesLine,
          }),
        )
      }
      yield* Output.line(LoadPlanText.wholeLine(planned, schedule))
    }
    for (const { payload, result } of outcomes) {
      const place = payloads.length === 1 ? "" : `${Series.format(payload)}: `
      const notes = Either.match(result, {
        onLeft: ({ message }) => [`ktrdr: ${message}`],
        onRight: ({ warnings }) => warnings.map((warning) => `warning: ${place}${warning}`),
      })
      yield* Effect.forEach(notes, Output.note, { discard: true })
    }
    if (!options.json && planned.length > 0) yield* Output.line(LoadPlanText.text(planned, schedule))
    if (planned.length < outcomes.length) return yield* new Incomplete()
  })

/** What is said of no load that may be over as soon as this. */
const longMillis = 30_000

/**
 * Says on standard error how long the loads take at least where hard rules hold their requests back for long.
 * Says nothing of what cannot be planned: loading it will.
 */
export const sayFloor = (
  payloads: ReadonlyArray<Payload>,
  options: Options,
): Effect.Effect<void, never, Output.Output | DataManager> =>
  Effect.gen(function* () {
    const held = payloads.filter(
      ({ mode, timeframe }) => mode !== "local" && IbPacing.isHard(options.pacing, timeframe),
    )
    if (held.length === 0) return
    const planned = successes(yield* planAll(held, options))
    const schedule = yield* scheduleOf(planned, options.pacing)
    if (schedule.floor.millis < longMillis) return
    yield* Output.note(
      `note: ${LoadPlanText.whole(planned, schedule)}: ${schedule.floor.rule}; --plan says more, --pacing none ` +
        "is for hosts that do not pass requests on to Interactive Brokers",
    )
  })

// ---------------------------------------------------------------------------------------------------------

interface Planned extends LoadPlanText.Planned {
  readonly asking: Asking
}

interface Outcome {
  readonly payload: Payload
  readonly result: Either.Either<Planned, DataError>
}

/** So many series are looked up and read at once. */
const concurrency = 4

const planAll = (
  payloads: ReadonlyArray<Payload>,
  { json, noProgress }: Options,
): Effect.Effect<ReadonlyArray<Outcome>, never, Output.Output | DataManager> =>
  TerminalProgress.make({ json, silent: noProgress }).pipe(
    Effect.flatMap((observer) =>
      Progress.forEach(
        payloads,
        (payload) => Effect.map(Effect.either(planOne(payload)), (result) => ({ payload, result })),
        { concurrency, unit: "series" },
      ).pipe(Progress.step("Planning"), Progress.observe({ observer, kind: "data_plan" })),
    ),
    Effect.scoped,
  )

/** Of the plan only what is said of it is kept: the bars of many series would fill the memory. */
const planOne = (payload: Payload): Effect.Effect<Planned, DataError, DataManager> =>
  Effect.gen(function* () {
    const manager = yield* DataManager
    const { expected, instrument, range, segments, series, warnings } = yield* manager.plan(payload)
    return {
      series,
      mode: payload.mode,
      range,
      expected: expected.starts.length,
      bars: segments.reduce((sum, { bars }) => sum + bars, 0),
      requests: segments.length,
      warnings,
      asking: { series, instrument, segments },
    }
  })

const successes = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<Planned> =>
  outcomes.flatMap(({ result }) => (Either.isRight(result) ? [result.right] : []))

const scheduleOf = (
  planned: ReadonlyArray<Planned>,
  pacing: IbPacing.Mode,
): Effect.Effect<LoadPlanText.Schedule, never, DataManager> =>
  Effect.gen(function* () {
    const manager = yield* DataManager
    const now = yield* Clock.currentTimeMillis
    const { bounds, end, floor } = yield* manager.schedule(planned.map(({ asking }) => asking))
    return { bounds, floor, end, now, pacing }
  })
