/**
 * `ktrdr data show`, `ktrdr data coverage` and `ktrdr data list`: what is kept, without asking a source.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Candle from "../../data/Candle.js"
import type { Description } from "../../data/CandleStore.js"
import * as Coverage from "../../data/Coverage.js"
import { DataManager, type Span } from "../../data/DataManager.js"
import * as Series from "../../data/Series.js"
import type { Symbol } from "../../data/Symbol.js"
import { info, type Timeframe } from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import { turn } from "../../internal/breathe.js"
import { count } from "../../ProgressRenderer.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as DataKept from "./DataKept.js"
import { type Program, UsageError } from "./Failure.js"
import * as LoadText from "./LoadText.js"
import * as Table from "./Table.js"

/** Which part of which series. */
export interface Part {
  readonly symbol: Symbol
  readonly timeframe: Timeframe
  readonly session: Series.Session
  readonly start: number | undefined
  readonly end: number | undefined
}

/** The span of a part, for `DataManager`. */
export const spanOf = ({ start, end }: Pick<Part, "start" | "end">): Span => ({
  ...(start === undefined ? {} : { start }),
  ...(end === undefined ? {} : { end }),
})

/** How bars are shown; without a choice a chart on a terminal, a table elsewhere. */
export type View = "chart" | "table"

export interface ShowOptions extends Part {
  /** The server whose bars they are; this home's where left out. */
  readonly server: string | undefined
  readonly limit: number | undefined
  readonly view: View | undefined
  readonly json: boolean
}

export const show = (part: ShowOptions): Program =>
  Effect.gen(function* () {
    const { intraday } = info(part.timeframe)
    if (part.json && part.view !== undefined) return yield* contradiction(part.view)
    const kept = yield* keptAt(part.server, ["data", "show"])
    const { candles, total } = yield* kept.show(part, spanOf(part), part.limit)
    const screen = (yield* Output.Output).screen()
    const view = part.view ?? (screen.isTerminal && total > 0 ? "chart" : "table")
    if (view === "chart" && !part.json) {
      const { bars } = yield* Effect.promise(() => import("./ChartView.js"))
      const listed = yield* bars(candles, { title: Series.format(part), intraday }, screen)
      return yield* Output.note(`${count(listed)} of ${LoadText.amount(total, "bar")}; all: --view table`)
    }
    if (!part.json) yield* Output.line(tableHead)
    const print = part.json ? jsonLine : tableLine(intraday)
    for (let from = 0; from < Candle.size(candles); from += chunk) {
      const rows = Candle.toRows(Candle.slice(candles, from, from + chunk))
      yield* Output.line(rows.map(print).join("\n"))
      yield* turn
    }
    if (!part.json) yield* Output.note(`${count(Candle.size(candles))} of ${LoadText.amount(total, "bar")}`)
  }).pipe(Effect.scoped)

export interface CoverageOptions extends Part {
  /** The server whose bars they are; this home's where left out. */
  readonly server: string | undefined
  readonly json: boolean
}

export const coverage = (part: CoverageOptions): Program =>
  Effect.gen(function* () {
    const kept = yield* keptAt(part.server, ["data", "coverage"])
    const { counts, known, range, venue, warnings } = yield* kept.coverage(part, spanOf(part))
    for (const warning of warnings) yield* Output.note(`warning: ${warning}`)
    const { symbol, timeframe, session } = part
    if (part.json) {
      const encoded = { ...encodeRange(range), ...encodeCoverage(counts) }
      return yield* Output.line(JSON.stringify({ symbol, timeframe, session, venue, ...encoded }))
    }
    const told = [
      `${Series.format(part)}: ${Coverage.format(counts)}`,
      `  ${TimeRange.format(range)}, calendar ${venue}`,
      ...LoadText.ranges("missing", counts.missing),
    ]
    const screen = (yield* Output.Output).screen()
    if (known !== undefined && screen.isTerminal && counts.expected + counts.unexpected > 0) {
      const { strip } = yield* Effect.promise(() => import("./ChartView.js"))
      told.unshift(...(yield* strip({ known, range }, told.length, screen)), "")
    }
    yield* Output.line(told.join("\n"))
  }).pipe(Effect.scoped)

export const list = ({ json }: { readonly json: boolean }): Program =>
  Effect.gen(function* () {
    const all = yield* (yield* DataManager).list
    if (all.length === 0) return yield* Output.note(LoadText.nothingKept)
    const lines = json ? all.map((one) => JSON.stringify(entry(one))) : listTable(all)
    yield* Output.line(lines.join("\n"))
  }).pipe(Effect.provide(Main.layerLocal))

// ---------------------------------------------------------------------------------------------------------

const keptAt = (server: string | undefined, path: ReadonlyArray<string>) =>
  server === undefined ? Effect.succeed(DataKept.here) : DataKept.onServer(server, path)

const contradiction = (view: View): UsageError =>
  new UsageError({ path: ["data", "show"], message: `--view ${view} and --json: expected one of the two` })

const encodeCoverage = Schema.encodeSync(Coverage.Coverage)
const encodeRange = Schema.encodeSync(TimeRange.TimeRange)

/** Rows printed between two turns of the event loop. */
const chunk = 1000

const tableHead = [
  "start".padEnd(20),
  ...["open", "high", "low", "close"].map((name) => name.padStart(12)),
  "volume".padStart(16),
].join(" ")

const tableLine =
  (intraday: boolean) =>
  (bar: Candle.Candle): string =>
    [
      TimeRange.formatInstant(bar.start)
        .slice(0, intraday ? undefined : 10)
        .padEnd(20),
      ...[bar.open, bar.high, bar.low, bar.close].map((price) => String(price).padStart(12)),
      (bar.volume === null ? "-" : String(bar.volume)).padStart(16),
    ].join(" ")

const jsonLine = (bar: Candle.Candle): string =>
  JSON.stringify({ ...bar, start: TimeRange.formatInstant(bar.start) })

const instant = (millis: number | undefined): string | null =>
  millis === undefined ? null : TimeRange.formatInstant(millis)

const entry = ({ series, instrument, source, rows, first, newest }: Description) => ({
  ...series,
  venue: instrument.venue,
  type: instrument.type,
  source,
  rows,
  first: instant(first),
  last: instant(newest),
})

const listTable = (all: ReadonlyArray<Description>): ReadonlyArray<string> => {
  const rows = [
    ["symbol", "timeframe", "session", "bars", "first", "last", "venue", "source"],
    ...all.map((one) => {
      const { symbol, timeframe, session, rows: bars, first, last, venue, source } = entry(one)
      return [symbol, timeframe, session, count(bars), first ?? "-", last ?? "-", venue, source]
    }),
  ]
  return Table.lines(rows, [3])
}
