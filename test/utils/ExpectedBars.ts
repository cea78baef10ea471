/**
 * Arbitrary expected bars with some of them missing, small enough to be checked by brute force.
 */
import * as fc from "fast-check"
import type { TimeRange } from "../../src/data/TimeRange.js"
import type { Expected } from "../../src/data/TradingCalendar.js"

/** Bars of one minute, one after another or with closed time between them. */
export const expectedBars = (maxLength: number, maxClosedMinutes: number): fc.Arbitrary<Expected> =>
  fc
    .array(
      fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: maxClosedMinutes })),
      { maxLength },
    )
    .map((closed) => {
      const starts = new Float64Array(closed.length)
      let start = Date.UTC(2025, 0, 6)
      closed.forEach((minutes, index) => {
        start += minutes * 60_000
        starts[index] = start
        start += 60_000
      })
      return { starts, ends: starts.map((_) => _ + 60_000) }
    })

/** Sorted starts of which some are expected, and some lie off the minute. */
export const storedOf = (expected: Expected): fc.Arbitrary<Float64Array> =>
  fc
    .array(fc.constantFrom("present", "absent", "beside"), {
      minLength: expected.starts.length,
      maxLength: expected.starts.length,
    })
    .map((choices) =>
      Float64Array.from(
        choices.flatMap((choice, index) => {
          const start = expected.starts[index]!
          return choice === "absent" ? [] : [choice === "present" ? start : start + 30_000]
        }),
      ),
    )

/** Ranges of whole and half minutes around the expected bars, in any order, overlapping or not. */
export const rangesOf = (expected: Expected): fc.Arbitrary<ReadonlyArray<TimeRange>> => {
  const first = expected.starts[0] ?? 0
  const halves = ((expected.ends.at(-1) ?? 0) - first) / 30_000
  const edge = fc.integer({ min: -2, max: halves + 2 })
  return fc.array(
    fc.tuple(edge, edge).map(([a, b]) => ({
      start: first + Math.min(a, b) * 30_000,
      end: first + Math.max(a, b) * 30_000,
    })),
    { maxLength: 3 },
  )
}
