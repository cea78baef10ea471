/**
 * The commands that train models, and ask them.
 */
import * as Args from "@effect/cli/Args"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Symbol from "../../data/Symbol.js"
import * as Timeframe from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import { type Entry, make } from "./Entry.js"
import * as Fields from "./Fields.js"

const strategy = Args.text({ name: "STRATEGY" }).pipe(
  Args.withDescription("A strategy file, or the name of one that strategies list shows; none with --resume"),
  Args.between(0, 1),
  Args.map(([first]) => first),
)

const strategies = Args.text({ name: "FILE..." }).pipe(
  Args.withDescription("Strategy files, or names that strategies list shows"),
  Args.atLeast(1),
)

const model = Args.text({ name: "NAME" }).pipe(
  Args.withDescription("Such as trend_following, trend_following/SPX_1d or, for one version, .../v3"),
)

const listOf = <A>(
  name: string,
  value: string,
  meaning: string,
  parse: (text: string) => Either.Either<A, ReturnType<typeof Fields.refusal>>,
) =>
  Fields.option(name, value, meaning, (text) => Either.all(text.split(",").map((word) => parse(word.trim()))))

const symbols = (meaning: string) => listOf("symbols", "SYMBOL,...", meaning, Symbol.parse)

const noProgress = Fields.flag("no-progress", "Show no progress")

export const all: ReadonlyArray<Entry> = [
  make(
    ["train"],
    "Train a strategy's model on the bars that are kept, and keep it with a receipt",
    {
      strategy,
      symbols: symbols("In place of those of the strategy: SPX,AAPL"),
      timeframes: listOf(
        "timeframes",
        "TIMEFRAME,...",
        "In place of those of the strategy, the base first: 1h,1d",
        Timeframe.parse,
      ),
      span: Fields.span,
      epochs: Fields.integer("epochs", "At most so many epochs", 1, 100_000),
      seed: Fields.integer("seed", "Of everything that is drawn by lot", 0, 4_294_967_295),
      host: Fields.text(
        "host",
        "URL",
        "URL of a training host, or local; else as USE_TRAINING_HOST_SERVICE says",
      ),
      allowGaps: Fields.flag("allow-gaps", "Train although bars are missing; the receipt says so"),
      calendar: Fields.calendar,
      resume: Fields.text("resume", "ID", "Go on with a training that failed or was cancelled"),
      dryRun: Fields.flag("dry-run", "Say what it would train on and how long that takes, and stop"),
      detach: Fields.flag("detach", "Train in the background, and print the operation's id"),
      server: Fields.server,
      json: Fields.flag("json", "The report as a JSON line, progress as JSON lines on standard error"),
      noProgress,
    },
    ({ span, ...given }) =>
      Effect.flatMap(
        Effect.promise(() => import("./Train.js")),
        (_) => _.run({ ...given, ...span }),
      ),
    [
      ["train trend_following", "An example, on the S&P 500 daily: data load SPX 1d --mode full loads that"],
      ["train mine.yaml --symbols AAPL,MSFT --timeframes 1h,1d --epochs 20", "A file, with other settings"],
      ["train trend_following --dry-run", "Rows, features, balance of the classes, rows left out, time"],
      ["train trend_following --seed 7 --detach", "In the background; operations watch shows how far it is"],
      ["train trend_following --host http://127.0.0.1:5002", "At a host that host training started there"],
      ["train --resume 1a2b3c4d", "Goes on, to the bytes of a training that was never interrupted"],
    ],
  ),
  make(
    ["models", "list"],
    "List the models that are kept, each beside its baseline",
    { json: Fields.json },
    (given) => withModels((_) => _.list(given)),
    [["models list", "Test accuracy beside that of the most frequent class, and what that comes to"]],
  ),
  make(
    ["models", "show"],
    "Say how good a model is, how it learned, and where it comes from",
    { name: model, json: Fields.json },
    (given) => withModels((_) => _.show(given)),
    [
      ["models show trend_following", "The newest: metrics, split, receipt, learning curve"],
      ["models show trend_following/SPX_1d/v1 --json", "A version, as one JSON line"],
    ],
  ),
  make(
    ["models", "predict"],
    "Say what a model makes of the newest bars that are kept",
    {
      name: model,
      bars: Fields.integer("bars", "So many of each symbol; 1 by default", 1, 100_000),
      symbols: symbols("In place of those that it was trained on"),
      end: Fields.option("end", "DATE", "Bars before this instant", (text) =>
        TimeRange.parseInstant("--end", text),
      ),
      json: Fields.json,
      noProgress,
    },
    (given) => withModels((_) => _.predict(given)),
    [["models predict trend_following --bars 5", "A signal for each of the last five bars, and how sure"]],
  ),
  make(
    ["models", "verify"],
    "Compute anew what a model's receipt says; exits with 1 and names what differs",
    { name: model, json: Fields.json, noProgress },
    (given) => withModels((_) => _.verify(given)),
    [["models verify trend_following", "Bars, strategy, rows, split and weights"]],
  ),
  make(
    ["models", "delete"],
    "Delete a version of a model, after asking",
    { name: model, yes: Fields.flag("yes", "Without asking"), json: Fields.json },
    (given) => withModels((_) => _.remove(given)),
    [["models delete trend_following/SPX_1d/v1 --yes", "Its number is not used again"]],
  ),
  make(
    ["strategies", "list"],
    "List the strategies that can be trained by name",
    { json: Fields.json },
    (given) => withStrategies((_) => _.list(given)),
    [["strategies list", "The examples, and the files of the folder strategies of the home"]],
  ),
  make(
    ["strategies", "check"],
    "Say whether files are strategies, with line and column of what is wrong",
    { files: strategies, json: Fields.json },
    (given) => withStrategies((_) => _.check(given)),
    [["strategies check mine.yaml", "Exits with 1 where it is none; warns of what is hardly meant"]],
  ),
]

// ---------------------------------------------------------------------------------------------------------

type Program = ReturnType<Entry["run"]>

const withModels = (use: (models: typeof import("./Models.js")) => Program): Program =>
  Effect.flatMap(
    Effect.promise(() => import("./Models.js")),
    use,
  )

const withStrategies = (use: (strategies: typeof import("./Strategies.js")) => Program): Program =>
  Effect.flatMap(
    Effect.promise(() => import("./Strategies.js")),
    use,
  )
