/**
 * Where kept bars are looked at: in the store of this home, or through a server in its own.
 */
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Candle from "../../data/Candle.js"
import type * as Coverage from "../../data/Coverage.js"
import { DataError } from "../../data/DataError.js"
import { DataManager, type Span } from "../../data/DataManager.js"
import * as Series from "../../data/Series.js"
import type * as TimeRange from "../../data/TimeRange.js"
import type { HostError } from "../../HostError.js"
import type { OperationError } from "../../OperationError.js"
import * as Main from "../Main.js"
import type { UsageError } from "./Failure.js"
import * as ServerOptions from "./ServerOptions.js"
import * as Shell from "./Shell.js"

/** The last bars of a span, and how many it has. */
export interface Bars {
  readonly candles: Candle.Candles
  readonly total: number
}

export interface Covered {
  readonly counts: Coverage.Coverage
  readonly range: TimeRange.TimeRange
  readonly venue: string
  readonly warnings: ReadonlyArray<string>
  /** What the counts were made of; a server keeps that to itself. */
  readonly known: Coverage.Known | undefined
}

export type Failing = DataError | OperationError | HostError | ConfigError

export interface Kept {
  /** Fails with `NotFound` where the series was never written, as does `coverage`. */
  readonly show: (
    series: Series.Series,
    span: Span,
    limit: number | undefined,
  ) => Effect.Effect<Bars, Failing>
  readonly coverage: (series: Series.Series, span: Span) => Effect.Effect<Covered, Failing>
}

export const here: Kept = {
  show: (series, span, limit) =>
    Effect.gen(function* () {
      const all = yield* (yield* DataManager).show(series, span)
      const total = Candle.size(all)
      return { candles: Candle.slice(all, Math.max(0, total - (limit ?? total)), total), total }
    }).pipe(Effect.provide(Main.layerLocal)),
  coverage: (series, span) =>
    Effect.gen(function* () {
      const report = yield* (yield* DataManager).coverage(series, span)
      const { instrument, known, range, warnings } = report
      return { counts: report, range, venue: instrument.venue, warnings, known }
    }).pipe(Effect.provide(Main.layerLocal)),
}

/** What the server at the URL keeps; `path` is of the command that asks. */
export const onServer = (
  url: string,
  path: ReadonlyArray<string>,
): Effect.Effect<Kept, Failing | UsageError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* ServerOptions.check(path)
    const { data } = yield* Effect.flatMap(
      Effect.promise(() => import("../api/Client.js")),
      (Client) => Client.fromUrl(url),
    )
    const command = yield* Shell.typed(["--server"])
    const found = (series: Series.Series) =>
      Effect.mapError((error: Failing) =>
        error._tag === "DataError" && error.reason === "NotFound"
          ? notFound(series, command(["data", "load", series.symbol, series.timeframe]))
          : error,
      )
    const coverage: Kept["coverage"] = (series, span) =>
      Effect.map(data.coverage(series, span), ({ end, start, venue, warnings, ...counts }) => ({
        counts,
        range: { start, end },
        venue,
        warnings,
        known: undefined,
      })).pipe(found(series))
    return {
      coverage,
      show: (series, span, limit) =>
        Effect.gen(function* () {
          const candles = yield* data.show(series, { ...span, limit })
          const size = Candle.size(candles)
          if (size > 0 && (limit === undefined || size < limit)) return { candles, total: size }
          const { counts } = yield* coverage(series, span)
          return { candles, total: counts.present + counts.unexpected }
        }),
    }
  })

// ---------------------------------------------------------------------------------------------------------

const notFound = (series: Series.Series, load: string): DataError =>
  new DataError({
    reason: "NotFound",
    place: Series.format(series),
    expected: "a series in the server's store",
    found: "none",
    advice: `Load it first: ${load}`,
  })
