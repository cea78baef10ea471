/**
 * Loads series into the store and answers questions about them.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Permits } from "../internal/Permits.js"
import * as Progress from "../Progress.js"
import * as Calendars from "./Calendars.js"
import { type Candles, size } from "./Candle.js"
import { CandleSource, type Listing, type Meter, RequestMeter } from "./CandleSource.js"
import * as CandleStore from "./CandleStore.js"
import { type Description, isSameIdentity, type Writer, withWriter } from "./CandleStore.js"
import * as Coverage from "./Coverage.js"
import { DataError } from "./DataError.js"
import * as Instrument from "./Instrument.js"
import type * as LoadPlan from "./LoadPlan.js"
import * as LoadPlanner from "./LoadPlanner.js"
import type { LoadReport } from "./LoadReport.js"
import type * as Quality from "./Quality.js"
import * as SegmentFetcher from "./SegmentFetcher.js"
import * as Series from "./Series.js"
import * as SeriesCheck from "./SeriesCheck.js"
import type { CoverageReport, Span } from "./SeriesCoverage.js"
import * as SeriesCoverage from "./SeriesCoverage.js"
import * as SeriesRepair from "./SeriesRepair.js"
import * as Slices from "./Slices.js"
import * as Timeframe from "./Timeframe.js"
import * as TimeRange from "./TimeRange.js"
import * as TradingCalendar from "./TradingCalendar.js"

export type { LoadRequest, PlannedLoad } from "./LoadPlanner.js"
export type { CoverageReport, Span } from "./SeriesCoverage.js"

export interface ImportReport {
  readonly rows: number
  readonly instrument: Instrument.Instrument
  /** Imported bars that the calendar does not expect: kept, and reported. */
  readonly unexpected: number
  readonly issues: ReadonlyArray<Quality.Issue>
  readonly warnings: ReadonlyArray<string>
}

export interface Service {
  /** The name of the source that it loads from, as the store's manifests record it. */
  readonly source: string
  /**
   * Loads what the mode goes for and the store lacks. Every fetched segment is durable before progress
   * counts it; a segment that fails for good is named in the report and the rest goes on. Fails when the
   * symbol is unknown, when every segment failed (`NothingLoaded`), or when the store cannot be written.
   */
  readonly load: (request: LoadPlanner.LoadRequest) => Effect.Effect<LoadReport, DataError>
  /** What `load` would ask for now, without the load: only the source's listing is asked for. */
  readonly plan: LoadPlanner.LoadPlanner["plan"]
  /** When the requests of such plans would start if all the loads began now. */
  readonly schedule: LoadPlanner.LoadPlanner["schedule"]
  /** The stored bars; fails with `NotFound` when the series was never written. */
  readonly show: (series: Series.Series, span?: Span) => Effect.Effect<Candles, DataError>
  /** A verdict for every bar that should exist in the span; asks no source. */
  readonly coverage: (series: Series.Series, span?: Span) => Effect.Effect<CoverageReport, DataError>
  /** What is wrong with the stored bars; alters none. */
  readonly check: (series: Series.Series, span?: Span) => Effect.Effect<SeriesCheck.CheckReport, DataError>
  /** Puts the clock of the stored bars right where a check finds it wrong; the original stays beside them. */
  readonly repair: (series: Series.Series) => Effect.Effect<SeriesRepair.RepairReport, DataError>
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

export const make: Effect.Effect<Service, never, CandleSource | CandleStore.CandleStore> = Effect.gen(
  function* () {
    const source = yield* CandleSource
    const store = yield* CandleStore.CandleStore
    const requests = new Permits(source.concurrency)
    const { readStored, lookUp, plan, schedule } = LoadPlanner.make(source, store)

    const described = (series: Series.Series) => CandleStore.described(store, series)

    /** Alone with the series; what another process stored while this one waited is planned around. */
    const fetchMissing = Effect.fn("DataManager.fetchMissing")(function* (
      series: Series.Series,
      listing: Listing,
      before: LoadPlanner.Stored,
      plan: LoadPlan.LoadPlan,
      planOn: (stored: LoadPlanner.Stored) => Effect.Effect<LoadPlan.LoadPlan, DataError>,
    ) {
      const { instrument, head, last } = listing
      const tally = SegmentFetcher.tally()
      const fetchWith = Effect.fnUntraced(function* (writer: Writer) {
        const stored = yield* readStored(series)
        const current = LoadPlanner.isSame(before, stored) ? plan : yield* planOn(stored)
        const known = { series, listing, plan: current, stored: stored.starts }
        const outcome = yield* SegmentFetcher.run({ source, requests, writer, tally, ...known })
        yield* writer.fold
        return outcome
      })
      const identity = { series, instrument, source: source.name, head, last }
      return yield* Effect.mapError(withWriter(store, identity, fetchWith), (error) =>
        SegmentFetcher.tellKept(error, tally),
      )
    })

    const loadCounting = Effect.fn("DataManager.load")(function* (
      request: LoadPlanner.LoadRequest,
      meter: Meter,
    ) {
      const began = yield* Clock.currentTimeMillis
      const { symbol, timeframe, session, mode } = request
      const series = { symbol, timeframe, session }
      yield* Progress.plan(steps)
      yield* Progress.annotate({ symbols: [symbol], timeframe, mode, bars: 0 })

      const before = yield* readStored(series).pipe(Progress.step("read store"))
      const found = yield* lookUp(request, before.description).pipe(Progress.step("look up symbol"))
      const now = yield* Clock.currentTimeMillis
      const planOn = (stored: LoadPlanner.Stored) => LoadPlanner.planOn(request, found.listing, stored, now)
      const plan = yield* Effect.suspend(() => planOn(before)).pipe(Progress.step("plan"))
      const fetching = fetchMissing(series, found.listing, before, plan, planOn)
      const outcome = yield* (
        plan.segments.length > 0
          ? fetching
          : mode !== "local" && isNews(found.listing, source.name, before.description)
            ? Effect.catchIf(fetching, isUnwritable, () => Effect.succeed(SegmentFetcher.nothing))
            : Effect.succeed(SegmentFetcher.nothing)
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
          issues:
            plan.segments.length === 0 ? null : SeriesCheck.withoutMissing((yield* check(series)).issues),
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
        duration_seconds: Math.max(0, (yield* Clock.currentTimeMillis) - began) / 1000,
      }
      return report
    })

    const load = (request: LoadPlanner.LoadRequest): Effect.Effect<LoadReport, DataError> =>
      Effect.suspend(() => {
        const meter: Meter = { requests: 0 }
        return Effect.provideService(loadCounting(request, meter), RequestMeter, meter)
      })

    const show = Effect.fn("DataManager.show")(function* (series: Series.Series, span: Span = {}) {
      yield* described(series)
      return yield* store.read(series, { ...TimeRange.always, ...span })
    })

    const coverage = Effect.fn("DataManager.coverage")(function* (series: Series.Series, span: Span = {}) {
      const description = yield* described(series)
      const reach = yield* SeriesCoverage.reach(description, span)
      return yield* SeriesCoverage.report(description, reach, yield* store.readStarts(series))
    })

    const check = Effect.fn("DataManager.check")((series: Series.Series, span: Span = {}) =>
      Effect.flatMap(described(series), (known) =>
        SeriesCheck.report(store, known, { ...TimeRange.always, ...span }),
      ),
    )

    const repair = Effect.fn("DataManager.repair")((series: Series.Series) =>
      Effect.flatMap(described(series), (known) => SeriesRepair.run(store, known)),
    )

    const importCandles: Service["importCandles"] = Effect.fn("DataManager.importCandles")(function* (
      series: Series.Series,
      candles: Candles,
      given?: Instrument.Instrument,
    ) {
      const known = Option.getOrUndefined(yield* store.describe(series))
      const guess = Instrument.guess(series.symbol)
      const instrument = given ?? known?.instrument ?? guess.instrument
      const { calendar, warning } = yield* Calendars.forVenue(instrument.venue)
      const { issues } = yield* SeriesCheck.candles({ series, calendar, noData: [] }, candles).pipe(
        Progress.step("check bars"),
      )
      const around = TimeRange.make(
        (candles.start[0] ?? 0) - Timeframe.info(series.timeframe).millis,
        (candles.start.at(-1) ?? -1) + 1,
      )
      const expected = yield* Slices.expected(calendar, series, around)
      const { unexpected } = yield* Slices.coverage({
        expected,
        present: candles.start,
        noData: [],
        refused: [],
        failed: [],
      })
      if (size(candles) > 0) {
        const range = spanOf(candles, expected)
        const { source, head, last } = known ?? { source: "import", head: undefined, last: undefined }
        const isStored = yield* withWriter(store, { series, instrument, source, head, last }, (writer) =>
          Effect.gen(function* () {
            const now = Option.getOrUndefined(yield* store.describe(series))
            if (!isKnownAs(known, now)) return false
            const asked = (now?.noData ?? []).map((span) => TimeRange.intersect(span, range))
            const noData = asked.flatMap((span) => Coverage.noDataWithin(expected, span, candles.start))
            yield* writer.append({ range, candles, noData: TimeRange.union(noData) })
            yield* writer.fold
            return true
          }),
        ).pipe(Progress.step("store bars"))
        if (!isStored) return yield* importCandles(series, candles, given)
      }
      const guessed = given === undefined && known === undefined ? [guess.warning] : []
      const report: ImportReport = {
        rows: size(candles),
        instrument,
        unexpected,
        issues: SeriesCheck.withoutMissing(issues),
        warnings: [...guessed, ...(warning === undefined ? [] : [warning])],
      }
      return report
    })

    return {
      source: source.name,
      load,
      plan,
      schedule,
      show,
      coverage,
      check,
      repair,
      importCandles,
      list: store.list,
    }
  },
)

export const layer: Layer.Layer<DataManager, never, CandleSource | CandleStore.CandleStore> = Layer.effect(
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

/** What the source says of a series is not what the store was told of it. */
const isNews = (listing: Listing, source: string, known: Description | undefined): boolean =>
  known !== undefined && !isSameIdentity({ ...listing, source }, known)

/** Nobody else has said anything of the series in between. */
const isKnownAs = (before: Description | undefined, now: Description | undefined): boolean =>
  before === undefined || now === undefined ? before === now : isSameIdentity(before, now)

/** From the start of the bar that the first candle lies in to the end of that which the last one does. */
const spanOf = (candles: Candles, { starts, ends }: TradingCalendar.Expected): TimeRange.TimeRange => {
  const [first, last] = [candles.start[0] ?? 0, candles.start.at(-1) ?? -1]
  const around = ends.findIndex((end) => end > first)
  return TimeRange.make(Math.min(first, starts[around] ?? first), Math.max(last + 1, ends.at(-1) ?? last + 1))
}

const isUnwritable = ({ reason }: DataError): boolean => reason === "StoreUnwritable"
