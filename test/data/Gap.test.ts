import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Gap from "../../src/data/Gap.js"
import * as TimeRange from "../../src/data/TimeRange.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"
import { bars, forex, hasRecorded, iso, newYork, recorded, span } from "../utils/Calendars.js"
import { expectedBars, rangesOf, storedOf } from "../utils/ExpectedBars.js"

const scene = expectedBars(40, 5).chain((expected) =>
  fc.record({ expected: fc.constant(expected), present: storedOf(expected), noData: rangesOf(expected) }),
)

describe("find", () => {
  it("finds every lacking bar once, in maximal runs with exact spans", () => {
    fc.assert(
      fc.property(scene, ({ expected, present, noData }) => {
        const gaps = Gap.find(expected, present, TimeRange.union(noData))
        const stored = new Set(present)
        const lacks = (index: number) =>
          !stored.has(expected.starts[index]!) &&
          !noData.some((range) => TimeRange.contains(range, expected.starts[index]!))
        const all = Array.from(expected.starts.keys())
        const found = gaps.flatMap(({ from, to }) => all.slice(from, to))
        expect(found).toEqual(all.filter(lacks))
        for (const { from, to, range } of gaps) {
          expect(range).toEqual({ start: expected.starts[from], end: expected.ends[to - 1] })
          expect(from > 0 && lacks(from - 1)).toBe(false)
          expect(to < all.length && lacks(to)).toBe(false)
        }
        expect(Gap.count(gaps)).toBe(found.length)
      }),
      { numRuns: 500 },
    )
  })

  it("takes a weekend for closed and a lost day for a gap", () => {
    const range = span("2025-01-02", "2025-01-08")
    const expected = TradingCalendar.expected(newYork, bars("1d"), range)
    const without = (date: string) => expected.starts.filter((start) => start !== Date.parse(date))
    expect(Gap.find(expected, expected.starts, [])).toEqual([])
    expect(Gap.find(expected, without("2025-01-06"), [])).toEqual([
      { from: 2, to: 3, range: span("2025-01-06", "2025-01-07") },
    ])
    expect(Gap.find(expected, without("2025-01-06"), [span("2025-01-05", "2025-01-06T00:00:01Z")])).toEqual(
      [],
    )
    expect(Gap.find(expected, new Float64Array(0), []).map((gap) => gap.range)).toEqual([
      span("2025-01-02", "2025-01-08"),
    ])
  })
})

it.skipIf(!hasRecorded)("EURUSD_1h.csv lacks 95 bars", () => {
  const range = span("2025-01-02T00:00Z", "2025-06-06T21:00Z")
  const gaps = Gap.find(TradingCalendar.expected(forex, bars("1h"), range), recorded("EURUSD_1h.csv"), [])
  expect(Gap.count(gaps)).toBe(95)
  expect(gaps.map((gap) => `${iso(gap.range.start)} ${gap.to - gap.from}`)).toEqual([
    "2025-04-01T07:00 14",
    "2025-04-20T21:15 3",
    "2025-06-02T05:00 16",
    "2025-06-03T05:00 16",
    "2025-06-03T22:00 23",
    "2025-06-04T22:00 23",
  ])
})
