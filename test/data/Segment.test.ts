import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Gap from "../../src/data/Gap.js"
import * as Segment from "../../src/data/Segment.js"
import type { Session } from "../../src/data/Series.js"
import * as Timeframe from "../../src/data/Timeframe.js"
import type { TimeRange } from "../../src/data/TimeRange.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"
import { always, bars, forex, iso, newYork, span } from "../utils/Calendars.js"
import { expectedBars, storedOf } from "../utils/ExpectedBars.js"

/** The segments of a series of which nothing is stored. */
const whole = (
  calendar: TradingCalendar.TradingCalendar,
  timeframe: Timeframe.Timeframe,
  range: TimeRange,
  session: Session = "regular",
) => {
  const expected = TradingCalendar.expected(calendar, bars(timeframe, session), range)
  const gaps = Gap.find(expected, new Float64Array(0), [])
  return Segment.plan({ expected, gaps, timeframe, order: "oldest" })
}
const texts = (segments: ReadonlyArray<Segment.Segment>) =>
  segments.map(({ range }) => `${iso(range.start)} ${iso(range.end)}`)

describe("laws", () => {
  /** One-minute bars with closed time between them, cut at the half hour of `1s`, the hour of `5s` and so on. */
  const scene = fc
    .oneof(expectedBars(60, 10), expectedBars(60, 40), expectedBars(60, 600))
    .chain((expected) =>
      fc.record({
        expected: fc.constant(expected),
        present: storedOf(expected),
        timeframe: fc.constantFrom<Timeframe.Timeframe>("1s", "5s", "10s"),
        order: fc.constantFrom<"oldest" | "newest">("oldest", "newest"),
      }),
    )
  const planned = scene.map((options) => {
    const gaps = Gap.find(options.expected, options.present, [])
    const lacking = gaps.flatMap(({ from, to }) => Array.from(options.expected.starts.subarray(from, to)))
    return { ...options, gaps, lacking, segments: Segment.plan({ ...options, gaps }) }
  })

  it("leave no lacking bar out, do not overlap, keep to the limit, begin and end with lacking bars", () => {
    fc.assert(
      fc.property(planned, ({ expected, lacking, timeframe, order, segments }) => {
        const limit = Timeframe.info(timeframe).segmentMillis
        const oldest = order === "oldest" ? segments : segments.toReversed()
        expect(segments.map(({ index }) => index)).toEqual(Array.from(segments.keys()))
        oldest.forEach(({ range, bars }, index) => {
          expect(range.end - range.start).toBeLessThanOrEqual(limit)
          expect(lacking).toContain(range.start)
          expect(lacking).toContain(range.end - 60_000)
          if (index > 0) expect(range.start).toBeGreaterThanOrEqual(oldest[index - 1]!.range.end)
          const inside = expected.starts.filter((start) => start >= range.start && start < range.end)
          expect(bars).toBe(inside.length)
        })
        const covered = lacking.filter((start) =>
          segments.some(({ range }) => range.start <= start && start + 60_000 <= range.end),
        )
        expect(covered).toEqual(lacking)
      }),
      { numRuns: 300 },
    )
  })

  it("are as few as can be", () => {
    fc.assert(
      fc.property(planned, ({ lacking, timeframe, segments }) => {
        const limit = Timeframe.info(timeframe).segmentMillis
        const fewest = [0]
        for (let end = 1; end <= lacking.length; end++) {
          let best = Number.POSITIVE_INFINITY
          for (let from = 0; from < end; from++) {
            if (lacking[end - 1]! + 60_000 - lacking[from]! <= limit) best = Math.min(best, fewest[from]! + 1)
          }
          fewest.push(best)
        }
        expect(segments.length).toBe(fewest.at(-1))
      }),
      { numRuns: 300 },
    )
  })

  it("are the same in both orders", () => {
    fc.assert(
      fc.property(planned, ({ expected, gaps, timeframe }) => {
        const ranges = (order: "oldest" | "newest") =>
          Segment.plan({ expected, gaps, timeframe, order }).map(({ range }) => range)
        expect(ranges("newest")).toEqual(ranges("oldest").toReversed())
      }),
      { numRuns: 100 },
    )
  })

  it("once the first are stored, the rest stays as few as it was", () => {
    fc.assert(
      fc.property(planned, fc.nat(), ({ expected, present, timeframe, order, segments }, pick) => {
        const done = segments.length === 0 ? 0 : pick % segments.length
        const fetched = Array.from(expected.starts).filter((start) =>
          segments.slice(0, done).some(({ range }) => range.start <= start && start < range.end),
        )
        const stored = Float64Array.from(new Set([...present, ...fetched])).sort()
        const rest = Segment.plan({ expected, gaps: Gap.find(expected, stored, []), timeframe, order })
        expect(rest.length).toBeLessThanOrEqual(segments.length - done)
      }),
      { numRuns: 200 },
    )
  })
})

describe("sessions", () => {
  it("a minute segment is a session, also after a start in the middle and across daylight saving", () => {
    const range = span("2024-01-01T00:00Z", "2025-01-01T00:00Z")
    const sessions = TradingCalendar.sessions(newYork, "regular", range)
    const segments = whole(newYork, "1m", range)
    expect(segments.map((_) => _.range)).toEqual(
      sessions.map(({ open, close }) => ({ start: open, end: close })),
    )
    const late = whole(newYork, "1m", { start: sessions[0]!.open + 3_600_000, end: range.end })
    expect(texts(late.slice(1))).toEqual(texts(segments.slice(1)))
    const extended = whole(newYork, "1m", range, "extended")
    expect(extended.length).toBe(sessions.length)
    const currencies = span("2024-03-04T00:00Z", "2024-03-16T00:00Z")
    expect(
      whole(forex, "1m", currencies)
        .map((_) => _.range)
        .slice(1),
    ).toEqual(
      TradingCalendar.sessions(forex, "regular", currencies)
        .slice(1)
        .map(({ open, close }) => ({ start: open, end: close })),
    )
  })

  it("segments of five minutes are weeks, whatever weekday they begin on", () => {
    expect(texts(whole(newYork, "5m", span("2024-03-06", "2024-03-30")))).toEqual([
      "2024-03-06T14:30 2024-03-08T21:00",
      "2024-03-11T13:30 2024-03-15T20:00",
      "2024-03-18T13:30 2024-03-22T20:00",
      "2024-03-25T13:30 2024-03-28T20:00",
    ])
  })

  it("half a year of seconds is 1,638 requests, and a venue that never closes is cut at the limit", () => {
    expect(whole(newYork, "1s", span("2024-01-01", "2024-07-03")).length).toBe(1_638)
    const days = whole(always, "1m", span("2025-01-01T12:00Z", "2025-01-04T18:00Z"))
    expect(texts(days)).toEqual([
      "2025-01-01T12:00 2025-01-02T12:00",
      "2025-01-02T12:00 2025-01-03T12:00",
      "2025-01-03T12:00 2025-01-04T12:00",
      "2025-01-04T12:00 2025-01-04T18:00",
    ])
  })

  it("daily segments hold a year, weekly ones two", () => {
    const years = span("2000-01-01", "2020-01-01")
    expect(whole(newYork, "1d", years).length).toBe(20)
    expect(whole(newYork, "1w", years).length).toBe(11)
  })
})

it("a cut that is moved to a break keeps the segment after it within the limit", () => {
  const minutes = [
    [0, 20],
    [28, 56],
    [58, 59],
    [64, 65],
  ] as const
  const starts = Float64Array.from(
    minutes.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => (from + index) * 60_000)),
  )
  const expected = { starts, ends: starts.map((start) => start + 60_000) }
  const gaps = Gap.find(expected, new Float64Array(0), [])
  const segments = Segment.plan({ expected, gaps, timeframe: "1s", order: "oldest" })
  expect(segments.map(({ range }) => [range.start / 60_000, range.end / 60_000])).toEqual([
    [0, 20],
    [28, 56],
    [58, 65],
  ])
})

it("asks for small gaps together where that takes fewer requests, and spans stored bars for it", () => {
  const expected = TradingCalendar.expected(newYork, bars("1h"), span("2025-01-06", "2025-01-11"))
  const holes = new Set([2, 9, 20])
  const present = expected.starts.filter((_, index) => !holes.has(index))
  const gaps = Gap.find(expected, present, [])
  expect(gaps.length).toBe(3)
  const [only, ...none] = Segment.plan({ expected, gaps, timeframe: "1h", order: "newest" })
  expect(none).toEqual([])
  expect(only).toEqual({ index: 0, range: { start: expected.starts[2], end: expected.ends[20] }, bars: 19 })
  expect(Segment.plan({ expected, gaps: [], timeframe: "1h", order: "newest" })).toEqual([])
})

it("finds ten thousand holes in ten years of minutes and plans them", () => {
  const expected = TradingCalendar.expected(newYork, bars("1m"), span("2010-01-01", "2020-01-01"))
  const present = expected.starts.filter((_, index) => index % 97 !== 0)
  const gaps = Gap.find(expected, present, [])
  const segments = Segment.plan({ expected, gaps, timeframe: "1m", order: "oldest" })
  expect([gaps.length, segments.length]).toEqual([10_076, 2_125])
})
