/**
 * The arguments and options that several commands share, each checked by its domain's own rule.
 */
import * as Args from "@effect/cli/Args"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { DataError } from "../../data/DataError.js"
import type { Series } from "../../data/Series.js"
import * as Symbol from "../../data/Symbol.js"
import * as Timeframe from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"

const doc = (error: DataError): HelpDoc.HelpDoc => HelpDoc.p(error.message)

const invalid = (error: DataError): ValidationError.ValidationError =>
  ValidationError.invalidValue(doc(error))

const optionText = (name: string, value: string, meaning: string): Options.Options<string> =>
  Options.text(name).pipe(Options.withPseudoName(value), Options.withDescription(meaning))

const refusal = (name: string, expected: string, found: string): DataError =>
  new DataError({
    reason: "InvalidInput",
    place: `--${name}`,
    expected,
    found: JSON.stringify(found.slice(0, 60)),
    advice: "Correct the value",
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

export const symbol = argument("SYMBOL", "Such as AAPL, BRK.B or EUR/USD", Symbol.parse)

export const timeframe = argument("TIMEFRAME", `One of ${Timeframe.all.join(" ")}`, Timeframe.parse)

/** Symbols, each once, and behind them the timeframe: `@effect/cli` can repeat nothing but the last argument. */
export const symbolsAndTimeframe = Args.text({ name: "SYMBOL... TIMEFRAME" }).pipe(
  Args.withDescription(`One symbol or more, then one of ${Timeframe.all.join(" ")}`),
  Args.atLeast(2),
  Args.mapEffect((words) =>
    Either.gen(function* () {
      const timeframe = yield* Timeframe.parse(words.at(-1) ?? "")
      const symbols: Array<Symbol.Symbol> = []
      for (const word of words.slice(0, -1)) symbols.push(yield* Symbol.parse(word))
      return { symbols: [...new Set(symbols)], timeframe }
    }).pipe(Either.mapLeft(doc)),
  ),
)

export const start = option(
  "start",
  "DATE",
  "First instant, such as 2024-01-02 or 2024-01-02T14:30:00Z",
  (text) => TimeRange.parseInstant("--start", text),
)

export const end = option("end", "DATE", "Instant behind the last, exclusive", (text) =>
  TimeRange.parseInstant("--end", text),
)

export const session = flag("extended", "Extended hours: a series of its own beside the regular one").pipe(
  Options.map((extended): Series["session"] => (extended ? "extended" : "regular")),
)

export const json = flag("json", "Print JSON lines")
