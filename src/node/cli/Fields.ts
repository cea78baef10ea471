/**
 * The arguments and options that several commands share, each checked by its domain's own rule.
 */
import * as Args from "@effect/cli/Args"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { DataError } from "../../data/DataError.js"
import type { Series } from "../../data/Series.js"
import * as Symbol from "../../data/Symbol.js"
import * as Timeframe from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as TimeZone from "../../data/TimeZone.js"

const doc = (error: DataError): HelpDoc.HelpDoc => HelpDoc.p(error.message)

const invalid = (error: DataError): ValidationError.ValidationError =>
  ValidationError.invalidValue(doc(error))

const optionText = (name: string, value: string, meaning: string): Options.Options<string> =>
  Options.text(name).pipe(Options.withPseudoName(value), Options.withDescription(meaning))

/** What is said of an option whose value does not fit. */
export const refusal = (name: string, expected: string, found: string): DataError =>
  new DataError({
    reason: "InvalidInput",
    place: `--${name}`,
    expected,
    found: JSON.stringify(found.slice(0, 60)),
    advice: "Correct the value",
  })

const notAfter = (start: number, end: number): DataError =>
  new DataError({
    reason: "InvalidInput",
    place: "--end",
    expected: `an instant after --start ${TimeRange.formatInstant(start)}`,
    found: TimeRange.formatInstant(end),
    advice: "Give an end that is later than the start",
  })

/** An argument that a rule reads. */
const argument = <A>(
  name: string,
  meaning: string,
  parse: (text: string) => Either.Either<A, DataError>,
): Args.Args<A> =>
  Args.text({ name }).pipe(
    Args.withDescription(meaning),
    Args.mapEffect((text) => Either.mapLeft(parse(text), doc)),
  )

/** An option that a rule reads; absent, undefined. `value` stands for its value in help. */
export const option = <A>(
  name: string,
  value: string,
  meaning: string,
  parse: (text: string) => Either.Either<A, DataError>,
): Options.Options<A | undefined> =>
  optionText(name, value, meaning).pipe(
    Options.optional,
    Options.mapEffect((given) =>
      Option.isNone(given) ? Either.right(undefined) : Either.mapLeft(parse(given.value), invalid),
    ),
  )

/** An option that must be given. */
export const required = <A>(
  name: string,
  value: string,
  meaning: string,
  parse: (text: string) => Either.Either<A, DataError>,
): Options.Options<A> =>
  optionText(name, value, meaning).pipe(Options.mapEffect((given) => Either.mapLeft(parse(given), invalid)))

/** An option that is any text; absent, undefined. */
export const text = (name: string, value: string, meaning: string): Options.Options<string | undefined> =>
  option(name, value, meaning, Either.right)

/** One of a few words; absent, undefined. */
export const choice = <const Word extends string>(
  name: string,
  meaning: string,
  words: ReadonlyArray<Word>,
): Options.Options<Word | undefined> =>
  option(name, words.join("|"), meaning, (given) =>
    Either.fromNullable(
      words.find((word) => word === given),
      () => refusal(name, `one of ${words.join(" ")}`, given),
    ),
  )

export const flag = (name: string, meaning: string): Options.Options<boolean> =>
  Options.boolean(name).pipe(Options.withDescription(meaning))

/** A whole number from `least` to `most`; absent, undefined. */
export const integer = (
  name: string,
  meaning: string,
  least: number,
  most: number,
): Options.Options<number | undefined> =>
  option(name, "N", meaning, (given) => {
    const number = /^-?\d+$/.test(given) ? Number(given) : Number.NaN
    return number >= least && number <= most
      ? Either.right(number)
      : Either.left(refusal(name, `a whole number from ${least} to ${most}`, given))
  })

/** A time such as `10 minutes`, from a second on; absent, undefined. */
export const duration = (name: string, meaning: string): Options.Options<Duration.Duration | undefined> =>
  option(name, "TIME", meaning, (given) => {
    const time = Duration.decodeUnknown(given.trim())
    return Option.isSome(time) && Duration.toMillis(time.value) >= 1000 && Duration.isFinite(time.value)
      ? Either.right(time.value)
      : Either.left(refusal(name, "a time of a second or more, such as 10 minutes", given))
  })

export const symbol = argument("SYMBOL", "Such as AAPL, BRK.B or EUR/USD", Symbol.parse)

export const timeframe = argument("TIMEFRAME", `One of ${Timeframe.all.join(" ")}`, Timeframe.parse)

/** Any number of symbols, as often as they are given. */
export const symbols = Args.text({ name: "SYMBOL..." }).pipe(
  Args.withDescription("Such as AAPL, BRK.B or EUR/USD; all where none is given"),
  Args.repeated,
  Args.mapEffect((words) => Either.mapLeft(Either.all(words.map(Symbol.parse)), doc)),
)

/** A file of symbols, on top of those that are typed. */
export const symbolsFile = text("symbols", "FILE", "A file of further symbols, one a line")

/**
 * Symbols, as often as they are given, and behind them the timeframe: `@effect/cli` can repeat nothing but the
 * last argument. A timeframe alone is for commands that may get their symbols elsewhere.
 */
export const symbolsAndTimeframe = Args.text({ name: "SYMBOL... TIMEFRAME" }).pipe(
  Args.withDescription(`Symbols, then one of ${Timeframe.all.join(" ")}`),
  Args.atLeast(1),
  Args.mapEffect((words) =>
    Either.gen(function* () {
      const last = words.at(-1) ?? ""
      if (words.length === 1 && !Timeframe.all.some((timeframe) => timeframe === last)) {
        return yield* Either.left(
          HelpDoc.p(`Missing argument: no timeframe behind ${JSON.stringify(last.slice(0, 60))}`),
        )
      }
      const timeframe = yield* Either.mapLeft(Timeframe.parse(last), doc)
      const symbols: Array<Symbol.Symbol> = []
      for (const word of words.slice(0, -1)) symbols.push(yield* Either.mapLeft(Symbol.parse(word), doc))
      return { symbols, timeframe }
    }),
  ),
)

/** One series by its symbol and timeframe, or none. */
export const oneSeries = Args.text({ name: "SYMBOL TIMEFRAME" }).pipe(
  Args.withDescription("A series such as AAPL 1h; all that are kept where none is given"),
  Args.between(0, 2),
  Args.mapEffect(([first, second]) =>
    Either.gen(function* () {
      if (first === undefined) return undefined
      const symbol = yield* Either.mapLeft(Symbol.parse(first), doc)
      if (second === undefined) {
        return yield* Either.left(
          HelpDoc.p(`Missing argument: no timeframe behind ${JSON.stringify(symbol)}`),
        )
      }
      return { symbol, timeframe: yield* Either.mapLeft(Timeframe.parse(second), doc) }
    }),
  ),
)

/** `--start` and `--end`, in epoch milliseconds, `end` exclusive; refused when it is not after the start. */
export const span = Options.all({
  start: option("start", "DATE", "First instant, such as 2024-01-02 or 2024-01-02T14:30:00Z", (text) =>
    TimeRange.parseInstant("--start", text),
  ),
  end: option("end", "DATE", "Instant behind the last, exclusive", (text) =>
    TimeRange.parseInstant("--end", text),
  ),
}).pipe(
  Options.mapEffect((given) =>
    given.start === undefined || given.end === undefined || given.start < given.end
      ? Either.right(given)
      : Either.left(invalid(notAfter(given.start, given.end))),
  ),
)

/** A name of the time-zone database. */
export const timeZone = option(
  "timezone",
  "ZONE",
  "Of stamps without an offset, such as America/New_York; else UTC",
  (given) =>
    TimeZone.isKnown(given)
      ? Either.right(given)
      : Either.left(refusal("timezone", "a time zone such as America/New_York", given)),
)

/** A file of calendars; `withCalendars` runs a command with them. */
export const calendar = text("calendar", "FILE", "A JSON file of calendars, for venues that have none here")

export const session = flag("extended", "Extended hours: a series of its own beside the regular one").pipe(
  Options.map((extended): Series["session"] => (extended ? "extended" : "regular")),
)

export const json = flag("json", "Print JSON lines")

/** A server that works in place of this machine. */
export const server = text(
  "server",
  "URL",
  "Work through ktrdr serve there, with the token in KTRDR_API_TOKEN",
)
