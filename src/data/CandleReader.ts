/**
 * The port through which stored bars are read by who must know what they are worth: each with a verdict for every
 * bar that should be there, and with the files that they come from.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Candles } from "./Candle.js"
import { CandleStore, type Description } from "./CandleStore.js"
import type { Coverage } from "./Coverage.js"
import { DataError } from "./DataError.js"
import { DataManager } from "./DataManager.js"
import type * as Quality from "./Quality.js"
import * as Series from "./Series.js"
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
  /** The files as they are now, every byte looked at; none of a series that was never written. */
  readonly files: (series: Series.Series) => Effect.Effect<ReadonlyArray<FoundFile>, DataError>
}

export class CandleReader extends Context.Tag("ktrdr/data/CandleReader")<CandleReader, Service>() {}

/** Reads what the store has, and asks no source. */
export const make: Effect.Effect<Service, never, DataManager | CandleStore> = Effect.gen(function* () {
  const manager = yield* DataManager
  const store = yield* CandleStore

  const read = Effect.fn("CandleReader.read")(function* (
    series: Series.Series,
    { start, end }: Span = {},
  ): Effect.fn.Return<Reading, DataError> {
    const span = { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) }
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const before = yield* store.describe(series)
      const { instrument: _, known: __, range, warnings, ...coverage } = yield* manager.coverage(series, span)
      const candles = yield* store.read(series, range)
      const check = yield* manager.check(series, range)
      const after = yield* store.describe(series)
      if (Option.isNone(after) || !isSame(before, after)) continue
      const { source, files } = after.value
      return {
        series,
        source,
        range,
        candles,
        files: files.filter(({ name }) => mayHave(name, range)),
        coverage,
        issues: check.issues.filter(({ kind }) => kind !== "missing_bars"),
        warnings: [...new Set([...warnings, ...check.warnings])],
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

  return { read, files }
})

export const layer: Layer.Layer<CandleReader, never, DataManager | CandleStore> = Layer.effect(
  CandleReader,
  make,
)

// ---------------------------------------------------------------------------------------------------------

/** How often a series that is being written is read until it keeps still. */
const attempts = 10

/** Nothing was written between the two looks. */
const isSame = (before: Option.Option<Description>, after: Option.Option<Description>): boolean =>
  JSON.stringify(Option.map(before, told).pipe(Option.getOrNull)) ===
  JSON.stringify(Option.map(after, told).pipe(Option.getOrNull))

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
