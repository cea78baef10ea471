/**
 * Reports of many loads as a person reads them: a line a series, then what is the matter with some of them.
 */
import * as Either from "effect/Either"
import type { Payload } from "../../data/LoadData.js"
import type { Outcome } from "../../data/LoadMany.js"
import * as LoadReport from "../../data/LoadReport.js"
import * as Series from "../../data/Series.js"
import * as TimeRange from "../../data/TimeRange.js"
import { count } from "../../ProgressRenderer.js"
import * as LoadText from "./LoadText.js"
import * as Table from "./Table.js"

export interface Options {
  /** How long all of it took, in milliseconds. */
  readonly elapsed: number
  /** Options for the commands that are printed: those that these loads were given. */
  readonly carried: ReadonlyArray<string>
  /** Words as the command line that a user would type. */
  readonly command: (words: ReadonlyArray<string>) => string
}

/** So many series are reported in full. */
const mostInFull = 3

/**
 * The reports in full of a few series; of more a table, the reports of those that lack bars they could have,
 * and a sum. Series that failed are in the table only: why they did is said elsewhere.
 */
export const text = (outcomes: ReadonlyArray<Outcome>, options: Options): string => {
  const reports = outcomes.flatMap(({ result }) => (Either.isRight(result) ? [result.right] : []))
  const told = (report: LoadReport.LoadReport): string =>
    LoadText.report(report, options.command(LoadText.completion(report, options.carried)))
  return outcomes.length <= mostInFull
    ? reports.map(told).join("\n")
    : [
        ...Table.lines([head, ...outcomes.map(row)], [1, 2, 3, 4]),
        ...reports.filter(LoadText.isLacking).map(told),
        sum(outcomes.length, reports, options.elapsed),
      ].join("\n")
}

/**
 * The words of the commands that load again what failed, one for the series that were asked for alike; none for
 * symbols that no source knows.
 */
export const retries = (
  outcomes: ReadonlyArray<Outcome>,
  carried: ReadonlyArray<string>,
): ReadonlyArray<ReadonlyArray<string>> => {
  const alike = new Map<string, { readonly symbols: Array<string>; readonly rest: ReadonlyArray<string> }>()
  for (const { payload, result } of outcomes) {
    if (Either.isRight(result) || result.left.reason === "UnknownSymbol") continue
    const rest = wordsBehind(payload, carried)
    const key = rest.join(" ")
    const group = alike.get(key) ?? { symbols: [], rest }
    group.symbols.push(payload.symbol)
    alike.set(key, group)
  }
  return Array.from(alike.values(), ({ symbols, rest }) => ["data", "load", ...symbols, ...rest])
}

// ---------------------------------------------------------------------------------------------------------

const head = ["series", "present", "expected", "fetched", "requests", "state"]

const row = ({ payload, result }: Outcome): ReadonlyArray<string> =>
  Either.match(result, {
    onLeft: ({ reason }) => [Series.format(payload), "-", "-", "-", "-", `failed: ${reason}`],
    onRight: (report) => [
      Series.format(payload),
      ...[report.present, report.expected, report.fetched, report.requests].map(count),
      state(report),
    ],
  })

const state = (report: LoadReport.LoadReport): string => {
  const { no_data, issues } = report
  const lacking = report.expected - report.present - no_data
  return [
    lacking === 0 ? "complete" : `${count(lacking)} missing`,
    ...(no_data === 0 ? [] : [`${count(no_data)} without data at the source`]),
    ...(issues === null || issues.length === 0 ? [] : [LoadText.amount(issues.length, "kind") + " of fault"]),
  ].join(", ")
}

const sum = (series: number, reports: ReadonlyArray<LoadReport.LoadReport>, elapsed: number): string => {
  const total = (of: (report: LoadReport.LoadReport) => number) =>
    reports.reduce((all, report) => all + of(report), 0)
  const lacking = reports.filter(LoadText.isLacking).length
  const failed = series - reports.length
  const parts = [
    `${count(reports.length - lacking)} complete`,
    ...(lacking === 0 ? [] : [`${count(lacking)} incomplete`]),
    ...(failed === 0 ? [] : [`${count(failed)} failed`]),
  ]
  const [bars, requests] = [total(({ fetched }) => fetched), total((report) => report.requests)]
  return (
    `${LoadText.amount(series, "series")}: ${parts.join(", ")}; ` +
    LoadText.fetched({ fetched: bars, requests, duration_seconds: elapsed / 1000 })
  )
}

const wordsBehind = (payload: Payload, carried: ReadonlyArray<string>): ReadonlyArray<string> => [
  payload.timeframe,
  "--mode",
  payload.mode,
  ...(payload.start === undefined ? [] : ["--start", TimeRange.formatInstant(payload.start)]),
  ...(payload.end === undefined ? [] : ["--end", TimeRange.formatInstant(payload.end)]),
  ...(payload.session === "extended" ? ["--extended"] : []),
  ...(payload.recheck ? ["--recheck"] : []),
  ...carried,
]
