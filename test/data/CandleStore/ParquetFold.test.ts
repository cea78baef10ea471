import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Candle from "../../../src/data/Candle.js"
import { cutByYear, noDataOf } from "../../../src/data/CandleStore/ParquetFold.js"
import { noDataAfter } from "../../../src/data/CandleStore.js"
import * as TimeRange from "../../../src/data/TimeRange.js"
import { identity } from "../../contract/CandleStore.js"

const range = fc.tuple(fc.nat(60), fc.nat(12)).map(([start, length]) => TimeRange.make(start, start + length))
const ranges = fc.array(range, { maxLength: 8 })

describe("noDataOf", () => {
  it("is what the records say one after another", () => {
    fc.assert(
      fc.property(
        ranges.map(TimeRange.union),
        fc.array(fc.tuple(fc.option(range, { nil: undefined }), ranges), { maxLength: 6 }),
        (known, said) => {
          const records = said.map(([range, noData]) => ({
            identity: identity(),
            range,
            noData,
            candles: Candle.empty,
          }))
          const inTurn = records.reduce<ReadonlyArray<TimeRange.TimeRange>>(
            (all, { range, ...batch }) => (range === undefined ? all : noDataAfter(all, { range, ...batch })),
            known,
          )
          expect(noDataOf(known, records)).toEqual(inTurn)
        },
      ),
    )
  })

  it("goes over the spans known before once, not once for each record", () => {
    const spans = Array.from({ length: 50_000 }, (_, index) => TimeRange.make(index * 4, index * 4 + 2))
    let looks = 0
    const known = spans.map(({ start, end }) => ({
      get start() {
        looks++
        return start
      },
      end,
    }))
    const records = Array.from({ length: 200 }, (_, index) => ({
      identity: identity(),
      range: TimeRange.make(index * 1000 + 1, index * 1000 + 3),
      noData: [],
      candles: Candle.empty,
    }))
    expect(noDataOf(known, records).length).toBe(50_000)
    expect(looks).toBeLessThan(10 * spans.length)
  })
})

describe("cutByYear", () => {
  it("comes to an end in the last year that has dates", () => {
    const candles = Candle.allocate(2)
    candles.start.set([Date.UTC(2024, 11, 31), 8.64e15])
    expect(Array.from(cutByYear(candles), ({ year, part }) => [year, Candle.size(part)])).toEqual([
      [2024, 1],
      [275_760, 1],
    ])
  })
})
