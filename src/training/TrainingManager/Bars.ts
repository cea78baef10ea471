/**
 * The bars that a strategy asks for, as the store has them, and whether they are good enough to train on.
 */
import * as Effect from "effect/Effect"
import { size } from "../../data/Candle.js"
import type * as CandleReader from "../../data/CandleReader.js"
import * as Coverage from "../../data/Coverage.js"
import type { DataError } from "../../data/DataError.js"
import * as Series from "../../data/Series.js"
import type { Symbol } from "../../data/Symbol.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as Progress from "../../Progress.js"
import { count, plural } from "../../ProgressRenderer.js"
import type * as Features from "../Features.js"
import type * as Receipt from "../Receipt.js"
import type { Strategy } from "../Strategy.js"
import { TrainingError } from "../TrainingError.js"

/** What was read, by symbol and by series. */
export interface Bars {
  readonly bars: ReadonlyArray<Features.Bars>
  /** As a receipt tells of them. */
  readonly read: ReadonlyArray<Receipt.SeriesRead>
  readonly warnings: ReadonlyArray<string>
}

type Asked = Pick<Strategy, "timeframes" | "session">

/** Every series of the strategy, with what its bars are worth, in the span that is given for it. */
export const read = Effect.fn("TrainingManager.readBars")(function* (
  reader: CandleReader.Service,
  strategy: Asked & Pick<Strategy, "symbols">,
  spanOf: (series: Series.Series) => CandleReader.Span,
): Effect.fn.Return<Bars, DataError> {
  const readings = yield* eachSeries(strategy, strategy.symbols, (series) =>
    reader.read(series, spanOf(series)),
  )
  return {
    bars: bySymbol(strategy.symbols, readings),
    read: readings.map(({ series, source, range, candles, files, coverage, issues }) => ({
      series,
      source,
      range,
      bars: size(candles),
      files,
      coverage,
      issues,
    })),
    warnings: readings.flatMap(({ warnings, ...reading }) => [...warnings, ...faultsOf(reading)]),
  }
})

/** The bars alone of every series of the strategy, of these symbols. */
export const candles = Effect.fn("TrainingManager.readCandles")(function* (
  reader: CandleReader.Service,
  strategy: Asked,
  symbols: ReadonlyArray<Symbol>,
  spanOf: (series: Series.Series) => CandleReader.Span,
): Effect.fn.Return<ReadonlyArray<Features.Bars>, DataError> {
  const readings = yield* eachSeries(strategy, symbols, (series) => reader.candles(series, spanOf(series)))
  return bySymbol(symbols, readings)
})

/**
 * Fails with `IncompleteData` where bars that should be there are not, though nobody said that the source has none,
 * unless that is allowed; says so then.
 */
export const complete = (
  { read }: Bars,
  isAllowed: boolean,
): Effect.Effect<ReadonlyArray<string>, TrainingError> => {
  const lacking = read.filter(({ coverage }) => missing(coverage) > 0)
  const [first, ...others] = lacking
  if (first === undefined) return Effect.succeed([])
  if (isAllowed) {
    return Effect.succeed(
      lacking.map(({ series, coverage }) => `${Series.format(series)}: ${Coverage.format(coverage)}`),
    )
  }
  const { series, coverage, range } = first
  const more = others.length === 0 ? "" : `; ${count(others.length)} more series lack bars`
  const extended = series.session === "extended" ? " --extended" : ""
  return new TrainingError({
    reason: "IncompleteData",
    place: Series.format(series),
    expected: `no bar missing from ${TimeRange.format(range)}`,
    found: `${Coverage.format(coverage)}${more}`,
    advice: `Load them with ktrdr data load ${series.symbol} ${series.timeframe}${extended} --mode full, or train all the same with --allow-gaps`,
  })
}

// ---------------------------------------------------------------------------------------------------------

const eachSeries = <A>(
  { timeframes, session }: Asked,
  symbols: ReadonlyArray<Symbol>,
  look: (series: Series.Series) => Effect.Effect<A, DataError>,
): Effect.Effect<ReadonlyArray<A>, DataError> =>
  Progress.forEach(
    symbols.flatMap((symbol) => timeframes.map((timeframe) => ({ symbol, timeframe, session }))),
    (series) => Progress.step(look(series), Series.format(series)),
    { unit: "series" },
  )

const bySymbol = (
  symbols: ReadonlyArray<Symbol>,
  readings: ReadonlyArray<Pick<CandleReader.Reading, "series" | "candles">>,
): ReadonlyArray<Features.Bars> =>
  symbols.map((symbol) => ({
    symbol,
    candles: new Map(
      readings
        .filter(({ series }) => series.symbol === symbol)
        .map(({ series, candles }) => [series.timeframe, candles]),
    ),
  }))

/** Bars that nobody has an answer for. */
const missing = ({ pending, refused, failed }: Coverage.Coverage): number => pending + refused + failed

/** What a check holds to be wrong, not only strange. */
const faultsOf = ({
  series,
  issues,
}: Pick<CandleReader.Reading, "series" | "issues">): ReadonlyArray<string> => {
  const faults = issues.filter(({ severity }) => severity === "error")
  const text = faults.map(({ kind, count: bars }) => `${kind} on ${count(bars)} ${plural("bar", bars)}`)
  return faults.length === 0 ? [] : [`${Series.format(series)}: a check finds ${text.join(", ")}`]
}
