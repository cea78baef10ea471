/**
 * Plans of loads as a person and as a program reads them: what would be asked for, and how long that takes by
 * the rules of the source.
 */
import type { LoadMode } from "../../data/LoadMode.js"
import * as Series from "../../data/Series.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as TimeZone from "../../data/TimeZone.js"
import type * as IbPacing from "../../hosts/ib/IbPacing.js"
import * as IbRules from "../../hosts/ib/IbRules.js"
import type * as Pacing from "../../Pacing.js"
import { count, duration } from "../../ProgressRenderer.js"
import { iso } from "../Instants.js"
import * as LoadText from "./LoadText.js"
import * as Table from "./Table.js"

/** What the load of one series would ask for. */
export interface Planned {
  readonly series: Series.Series
  readonly mode: LoadMode
  readonly range: TimeRange.TimeRange
  /** Bars that should exist in the range, and those that the requests are for. */
  readonly expected: number
  readonly bars: number
  readonly requests: number
  readonly warnings: ReadonlyArray<string>
}

/** When the requests of all series would start that were all there at `now` (epoch ms). */
export interface Schedule extends Pick<Pacing.Plan, "end" | "floor" | "bounds"> {
  readonly now: number
  readonly pacing: IbPacing.Mode
}

/** So many series are told of in full. */
const mostInFull = 3

/** Every series, many as a table; then how long they take together, why, and when the last request would start. */
export const text = (all: ReadonlyArray<Planned>, schedule: Schedule): string => {
  const { bounds, end, now, pacing } = schedule
  return [
    ...(all.length <= mostInFull ? all.flatMap(inFull) : Table.lines([head, ...all.map(row)], [1, 2, 3])),
    whole(all, schedule),
    ...bounds.map(
      ({ cost, millis, rule }) => `  ${rule}: ${count(cost)} to go, at least ${duration(millis)}`,
    ),
    ...(end > now
      ? [`  the last would start in ${duration(end - now)}, at ${TimeRange.formatInstant(toSecond(end))}`]
      : []),
    `Pacing: ${pacing === "none" ? "none" : `${pacing}, by the rules of ${rules.of} as of ${rules.asOf}`}`,
    "Nothing was fetched or written.",
  ].join("\n")
}

/** `1s bars of 6 months: 1,638 requests, at least 4h 30m` */
export const whole = (all: ReadonlyArray<Planned>, { floor, end, now }: Schedule): string => {
  const requests = total(all, (one) => one.requests)
  const pace =
    floor.millis > 0
      ? `, at least ${duration(floor.millis)}`
      : requests > 0 && end === now
        ? ", and none has to wait"
        : ""
  return `${subject(all)}: ${LoadText.amount(requests, "request")}${pace}`
}

/** One series as JSON. */
export const seriesLine = ({ series, mode, range, expected, bars, requests, warnings }: Planned): string =>
  JSON.stringify({ ...series, mode, ...instants(range), expected, requests, bars, warnings })

/** All of them as JSON. */
export const wholeLine = (
  all: ReadonlyArray<Planned>,
  { bounds, end, floor, now, pacing }: Schedule,
): string =>
  JSON.stringify({
    series: all.length,
    requests: total(all, (one) => one.requests),
    bars: total(all, (one) => one.bars),
    pacing,
    floor_seconds: floor.millis / 1000,
    rule: floor.rule ?? null,
    last_start_seconds: (end - now) / 1000,
    last_start: iso(end),
    rules: bounds.map(({ rule, millis, cost }) => ({ rule, cost, floor_seconds: millis / 1000 })),
  })

// ---------------------------------------------------------------------------------------------------------

const rules = IbRules.pacing

const total = (all: ReadonlyArray<Planned>, of: (one: Planned) => number): number =>
  all.reduce((sum, one) => sum + of(one), 0)

const inFull = ({ series, mode, range, expected, bars, requests }: Planned): ReadonlyArray<string> => [
  `${Series.format(series)}: ${requests === 0 ? "no request" : LoadText.amount(requests, "request")} for ` +
    `${count(bars)} of ${LoadText.amount(expected, "expected bar")}`,
  `  ${mode} mode, ${TimeRange.format(range)}`,
]

const head = ["series", "expected", "bars", "requests", "range"]

const row = ({ series, range, expected, bars, requests }: Planned): ReadonlyArray<string> => [
  Series.format(series),
  ...[expected, bars, requests].map(count),
  TimeRange.format(range),
]

/** `1s bars of 6 months`, `1s bars of 6 months, 3 series`, `3 series`. */
const subject = (all: ReadonlyArray<Planned>): string => {
  const series = LoadText.amount(all.length, "series")
  const asked = all.filter(({ requests }) => requests > 0)
  const timeframes = new Set(asked.map((one) => one.series.timeframe))
  if (timeframes.size !== 1) return series
  const start = Math.min(...asked.map(({ range }) => range.start))
  const end = Math.max(...asked.map(({ range }) => range.end))
  const bars = `${[...timeframes][0]} bars of ${span(end - start)}`
  return all.length === 1 ? bars : `${bars}, ${series}`
}

/** `6h 30m`, `12 days`, `6 months`, `10 years`: calendar units, rounded. */
const span = (millis: number): string => {
  const days = millis / TimeZone.day
  if (days < 2) return duration(millis)
  if (days < 60) return LoadText.amount(Math.round(days), "day")
  const months = Math.round(days / 30.44)
  return months < 24 ? LoadText.amount(months, "month") : LoadText.amount(Math.round(months / 12), "year")
}

const instants = ({ start, end }: TimeRange.TimeRange) => ({
  start: iso(start),
  end: iso(end),
})

const toSecond = (millis: number): number => Math.ceil(millis / 1000) * 1000
