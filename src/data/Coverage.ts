/**
 * Coverage: what became of each bar that should exist.
 */
import * as Schema from "effect/Schema"
import { lowerBound } from "./Candle.js"
import * as Gap from "./Gap.js"
import * as TimeRange from "./TimeRange.js"
import type { Expected } from "./TradingCalendar.js"

/**
 * Counts of expected bars by verdict, which sum up to `expected`, and what lies outside them.
 *
 * - `present`: stored
 * - `no_data`: the source answered and has none
 * - `refused`, `failed`: a request for it was turned down, or failed for good
 * - `pending`: not asked for yet
 * - `unexpected`: stored bars that the calendar does not expect
 */
export const Coverage = Schema.Struct({
  expected: Schema.NonNegativeInt,
  present: Schema.NonNegativeInt,
  no_data: Schema.NonNegativeInt,
  refused: Schema.NonNegativeInt,
  failed: Schema.NonNegativeInt,
  pending: Schema.NonNegativeInt,
  unexpected: Schema.NonNegativeInt,
  /** Runs of expected bars that are not present: from the start of the first to the end of the last. */
  missing: Schema.Array(TimeRange.TimeRange),
}).annotations({ identifier: "Coverage" })
export interface Coverage extends Schema.Schema.Type<typeof Coverage> {}

/** A verdict's code in a column is its index here. */
export const Verdict = Schema.Literal("pending", "present", "no_data", "refused", "failed").annotations({
  identifier: "Verdict",
})
export type Verdict = typeof Verdict.Type

/** What is known. Ranges speak of the expected bars that start inside them, and may come in any order. */
export interface Known {
  readonly expected: Expected
  /** Sorted starts of the stored bars. */
  readonly present: Float64Array
  readonly noData: ReadonlyArray<TimeRange.TimeRange>
  readonly refused: ReadonlyArray<TimeRange.TimeRange>
  readonly failed: ReadonlyArray<TimeRange.TimeRange>
  /** The range asked for, in which unexpected bars count; without it all of `present` do. */
  readonly range?: TimeRange.TimeRange
}

/**
 * One code for each expected bar: 0 pending, 1 present, 2 no data, 3 refused, 4 failed. Where several hold,
 * the first of present, no data, refused and failed does.
 */
export const verdicts = (known: Known): Uint8Array => {
  const { starts } = known.expected
  const { present } = known
  const codes = new Uint8Array(starts.length)
  const paint = (ranges: ReadonlyArray<TimeRange.TimeRange>, verdict: Verdict) => {
    for (const range of ranges) {
      codes.fill(code(verdict), lowerBound(starts, range.start), lowerBound(starts, range.end))
    }
  }
  paint(known.failed, "failed")
  paint(known.refused, "refused")
  paint(known.noData, "no_data")
  const stored = code("present")
  let at = 0
  for (let index = 0; index < starts.length; index++) {
    const start = starts[index]!
    while (at < present.length && present[at]! < start) at++
    if (at < present.length && present[at] === start) codes[index] = stored
  }
  return codes
}

export const make = (known: Known): Coverage => {
  const codes = verdicts(known)
  const counts = Verdict.literals.map(() => 0)
  for (let index = 0; index < codes.length; index++) counts[codes[index]!]!++
  const of = (verdict: Verdict) => counts[code(verdict)]!
  return {
    expected: known.expected.starts.length,
    present: of("present"),
    no_data: of("no_data"),
    refused: of("refused"),
    failed: of("failed"),
    pending: of("pending"),
    unexpected: unexpected(known),
    missing: Gap.find(known.expected, known.present, []).map((gap) => gap.range),
  }
}

/** The same question in pieces of so many expected bars, for a caller that must not be held up; see `join`. */
export const split = (known: Known, bars: number): ReadonlyArray<Known> => {
  const { starts, ends } = known.expected
  const whole = known.range ?? { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }
  const pieces: Array<Known> = []
  for (let from = 0; from === 0 || from < starts.length; from += bars) {
    const to = from + bars
    const range = {
      start: from === 0 ? whole.start : starts[from]!,
      end: to < starts.length ? starts[to]! : whole.end,
    }
    pieces.push({
      ...known,
      expected: { starts: starts.subarray(from, to), ends: ends.subarray(from, to) },
      present: known.present.subarray(
        lowerBound(known.present, range.start),
        lowerBound(known.present, range.end),
      ),
      range,
    })
  }
  return pieces
}

/** The coverage of the whole from that of the pieces that `split` made of it, in order. */
export const join = (pieces: ReadonlyArray<Known>, parts: ReadonlyArray<Coverage>): Coverage => {
  const sum = (count: (part: Coverage) => number) => parts.reduce((total, part) => total + count(part), 0)
  const missing: Array<TimeRange.TimeRange> = []
  parts.forEach((part, index) => {
    const before = pieces[index - 1]?.expected.ends.at(-1)
    const goesOn =
      missing.at(-1)?.end === before && part.missing[0]?.start === pieces[index]?.expected.starts[0]
    const [first, ...rest] = part.missing
    const last = missing.at(-1)
    if (first === undefined) return
    if (goesOn && last !== undefined) missing[missing.length - 1] = { start: last.start, end: first.end }
    else missing.push(first)
    for (const range of rest) missing.push(range)
  })
  return {
    expected: sum((_) => _.expected),
    present: sum((_) => _.present),
    no_data: sum((_) => _.no_data),
    refused: sum((_) => _.refused),
    failed: sum((_) => _.failed),
    pending: sum((_) => _.pending),
    unexpected: sum((_) => _.unexpected),
    missing,
  }
}

/** A coverage without the ranges: what is told of each of many spans. */
export type Counts = Readonly<Record<Verdict | "expected" | "unexpected", number>>

export const add = (a: Counts, b: Counts): Counts => ({
  expected: a.expected + b.expected,
  present: a.present + b.present,
  no_data: a.no_data + b.no_data,
  refused: a.refused + b.refused,
  failed: a.failed + b.failed,
  pending: a.pending + b.pending,
  unexpected: a.unexpected + b.unexpected,
})

/**
 * The counts of the bars that start in each of the spans `[edges[i], edges[i + 1])`; `edges` rise, and what
 * starts before the first or from the last on is in none.
 */
export const byBucket = (known: Known, edges: Float64Array): ReadonlyArray<Counts> => {
  const { starts } = known.expected
  const { present } = known
  const codes = verdicts(known)
  const within = known.range ?? TimeRange.always
  return Array.from({ length: Math.max(0, edges.length - 1) }, (_, bucket) => {
    const [start, end] = [edges[bucket]!, edges[bucket + 1]!]
    const [from, to] = [lowerBound(starts, start), lowerBound(starts, end)]
    const counts = Verdict.literals.map(() => 0)
    for (let index = from; index < to; index++) counts[codes[index]!]!++
    const stored =
      lowerBound(present, Math.min(end, within.end)) - lowerBound(present, Math.max(start, within.start))
    const expected = to - from
    const of = (verdict: Verdict) => counts[code(verdict)]!
    return {
      expected,
      present: of("present"),
      no_data: of("no_data"),
      refused: of("refused"),
      failed: of("failed"),
      pending: of("pending"),
      unexpected: Math.max(0, stored) - of("present"),
    }
  })
}

/** `5,105 of 5,105 expected bars present`, then whatever else is not zero: `, 3 without data at the source`. */
export const format = (coverage: Coverage): string =>
  [
    `${number(coverage.present)} of ${number(coverage.expected)} expected bars present`,
    ...(
      [
        [coverage.no_data, "without data at the source"],
        [coverage.refused, "refused"],
        [coverage.failed, "failed"],
        [coverage.pending, "pending"],
        [coverage.unexpected, "unexpected"],
      ] as const
    ).flatMap(([count, what]) => (count === 0 ? [] : [`${number(count)} ${what}`])),
  ].join(", ")

/**
 * Where the source has no bars, given that it answered for `range` with bars at `fetched` (sorted starts): the
 * exact spans of the expected bars that start inside the range and did not come, with touching spans joined.
 * The union over all requests depends on the bars alone, not on how the requests were cut.
 */
export const noDataWithin = (
  expected: Expected,
  range: TimeRange.TimeRange,
  fetched: Float64Array,
): ReadonlyArray<TimeRange.TimeRange> => {
  const from = lowerBound(expected.starts, range.start)
  const to = lowerBound(expected.starts, range.end)
  const asked = { starts: expected.starts.subarray(from, to), ends: expected.ends.subarray(from, to) }
  const spans: Array<{ start: number; end: number }> = []
  for (const gap of Gap.find(asked, fetched, [])) {
    for (let index = gap.from; index < gap.to; index++) {
      const last = spans.at(-1)
      if (last !== undefined && last.end === asked.starts[index]) last.end = asked.ends[index]!
      else spans.push({ start: asked.starts[index]!, end: asked.ends[index]! })
    }
  }
  return spans
}

// -----------------------------------------------------------------------------

const code = (verdict: Verdict): number => Verdict.literals.indexOf(verdict)

const number = (count: number): string => count.toLocaleString("en-US")

const unexpected = ({ expected: { starts }, present, range }: Known): number => {
  const from = range === undefined ? 0 : lowerBound(present, range.start)
  const to = range === undefined ? present.length : lowerBound(present, range.end)
  let count = 0
  let at = 0
  for (let index = from; index < to; index++) {
    const start = present[index]!
    while (at < starts.length && starts[at]! < start) at++
    if (at === starts.length || starts[at] !== start) count++
  }
  return count
}
