/**
 * Candles from an IB host service over HTTP: ktrdr's own host, or KTRDR's as it is deployed.
 */
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Candle from "../../data/Candle.js"
import * as CandleSource from "../../data/CandleSource.js"
import type { DataError } from "../../data/DataError.js"
import * as Instrument from "../../data/Instrument.js"
import * as Series from "../../data/Series.js"
import type { Symbol } from "../../data/Symbol.js"
import type { Timeframe } from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as HostClient from "../../HostClient.js"
import * as HostConfig from "../../HostConfig.js"
import type { HostError } from "../../HostError.js"
import { breathe } from "../../internal/breathe.js"
import { Permits } from "../../internal/Permits.js"
import * as IbApi from "./IbApi.js"
import * as IbBars from "./IbBars.js"
import * as IbFailure from "./IbFailure.js"
import * as IbPacing from "./IbPacing.js"
import * as IbRules from "./IbRules.js"

/** The client of the IB host. */
export class IbHost extends HostClient.Tag("ib")<IbHost>() {}

/** Where the host listens unless told otherwise. */
export const defaultUrl = "http://127.0.0.1:5001"

/**
 * The source over a client. Every request may be repeated without harm, so the client's retries hold for all
 * of them; each attempt is counted by the caller's `RequestMeter` and waits its turn by the rules of
 * Interactive Brokers, as `IbPacing.Mode` says, together with all others of this source. An answer that lacks
 * the first bars of its range is completed by asking for them again.
 */
export const make: Effect.Effect<CandleSource.Service, never, IbHost | Scope.Scope> = Effect.gen(
  function* () {
    const host = yield* IbHost
    const pace = yield* IbPacing.make(host.config.maxOpen)

    /** Answers that come together are read one by one, so that together they hold nobody up. */
    const reading = new Permits(1)

    /** Whether the host is ktrdr's own, once an answer has told. */
    let own: boolean | undefined

    const validate = Effect.fn("IbCandleSource.validate")(function* (symbol: Symbol, timeframe: Timeframe) {
      const place = `${symbol} ${timeframe}`
      const answer = yield* host
        .post(IbApi.paths.validate, {
          response: IbApi.ValidateAnswer,
          body: { symbol, timeframes: [timeframe] },
          bodySchema: IbApi.ValidateRequest,
          idempotent: true,
        })
        .pipe(metered(place, pace.gate(IbPacing.lookup(symbol))))
      own = answer.error_code !== undefined
      const found = yield* listing(answer, symbol, timeframe)
      if (!answer.contract_info) yield* Effect.logWarning(Instrument.guess(symbol).warning)
      return found
    })

    /** Open once the one has its answer who asks for all that would know; who then does not asks as well. */
    let asked: Effect.Latch | undefined
    const findOut = (symbol: Symbol, timeframe: Timeframe) =>
      Effect.uninterruptibleMask((restore) => {
        if (asked !== undefined) {
          const ask = Effect.suspend(() => (own === undefined ? validate(symbol, timeframe) : Effect.void))
          return restore(Effect.zipRight(asked.await, ask))
        }
        const latch = Effect.unsafeMakeLatch(false)
        asked = latch
        const done = Effect.sync(() => {
          latch.unsafeOpen()
          asked = undefined
        })
        return Effect.ensuring(restore(validate(symbol, timeframe)), done)
      })

    const ask = (
      request: CandleSource.Request,
      range: TimeRange.TimeRange,
    ): Effect.Effect<Answer, DataError> => {
      const { series, instrument } = request
      const place = Series.format(series)
      const gate = pace.gate(IbPacing.historical({ ...request, range }))
      return host
        .post(IbApi.paths.historical, {
          response: IbApi.HistoricalAnswer,
          body: {
            symbol: series.symbol,
            timeframe: series.timeframe,
            start: IbBars.printStamp(range.start),
            end: IbBars.printStamp(range.end),
            instrument_type: IbRules.assetType[instrument.type],
            ...(series.session === "extended" ? { session: series.session } : {}),
          },
          bodySchema: IbApi.HistoricalRequest,
          idempotent: true,
        })
        .pipe(
          metered(place, gate),
          Effect.flatMap((answer) => {
            own = answer.error_code !== undefined
            return Effect.flatten(reading.hold(breathe(() => read(answer, series, range))))
          }),
          Effect.tapError(gate.refused),
        )
    }

    const fetch = Effect.fn("IbCandleSource.fetch")(function* (request: CandleSource.Request) {
      const { series, instrument, range } = request
      if (!IbRules.ktrdrKnows.has(series.timeframe)) {
        if (own === undefined) yield* findOut(instrument.symbol, series.timeframe)
        if (own === false) {
          const error = `it serves no ${series.timeframe} bars and would send daily ones`
          return yield* refused(error, Series.format(series))
        }
      }
      const parts: Array<Candle.Candles> = []
      let { start, end } = range
      for (let round = 0; start < end; round++) {
        if (round === maxRounds)
          return yield* Effect.fail(IbFailure.malformed(lacking(range), Series.format(series)))
        const answer = yield* ask(request, { start, end })
        if (answer.noDataBefore !== undefined && answer.noDataBefore > start) {
          start = answer.noDataBefore
          continue
        }
        if (Candle.size(answer.bars) === 0) break
        parts.unshift(answer.bars)
        end = answer.bars.start[0]!
      }
      return parts.length === 1 ? parts[0]! : Candle.concat(parts)
    })

    return { name: "ib", concurrency: host.config.maxOpen, validate, fetch, plan: pace.plan }
  },
)

/** The source over the client of the environment. */
export const layer: Layer.Layer<CandleSource.CandleSource, never, IbHost> = Layer.scoped(
  CandleSource.CandleSource,
  make,
)

/** The source of the host at `baseUrl`, over a pool of its own. */
export const layerHost = (options: HostConfig.Options): Layer.Layer<CandleSource.CandleSource, HostError> =>
  Layer.provide(layer, IbHost.layer(options))

/** The same as `IB_HOST_SERVICE_URL` and its like say; by default the host of this machine. */
export const layerConfig: Layer.Layer<CandleSource.CandleSource, HostError | ConfigError> = Layer.provide(
  layer,
  IbHost.layerConfig(HostConfig.config("IB_HOST_SERVICE", { baseUrl: defaultUrl })),
)

// -----------------------------------------------------------------------------

/** How often an answer that lacks its first bars is completed; a host that lacks a day a week takes two. */
const maxRounds = 16

const lacking = (range: TimeRange.TimeRange): IbBars.Fault => ({
  bar: undefined,
  expected: `the bars of ${TimeRange.format(range)}`,
  found: `answers without the first of them, ${maxRounds} times`,
})

const metered =
  (place: string, gate: IbPacing.Gate) =>
  <A>(call: Effect.Effect<A, HostError>): Effect.Effect<A, DataError> =>
    Effect.flatMap(CandleSource.RequestMeter, (meter) =>
      call.pipe(
        Effect.provideService(HostClient.Attempts, meter),
        Effect.provideService(HostClient.Gate, gate),
        Effect.mapError((error) => IbFailure.fromHost(error, place)),
      ),
    )

interface Answer {
  readonly bars: Candle.Candles
  readonly noDataBefore: number | undefined
}

const read = (
  answer: IbApi.HistoricalAnswer,
  series: Series.Series,
  range: TimeRange.TimeRange,
): Either.Either<Answer, DataError> => {
  const place = Series.format(series)
  if (!answer.success) {
    const meaning = IbFailure.meaning(answer)
    return meaning.reason === "NoData"
      ? Either.right({ bars: Candle.empty, noDataBefore: meaning.before })
      : Either.left(IbFailure.fromRefusal(answer, meaning, place))
  }
  return IbBars.parse(answer.data || "{}").pipe(
    Either.filterOrLeft(
      (bars) => answer.rows === null || answer.rows === undefined || answer.rows === Candle.size(bars),
      (bars) => ({
        bar: undefined,
        expected: `as many bars as the answer's rows, ${answer.rows}`,
        found: `${Candle.size(bars)} of them`,
      }),
    ),
    Either.flatMap((bars) => IbBars.settle(bars, series.timeframe, range)),
    Either.mapBoth({
      onLeft: (fault) => IbFailure.malformed(fault, place),
      onRight: (bars) => ({ bars, noDataBefore: undefined }),
    }),
  )
}

const listing = (
  answer: IbApi.ValidateAnswer,
  symbol: Symbol,
  timeframe: Timeframe,
): Either.Either<CandleSource.Listing, DataError> =>
  Either.gen(function* () {
    if (!answer.success) {
      return yield* Either.left(IbFailure.fromRefusal(answer, IbFailure.meaning(answer), symbol))
    }
    if (answer.is_valid !== true) return yield* Either.left(unknown(answer, symbol))
    const instrument = yield* instrumentOf(answer.contract_info ?? undefined, symbol)
    const stamp = (text: string | null | undefined) =>
      text === null || text === undefined
        ? Either.right(undefined)
        : Either.fromNullable(IbBars.parseStamp(text), () =>
            IbFailure.malformed(
              { bar: undefined, expected: "an ISO instant", found: text },
              `${symbol} ${timeframe}`,
            ),
          )
    const head = yield* stamp(answer.head_timestamps?.[timeframe] ?? answer.contract_info?.head_timestamp)
    return {
      instrument,
      head: head === undefined ? undefined : IbBars.startOf(head, timeframe),
      last: yield* stamp(answer.last_timestamp),
    }
  })

/** Not valid means not known, unless the message tells of something else. */
const unknown = ({ error_message }: IbApi.ValidateAnswer, symbol: Symbol): DataError => {
  const refused = { error: error_message ?? `Symbol ${symbol} not found` }
  const meaning = IbFailure.meaning(refused)
  return IbFailure.fromRefusal(
    refused,
    meaning.reason === "Refused" ? { reason: "UnknownSymbol" } : meaning,
    symbol,
  )
}

const instrumentOf = (
  contract: IbApi.ContractInfo | undefined,
  symbol: Symbol,
): Either.Either<Instrument.Instrument, DataError> => {
  if (contract === undefined) return Either.right(Instrument.guess(symbol).instrument)
  const { asset_type, currency, description, exchange } = contract
  const type = IbRules.instrumentType(asset_type)
  if (type === undefined) return Either.left(refused(`${symbol} is a contract of type ${asset_type}`, symbol))
  return Either.right({ symbol, type, venue: IbRules.venue(type, exchange, currency), currency, description })
}

const refused = (error: string, place: string): DataError =>
  IbFailure.fromRefusal({ error }, { reason: "Refused" }, place)
