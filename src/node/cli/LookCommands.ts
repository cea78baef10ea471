/**
 * The commands that look at what the store has, and ask no source.
 */
import * as Effect from "effect/Effect"
import { type Entry, make, withCalendars } from "./Entry.js"
import * as Fields from "./Fields.js"

const part = { span: Fields.span, session: Fields.session, json: Fields.json }
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
    { ...series, ...part, calendar: Fields.calendar },
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
