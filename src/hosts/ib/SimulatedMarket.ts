/**
 * A live source without a market: deterministic by seed, for trying things on and for tests.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Candle from "../../data/Candle.js"
import * as CandleSource from "../../data/CandleSource.js"
import type { DataError } from "../../data/DataError.js"
import type { Symbol } from "../../data/Symbol.js"
import * as Timeframe from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as TimeZone from "../../data/TimeZone.js"
import * as TradingCalendar from "../../data/TradingCalendar.js"
import { breathe } from "../../internal/breathe.js"
import * as IbRules from "./IbRules.js"
import * as SimulatedBars from "./SimulatedBars.js"
import * as SimulatedSymbols from "./SimulatedSymbols.js"

export interface Options {
  /** The same seed gives the same market. */
  readonly seed: number
}

/**
 * The market of a seed. Bars are those that the calendar expects, from the symbol's head timestamp up to the
 * last complete one; bars of 30 s or less reach back six months. Ranges of any length are served in slices of
 * a few milliseconds.
 */
export const make = ({ seed }: Options): CandleSource.Service => ({
  name: "simulated",
  concurrency: 16,
  validate: Effect.fn("SimulatedMarket.validate")(function* (symbol: Symbol, timeframe: Timeframe.Timeframe) {
    const profile = yield* lookUp(symbol)
    return {
      instrument: {
        symbol,
        type: profile.type,
        venue: profile.venue,
        currency: profile.currency,
        description: profile.description,
      },
      head: head(profile, timeframe, yield* Clock.currentTimeMillis),
      last: undefined,
    }
  }),
  fetch: Effect.fn("SimulatedMarket.fetch")(function* ({ series, range }: CandleSource.Request) {
    const meter = yield* CandleSource.RequestMeter
    meter.requests++
    const profile = yield* lookUp(series.symbol)
    const now = yield* Clock.currentTimeMillis
    const { calendar } = TradingCalendar.forVenue(profile.venue)
    const end =
      range.end < now - longestBar ? range.end : TradingCalendar.completeBefore(calendar, series, now)
    const served = TimeRange.intersect(range, { start: head(profile, series.timeframe, now), end })
    const slice = Timeframe.info(series.timeframe).millis < minute ? TimeZone.day / 6 : 15 * TimeZone.day
    const parts: Array<Candle.Candles> = []
    for (let start = served.start; start < served.end; start += slice) {
      const part = { start, end: Math.min(start + slice, served.end) }
      parts.push(yield* breathe(() => SimulatedBars.bars(profile, seed, series, part)))
    }
    return parts.length === 1 ? parts[0]! : Candle.concat(parts)
  }),
})

export const layer = (options: Options): Layer.Layer<CandleSource.CandleSource> =>
  Layer.succeed(CandleSource.CandleSource, make(options))

// -----------------------------------------------------------------------------

const minute = 60_000
/** No bar is still running that started longer ago. */
const longestBar = 8 * TimeZone.day

const lookUp = (symbol: Symbol): Effect.Effect<SimulatedSymbols.Profile, DataError> => {
  const profile = SimulatedSymbols.find(symbol)
  if (profile !== undefined) return Effect.succeed(profile)
  return Effect.fail(CandleSource.unknownSymbol("simulated", symbol, SimulatedSymbols.names))
}

const head = (profile: SimulatedSymbols.Profile, timeframe: Timeframe.Timeframe, now: number): number => {
  const first = SimulatedBars.headOf(profile, timeframe)
  const reach = now - IbRules.smallBarReachMillis
  if (!IbRules.isSmall(timeframe) || first >= reach) return first
  const { calendar } = TradingCalendar.forVenue(profile.venue)
  const around = { start: reach, end: reach + 10 * TimeZone.day }
  return TradingCalendar.sessions(calendar, "regular", around).find(({ open }) => open >= reach)!.open
}
