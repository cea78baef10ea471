/**
 * The port through which stored bars are read by who must know what they are worth: each with a verdict for every
 * bar that should be there, and with the files that they come from.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Candles } from "./Candle.js"
import type { Coverage } from "./Coverage.js"
import type { DataError } from "./DataError.js"
import type * as Quality from "./Quality.js"
import type * as Series from "./Series.js"
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

/** All of it of one moment: files that change meanwhile are read again. */
export interface Reading {
  readonly series: Series.Series
  readonly source: string
  /** What the span came to; bars start from its start to before its end. */
  readonly range: TimeRange.TimeRange
  readonly candles: Candles
  readonly files: ReadonlyArray<File>
  /** Of the range. */
  readonly coverage: Coverage
  /** What a check of the bars in the range found, but for missing ones. */
  readonly issues: ReadonlyArray<Quality.Issue>
  readonly warnings: ReadonlyArray<string>
}

export interface Service {
  /** Fails with `NotFound` where the series was never written. */
  readonly read: (series: Series.Series, span?: Span) => Effect.Effect<Reading, DataError>
  /** The files as they are now; none of a series that was never written. */
  readonly files: (series: Series.Series) => Effect.Effect<ReadonlyArray<File>, DataError>
}

export class CandleReader extends Context.Tag("ktrdr/data/CandleReader")<CandleReader, Service>() {}
