/** A source for tests that need to know and to decide what happens to each fetch. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Candles } from "../../src/data/Candle.js"
import { CandleSource, type Request, RequestMeter, type Service } from "../../src/data/CandleSource.js"
import { DataError } from "../../src/data/DataError.js"

/** Decides over the `count`-th fetch (from 1): what stands in the place of the true answer. */
export type Decide = (
  request: Request,
  answer: Effect.Effect<Candles, DataError>,
  count: number,
) => Effect.Effect<Candles, DataError>

/** The source below, its fetches counted as requests and decided over one by one. */
export const wrap = (source: Service, decide: Decide = (_, answer) => answer): Service => {
  let count = 0
  return {
    ...source,
    validate: (symbol, timeframe) => Effect.zipRight(counted, source.validate(symbol, timeframe)),
    fetch: (request) =>
      Effect.suspend(() => {
        count++
        return Effect.zipRight(counted, decide(request, uncounted(source.fetch(request)), count))
      }),
  }
}

export const layer = (source: Service, decide?: Decide): Layer.Layer<CandleSource> =>
  Layer.sync(CandleSource, () => wrap(source, decide))

export const failure = (reason: DataError["reason"], retryAfterMillis?: number): DataError =>
  new DataError({
    reason,
    place: "test source",
    expected: "an answer",
    found: reason,
    advice: "Try again",
    ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }),
  })

const uncounted = Effect.provideService(RequestMeter, { requests: 0 })

const counted = Effect.map(RequestMeter, (meter) => {
  meter.requests++
})
