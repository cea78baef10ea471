/**
 * The port through which bars come in: an Interactive Brokers host, a folder of files, memory.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { nearest } from "../internal/nearest.js"
import type { Plan } from "../Pacing.js"
import type { Candles } from "./Candle.js"
import * as Candle from "./Candle.js"
import { DataError } from "./DataError.js"
import * as Instrument from "./Instrument.js"
import { format as formatSeries, type Series, type Session } from "./Series.js"
import type { Symbol } from "./Symbol.js"
import type { Timeframe } from "./Timeframe.js"
import type { TimeRange } from "./TimeRange.js"

/** What a source says of a symbol before any bar is asked for. */
export interface Listing {
  readonly instrument: Instrument.Instrument
  /** Start of the first bar that the source can have for the timeframe (epoch ms), if it says. */
  readonly head: number | undefined
  /** Start of the last bar that the source can ever have, if it says: an archive does, a live source does not. */
  readonly last: number | undefined
}

export interface Request {
  readonly series: Series
  readonly instrument: Instrument.Instrument
  readonly range: TimeRange
}

export interface Service {
  /** The source's name as the store's manifest records it: `ib`, `csv`, `memory`. */
  readonly name: string
  /** How many fetches the source is good for at once. */
  readonly concurrency: number
  /** Looks a symbol up. Fails with `UnknownSymbol`, with a suggestion where the source has one. */
  readonly validate: (symbol: Symbol, timeframe: Timeframe) => Effect.Effect<Listing, DataError>
  /**
   * The bars that start inside the range, sorted, each once, every one sane. An empty answer is an answer:
   * the source has none there. Fails with the source reasons of `DataError`.
   */
  readonly fetch: (request: Request) => Effect.Effect<Candles, DataError>
  /** When fetches would start that were all asked for now; a source without it lets them start at once. */
  readonly plan?: ((requests: ReadonlyArray<Request>) => Effect.Effect<Plan>) | undefined
}

export class CandleSource extends Context.Tag("ktrdr/data/CandleSource")<CandleSource, Service>() {}

/**
 * Counts the requests that really went out while an effect ran, retries included. A load provides one of
 * its own; adapters add to it.
 */
export interface Meter {
  requests: number
}
export class RequestMeter extends Context.Reference<RequestMeter>()("ktrdr/data/CandleSource/RequestMeter", {
  defaultValue: (): Meter => ({ requests: 0 }),
}) {}

/** The failure of a source that lists `names`, none of them the symbol; the nearest one is suggested. */
export const unknownSymbol = (source: string, symbol: Symbol, names: Iterable<string>): DataError => {
  const suggestion = nearest(symbol, names)
  return new DataError({
    reason: "UnknownSymbol",
    place: symbol,
    expected: `a symbol that the source ${source} has`,
    found: "none of that name",
    advice: suggestion === undefined ? "Check the symbol" : `Did you mean ${suggestion}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  })
}

/** What an archive holds of one series; the bars may be unread yet. */
export interface Entry {
  readonly symbol: Symbol
  readonly timeframe: Timeframe
  /** Either session where it is left out: not every archive says which hours it was cut to. */
  readonly session?: Session
  readonly instrument: Instrument.Instrument
  /** Starts of the first and the last bar there can be (epoch ms); those of its bars where left out. */
  readonly head?: number
  readonly last?: number
  readonly candles: Effect.Effect<Candles, DataError>
}

/**
 * A source whose bars are all there already. An unknown symbol comes with the nearest known one; a timeframe
 * or session that the archive lacks fails with `NoData`.
 */
export const fromArchive = (
  name: string,
  entries: Effect.Effect<ReadonlyArray<Entry>, DataError>,
): Service => {
  const find = Effect.fnUntraced(function* (symbol: Symbol, timeframe: Timeframe, session?: Session) {
    const all = yield* entries
    const known = all.filter((entry) => entry.symbol === symbol)
    if (known.length === 0)
      return yield* unknownSymbol(
        name,
        symbol,
        all.map((entry) => entry.symbol),
      )
    const found = known.filter(
      (entry) =>
        entry.timeframe === timeframe &&
        (session === undefined || entry.session === undefined || entry.session === session),
    )
    if (found.length > 0) return found
    return yield* new DataError({
      reason: "NoData",
      place: session === undefined ? `${symbol} ${timeframe}` : formatSeries({ symbol, timeframe, session }),
      expected: `bars of that timeframe and session in the source ${name}`,
      found: known.map((entry) => [entry.timeframe, entry.session].join(" ").trim()).join(", "),
      advice: "Ask for a timeframe and session that the source has",
    })
  })

  return {
    name,
    concurrency: 4,
    validate: Effect.fn("CandleSource.validate")(function* (symbol, timeframe) {
      const found = yield* find(symbol, timeframe)
      const ends = yield* Effect.forEach(found, ({ candles, head, last }) =>
        Effect.map(candles, ({ start }) => ({ head: head ?? start[0], last: last ?? start.at(-1) })),
      )
      return {
        instrument: found[0]!.instrument,
        head: extreme(
          ends.map(({ head }) => head),
          Math.min,
        ),
        last: extreme(
          ends.map(({ last }) => last),
          Math.max,
        ),
      }
    }),
    fetch: Effect.fn("CandleSource.fetch")(function* ({ series, range }) {
      const found = yield* find(series.symbol, series.timeframe, series.session)
      const exact = found.find(({ session }) => session !== undefined) ?? found[0]!
      const meter = yield* RequestMeter
      meter.requests++
      return Candle.within(yield* exact.candles, range)
    }),
  }
}

export interface MemorySeries {
  readonly symbol: Symbol
  readonly timeframe: Timeframe
  /** `regular` where left out. */
  readonly session?: Session
  readonly candles: Candles
  /** Guessed from the symbol where left out. */
  readonly instrument?: Instrument.Instrument
  readonly head?: number
  readonly last?: number
}

/** A source over the given series. */
export const layerMemory = (options: {
  readonly series: Iterable<MemorySeries>
  readonly name?: string
}): Layer.Layer<CandleSource> =>
  Layer.sync(CandleSource, () => {
    const entries = Array.from(options.series, (series) => ({
      session: "regular" as const,
      instrument: Instrument.guess(series.symbol).instrument,
      ...series,
      candles: Effect.succeed(series.candles),
    }))
    return fromArchive(options.name ?? "memory", Effect.succeed(entries))
  })

/** A source that has nothing and asks nobody, for programs that work with the store alone: every call fails. */
export const layerOffline: Layer.Layer<CandleSource> = Layer.succeed(CandleSource, {
  name: "offline",
  concurrency: 1,
  validate: (symbol, timeframe) => Effect.fail(offline(`${symbol} ${timeframe}`)),
  fetch: ({ series }) => Effect.fail(offline(formatSeries(series))),
})

// -----------------------------------------------------------------------------

const offline = (place: string): DataError =>
  new DataError({
    reason: "Refused",
    place,
    expected: "a source of bars",
    found: "a program that works offline",
    advice: "Load it with a source: an IB host, or a folder of CSV files",
  })

const extreme = (
  values: ReadonlyArray<number | undefined>,
  pick: (...values: ReadonlyArray<number>) => number,
): number | undefined => {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : pick(...known)
}
