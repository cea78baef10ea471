/**
 * What every store of bars keeps to. One call for each implementation.
 */
import { expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Candle from "../../src/data/Candle.js"
import { type Batch, CandleStore, type Identity } from "../../src/data/CandleStore.js"
import type { Series } from "../../src/data/Series.js"
import { Symbol } from "../../src/data/Symbol.js"
import * as TimeRange from "../../src/data/TimeRange.js"

const hour = 3_600_000
/** Four hours before the end of a year, so that batches fall into two year files. */
export const origin = Date.UTC(2023, 11, 31, 20)

export const series = (name = "AAPL", session: Series["session"] = "regular"): Series => ({
  symbol: Schema.decodeSync(Symbol)(name),
  timeframe: "1h",
  session,
})

export const identity = (of: Series = series(), source = "test"): Identity => ({
  series: of,
  instrument: { symbol: of.symbol, type: "stock", venue: "XNYS", currency: "USD" },
  source,
  head: origin - 1000 * hour,
  last: undefined,
})

/** A bar of the hour that begins `index` hours after the origin. */
export const bar = (index: number, price = 100): Candle.Candle => ({
  start: origin + index * hour,
  open: price,
  high: price + 2,
  low: price - 1,
  close: price + 1,
  volume: index % 3 === 0 ? null : index * 10,
})

export const span = (from: number, to: number): TimeRange.TimeRange =>
  TimeRange.make(origin + from * hour, origin + to * hour)

/** The hours `[from, to)` all with bars, or with those of `indices` only and nothing known of the rest. */
export const batch = (from: number, to: number, price = 100, indices?: ReadonlyArray<number>): Batch => ({
  range: span(from, to),
  candles: Candle.fromRows(
    (indices ?? Array.from({ length: to - from }, (_, index) => from + index)).map((index) =>
      bar(index, price),
    ),
  ),
  noData: [],
})

/** Writes the batches, each durable before the next, and folds them unless told otherwise. */
export const write = Effect.fnUntraced(function* (of: Identity, batches: ReadonlyArray<Batch>, fold = true) {
  const store = yield* CandleStore
  const writer = yield* store.writer(of)
  for (const one of batches) yield* writer.append(one)
  if (fold) yield* writer.fold
}, Effect.scoped)

/** Batches of hours around the turn of a year, some of whose bars are missing or fetched again later. */
export const batches: fc.Arbitrary<ReadonlyArray<Batch>> = fc.array(
  fc
    .record({
      from: fc.integer({ min: 0, max: 12 }),
      length: fc.integer({ min: 0, max: 6 }),
      price: fc.integer({ min: 10, max: 20 }),
      present: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
    })
    .map(({ from, length, price, present }) => {
      const indices = Array.from({ length }, (_, index) => index).filter((index) => present[index])
      return {
        ...batch(
          from,
          from + length,
          price,
          indices.map((index) => from + index),
        ),
        noData: Array.from({ length }, (_, index) => index)
          .filter((index) => !present[index])
          .map((index) => span(from + index, from + index + 1)),
      }
    }),
  { maxLength: 6 },
)

/** The merge law, said once more in the plainest way. */
export const model = (all: ReadonlyArray<Batch>) => {
  const rows = new Map<number, Candle.Candle>()
  const none = new Set<number>()
  for (const { range, candles, noData } of all) {
    for (let hourStart = range.start; hourStart < range.end; hourStart += hour) {
      none.delete(hourStart)
      if (noData.some((span) => TimeRange.contains(span, hourStart))) none.add(hourStart)
    }
    for (const row of Candle.toRows(candles)) rows.set(row.start, row)
  }
  return {
    rows: [...rows.values()].sort((a, b) => a.start - b.start),
    noData: TimeRange.union([...none].map((start) => TimeRange.make(start, start + hour))),
  }
}

export const contract = (name: string, layer: Layer.Layer<CandleStore, unknown>): void => {
  const law = <A, E>(title: string, effect: Effect.Effect<A, E, CandleStore>) =>
    it.live(`${name}: ${title}`, () => Effect.provide(effect, layer))

  law(
    "a series that was never written is empty and not described",
    Effect.gen(function* () {
      const store = yield* CandleStore
      expect(Candle.size(yield* store.read(series()))).toBe(0)
      expect((yield* store.readStarts(series())).length).toBe(0)
      expect(Option.isNone(yield* store.describe(series()))).toBe(true)
      expect(yield* store.list).toEqual([])
    }),
  )

  law(
    "an appended batch is read back, folded or not",
    Effect.gen(function* () {
      const store = yield* CandleStore
      yield* Effect.scoped(
        Effect.gen(function* () {
          const writer = yield* store.writer(identity())
          yield* writer.append(batch(0, 8))
          expect(Candle.toRows(yield* store.read(series()))).toEqual(Candle.toRows(batch(0, 8).candles))
          yield* writer.fold
          yield* writer.append(batch(8, 10))
        }),
      )
      expect(Candle.toRows(yield* store.read(series()))).toEqual(Candle.toRows(batch(0, 10).candles))
      expect([...(yield* store.readStarts(series()))]).toEqual([...batch(0, 10).candles.start])
    }),
  )

  law(
    "a read with a range returns the bars that start inside it",
    Effect.gen(function* () {
      const store = yield* CandleStore
      yield* write(identity(), [batch(0, 12)])
      const rows = (from: number, to: number) =>
        Effect.map(store.read(series(), span(from, to)), (bars) =>
          Candle.toRows(bars).map((row) => row.start),
        )
      expect(yield* rows(2, 5)).toEqual([2, 3, 4].map((index) => origin + index * hour))
      expect(yield* rows(3, 6)).toEqual([3, 4, 5].map((index) => origin + index * hour))
      expect(yield* rows(-5, 0)).toEqual([])
      expect(yield* rows(12, 99)).toEqual([])
      expect(yield* rows(5, 5)).toEqual([])
    }),
  )

  law(
    "any batches come out as the merge law says",
    Effect.gen(function* () {
      const store = yield* CandleStore
      let run = 0
      const check = fc.asyncProperty(batches, fc.boolean(), (all, fold) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const of = series(`S${run++}`)
            yield* write(identity(of), all, fold)
            const expected = model(all)
            expect(Candle.toRows(yield* store.read(of))).toEqual(expected.rows)
            const description = Option.getOrUndefined(yield* store.describe(of))
            expect(description === undefined).toBe(all.length === 0 && !fold)
            if (description === undefined) return
            expect(description.rows).toBe(expected.rows.length)
            expect(description.first).toBe(expected.rows[0]?.start)
            expect(description.newest).toBe(expected.rows.at(-1)?.start)
            expect(description.noData).toEqual(expected.noData)
          }).pipe(Effect.provideService(CandleStore, store)),
        ),
      )
      yield* Effect.promise(() => fc.assert(check, { numRuns: 20 }))
    }),
  )

  law(
    "nothing outside a batch's range is touched",
    Effect.gen(function* () {
      const store = yield* CandleStore
      const known = { ...batch(0, 3), noData: [span(3, 6)], range: span(0, 6) }
      const late = { ...batch(1, 5, 50), noData: [span(0, 9)], range: span(2, 4) }
      yield* write(identity(), [known, late])
      expect(Candle.toRows(yield* store.read(series()))).toEqual([bar(0), bar(1), bar(2, 50), bar(3, 50)])
      expect((yield* Effect.flatten(store.describe(series()))).noData).toEqual([span(2, 6)])
    }),
  )

  law(
    "a series is described by its last writer, and listed by name",
    Effect.gen(function* () {
      const store = yield* CandleStore
      yield* write(identity(series("MSFT")), [batch(0, 2)])
      yield* write(identity(series("AAPL", "extended")), [batch(0, 1)])
      yield* write(identity(series("AAPL")), [batch(0, 4)])
      yield* write({ ...identity(series("AAPL"), "other"), head: undefined, last: origin }, [])
      const all = yield* store.list
      expect(all.map((one) => [one.series.symbol, one.series.session, one.rows])).toEqual([
        ["AAPL", "regular", 4],
        ["AAPL", "extended", 1],
        ["MSFT", "regular", 2],
      ])
      expect(all[0]).toMatchObject({ source: "other", head: undefined, last: origin, first: origin })
      expect(all[0]?.instrument).toEqual(identity().instrument)
      expect(all[0]).toEqual(yield* Effect.flatten(store.describe(series("AAPL"))))
      expect(Candle.size(yield* store.read(series("AAPL", "extended")))).toBe(1)
    }),
  )

  law(
    "a fold without a batch keeps what the writer says of the series",
    Effect.gen(function* () {
      const store = yield* CandleStore
      yield* write(identity(), [])
      expect(yield* Effect.flatten(store.describe(series()))).toMatchObject({
        rows: 0,
        head: identity().head,
      })
    }),
  )

  law(
    "a second writer of a series waits for the first, one of another series does not",
    Effect.gen(function* () {
      const store = yield* CandleStore
      const entered = yield* Deferred.make<void>()
      const leave = yield* Deferred.make<void>()
      const order: Array<string> = []
      const first = yield* Effect.gen(function* () {
        const writer = yield* store.writer(identity())
        yield* writer.append(batch(0, 2, 10))
        yield* Deferred.succeed(entered, undefined)
        yield* Deferred.await(leave)
        yield* writer.append(batch(1, 3, 10))
        yield* writer.fold
        order.push("first")
      }).pipe(Effect.scoped, Effect.fork)
      yield* Deferred.await(entered)
      const second = yield* Effect.fork(
        Effect.andThen(write(identity(), [batch(2, 4, 20)]), () => void order.push("second")),
      )
      yield* write(identity(series("MSFT")), [batch(0, 1)])
      order.push("other")
      yield* Deferred.succeed(leave, undefined)
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      expect(order).toEqual(["other", "first", "second"])
      expect(Candle.toRows(yield* store.read(series()))).toEqual([
        bar(0, 10),
        bar(1, 10),
        bar(2, 20),
        bar(3, 20),
      ])
    }),
  )

  law(
    "a writer that is interrupted while it waits leaves the series to others",
    Effect.gen(function* () {
      const store = yield* CandleStore
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* store.writer(identity())
          const waiting = yield* Effect.fork(Effect.scoped(store.writer(identity())))
          yield* Effect.yieldNow()
          yield* Fiber.interrupt(waiting)
        }),
      )
      yield* write(identity(), [batch(0, 1)])
      expect(Candle.size(yield* store.read(series()))).toBe(1)
    }),
  )
}
