/**
 * Reports of loads as a person reads them.
 */
import type { DataError } from "../../data/DataError.js"
import type { LoadMode } from "../../data/LoadMode.js"
import * as LoadReport from "../../data/LoadReport.js"
import type { Issue } from "../../data/Quality.js"
import * as Series from "../../data/Series.js"
import * as TimeRange from "../../data/TimeRange.js"
import { count, duration, plural } from "../../ProgressRenderer.js"

/** Ranges shown of a list before it says how many more there are. */
const few = 5

/**
 * What became of a load: coverage, what was fetched, what is missing, what was given up and why, and the
 * command that completes it.
 */
export const report = (of: LoadReport.LoadReport, completing: string): string => {
  const { given_up, issues, missing } = of
  return [
    LoadReport.format(of),
    `  ${of.mode} mode, ${TimeRange.format(of)}`,
    `  ${fetched(of)}`,
    ...ranges("missing", missing),
    ...list(
      `given up: ${amount(given_up.length, "segment")}`,
      given_up,
      (segment) =>
        `${TimeRange.format(segment)}: ${amount(segment.bars, "bar")}, ${segment.reason}: ${segment.message}`,
    ),
    ...(issues === null || issues.length === 0
      ? []
      : [`  found by the check: ${amount(issues.length, "kind")} of fault`, ...issueLines(issues, "    ")]),
    ...(isLacking(of) ? [`  complete it with: ${completing}`] : []),
  ].join("\n")
}

/** `SPX 1d: 5,105 bars checked, nothing found`, with a line or two for each kind of fault. */
export const checked = (series: Series.Series, bars: number, issues: ReadonlyArray<Issue>): string => {
  const found = issues.length === 0 ? "nothing found" : `${amount(issues.length, "kind")} of fault`
  return [`${Series.format(series)}: ${amount(bars, "bar")} checked, ${found}`, ...issueLines(issues)].join(
    "\n",
  )
}

/** What a check found: a line for each kind of fault, one more for what there is to know besides. */
export const issueLines = (issues: ReadonlyArray<Issue>, indent = "  "): ReadonlyArray<string> =>
  issues.flatMap(({ severity, kind, count: bars, places, detail }) => [
    `${indent}${severity} ${kind}: ${amount(bars, "bar")}, ${places.join(" ")}`,
    ...(detail === undefined ? [] : [`${indent}  ${detail}`]),
  ])

/** True when bars are missing that another load might fetch. */
export const isLacking = (of: LoadReport.LoadReport): boolean =>
  of.refused + of.failed + of.pending > 0 && of.mode !== "local"

/** `fetched 5,105 bars in 22 requests, 1.2s`, or that nothing was asked for. */
export const fetched = ({
  fetched: bars,
  requests,
  duration_seconds,
}: Pick<LoadReport.LoadReport, "fetched" | "requests" | "duration_seconds">): string =>
  requests === 0
    ? `nothing to fetch: no request was made, ${seconds(duration_seconds)}`
    : `fetched ${amount(bars, "bar")} in ${amount(requests, "request")}, ${seconds(duration_seconds)}`

/** The words that fetch whatever the report says is missing, with the options that the load was given. */
export const completion = (
  of: LoadReport.LoadReport,
  carried: ReadonlyArray<string>,
): ReadonlyArray<string> => [
  "data",
  "load",
  of.symbol,
  of.timeframe,
  "--mode",
  "full",
  "--start",
  TimeRange.formatInstant(of.start),
  "--end",
  TimeRange.formatInstant(of.end),
  ...(of.session === "extended" ? ["--extended"] : []),
  ...carried,
]

/**
 * The words that go on with an interrupted load: those it was started with. A backfill that began with nothing
 * stored no longer knows that it was to reach up to now, so it goes on as a full load.
 */
export const continuation = (mode: LoadMode, words: ReadonlyArray<string>): ReadonlyArray<string> =>
  mode === "backfill" ? words.map((word) => word.replace(/^(--mode=)?backfill$/, "$1full")) : words

/** A load that failed, as the JSON line that stands in its report's place. */
export const failure = (
  { symbol, timeframe, session, mode }: Series.Series & { readonly mode: LoadMode },
  failed: DataError,
): string => JSON.stringify({ symbol, timeframe, session, mode, error: error(failed) })

/** The fields of an error that are printed as JSON. */
export const error = ({ reason, place, expected, found, advice, suggestion }: DataError) => ({
  reason,
  place,
  expected,
  found,
  advice,
  suggestion,
})

/** `  missing: 7 ranges`, the first few of them, how many more; nothing where there are none. */
export const ranges = (name: string, all: ReadonlyArray<TimeRange.TimeRange>): ReadonlyArray<string> =>
  list(`${name}: ${amount(all.length, "range")}`, all, TimeRange.format)

/** `AAPL, MSFT`, of many the first few and how many more there are. */
export const shorten = (words: ReadonlyArray<string>): string =>
  words.length <= few
    ? words.join(", ")
    : `${words.slice(0, few).join(", ")} and ${count(words.length - few)} more`

/** What is said where the store has nothing. */
export const nothingKept = "No series is kept yet. Load one: ktrdr data load SPX 1d"

/** `1,234 bars`, `1 bar` */
export const amount = (value: number, unit: string): string => `${count(value)} ${plural(unit, value)}`

// ---------------------------------------------------------------------------------------------------------

const seconds = (value: number): string => (value < 10 ? `${value.toFixed(1)}s` : duration(value * 1000))

/** A head and the first few of many, with how many more there are; nothing where there are none. */
export const list = <A>(
  head: string,
  all: ReadonlyArray<A>,
  show: (one: A) => string,
): ReadonlyArray<string> =>
  all.length === 0
    ? []
    : [
        `  ${head}`,
        ...all.slice(0, few).map((one) => `    ${show(one)}`),
        ...(all.length > few ? [`    and ${count(all.length - few)} more`] : []),
      ]
