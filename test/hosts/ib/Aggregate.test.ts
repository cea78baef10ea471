import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Candle from "../../../src/data/Candle.js"
import * as Aggregate from "../../../src/hosts/ib/Aggregate.js"

const minute = 60_000

/** Minute bars with holes, and spans of `width` minutes over them. */
const cases = fc
  .record({
    width: fc.integer({ min: 1, max: 7 }),
    bars: fc.uniqueArray(
      fc.record({
        at: fc.integer({ min: 0, max: 60 }),
        low: fc.integer({ min: 1, max: 100 }),
        open: fc.integer({ min: 0, max: 50 }),
        close: fc.integer({ min: 0, max: 50 }),
        more: fc.integer({ min: 0, max: 20 }),
        volume: fc.option(fc.integer({ min: 0, max: 1000 }), { freq: 9 }),
      }),
      { selector: (_) => _.at, maxLength: 60 },
    ),
  })
  .map(({ width, bars }) => {
    const rows = bars
      .sort((a, b) => a.at - b.at)
      .map(({ at, low, open, close, more, volume }) => ({
        start: at * minute,
        open: low + open,
        high: low + Math.max(open, close) + more,
        low,
        close: low + close,
        volume,
      }))
    const starts = Float64Array.from({ length: Math.ceil(61 / width) }, (_, index) => index * width * minute)
    return { rows, spans: { starts, from: starts, to: starts.map((start) => start + width * minute) } }
  })

describe("Aggregate", () => {
  it("gathers each span's bars as the definition says", () => {
    fc.assert(
      fc.property(cases, ({ rows, spans }) => {
        const wanted = Array.from(spans.starts).flatMap((start, index) => {
          const inside = rows.filter((row) => row.start >= start && row.start < spans.to[index]!)
          if (inside.length === 0) return []
          const known = inside.every((row) => row.volume !== null)
          return [
            {
              start,
              open: inside[0]!.open,
              high: Math.max(...inside.map((row) => row.high)),
              low: Math.min(...inside.map((row) => row.low)),
              close: inside.at(-1)!.close,
              volume: known ? inside.reduce((sum, row) => sum + (row.volume ?? 0), 0) : null,
            },
          ]
        })
        expect(Candle.toRows(Aggregate.aggregate(Candle.fromRows(rows), spans))).toEqual(wanted)
      }),
      { numRuns: 300 },
    )
  })

  it("leaves out bars between the spans", () => {
    const bar = { open: 1, high: 2, low: 1, close: 2, volume: 1 }
    const bars = Candle.fromRows([0, 1, 2, 3].map((start) => ({ ...bar, start })))
    const spans = {
      starts: Float64Array.of(10, 20),
      from: Float64Array.of(1, 3),
      to: Float64Array.of(2, 4),
    }
    expect(
      Candle.toRows(Aggregate.aggregate(bars, spans)).map(({ start, volume }) => [start, volume]),
    ).toEqual([
      [10, 1],
      [20, 1],
    ])
  })
})
