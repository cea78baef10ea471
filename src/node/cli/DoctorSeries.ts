/**
 * What `ktrdr doctor` says of each stored series: how new, how complete, how sound. Nothing is changed: a
 * journal that was left over stays, a damaged file keeps its name.
 */
import * as NodePath from "node:path"
import * as NodePathLayer from "@effect/platform-node/NodePath"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Calendars from "../../data/Calendars.js"
import * as CandleSource from "../../data/CandleSource.js"
import * as Parquet from "../../data/CandleStore/Parquet.js"
import { CandleStore, type Description, type Verification } from "../../data/CandleStore.js"
import * as Coverage from "../../data/Coverage.js"
import * as DataManager from "../../data/DataManager.js"
import * as Series from "../../data/Series.js"
import * as Timeframe from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as TimeZone from "../../data/TimeZone.js"
import * as TradingCalendar from "../../data/TradingCalendar.js"
import * as Progress from "../../Progress.js"
import { duration } from "../../ProgressRenderer.js"
import * as ReadOnlyFiles from "../ReadOnlyFiles.js"
import { type Check, not, ok } from "./DoctorReport.js"
import * as LoadText from "./LoadText.js"

/** Every series of the store of a home, in no longer than `budget` milliseconds altogether. */
export const checks = (home: string, budget: number): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function* () {
    const store = yield* CandleStore
    const listed = yield* Effect.either(store.list)
    if (Either.isLeft(listed)) {
      return [not("problem", "store", `${listed.left.place}: ${listed.left.found}`, listed.left.advice)]
    }
    if (listed.right.length === 0) return [ok("store", LoadText.nothingKept)]
    const end = (yield* Clock.currentTimeMillis) + budget
    return yield* Progress.forEach(listed.right, (description) => one(description, end), { unit: "series" })
  }).pipe(
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.provide(
      DataManager.layer.pipe(
        Layer.provideMerge(Parquet.layer({ directory: NodePath.join(home, "data") })),
        Layer.provide([CandleSource.layerOffline, ReadOnlyFiles.layer, NodePathLayer.layer]),
      ),
    ),
  )

/** How long ago the calendar expected the newest stored bar to be followed: 0 where it is the newest there is. */
export const behind = (
  calendar: TradingCalendar.TradingCalendar,
  { series, newest, last }: Pick<Description, "series" | "newest" | "last">,
  now: number,
): number => {
  if (newest === undefined) return 0
  const upTo = TradingCalendar.completeBefore(calendar, series, now)
  const recent = TradingCalendar.expectedStarts(calendar, series, { start: upTo - recentMillis, end: upTo })
  const due = Math.min(recent.at(-1) ?? newest, last ?? Number.POSITIVE_INFINITY)
  return Math.max(0, due - newest)
}

// ---------------------------------------------------------------------------------------------------------

/** No venue is closed for longer. */
const recentMillis = 14 * TimeZone.day

/** A series that is further behind than this has been forgotten. */
const oldMillis = 7 * TimeZone.day

/** A series of which so many bars should exist takes more than a moment to count. */
const many = 5_000_000

const one = Effect.fnUntraced(function* (description: Description, end: number) {
  const { series, instrument, first, newest, last, rows } = description
  const about = Series.format(series)
  const now = yield* Clock.currentTimeMillis
  const { calendar, warning } = yield* Calendars.forVenue(instrument.venue)
  const late = behind(calendar, description, now)
  const coverage = yield* within(end, counted(description))
  const verified = yield* within(
    end,
    Effect.flatMap(CandleStore, (store) => store.verify(series)),
  )
  const facts = {
    ...series,
    rows,
    first: first === undefined ? null : TimeRange.formatInstant(first),
    last: newest === undefined ? null : TimeRange.formatInstant(newest),
    behind_seconds: late / 1000,
    expected: Option.getOrNull(Option.map(coverage, (_) => _.expected)),
    present: Option.getOrNull(Option.map(coverage, (_) => _.present)),
    verified: Option.isSome(verified),
    faults: Option.match(verified, {
      onNone: () => [],
      onSome: (all) => all.flatMap(({ faults }) => faults),
    }),
    remarks: Option.match(verified, {
      onNone: () => [],
      onSome: (all) => all.flatMap(({ remarks }) => remarks),
    }),
  }
  const found = [
    Option.match(coverage, {
      onNone: () => `${LoadText.amount(rows, "bar")}, not counted against the calendar`,
      onSome: Coverage.format,
    }),
    newest === undefined ? "no bar" : newness(newest, late, last),
    ...(Option.isNone(verified) ? ["files not looked at: no time was left"] : []),
    ...(warning === undefined ? [] : [warning]),
  ].join("; ")
  return judged({
    about,
    found,
    facts,
    late,
    description,
    coverage,
    verifications: Option.getOrElse(verified, () => []),
  })
})

interface Findings {
  readonly about: string
  readonly found: string
  readonly facts: Readonly<Record<string, unknown>>
  readonly late: number
  readonly description: Description
  readonly coverage: Option.Option<Coverage.Coverage>
  readonly verifications: ReadonlyArray<Verification>
}

const judged = ({ about, found, facts, late, description, coverage, verifications }: Findings): Check => {
  const fault = verifications.flatMap(({ faults }) => faults)[0]
  const tell = (what: { readonly place: string; readonly found: string }) =>
    `${found}; ${what.place}: ${what.found}`
  if (fault !== undefined) return not("problem", about, tell(fault), fault.advice, facts)
  const { symbol, timeframe, session } = description.series
  const load = `ktrdr data load ${symbol} ${timeframe}${session === "extended" ? " --extended" : ""}`
  const isLacking = Option.exists(coverage, ({ pending, refused, failed }) => pending + refused + failed > 0)
  if (isLacking) return not("warning", about, found, `Load what is missing: ${load} --mode full`, facts)
  if (late > oldMillis) return not("warning", about, found, `Load what is newer: ${load}`, facts)
  const remark = verifications.flatMap(({ remarks }) => remarks)[0]
  return remark === undefined
    ? ok(about, found, facts)
    : not("warning", about, tell(remark), remark.advice, facts)
}

const newness = (newest: number, late: number, last: number | undefined): string => {
  const at = `up to ${TimeRange.formatInstant(newest)}`
  if (late > 0) return `${at}, ${late >= TimeZone.day ? days(late) : duration(late)} behind`
  return last !== undefined && newest >= last ? `${at}, where the source ends` : `${at}, the newest there is`
}

const days = (millis: number): string => LoadText.amount(Math.floor(millis / TimeZone.day), "day")

/** The coverage, unless counting takes longer than a look may. */
const counted = ({ series, first, newest }: Description) =>
  Effect.gen(function* () {
    const length = first === undefined || newest === undefined ? 0 : newest - first
    if (length / Timeframe.info(series.timeframe).millis > many) return yield* Effect.fail("many")
    return yield* (yield* DataManager.DataManager).coverage(series)
  })

/** Nothing where it fails or time runs out. */
const within = <A, E, R>(
  end: number,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<Option.Option<A>, never, R> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    effect.pipe(Effect.timeout(Math.max(1, end - now)), Effect.option),
  )
