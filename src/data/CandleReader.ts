/**
 * The port through which stored bars are read by who must know what they are worth: each with a verdict for every
 * bar that should be there, and with the files that they come from.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Candles } from "./Candle.js"
import type { Description } from "./CandleStore.js"
import * as CandleStore from "./CandleStore.js"
import type { Coverage } from "./Coverage.js"
import { DataError } from "./DataError.js"
import type * as Quality from "./Quality.js"
import * as Series from "./Series.js"
import * as SeriesCheck from "./SeriesCheck.js"
import * as SeriesCoverage from "./SeriesCoverage.js"
import type * as TimeRange from "./TimeRange.js"

/** A part of a series, `end` exclusive; without bounds, all that is stored. */
export interface Span {
  readonly start?: number | undefined
  readonly end?: number | undefined
}

/** A stored file of a series, with the hash of its bytes. */
export interface File {
  readonly name: string
  readonly rows: number
  readonly sha256: string
}

/** A file as it is now. */
export interface FoundFile extends File {
  /** Whether its bytes are those that the store wrote; reading sets one aside that is not sound. */
  readonly isSound: boolean
}

/** All of it of one moment: files that change meanwhile are read again. */
export interface Reading {
  readonly series: Series.Series
  readonly source: string
  /** What the span came to; bars start from its start to before its end. */
  readonly range: TimeRange.TimeRange
  readonly candles: Candles
  /** Those that have bars of the range, or may have. */
  readonly files: ReadonlyArray<File>
  /** Of the range. */
  readonly coverage: Coverage
  /** What a check of the bars in the range found, but for missing ones. */
  readonly issues: ReadonlyArray<Quality.Issue>
  readonly warnings: ReadonlyArray<string>
}

export interface Service {
  /**
   * Fails with `NotFound` where the series was never written, with `InvalidInput` where the span's end is not after
   * its start, with `StoreLocked` where others change the series at every look.
   */
  readonly read: (series: Series.Series, span?: Span) => Effect.Effect<Reading, DataError>
  /** The bars of the span alone, and what they are; fails as `read` does, but for changes. */
  readonly candles: (
    series: Series.Series,
    span?: Span,
  ) => Effect.Effect<Pick<Reading, "series" | "range" | "candles">, DataError>
  /** The files as they are now, every byte looked at; none of a series that was never written. */
  readonly files: (series: Series.Series) => Effect.Effect<ReadonlyArray<FoundFile>, DataError>
}

export class CandleReader extends Context.Tag("ktrdr/data/CandleReader")<CandleReader, Service>() {}

/** Reads what the store has, and asks no source. */
export const make: Effect.Effect<Service, never, CandleStore.CandleStore> = Effect.gen(function* () {
  const store = yield* CandleStore.CandleStore

  const candles = Effect.fn("CandleReader.candles")(function* (
    series: Series.Series,
    span: Span = {},
  ): Effect.fn.Return<Pick<Reading, "series" | "range" | "candles">, DataError> {
    const { range } = yield* SeriesCoverage.reach(yield* CandleStore.described(store, series), span)
    return { series, range, candles: yield* store.read(series, range) }
  })

  const read = Effect.fn("CandleReader.read")(function* (
    series: Series.Series,
    span: Span = {},
  ): Effect.fn.Return<Reading, DataError> {
    let known = yield* CandleStore.described(store, series)
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (attempt > 1) yield* Effect.sleep(pause)
      const reach = yield* SeriesCoverage.reach(known, span)
      const bars = yield* store.read(series, reach.range)
      const after = yield* CandleStore.described(store, series)
      if (!isSame(known, after)) {
        known = after
        continue
      }
      const {
        instrument: _,
        known: __,
        range,
        warnings,
        ...coverage
      } = yield* SeriesCoverage.report(known, reach, bars.start)
      const facts = { series, calendar: reach.calendar, noData: known.noData }
      const { issues } = yield* SeriesCheck.candles(facts, bars)
      return {
        series,
        source: known.source,
        range,
        candles: bars,
        files: known.files.filter(({ name }) => mayHave(name, range)),
        coverage,
        issues: SeriesCheck.withoutMissing(issues),
        warnings,
      }
    }
    return yield* new DataError({
      reason: "StoreLocked",
      place: Series.format(series),
      expected: "bars that stay as they are while they are read",
      found: `others at each of ${attempts} looks`,
      advice: "Wait until whoever loads them has finished",
    })
  })

  const files = Effect.fn("CandleReader.files")(function* (
    series: Series.Series,
  ): Effect.fn.Return<ReadonlyArray<FoundFile>, DataError> {
    const description = Option.getOrUndefined(yield* store.describe(series))
    if (description === undefined) return []
    const found = yield* store.verify(series)
    return found
      .flatMap(({ contents }) => contents)
      .map((file) => ({
        ...file,
        isSound: description.files.some(({ name, sha256 }) => name === file.name && sha256 === file.sha256),
      }))
  })

  return { read, candles, files }
})

export const layer: Layer.Layer<CandleReader, never, CandleStore.CandleStore> = Layer.effect(
  CandleReader,
  make,
)

// ---------------------------------------------------------------------------------------------------------

/** How often a series that is being written is read until it keeps still. */
const attempts = 10

/** Between two looks. */
const pause = "100 millis"

/** Nothing was written between the two looks. */
const isSame = (before: Description, after: Description): boolean =>
  JSON.stringify(told(before)) === JSON.stringify(told(after))

const told = ({ source, rows, first, newest, noData, files }: Description) => [
  source,
  rows,
  first,
  newest,
  noData,
  files,
]

/** A file whose name begins with a year has bars of that year alone. */
const mayHave = (name: string, { start, end }: TimeRange.TimeRange): boolean => {
  const year = Number(/^-?\d+(?=\.)/.exec(name)?.[0])
  return !(Date.UTC(year + 1, 0) <= start || Date.UTC(year, 0) >= end)
}
