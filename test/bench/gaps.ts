/**
 * Ten years of one-minute bars of New York's regular sessions, of which 10,000 runs are missing: which bars
 * should exist, which are missing, and the requests that would fetch them.
 */
import { performance } from "node:perf_hooks"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Gap from "../../src/data/Gap.js"
import * as Segment from "../../src/data/Segment.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"
import { median, table } from "./measure.js"

const holes = 10_000
const runs = 9
const most = 0.5

const bars = { timeframe: "1m", session: "regular" } as const
const range = { start: Date.UTC(2015, 0, 1), end: Date.UTC(2025, 0, 1) }

/** A calendar that nothing is remembered of, as it is in a process that has just begun. */
const calendar = (): TradingCalendar.TradingCalendar => ({ ...TradingCalendar.forVenue("XNYS").calendar })

/** All bars but those of the holes, which lie evenly apart and are one to seven bars long. */
const present = (starts: Float64Array): Float64Array => {
  const apart = Math.floor(starts.length / holes)
  return starts.filter((_, index) => {
    const hole = Math.floor(index / apart)
    return hole >= holes || index % apart > (hole * 13) % 7
  })
}

const analyse = (stored: Float64Array) => {
  const began = performance.now()
  const expected = TradingCalendar.expected(calendar(), bars, range)
  const known = performance.now()
  const gaps = Gap.find(expected, stored, [])
  const found = performance.now()
  const segments = Segment.plan({ expected, gaps, timeframe: bars.timeframe, order: "oldest" })
  const ended = performance.now()
  return {
    expected: expected.starts.length,
    gaps: gaps.length,
    missing: Gap.count(gaps),
    segments: segments.length,
    seconds: [known - began, found - known, ended - found, ended - began].map((millis) => millis / 1000),
  }
}

const show = (seconds: number): string => `${(seconds * 1000).toFixed(1)} ms`

export const bench = Effect.gen(function* () {
  const { starts } = TradingCalendar.expected(calendar(), bars, range)
  const stored = present(starts)
  const results = Array.from({ length: runs }, () => analyse(stored))
  const { expected, gaps, missing, segments } = results[0]!
  if (gaps !== holes || missing !== starts.length - stored.length) {
    return yield* Effect.fail(new Error(`expected ${holes} gaps, found ${gaps} that lack ${missing} bars`))
  }
  const [calendarTime, gapTime, planTime, seconds] = [0, 1, 2, 3].map((part) =>
    median(results.map((result) => result.seconds[part]!)),
  ) as [number, number, number, number]
  const slowest = Math.max(...results.map((result) => result.seconds[3]!))
  yield* Console.log(
    table([
      [`median of ${runs}`, "measured", "to reach"],
      [`which ${expected} bars should exist`, show(calendarTime), ""],
      [`which ${missing} are missing, in ${gaps} gaps`, show(gapTime), ""],
      [`which ${segments} requests fetch them`, show(planTime), ""],
      ["all of it", show(seconds), `<= ${show(most)}`],
      ["the slowest run", show(slowest), ""],
    ]),
  )
  yield* Console.log(JSON.stringify({ bench: "gaps", expected, seconds: Number(seconds.toFixed(4)) }))
})
