/**
 * The commands that look at what the store has, or see to it, and ask no source.
 */
import * as Effect from "effect/Effect"
import type { Series } from "../../data/Series.js"
import { type Entry, make, withCalendars } from "./Entry.js"
import * as Fields from "./Fields.js"

const part = { span: Fields.span, session: Fields.session, json: Fields.json }
const noProgress = Fields.flag("no-progress", "Show no progress")
const series = { symbol: Fields.symbol, timeframe: Fields.timeframe }

export const all: ReadonlyArray<Entry> = [
  make(
    ["data", "show"],
    "Print the bars that are kept of a series",
    {
      ...series,
      ...part,
      limit: Fields.integer("limit", "Only the last so many bars", 1, 1e9),
      view: Fields.choice("view", "chart: the default on a terminal; table: every bar", ["chart", "table"]),
      server: Fields.server,
    },
    ({ span, ...given }) =>
      Effect.flatMap(
        Effect.promise(() => import("./DataView.js")),
        (_) => _.show({ ...given, ...span }),
      ),
    [
      ["data show SPX 1d", "On a terminal a chart and the last bars, elsewhere all of them"],
      ["data show SPX 1d --limit 5 --view table", "The last five bars as a table"],
      ["data show SPX 1d --start 2020-03-01 --end 2020-04-01 --json", "A month as JSON lines"],
    ],
  ),
  make(
    ["data", "coverage"],
    "Say which of the bars that should exist are kept",
    { ...series, ...part, calendar: Fields.calendar, server: Fields.server },
    ({ span, calendar, ...given }) =>
      withCalendars(
        calendar,
        Effect.flatMap(
          Effect.promise(() => import("./DataView.js")),
          (_) => _.coverage({ ...given, ...span }),
        ),
      ),
    [
      ["data coverage SPX 1d", "Counts, and the ranges that are missing"],
      ["data coverage SPX 1d --json", "The same as one JSON line"],
    ],
  ),
  make(
    ["data", "check"],
    "Say what is wrong with the bars that are kept, and put a wrong clock right",
    {
      one: Fields.oneSeries,
      ...part,
      calendar: Fields.calendar,
      repair: Fields.flag("repair", "Undo a clock that was wrong; the original stays beside the series"),
      noProgress,
    },
    ({ span, calendar, one, session, ...given }) =>
      withCalendars(
        calendar,
        Effect.flatMap(
          Effect.promise(() => import("./DataCheck.js")),
          (_) => _.run({ ...given, ...span, series: seriesOf(one, session) }),
        ),
      ),
    [
      ["data check", "Every series; exits with 1 where one has an error"],
      ["data check MSFT 1h --json", "One, as one JSON line"],
      ["data check MSFT 1h --repair", "Undoes a time zone that was applied twice, and says what it changed"],
    ],
  ),
  make(
    ["data", "verify"],
    "Compute the hash of every file anew, and say what is damaged; changes nothing",
    { one: Fields.oneSeries, session: Fields.session, json: Fields.json, noProgress },
    ({ one, session, ...given }) =>
      Effect.flatMap(
        Effect.promise(() => import("./DataStore.js")),
        (_) => _.verify({ ...given, series: seriesOf(one, session) }),
      ),
    [["data verify", "Every series; exits with 1 where a file is damaged"]],
  ),
  make(
    ["data", "compact"],
    "Fold what a crash left, remove left-overs, write files anew where that changes them",
    { one: Fields.oneSeries, session: Fields.session, json: Fields.json, noProgress },
    ({ one, session, ...given }) =>
      Effect.flatMap(
        Effect.promise(() => import("./DataStore.js")),
        (_) => _.compact({ ...given, series: seriesOf(one, session) }),
      ),
    [["data compact AAPL 1h", "One series; its bars stay as they are"]],
  ),
  make(
    ["data", "list"],
    "List the series that are kept",
    { json: Fields.json },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./DataView.js")),
        (_) => _.list(given),
      ),
    [["data list", "A table of symbol, timeframe, rows, span and source"]],
  ),
]

// ---------------------------------------------------------------------------------------------------------

const seriesOf = (
  one: Omit<Series, "session"> | undefined,
  session: Series["session"],
): Series | undefined => (one === undefined ? undefined : { ...one, session })
