/**
 * Repairs a stored series: what a check found of its clock is undone, the original stays beside it.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { breathe } from "../internal/breathe.js"
import * as Calendars from "./Calendars.js"
import type { Candles } from "./Candle.js"
import * as Candle from "./Candle.js"
import * as CandleStore from "./CandleStore.js"
import * as Coverage from "./Coverage.js"
import type { DataError } from "./DataError.js"
import * as ClockShift from "./Quality/ClockShift.js"
import * as Quality from "./Quality.js"
import * as Repair from "./Repair.js"
import * as SeriesCheck from "./SeriesCheck.js"
import * as Slices from "./Slices.js"
import * as TimeRange from "./TimeRange.js"

const Bar = Schema.Struct({ ...Candle.Candle.fields, start: TimeRange.Instant, at: TimeRange.Instant })

/** See `Repair.Collision`. */
export const Collision = Schema.Struct({
  start: TimeRange.Instant,
  kept: Bar,
  lost: Bar,
  equal: Schema.Boolean,
}).annotations({ identifier: "RepairCollision" })

/** See `Repair.Move`; on the wire in seconds. */
export const Move = Schema.Struct({
  first: TimeRange.Instant,
  last: TimeRange.Instant,
  bars: Schema.NonNegativeInt,
  seconds: Schema.Number,
}).annotations({ identifier: "RepairMove" })

/**
 * What a repair did. `rows_in` is `rows_out` and the collisions. Nothing was written where no bar was moved;
 * then there is no `original`, the place of the untouched original with `repair.json`, the record of every
 * change.
 */
export const RepairReport = Schema.Struct({
  rows_in: Schema.NonNegativeInt,
  rows_out: Schema.NonNegativeInt,
  moved: Schema.NonNegativeInt,
  /** The clock rules that were undone, in words. */
  rules: Schema.Array(Schema.String),
  /** Bars outside the sessions that no rule explains, and such as would fit either way: left as they are. */
  unexplained: Schema.NonNegativeInt,
  undecided: Schema.NonNegativeInt,
  collisions: Schema.Array(Collision),
  issues_before: Schema.Array(Quality.Issue),
  issues_after: Schema.Array(Quality.Issue),
  original: Schema.NullOr(Schema.String),
}).annotations({ identifier: "RepairReport" })
export type RepairReport = typeof RepairReport.Type

/** Undoes what the check finds of the series' clock, alone with the series. */
export const run = Effect.fn("SeriesRepair.run")(function* (
  store: CandleStore.Service,
  known: CandleStore.Description,
): Effect.fn.Return<RepairReport, DataError> {
  const { series, instrument } = known
  const { calendar } = yield* Calendars.forVenue(instrument.venue)
  const outcome = yield* CandleStore.withWriter(store, known, (writer) =>
    Effect.gen(function* (): Effect.fn.Return<
      Either.Either<RepairReport, CandleStore.Description>,
      DataError
    > {
      const now = Option.getOrElse(yield* store.describe(series), () => known)
      if (!CandleStore.isSameIdentity(known, now)) return Either.left(now)
      const { noData } = now
      const facts = { series, calendar, noData }
      const candles = yield* store.read(series)
      const before = yield* SeriesCheck.candles(facts, candles)
      const repaired = yield* Slices.run(Repair.undo(candles, before.clock))
      const changed = repaired.moved > 0
      const left = changed ? yield* noDataLeft(facts, repaired.candles) : noData
      const after = changed
        ? yield* SeriesCheck.candles({ ...facts, noData: left }, repaired.candles)
        : before
      const shifts = before.issues.flatMap((issue) => issue.shifts ?? [])
      const report = {
        rows_in: Candle.size(candles),
        rows_out: Candle.size(repaired.candles),
        moved: repaired.moved,
        rules: shifts.map(({ rule }) => rule),
        unexplained: yield* Slices.run(ClockShift.unexplained(before.clock)),
        undecided: shifts.reduce((sum, { undecided }) => sum + undecided, 0),
        collisions: repaired.collisions,
      }
      const record = yield* recordOf(report, repaired)
      const original = changed
        ? yield* writer.replace({ candles: repaired.candles, noData: left, record })
        : null
      return Either.right({ ...report, issues_before: before.issues, issues_after: after.issues, original })
    }),
  )
  return Either.isRight(outcome) ? outcome.right : yield* run(store, outcome.left)
})

// ---------------------------------------------------------------------------------------------------------

/** Where the source has none, less what is there now. */
const noDataLeft = Effect.fnUntraced(function* (
  { calendar, series, noData }: SeriesCheck.Facts,
  { start }: Candles,
) {
  const parts = yield* Effect.forEach(noData, (range) =>
    Effect.flatMap(Slices.expected(calendar, series, range), (expected) =>
      breathe(() => Coverage.noDataWithin(expected, range, start)),
    ),
  )
  return TimeRange.union(parts.flat())
})

/** `repair.json`: canonical, without any clock time, one line for each move and each collision. */
const recordOf = Effect.fnUntraced(function* (
  { collisions, ...counts }: Pick<RepairReport, "rows_in" | "rows_out" | "moved" | "rules" | "collisions">,
  { moves }: Repair.Repaired,
) {
  const head = JSON.stringify({ version: 1, ...counts }, undefined, 2).slice(0, -2)
  const moved = yield* listOf(moves, ({ millis, ...move }) => encodeMove({ ...move, seconds: millis / 1000 }))
  const collided = yield* listOf(collisions, encodeCollision)
  return `${head},\n  "moves": ${moved},\n  "collisions": ${collided}\n}\n`
})

/** A JSON array of one line an element, encoded some at a time. */
const listOf = <A>(all: ReadonlyArray<A>, encode: (one: A) => unknown): Effect.Effect<string> =>
  Effect.map(
    Effect.forEach(Array.from({ length: Math.ceil(all.length / linesPerTurn) }), (_, turn) =>
      breathe(() =>
        all
          .slice(turn * linesPerTurn, (turn + 1) * linesPerTurn)
          .map((one) => `    ${JSON.stringify(encode(one))}`)
          .join(",\n"),
      ),
    ),
    (parts) => (parts.length === 0 ? "[]" : `[\n${parts.join(",\n")}\n  ]`),
  )

const linesPerTurn = 1000
const encodeMove = Schema.encodeSync(Move)
const encodeCollision = Schema.encodeSync(Collision)
