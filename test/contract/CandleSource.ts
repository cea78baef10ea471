/**
 * What every source of bars keeps to. One call for each adapter.
 */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Candle from "../../src/data/Candle.js"
import { CandleSource, type Meter, RequestMeter } from "../../src/data/CandleSource.js"
import * as Quality from "../../src/data/Quality.js"
import type { Series } from "../../src/data/Series.js"
import { Symbol } from "../../src/data/Symbol.js"
import * as TimeRange from "../../src/data/TimeRange.js"

export interface Options {
  /** A series that the source has. */
  readonly series: Series
  /** A span inside which the source has some bars, but fewer than it has altogether. */
  readonly range: TimeRange.TimeRange
  /** A span in which the source has no bar. */
  readonly empty: TimeRange.TimeRange
  /** A symbol that it does not have, and the one it should suggest, if it suggests any. */
  readonly unknown: { readonly symbol: string; readonly suggestion?: string }
}

export const contract = <E>(name: string, layer: Layer.Layer<CandleSource, E>, options: Options): void => {
  const { series, range } = options

  const law = <A, F>(title: string, effect: Effect.Effect<A, F, CandleSource>) =>
    it.live(`${name}: ${title}`, () => Effect.provide(effect, layer))

  const fetch = (range: TimeRange.TimeRange) =>
    Effect.gen(function* () {
      const source = yield* CandleSource
      const { instrument } = yield* source.validate(series.symbol, series.timeframe)
      return yield* source.fetch({ series, instrument, range })
    })

  law(
    "a known symbol has an instrument of that symbol, and its head is not after its last bar",
    Effect.gen(function* () {
      const source = yield* CandleSource
      const { instrument, head, last } = yield* source.validate(series.symbol, series.timeframe)
      expect(instrument.symbol).toBe(series.symbol)
      expect(instrument.venue).not.toBe("")
      if (head !== undefined && last !== undefined) expect(head).toBeLessThanOrEqual(last)
      if (head !== undefined) expect(head).toBeLessThan(range.end)
      expect(source.concurrency).toBeGreaterThan(0)
      expect(source.name).not.toBe("")
    }),
  )

  law(
    "a fetch returns sane bars, sorted, each once, all inside the range",
    Effect.gen(function* () {
      const bars = yield* fetch(range)
      expect(Candle.size(bars)).toBeGreaterThan(0)
      expect(Quality.firstFault(bars, range)).toBeUndefined()
    }),
  )

  law(
    "the same fetch again returns the same bars, and its halves the same in two parts",
    Effect.gen(function* () {
      const bars = yield* fetch(range)
      expect(Candle.toRows(yield* fetch(range))).toEqual(Candle.toRows(bars))
      const middle = bars.start[Candle.size(bars) >> 1]!
      const first = yield* fetch(TimeRange.make(range.start, middle))
      const second = yield* fetch(TimeRange.make(middle, range.end))
      expect(Candle.toRows(Candle.concat([first, second]))).toEqual(Candle.toRows(bars))
      expect(second.start[0]).toBe(middle)
    }),
  )

  law(
    "a span without bars is answered with none",
    Effect.gen(function* () {
      expect(Candle.size(yield* fetch(options.empty))).toBe(0)
    }),
  )

  law(
    "an unknown symbol is refused by name",
    Effect.gen(function* () {
      const source = yield* CandleSource
      const symbol = Schema.decodeSync(Symbol)(options.unknown.symbol)
      const error = yield* Effect.flip(source.validate(symbol, series.timeframe))
      expect(error.reason).toBe("UnknownSymbol")
      expect(error.message).toContain(symbol)
      expect(error.suggestion).toBe(options.unknown.suggestion)
    }),
  )

  law(
    "requests are counted by the meter of whoever asks",
    Effect.gen(function* () {
      const meter: Meter = { requests: 0 }
      yield* Effect.provideService(fetch(range), RequestMeter, meter)
      expect(meter.requests).toBeGreaterThan(0)
      const before = meter.requests
      yield* fetch(range)
      expect(meter.requests).toBe(before)
    }),
  )
}
