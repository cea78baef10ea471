/**
 * Every command: its words, arguments, options, help. What a command does is loaded when it is run.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Types from "effect/Types"
import * as Instrument from "../../data/Instrument.js"
import * as LoadMode from "../../data/LoadMode.js"
import * as Symbol from "../../data/Symbol.js"
import * as Timeframe from "../../data/Timeframe.js"
import type { Output, OutputError } from "../Output.js"
import * as Argv from "./Argv.js"
import { type Failure, UsageError } from "./Failure.js"
import * as Fields from "./Fields.js"
import * as Help from "./Help.js"

/** A command by its words. */
export interface Entry extends Help.Topic, Argv.Grammar {
  readonly run: (
    options: ReadonlyArray<string>,
    args: ReadonlyArray<string>,
  ) => Effect.Effect<void, Failure | OutputError, Output>
}

const make = <const Config extends Command.Command.Config>(
  path: ReadonlyArray<string>,
  summary: string,
  fields: Config,
  run: (
    given: Types.Simplify<Command.Command.ParseConfig<Config>>,
  ) => Effect.Effect<void, Failure | OutputError, Output>,
  examples: Help.Topic["examples"],
): Entry => {
  const name = path.at(-1) ?? ""
  const { descriptor } = Command.make(name, fields, run)
  const wrong = (message: string) => new UsageError({ path, message })
  return {
    path,
    summary,
    examples,
    descriptor,
    options: Argv.optionsOf(CommandDescriptor.getUsage(descriptor)),
    run: (options, args) =>
      CommandDescriptor.parse(descriptor, [name, ...options, "--", ...args], Argv.config).pipe(
        Effect.provide(nothing),
        Effect.mapError(({ error }) => wrong(Help.text(error))),
        Effect.flatMap((directive) => {
          if (directive._tag === "BuiltIn") return wrong("unknown option")
          const extra = directive.leftover[0]
          return extra === undefined
            ? run(directive.value)
            : wrong(`unexpected argument ${JSON.stringify(extra)}`)
        }),
      ),
  }
}

const span = { start: Fields.start, end: Fields.end, session: Fields.session, json: Fields.json }
const series = { symbol: Fields.symbol, timeframe: Fields.timeframe }

export const all: ReadonlyArray<Entry> = [
  make(
    ["data", "load"],
    "Fetch the bars that a series lacks, and keep them",
    {
      series: Fields.symbolsAndTimeframe,
      mode: Options.map(
        Fields.choice(
          "mode",
          "tail (the default): newer bars; backfill: older; full: all; local: none",
          LoadMode.LoadMode.literals,
        ),
        (mode) => mode ?? "tail",
      ),
      start: Fields.start,
      end: Fields.end,
      session: Fields.session,
      recheck: Fields.flag("recheck", "Ask again for bars that the source is known not to have"),
      host: Fields.text("host", "URL", "URL of the IB host; else IB_HOST_SERVICE_URL, else an embedded host"),
      json: Fields.flag("json", "Reports as JSON lines, progress as JSON lines on standard error"),
      noProgress: Fields.flag("no-progress", "Show no progress"),
    },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./DataLoad.js")),
        (_) => _.run(given),
      ),
    [
      ["data load SPX 1d --mode full", "Everything there is of the S&P 500, daily"],
      ["data load AAPL MSFT EUR/USD 1h", "What is newer than what is kept, of three series at once"],
      ["data load AAPL 1m --mode full --start 2024-01-02 --end 2024-02-01", "One month, gaps included"],
    ],
  ),
  make(
    ["data", "show"],
    "Print the bars that are kept of a series",
    { ...series, ...span, limit: Fields.integer("limit", "Only the last so many bars", 1, 1e9) },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./DataView.js")),
        (_) => _.show(given),
      ),
    [
      ["data show SPX 1d --limit 5", "The last five bars as a table"],
      ["data show SPX 1d --start 2020-03-01 --end 2020-04-01 --json", "A month as JSON lines"],
    ],
  ),
  make(
    ["data", "coverage"],
    "Say which of the bars that should exist are kept",
    { ...series, ...span },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./DataView.js")),
        (_) => _.coverage(given),
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
  make(
    ["data", "import"],
    "Add the bars of a CSV file to a series",
    {
      file: Args.text({ name: "FILE" }).pipe(
        Args.withDescription(
          "A head that names timestamp (or date, time, nothing), open, high, low, close, volume",
        ),
      ),
      symbol: Fields.required("symbol", "SYMBOL", "The series' symbol", Symbol.parse),
      timeframe: Fields.required("timeframe", "TIMEFRAME", "The series' timeframe", Timeframe.parse),
      session: Fields.session,
      venue: Fields.text("venue", "VENUE", "Whose calendar it keeps: XNYS, FOREX or 24x7"),
      type: Fields.choice("type", "What is traded", Instrument.InstrumentType.literals),
      json: Fields.json,
    },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./DataFiles.js")),
        (_) => _.importFile(given),
      ),
    [["data import SPX_1d.csv --symbol SPX --timeframe 1d --venue XNYS --type index", "Bars from a file"]],
  ),
  make(
    ["data", "export"],
    "Write the bars of a series as CSV",
    {
      ...series,
      start: Fields.start,
      end: Fields.end,
      session: Fields.session,
      output: Fields.text("output", "FILE", "The file to write, in one piece; standard output by default"),
    },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./DataFiles.js")),
        (_) => _.exportFile(given),
      ),
    [
      ["data export SPX 1d", "To standard output"],
      ["data export SPX 1d --start 2020-01-01 --output spx.csv", "To a file that is whole or not there"],
    ],
  ),
  make(
    ["host", "ib"],
    "Serve bars over HTTP as an IB host does, until Ctrl-C",
    {
      port: Fields.integer("port", "5001 by default; 0 for any free one", 0, 65_535),
      host: Fields.text("host", "ADDRESS", "The address to listen on; 127.0.0.1 by default"),
      source: Fields.text("source", "SOURCE", "simulated (the default), sample or csv:DIR"),
      seed: Fields.integer("seed", "Of the simulated market and of faults; 1 by default", 0, 2 ** 31 - 1),
      faults: Fields.text("faults", "SPEC", "Faults on purpose: all=0.05, or latency=0.1,reset=0.02"),
    },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./HostIb.js")),
        (_) => _.run(given),
      ),
    [
      ["host ib", "A simulated market on port 5001"],
      [
        "host ib --port 5002 --source csv:./bars --faults latency=0.2",
        "A folder of CSV files, at times slowly",
      ],
    ],
  ),
  make(
    ["demo"],
    "Load real and simulated bars from an embedded host, in about ten seconds",
    { noProgress: Fields.flag("no-progress", "Show no progress") },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./Demo.js")),
        (_) => _.run(given),
      ),
    [["demo", "Leaves nothing behind"]],
  ),
]

// ---------------------------------------------------------------------------------------------------------

/** Parsing asks for these and, without prompts and options that name files, uses none of them. */
const nothing = Layer.mergeAll(
  FileSystem.layerNoop({}),
  Path.layer,
  Layer.succeed(Terminal.Terminal, {
    columns: Effect.succeed(80),
    rows: Effect.succeed(24),
    isTTY: Effect.succeed(false),
    readInput: Effect.never,
    readLine: Effect.never,
    display: () => Effect.void,
  }),
)
