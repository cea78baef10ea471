import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Coverage from "../../src/data/Coverage.js"
import * as Segment from "../../src/data/Segment.js"
import * as TimeRange from "../../src/data/TimeRange.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"
import { bars, newYork, span } from "../utils/Calendars.js"
import { expectedBars, rangesOf, storedOf } from "../utils/ExpectedBars.js"

const scene = expectedBars(40, 5).chain((expected) =>
  fc.record({
    expected: fc.constant(expected),
    present: storedOf(expected),
    noData: rangesOf(expected),
    refused: rangesOf(expected),
    failed: rangesOf(expected),
  }),
)

const within = (ranges: ReadonlyArray<TimeRange.TimeRange>, start: number) =>
  ranges.some((range) => TimeRange.contains(range, start))

describe("laws", () => {
  it("every expected bar has one verdict, and the counts say so", () => {
    fc.assert(
      fc.property(scene, (known) => {
        const { starts } = known.expected
        const names = Array.from(Coverage.verdicts(known), (code) => Coverage.Verdict.literals[code])
        expect(names).toEqual(
          Array.from(starts, (start) => {
            if (known.present.includes(start)) return "present"
            if (within(known.noData, start)) return "no_data"
            if (within(known.refused, start)) return "refused"
            return within(known.failed, start) ? "failed" : "pending"
          }),
        )
        const coverage = Coverage.make(known)
        for (const verdict of Coverage.Verdict.literals) {
          expect(coverage[verdict]).toBe(names.filter((name) => name === verdict).length)
        }
        expect(coverage.expected).toBe(starts.length)
        expect(coverage.unexpected).toBe(known.present.filter((start) => !starts.includes(start)).length)
      }),
      { numRuns: 300 },
    )
  })

  it("cut into pieces and joined again, the coverage is the same", () => {
    fc.assert(
      fc.property(scene, fc.integer({ min: 1, max: 12 }), fc.boolean(), (known, size, bounded) => {
        const { starts, ends } = known.expected
        const range = { start: (starts[0] ?? 0) - 1, end: ends.at(-1) ?? 1 }
        const whole = bounded ? { ...known, range } : known
        const pieces = Coverage.split(whole, size)
        expect(Coverage.join(pieces, pieces.map(Coverage.make))).toEqual(Coverage.make(whole))
      }),
      { numRuns: 300 },
    )
  })

  it("the missing ranges hold the bars that are not present, and no others", () => {
    fc.assert(
      fc.property(scene, (known) => {
        const { missing } = Coverage.make(known)
        for (const start of known.expected.starts) {
          const inside = missing.filter((range) => TimeRange.contains(range, start)).length
          expect(inside).toBe(known.present.includes(start) ? 0 : 1)
        }
        for (const range of missing) {
          expect(known.expected.starts).toContain(range.start)
          expect(known.expected.ends).toContain(range.end)
        }
      }),
      { numRuns: 200 },
    )
  })

  it("what a source has no data for does not depend on how it was asked", () => {
    fc.assert(
      fc.property(scene, fc.array(fc.nat(80), { maxLength: 4 }), ({ expected, present }, cuts) => {
        const first = expected.starts[0] ?? 0
        const end = expected.ends.at(-1) ?? 0
        const edges = [first, ...cuts.map((cut) => first + cut * 30_000).filter((edge) => edge < end), end]
        edges.sort((a, b) => a - b)
        const asked = edges.slice(1).flatMap((edge, index) => {
          const range = { start: edges[index]!, end: edge }
          const fetched = present.filter((start) => TimeRange.contains(range, start))
          return Coverage.noDataWithin(expected, range, fetched)
        })
        const whole = Coverage.noDataWithin(expected, { start: first, end }, present)
        expect(TimeRange.union(asked)).toEqual(whole)
        expect(whole).toEqual(TimeRange.union(whole))
        const after = { expected, present, noData: whole, refused: [], failed: [] }
        expect(Coverage.make(after).pending).toBe(0)
        expect(whole.reduce((sum, range) => sum + range.end - range.start, 0)).toBe(
          Coverage.make(after).no_data * 60_000,
        )
      }),
      { numRuns: 300 },
    )
  })

  it("survives the wire", () => {
    fc.assert(
      fc.property(scene, (known) => {
        const coverage = Coverage.make(known)
        const wire = Schema.encodeSync(Coverage.Coverage)(coverage)
        expect(Schema.decodeUnknownEither(Coverage.Coverage)(JSON.parse(JSON.stringify(wire)))).toEqual(
          Either.right(coverage),
        )
      }),
      { numRuns: 50 },
    )
  })
})

describe("a week of daily bars", () => {
  const expected = TradingCalendar.expected(newYork, bars("1d"), span("2025-01-06", "2025-01-15"))
  const nothing = { expected, present: new Float64Array(0), noData: [], refused: [], failed: [] }

  it("joins what follows one another, with the market closed between", () => {
    expect(expected.starts.length).toBe(6)
    expect(Coverage.make(nothing).missing).toEqual([span("2025-01-06", "2025-01-15")])
    expect(Coverage.noDataWithin(expected, span("2025-01-06", "2025-01-15"), nothing.present)).toEqual([
      span("2025-01-06", "2025-01-09"),
      span("2025-01-10", "2025-01-11"),
      span("2025-01-13", "2025-01-15"),
    ])
  })

  it("is told in words", () => {
    expect(Coverage.format(Coverage.make({ ...nothing, present: expected.starts }))).toBe(
      "6 of 6 expected bars present",
    )
    expect(
      Coverage.format(
        Coverage.make({
          expected,
          present: Float64Array.of(Date.parse("2025-01-06"), Date.parse("2025-01-11")),
          noData: [span("2025-01-07", "2025-01-08")],
          refused: [span("2025-01-08", "2025-01-09")],
          failed: [span("2025-01-08", "2025-01-13")],
        }),
      ),
    ).toBe(
      "1 of 6 expected bars present, 1 without data at the source, 1 refused, 1 failed, 2 pending, 1 unexpected",
    )
    const many = { expected: 5_105, present: 5_105, no_data: 0, refused: 0, failed: 0, pending: 0 }
    expect(Coverage.format({ ...many, unexpected: 0, missing: [] })).toBe(
      "5,105 of 5,105 expected bars present",
    )
  })

  it("counts unexpected bars in the range asked for", () => {
    const present = Float64Array.of(
      Date.parse("2024-12-25"),
      Date.parse("2025-01-11"),
      Date.parse("2025-02-01"),
    )
    const count = Coverage.make({ ...nothing, present, range: span("2025-01-06", "2025-01-15") }).unexpected
    expect(count).toBe(1)
    expect(Coverage.make({ ...nothing, present }).unexpected).toBe(3)
  })

  it("a failed segment fails its bars alone", () => {
    const gaps = [{ from: 0, to: 6, range: span("2025-01-06", "2025-01-15") }]
    const [segment] = Segment.plan({ expected, gaps, timeframe: "1d", order: "oldest" })
    const coverage = Coverage.make({ ...nothing, failed: [segment!.range] })
    expect([coverage.failed, coverage.pending]).toEqual([6, 0])
  })
})
