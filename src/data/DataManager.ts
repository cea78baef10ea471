/**
 * Loads series into the store and answers questions about them.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Progress from "../Progress.js"
import { type Candles, size } from "./Candle.js"
import { CandleSource, type Listing, type Meter, RequestMeter } from "./CandleSource.js"
import { CandleStore, type Description } from "./CandleStore.js"
import * as Coverage from "./Coverage.js"
import { DataError } from "./DataError.js"
import * as Instrument from "./Instrument.js"
import * as LoadMode from "./LoadMode.js"
import * as LoadPlan from "./LoadPlan.js"
import type { LoadReport } from "./LoadReport.js"
import * as Quality from "./Quality.js"
import * as SegmentFetcher from "./SegmentFetcher.js"
import * as Series from "./Series.js"
import * as Slices from "./Slices.js"
import * as TimeRange from "./TimeRange.js"
import * as TradingCalendar from "./TradingCalendar.js"

/** What to load: `start` and `end` in epoch milliseconds, `end` exclusive. */
export interface LoadRequest extends Series.Series {
  readonly mode: LoadMode.LoadMode
  readonly start?: number
  readonly end?: number
  /** Ask again where the source is known to have nothing. */
  readonly recheck?: boolean
}

/** A part of a series, `end` exclusive; without bounds, all that is stored. */
export interface Span {
  readonly start?: number
  readonly end?: number
}

export interface CoverageReport extends Coverage.Coverage {
  readonly instrument: Instrument.Instrument
  readonly range: TimeRange.TimeRange
  readonly warnings: ReadonlyArray<string>
}

export interface ImportReport {
  readonly rows: number
  readonly instrument: Instrument.Instrument
  /** Imported bars that the calendar does not expect: kept, and reported. */
  readonly unexpected: number
  readonly issues: ReadonlyArray<Quality.Issue>
  readonly warnings: ReadonlyArray<string>
}

export interface Service {
  /**
   * Loads what the mode goes for and the store lacks. Every fetched segment is durable before progress
   * counts it; a segment that fails for good is named in the report and the rest goes on. Fails when the
   * symbol is unknown, when every segment failed (`NothingLoaded`), or when the store cannot be written.
   */
  readonly load: (request: LoadRequest) => Effect.Effect<LoadReport, DataError>
  /** The stored bars; fails with `NotFound` when the series was never written. */
  readonly show: (series: Series.Series, span?: Span) => Effect.Effect<Candles, DataError>
  /** A verdict for every bar that should exist in the span; asks no source. */
  readonly coverage: (series: Series.Series, span?: Span) => Effect.Effect<CoverageReport, DataError>
  /** What is wrong with the stored bars. */
  readonly check: (series: Series.Series) => Effect.Effect<ReadonlyArray<Quality.Issue>, DataError>
  /** Merges bars that came from elsewhere; where both have a bar, the imported one wins. */
  readonly importCandles: (
    series: Series.Series,
    candles: Candles,
    instrument?: Instrument.Instrument,
  ) => Effect.Effect<ImportReport, DataError>
  /** Every stored series. */
  readonly list: Effect.Effect<ReadonlyArray<Description>, DataError>
}

export class DataManager extends Context.Tag("ktrdr/data/DataManager")<DataManager, Service>() {}

export const make: Effect.Effect<Service, never, CandleSource | CandleStore> = Effect.gen(function* () {
  const source = yield* CandleSource
  const store = yield* CandleStore

  const readStored = (series: Series.Series): Effect.Effect<Stored, DataError> =>
    Effect.zipWith(
      store.describe(series),
      store.readStarts(series),
      (description, starts): Stored => ({
        description: Option.getOrUndefined(description),
        starts,
      }),
    )

  const described = (series: Series.Series): Effect.Effect<Description, DataError> =>
    Effect.flatMap(
      store.describe(series),
      Option.match({ onNone: () => Effect.fail(notFound(series)), onSome: Effect.succeed }),
    )

  /** What the manifest says serves as long as it is from the same source; `tail` asks an archive for news. */
  const lookUp = (request: LoadRequest, known: Description | undefined): Effect.Effect<Found, DataError> => {
    if (request.mode === "local") {
      return Effect.succeed(known === undefined ? guessed(request) : { listing: known, warnings: [] })
    }
    const stale = request.recheck === true || (request.mode === "tail" && known?.last !== undefined)
    return known?.source === source.name && !stale
      ? Effect.succeed({ listing: known, warnings: [] })
      : Effect.map(source.validate(request.symbol, request.timeframe), (listing) => ({
          listing,
          warnings: [],
        }))
  }

  /** Alone with the series; what another process stored while this one waited is planned around. */
  const fetchMissing = Effect.fn("DataManager.fetchMissing")(function* (
    series: Series.Series,
    listing: Listing,
    before: Stored,
    plan: LoadPlan.LoadPlan,
    planOn: (stored: Stored) => Effect.Effect<LoadPlan.LoadPlan, DataError>,
  ) {
    const { instrument, head, last } = listing
    const writer = yield* store.writer({ series, instrument, source: source.name, head, last })
    const stored = yield* readStored(series)
    const current = isSame(before, stored) ? plan : yield* planOn(stored)
    const options = { source, writer, series, listing, plan: current, stored: stored.starts }
    const outcome = yield* SegmentFetcher.run(options)
    yield* writer.fold
    return outcome
  }, Effect.scoped)

  const loadCounting = Effect.fn("DataManager.load")(function* (request: LoadRequest, meter: Meter) {
    const began = yield* Clock.currentTimeMillis
    const { symbol, timeframe, session, mode } = request
    const series = { symbol, timeframe, session }
    yield* Progress.plan(steps)
    yield* Progress.annotate({ symbols: [symbol], timeframe, mode, bars: 0 })

    const before = yield* readStored(series).pipe(Progress.step("read store"))
    const found = yield* lookUp(request, before.description).pipe(Progress.step("look up symbol"))
    const now = yield* Clock.currentTimeMillis
    const planOn = ({ starts, description }: Stored): Effect.Effect<LoadPlan.LoadPlan, DataError> =>
      LoadPlan.make({
        series,
        mode,
        start: request.start,
        end: request.end,
        listing: found.listing,
        stored: starts,
        noData: request.recheck === true ? [] : (description?.noData ?? []),
        now,
      })
    const plan = yield* Effect.suspend(() => planOn(before)).pipe(Progress.step("plan"))
    const outcome = yield* (
      plan.segments.length === 0
        ? Effect.succeed(SegmentFetcher.nothing)
        : fetchMissing(series, found.listing, before, plan, planOn)
    ).pipe(Progress.step("fetch"))
    const { coverage, issues } = yield* Effect.gen(function* () {
      const { starts, description } = plan.segments.length === 0 ? before : yield* readStored(series)
      return {
        coverage: yield* Slices.coverage({
          expected: plan.expected,
          present: starts,
          noData: description?.noData ?? [],
          refused: outcome.refused,
          failed: outcome.failed,
          range: plan.range,
        }),
        issues: plan.segments.length === 0 ? null : yield* check(series),
      }
    }).pipe(Progress.step("check coverage"))
    const report: LoadReport = {
      ...series,
      mode,
      source: source.name,
      ...plan.range,
      ...coverage,
      fetched: outcome.fetched,
      requests: meter.requests,
      given_up: outcome.givenUp,
      warnings: [...found.warnings, ...plan.warnings, ...outcome.warnings],
      issues,
      duration_seconds: ((yield* Clock.currentTimeMillis) - began) / 1000,
    }
    return report
  })

  const load = (request: LoadRequest): Effect.Effect<LoadReport, DataError> =>
    Effect.suspend(() => {
      const meter: Meter = { requests: 0 }
      return Effect.provideService(loadCounting(request, meter), RequestMeter, meter)
    })

  const show = Effect.fn("DataManager.show")(function* (series: Series.Series, span: Span = {}) {
    yield* described(series)
    return yield* store.read(series, { ...TimeRange.always, ...span })
  })

  const coverage = Effect.fn("DataManager.coverage")(function* (series: Series.Series, span: Span = {}) {
    const { instrument, first, newest, noData } = yield* described(series)
    const starts = yield* store.readStarts(series)
    const { calendar, warning } = TradingCalendar.forVenue(instrument.venue)
    const upTo = TradingCalendar.completeBefore(calendar, series, yield* Clock.currentTimeMillis)
    const { range } = yield* LoadMode.reach({
      mode: "local",
      start: span.start,
      end: span.end,
      head: undefined,
      last: span.end === undefined ? newest : undefined,
      first,
      newest,
      upTo,
    })
    const expected = yield* Slices.expected(calendar, series, range)
    const report: CoverageReport = {
      ...(yield* Slices.coverage({ expected, present: starts, noData, refused: [], failed: [], range })),
      instrument,
      range,
      warnings: warning === undefined ? [] : [warning],
    }
    return report
  })

  const check = Effect.fn("DataManager.check")(function* (series: Series.Series) {
    const { first, newest } = yield* described(series)
    if (first === undefined || newest === undefined) return []
    const years = Array.from(
      { length: yearOf(newest) - yearOf(first) + 1 },
      (_, index) => yearOf(first) + index,
    )
    const found = yield* Effect.forEach(years, (year) =>
      Effect.flatMap(
        store.read(series, TimeRange.make(Date.UTC(year, 0), Date.UTC(year + 1, 0))),
        Slices.check,
      ),
    )
    return Quality.join(found)
  })

  const importCandles = Effect.fn("DataManager.importCandles")(function* (
    series: Series.Series,
    candles: Candles,
    given?: Instrument.Instrument,
  ) {
    const known = Option.getOrUndefined(yield* store.describe(series))
    const guess = Instrument.guess(series.symbol)
    const instrument = given ?? known?.instrument ?? guess.instrument
    const { calendar, warning } = TradingCalendar.forVenue(instrument.venue)
    const issues = Quality.check(candles)
    const range = TimeRange.make(candles.start[0] ?? 0, (candles.start.at(-1) ?? -1) + 1)
    const expected = yield* Slices.expected(calendar, series, range)
    const { unexpected } = yield* Slices.coverage({
      expected,
      present: candles.start,
      noData: [],
      refused: [],
      failed: [],
    })
    if (size(candles) > 0) {
      const { source, head, last } = known ?? { source: "import", head: undefined, last: undefined }
      const asked = (known?.noData ?? []).map((span) => TimeRange.intersect(span, range))
      const noData = asked.flatMap((span) => Coverage.noDataWithin(expected, span, candles.start))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const writer = yield* store.writer({ series, instrument, source, head, last })
          yield* writer.append({ range, candles, noData: TimeRange.union(noData) })
          yield* writer.fold
        }),
      )
    }
    const guessed = given === undefined && known === undefined ? [guess.warning] : []
    const report: ImportReport = {
      rows: size(candles),
      instrument,
      unexpected,
      issues,
      warnings: [...guessed, ...(warning === undefined ? [] : [warning])],
    }
    return report
  })

  return { load, show, coverage, check, importCandles, list: store.list }
})

export const layer: Layer.Layer<DataManager, never, CandleSource | CandleStore> = Layer.effect(
  DataManager,
  make,
)

// ---------------------------------------------------------------------------------------------------------

const steps: ReadonlyArray<Progress.PlannedStep> = [
  { name: "read store", weight: 1 },
  { name: "look up symbol", weight: 1 },
  { name: "plan", weight: 1 },
  { name: "fetch", weight: 90 },
  { name: "check coverage", weight: 7 },
]

interface Stored {
  readonly description: Description | undefined
  readonly starts: Float64Array
}

interface Found {
  readonly listing: Listing
  readonly warnings: ReadonlyArray<string>
}

const guessed = ({ symbol }: LoadRequest): Found => {
  const { instrument, warning } = Instrument.guess(symbol)
  return { listing: { instrument, head: undefined, last: undefined }, warnings: [warning] }
}

/** No bar came in between, and nothing was learnt of where there are none. */
const isSame = (a: Stored, b: Stored): boolean => {
  const [known, now] = [a.description?.noData ?? [], b.description?.noData ?? []]
  return (
    a.starts.length === b.starts.length &&
    known.length === now.length &&
    known.every((range, index) => range.start === now[index]?.start && range.end === now[index]?.end)
  )
}

const yearOf = (millis: number): number => new Date(millis).getUTCFullYear()

const notFound = (series: Series.Series): DataError =>
  new DataError({
    reason: "NotFound",
    place: Series.format(series),
    expected: "a series in the store",
    found: "none",
    advice: `Load it first: ktrdr data load ${series.symbol} ${series.timeframe}`,
  })
