/**
 * The three questions of the wire, put to a source of candles.
 */
import * as Cache from "effect/Cache"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Candle from "../../data/Candle.js"
import * as CandleSource from "../../data/CandleSource.js"
import { DataError } from "../../data/DataError.js"
import type { Session } from "../../data/Series.js"
import * as Symbol from "../../data/Symbol.js"
import * as Timeframe from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import type { Fields } from "../HostRequest.js"
import * as IbAnswers from "./IbAnswers.js"
import type * as IbApi from "./IbApi.js"
import * as IbRequest from "./IbRequest.js"

/** Bars, or the answer that says why there are none. */
export type Historical = Either.Either<Candle.Candles, IbApi.HistoricalAnswer>

export interface IbService {
  readonly source: string
  /** Answers a `/data/historical` whose fields are of their kinds. */
  readonly historical: (fields: Fields) => Effect.Effect<Historical>
  readonly validate: (
    symbol: string,
    timeframes: ReadonlyArray<string>,
  ) => Effect.Effect<IbApi.ValidateAnswer>
  /** What the source has of the symbol, in whatever timeframe. */
  readonly symbolInfo: (symbol: string) => Effect.Effect<IbApi.ValidateAnswer>
  readonly headTimestamp: (symbol: string, timeframe: string) => Effect.Effect<IbApi.HeadAnswer>
}

/** Listings are remembered for a minute, failures are not. */
export const make: Effect.Effect<IbService, never, CandleSource.CandleSource> = Effect.gen(function* () {
  const source = yield* CandleSource.CandleSource
  const listings = yield* Cache.makeWith({
    capacity: 1000,
    lookup: (key: string) => {
      const [symbol, timeframe] = key.split(" ") as [Symbol.Symbol, Timeframe.Timeframe]
      return source.validate(symbol, timeframe)
    },
    timeToLive: (exit) => (Exit.isSuccess(exit) ? "1 minute" : 0),
  })
  const list = (symbol: Symbol.Symbol, timeframe: Timeframe.Timeframe) =>
    listings.get(`${symbol} ${timeframe}`)

  /** The listing for the first of the timeframes that the source has bars of. */
  const listFirst = (
    symbol: Symbol.Symbol,
    [first, ...rest]: ReadonlyArray<Timeframe.Timeframe>,
  ): Effect.Effect<CandleSource.Listing, DataError> =>
    Effect.catchIf(
      list(symbol, first ?? "1h"),
      ({ reason }) => reason === "NoData" && rest.length > 0,
      () => listFirst(symbol, rest),
    )

  const bars = Effect.fn("IbService.historical")(function* (fields: Fields) {
    const symbol = yield* parseSymbol(String(fields["symbol"]))
    const timeframe = yield* Timeframe.parse(String(fields["timeframe"]))
    const start = yield* instant("start", fields["start"])
    const end = yield* instant("end", fields["end"])
    const session = (fields["session"] ?? "regular") as Session
    const { instrument, head } = yield* list(symbol, timeframe)
    if (end <= start) return Candle.empty
    if (head !== undefined && end <= head) return yield* Effect.fail({ before: head, start })
    if ((end - start) / Timeframe.info(timeframe).millis > maxBars) {
      return yield* Effect.fail(tooLong(`${symbol} ${timeframe}`))
    }
    const range = { start, end }
    return yield* source.fetch({ series: { symbol, timeframe, session }, instrument, range })
  })

  const historical = (fields: Fields): Effect.Effect<Historical> => {
    const symbol = String(fields["symbol"])
    return Effect.match(bars(fields), {
      onSuccess: (bars): Historical => Either.right(bars),
      onFailure: (error) =>
        Either.left(
          error instanceof DataError
            ? IbAnswers.historicalRefused(error, symbol, `${symbol} ${String(fields["timeframe"])}`)
            : IbAnswers.historicalBefore(error.before, error.start),
        ),
    })
  }

  const answer = (
    symbolText: string,
    timeframes: ReadonlyArray<string>,
    usually: ReadonlyArray<Timeframe.Timeframe>,
  ) =>
    Effect.gen(function* () {
      const symbol = yield* parseSymbol(symbolText)
      const asked = [...new Set(timeframes)]
      const usual = yield* listFirst(symbol, usually)
      const heads = new Map<string, number | undefined>()
      for (const timeframe of asked) {
        const listing = isTimeframe(timeframe) ? yield* Effect.option(list(symbol, timeframe)) : Option.none()
        heads.set(timeframe, Option.getOrUndefined(listing)?.head)
      }
      return IbAnswers.valid(usual, heads, yield* Clock.currentTimeMillis)
    }).pipe(
      Effect.catchAll((error) =>
        Effect.succeed(
          error.reason === "UnknownSymbol"
            ? IbAnswers.invalid(symbolText, error.suggestion)
            : IbAnswers.validateRefused(error, symbolText),
        ),
      ),
      Effect.withSpan("IbService.validate"),
    )

  const validate = (symbol: string, timeframes: ReadonlyArray<string>) => {
    const known = timeframes.filter(isTimeframe)
    return answer(symbol, timeframes, known.length > 0 ? known : anyTimeframe)
  }

  const headTimestamp = (symbolText: string, timeframeText: string) =>
    Effect.gen(function* () {
      const symbol = yield* parseSymbol(symbolText)
      const timeframe = yield* Timeframe.parse(timeframeText)
      return IbAnswers.head((yield* list(symbol, timeframe)).head)
    }).pipe(
      Effect.catchAll((error) =>
        Effect.succeed(
          error.reason === "UnknownSymbol"
            ? IbAnswers.head(undefined)
            : IbAnswers.headRefused(error, `${symbolText} ${timeframeText}`),
        ),
      ),
      Effect.withSpan("IbService.headTimestamp"),
    )

  return {
    source: source.name,
    historical,
    validate,
    symbolInfo: (symbol) => answer(symbol, ["1h"], anyTimeframe),
    headTimestamp,
  }
})

// -----------------------------------------------------------------------------

/** The longest range that one request may have, in bars of a market that never closes. */
const maxBars = 500_000

const tooLong = (place: string): DataError =>
  new DataError({
    reason: "Refused",
    place,
    expected: `a range of at most ${maxBars} bars`,
    found: "a longer one",
    advice: "Ask for it in parts",
  })

/** The usual one first. */
const anyTimeframe: ReadonlyArray<Timeframe.Timeframe> = ["1h", "1d", ...Timeframe.all]

const isTimeframe = (text: string): text is Timeframe.Timeframe => Either.isRight(Timeframe.parse(text))

/** A name that is no symbol is one that nobody knows. */
const parseSymbol = (text: string): Either.Either<Symbol.Symbol, DataError> =>
  Either.mapLeft(
    Symbol.parse(text),
    ({ expected, found, advice }) =>
      new DataError({ reason: "UnknownSymbol", place: "symbol", expected, found, advice }),
  )

const instant = (name: string, value: unknown): Either.Either<number, DataError> => {
  const found = IbRequest.instant(value)
  return found !== undefined
    ? Either.right(found)
    : Either.left(
        new DataError({
          reason: "InvalidInput",
          place: name,
          expected: `an instant with its offset, such as ${TimeRange.formatInstant(0)}`,
          found: JSON.stringify(value),
          advice: "Add Z or the offset from UTC",
        }),
      )
}
