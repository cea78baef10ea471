/**
 * `ktrdr data check`: what is wrong with the bars that are kept, and a repair of what can be undone.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { DataManager } from "../../data/DataManager.js"
import * as Quality from "../../data/Quality.js"
import * as Series from "../../data/Series.js"
import type { CheckReport } from "../../data/SeriesCheck.js"
import { RepairReport } from "../../data/SeriesRepair.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as Progress from "../../Progress.js"
import { count } from "../../ProgressRenderer.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as TerminalProgress from "../TerminalProgress.js"
import * as DataView from "./DataView.js"
import { Incomplete, type Program, UsageError } from "./Failure.js"
import * as LoadText from "./LoadText.js"
import * as Shell from "./Shell.js"

export interface Options {
  /** All that are kept where none is given. */
  readonly series: Series.Series | undefined
  readonly start: number | undefined
  readonly end: number | undefined
  readonly repair: boolean
  readonly json: boolean
  readonly noProgress: boolean
}

/**
 * Checks one series or all, a JSON line each with `json`; alters nothing but with `repair`. Fails with
 * `Incomplete` where a check finds an error, or a repair leaves one.
 */
export const run = (options: Options): Program =>
  Effect.gen(function* () {
    const { series, repair } = options
    if (repair && series === undefined)
      return yield* refusal("missing series: --repair changes one by its name")
    if (repair && (options.start !== undefined || options.end !== undefined)) {
      return yield* refusal("--start and --end: expected neither, for --repair goes over the whole series")
    }
    const manager = yield* DataManager
    const all = series === undefined ? (yield* manager.list).map((one) => one.series) : [series]
    if (all.length === 0) return yield* Output.note(LoadText.nothingKept)
    const sound = yield* Effect.forEach(all, repair ? repairOne(options) : checkOne(options))
    if (!sound.every(Boolean)) return yield* new Incomplete()
  }).pipe(Effect.provide(Main.layerLocal))

// ---------------------------------------------------------------------------------------------------------

const refusal = (message: string): UsageError => new UsageError({ path: ["data", "check"], message })

const isSound = (issues: ReadonlyArray<Quality.Issue>): boolean =>
  issues.every(({ severity }) => severity !== "error")

const watched =
  ({ json, noProgress }: Options, name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    TerminalProgress.make({ json, silent: noProgress }).pipe(
      Effect.flatMap((observer) => Progress.observe(effect, { observer, name })),
      Effect.scoped,
    )

const checkOne = (options: Options) => (series: Series.Series) =>
  Effect.gen(function* () {
    const report = yield* Effect.flatMap(DataManager, (manager) =>
      manager.check(series, DataView.spanOf(options)),
    ).pipe(watched(options, `Checking ${Series.format(series)}`))
    for (const warning of report.warnings) yield* Output.note(`warning: ${warning}`)
    const text = options.json ? JSON.stringify(checked(series, report)) : yield* checkText(series, report)
    yield* Output.line(text)
    return isSound(report.issues)
  })

const repairOne = (options: Options) => (series: Series.Series) =>
  Effect.gen(function* () {
    const report = yield* Effect.flatMap(DataManager, (manager) => manager.repair(series)).pipe(
      watched(options, `Repairing ${Series.format(series)}`),
    )
    yield* Output.line(
      options.json ? JSON.stringify({ ...series, ...encodeRepair(report) }) : repairText(series, report),
    )
    return isSound(report.issues_after)
  })

const encodeIssues = Schema.encodeSync(Schema.Array(Quality.Issue))
const encodeRepair = Schema.encodeSync(RepairReport)

const checked = (series: Series.Series, { instrument, bars, issues, warnings }: CheckReport) => ({
  ...series,
  venue: instrument.venue,
  bars,
  issues: encodeIssues(issues),
  warnings,
})

const checkText = (series: Series.Series, { bars, issues }: CheckReport) =>
  Effect.map(Shell.CommandLine, ({ program, words }) => {
    const told = LoadText.checked(series, bars, issues)
    const repair = [...repairing(series), ...Shell.carried(words, ["--calendar"])]
    return issues.some(({ kind }) => kind === "clock_shift")
      ? `${told}\n  put the clock right with: ${program} ${Shell.join(repair)}`
      : told
  })

const repairing = ({ symbol, timeframe, session }: Series.Series): ReadonlyArray<string> => [
  "data",
  "check",
  symbol,
  timeframe,
  ...(session === "extended" ? ["--extended"] : []),
  "--repair",
]

const repairText = (series: Series.Series, report: RepairReport): string => {
  const { rows_in, rows_out, moved, rules, collisions, original, issues_after } = report
  if (original === null) {
    return [
      `${Series.format(series)}: ${LoadText.amount(rows_in, "bar")}, no clock to put right; nothing was changed`,
      ...LoadText.issueLines(issues_after),
    ].join("\n")
  }
  return [
    `${Series.format(series)}: ${count(moved)} of ${LoadText.amount(rows_in, "bar")} moved, ${count(rows_out)} kept`,
    ...rules.map((rule) => `  undone: ${rule}`),
    ...LoadText.list(
      `${LoadText.amount(collisions.length, "collision")}: two bars for one start`,
      collisions,
      ({ start, kept, lost, equal }) =>
        `${TimeRange.formatInstant(start)}: kept the one stamped ${TimeRange.formatInstant(kept.at)}, ` +
        `left out that of ${TimeRange.formatInstant(lost.at)}${equal ? ", which is equal" : ""}`,
    ),
    `  the original and the record of each change are kept in ${original}`,
    ...(issues_after.length === 0 ? ["  a check finds nothing now"] : ["  a check still finds"]),
    ...LoadText.issueLines(issues_after),
  ].join("\n")
}
