import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Candle from "../../src/data/Candle.js"

/** Bars at distinct starts out of a few, so that two sets often share some; unknown volumes included. */
const candles: fc.Arbitrary<Candle.Candles> = fc
  .uniqueArray(
    fc.record({
      start: fc.integer({ min: 0, max: 40 }),
      open: fc.integer({ min: 1, max: 99 }),
      high: fc.integer({ min: 1, max: 99 }),
      low: fc.integer({ min: 1, max: 99 }),
      close: fc.integer({ min: 1, max: 99 }),
      volume: fc.oneof(fc.nat(99), fc.constant(null)),
    }),
    { selector: ({ start }) => start, maxLength: 25 },
  )
  .map((rows) => Candle.fromRows(rows.sort((a, b) => a.start - b.start)))

const rows = Candle.toRows

describe("merge", () => {
  it("is the union by start, sorted, in which the newer bar wins", () => {
    fc.assert(
      fc.property(candles, candles, (older, newer) => {
        const byStart = new Map([...rows(older), ...rows(newer)].map((bar) => [bar.start, bar]))
        const union = [...byStart.values()].sort((a, b) => a.start - b.start)
        expect(rows(Candle.merge(older, newer))).toEqual(union)
      }),
      { numRuns: 500 },
    )
  })

  it("is idempotent, associative, and has the empty set as its unit", () => {
    fc.assert(
      fc.property(candles, candles, candles, (a, b, c) => {
        expect(rows(Candle.merge(a, a))).toEqual(rows(a))
        expect(rows(Candle.merge(Candle.merge(a, b), b))).toEqual(rows(Candle.merge(a, b)))
        expect(rows(Candle.merge(Candle.merge(a, b), c))).toEqual(rows(Candle.merge(a, Candle.merge(b, c))))
        expect(rows(Candle.merge(a, Candle.empty))).toEqual(rows(a))
        expect(rows(Candle.merge(Candle.empty, a))).toEqual(rows(a))
      }),
      { numRuns: 300 },
    )
  })

  it("is commutative where the two share no start", () => {
    fc.assert(
      fc.property(candles, candles, (a, b) => {
        const other = Candle.fromRows(rows(b).filter(({ start }) => !a.start.includes(start)))
        expect(rows(Candle.merge(a, other))).toEqual(rows(Candle.merge(other, a)))
      }),
      { numRuns: 300 },
    )
  })
})

describe("columns", () => {
  it("are the rows they were made of, an unknown volume being NaN", () => {
    fc.assert(
      fc.property(candles, (all) => {
        expect(rows(Candle.fromRows(rows(all)))).toEqual(rows(all))
        expect(Candle.size(all)).toBe(rows(all).length)
        expect(all.volume.filter((volume) => Number.isNaN(volume)).length).toBe(
          rows(all).filter(({ volume }) => volume === null).length,
        )
      }),
    )
  })

  it("are cut at instants: the bars that start inside a half-open range", () => {
    fc.assert(
      fc.property(
        candles,
        fc.integer({ min: -2, max: 42 }),
        fc.integer({ min: -2, max: 42 }),
        (all, a, b) => {
          const range = { start: Math.min(a, b), end: Math.max(a, b) }
          const inside = rows(all).filter(({ start }) => start >= range.start && start < range.end)
          expect(rows(Candle.within(all, range))).toEqual(inside)
          expect(Candle.lowerBound(all.start, a)).toBe(all.start.filter((start) => start < a).length)
        },
      ),
    )
  })

  it("are put together again in order", () => {
    fc.assert(
      fc.property(candles, fc.nat(25), (all, cut) => {
        const at = Math.min(cut, Candle.size(all))
        const parts = [Candle.slice(all, 0, at), Candle.slice(all, at, Candle.size(all))]
        expect(rows(Candle.concat(parts))).toEqual(rows(all))
      }),
    )
  })
})
