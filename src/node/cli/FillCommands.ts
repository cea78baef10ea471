/**
 * The commands that put bars into the store, or take them elsewhere.
 */
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Instrument from "../../data/Instrument.js"
import * as LoadMode from "../../data/LoadMode.js"
import * as Symbol from "../../data/Symbol.js"
import * as Timeframe from "../../data/Timeframe.js"
import { type Entry, make, withCalendars } from "./Entry.js"
import * as Fields from "./Fields.js"

const detach = Fields.flag("detach", "Load in the background, and print the operation's id")

const shown = {
  host: Fields.text("host", "URL", "URL of the IB host; else IB_HOST_SERVICE_URL, else an embedded host"),
  json: Fields.flag("json", "Reports as JSON lines, progress as JSON lines on standard error"),
  noProgress: Fields.flag("no-progress", "Show no progress"),
}

const paced = {
  plan: Fields.flag("plan", "Say what it would ask for and how long that takes at least, and stop"),
  pacing: Options.map(
    Fields.choice("pacing", "adaptive (the default): the IB rules; strict: for longer bars too; none", [
      "strict",
      "adaptive",
      "none",
    ]),
    (mode) => mode ?? "adaptive",
  ),
}

export const all: ReadonlyArray<Entry> = [
  make(
    ["data", "load"],
    "Fetch the bars that a series lacks, and keep them",
    {
      series: Fields.symbolsAndTimeframe,
      symbols: Fields.symbolsFile,
      mode: Options.map(
        Fields.choice(
          "mode",
          "tail (the default): newer bars; backfill: older; full: all; local: none",
          LoadMode.LoadMode.literals,
        ),
        (mode) => mode ?? "tail",
      ),
      span: Fields.span,
      session: Fields.session,
      calendar: Fields.calendar,
      recheck: Fields.flag("recheck", "Ask again for bars that the source is known not to have"),
      ...paced,
      detach,
      server: Fields.server,
      ...shown,
    },
    ({ span, calendar, ...given }) =>
      withCalendars(
        calendar,
        Effect.flatMap(
          Effect.promise(() => import("./DataLoad.js")),
          (_) => _.run({ ...given, ...span, calendar }),
        ),
      ),
    [
      ["data load SPX 1d --mode full", "Everything there is of the S&P 500, daily"],
      ["data load AAPL MSFT EUR/USD 1h", "What is newer than what is kept, of three series at once"],
      ["data load 1d --symbols watchlist.txt", "The same of every symbol of a file"],
      ["data load AAPL 1m --mode full --detach", "In the background; operations watch shows how far it is"],
      ["data load AAPL 1d --server http://127.0.0.1:8000", "By a server, into its store"],
      ["data load AAPL 1m --mode full --start 2024-01-02 --end 2024-02-01", "One month, gaps included"],
      [
        "data load AAPL 1s --mode full --start 2024-01-02 --plan",
        "How many requests that takes, and how long at least",
      ],
    ],
  ),
  make(
    ["data", "sync"],
    "Bring every series that is kept up to date",
    {
      only: Fields.symbols,
      symbols: Fields.symbolsFile,
      anySource: Fields.flag(
        "any-source",
        "Series whose bars came from elsewhere as well, imported ones too",
      ),
      ...paced,
      detach,
      ...shown,
    },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./DataSync.js")),
        (_) => _.run(given),
      ),
    [
      ["data sync", "What is newer, and the holes, of all that is kept"],
      ["data sync AAPL MSFT --json", "Of two symbols, in whatever timeframes they are kept"],
    ],
  ),
  make(
    ["data", "import"],
    "Add the bars of a CSV or Parquet file to a series",
    {
      file: Args.text({ name: "FILE" }).pipe(
        Args.withDescription(
          "CSV or Parquet, with columns timestamp (or date, time, no name), open, high, low, close, volume",
        ),
      ),
      symbol: Fields.required("symbol", "SYMBOL", "The series' symbol", Symbol.parse),
      timeframe: Fields.required("timeframe", "TIMEFRAME", "The series' timeframe", Timeframe.parse),
      session: Fields.session,
      venue: Fields.text("venue", "VENUE", "Whose calendar it keeps: XNYS, FOREX, 24x7, one of --calendar"),
      calendar: Fields.calendar,
      type: Fields.choice("type", "What is traded", Instrument.InstrumentType.literals),
      timeZone: Fields.timeZone,
      json: Fields.json,
      noProgress: shown.noProgress,
    },
    ({ calendar, ...given }) =>
      withCalendars(
        calendar,
        Effect.flatMap(
          Effect.promise(() => import("./DataFiles.js")),
          (_) => _.importFile(given),
        ),
      ),
    [
      ["data import SPX_1d.csv --symbol SPX --timeframe 1d --venue XNYS --type index", "Bars from a file"],
      [
        "data import msft.parquet --symbol MSFT --timeframe 1h --timezone America/New_York",
        "Stamps that carry no offset, by New York's clock",
      ],
      [
        "data import es.csv --symbol ES --timeframe 1h --venue CME --calendar cme.json",
        "Bars of a venue whose calendar is a file of yours",
      ],
    ],
  ),
  make(
    ["data", "export"],
    "Write the bars of a series as CSV",
    {
      symbol: Fields.symbol,
      timeframe: Fields.timeframe,
      span: Fields.span,
      session: Fields.session,
      output: Fields.text("output", "FILE", "The file to write, in one piece; standard output by default"),
    },
    ({ span, ...given }) =>
      Effect.flatMap(
        Effect.promise(() => import("./DataFiles.js")),
        (_) => _.exportFile({ ...given, ...span }),
      ),
    [
      ["data export SPX 1d", "To standard output"],
      ["data export SPX 1d --start 2020-01-01 --output spx.csv", "To a file that is whole or not there"],
    ],
  ),
]
