/**
 * Strategies as YAML files.
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { nearest } from "../internal/nearest.js"
import * as FuzzySets from "./FuzzySets.js"
import * as Indicators from "./Indicators.js"
import * as Labels from "./Labels.js"
import * as Sense from "./Strategy/Sense.js"
import * as Yaml from "./Strategy/Yaml.js"
import * as Strategy from "./Strategy.js"
import { type Reason, TrainingError } from "./TrainingError.js"

/** A strategy as a file has it, and what is hardly meant in it: `line 9, indicators.macd: nobody uses ...`. */
export interface StrategyFile {
  readonly strategy: Strategy.Strategy
  readonly warnings: ReadonlyArray<string>
}

/**
 * Reads the text of a file called `name`. Fails at the first thing that is wrong, with its line and its path: text
 * that is no YAML (line and column), names that nobody knows (with the nearest that somebody does), values that the
 * schema does not take, and what makes no sense together (`Sense.firstFault`).
 */
export const parse = (
  name: string,
  text: string,
  table: Indicators.Table = Indicators.builtIn,
): Either.Either<StrategyFile, TrainingError> =>
  Either.gen(function* () {
    const yaml = yield* Either.mapLeft(Yaml.parse(text), ({ line, column, expected, found, cause }) =>
      invalid(
        `${name}${line === undefined ? "" : ` line ${line}`}${column === undefined ? "" : ` column ${column}`}`,
        "InvalidStrategy",
        { expected, found },
        cause,
      ),
    )
    const place = (path: Path) =>
      `${name} line ${yaml.lineOf(path)}${path.length === 0 ? "" : `, ${format(path)}`}`
    const fail = (fault: Sense.Fault, reason: Reason = "InvalidStrategy") =>
      Either.left(invalid(place(fault.path), reason, fault))
    for (const path of namedThings(yaml.value)) {
      for (const name of keysOf(valueAt(yaml.value, path))) {
        const fault = Sense.nameFault(path, name)
        if (fault !== undefined) return yield* fail(fault)
      }
    }
    const misnamed = unknownName(yaml.value, table)
    if (misnamed !== undefined) return yield* fail(misnamed, misnamed.reason)
    const decode = table === Indicators.builtIn ? decodeBuiltIn : decodeWith(Strategy.schema(table))
    const strategy = yield* Either.mapLeft(decode(yaml.value), (error) => {
      const fault = ofSchema(yaml.value, error)
      return invalid(place(fault.path), "InvalidStrategy", fault, error)
    })
    const fault = Sense.firstFault(strategy, table)
    if (fault !== undefined) return yield* fail(fault)
    const warnings = Sense.warnings(strategy, table)
    return {
      strategy,
      warnings: warnings.map(({ path, text }) => `${place(path)}: ${text}`),
    }
  })

// ---------------------------------------------------------------------------------------------------------

type Path = ReadonlyArray<PropertyKey>

const decodeWith = (schema: ReturnType<typeof Strategy.schema>) =>
  Schema.decodeUnknownEither(schema, { errors: "first", onExcessProperty: "error" })

const decodeBuiltIn = decodeWith(Strategy.Strategy)

const invalid = (
  place: string,
  reason: Reason,
  { expected, found, suggestion }: Omit<Sense.Fault, "path">,
  cause?: unknown,
): TrainingError =>
  new TrainingError({
    reason,
    place,
    expected,
    found,
    advice: suggestion === undefined ? "Correct the file at that place" : `Did you mean ${suggestion}`,
    ...(suggestion === undefined ? {} : { suggestion }),
    ...(cause === undefined ? {} : { cause }),
  })

/** Where names are given. */
const namedThings = (file: unknown): ReadonlyArray<Path> => [
  ["indicators"],
  ["fuzzy_sets"],
  ...keysOf(valueAt(file, ["fuzzy_sets"])).map((name) => ["fuzzy_sets", name, "sets"]),
]

/** The first name of a closed list that is not in it, of those that have a reason of their own. */
const unknownName = (
  file: unknown,
  table: Indicators.Table,
): (Sense.Fault & { readonly reason: Reason }) | undefined => {
  const indicators = keysOf(valueAt(file, ["indicators"])).map((name) => ["indicators", name, "type"])
  const sets = keysOf(valueAt(file, ["fuzzy_sets"])).flatMap((name) =>
    keysOf(valueAt(file, ["fuzzy_sets", name, "sets"])).map((set) => [
      "fuzzy_sets",
      name,
      "sets",
      set,
      "type",
    ]),
  )
  const lists: ReadonlyArray<[ReadonlyArray<Path>, string, ReadonlyArray<string>, Reason]> = [
    [indicators, "the type of an indicator", Object.keys(table), "UnknownIndicator"],
    [sets, "the type of a fuzzy set", FuzzySets.types, "InvalidStrategy"],
    [[["labels", "type"]], "the type of labels", Labels.types, "UnknownLabel"],
    [[["training", "optimizer"]], "an optimizer", Strategy.optimizers, "UnknownOptimizer"],
  ]
  for (const [paths, what, names, reason] of lists) {
    for (const path of paths) {
      const given = valueAt(file, path)
      if (typeof given !== "string" || names.includes(given)) continue
      const suggestion = nearest(given.slice(0, 60), names)
      return {
        path,
        expected: `${what}: ${names.join(", ")}`,
        found: show(given),
        reason,
        ...(suggestion === undefined ? {} : { suggestion }),
      }
    }
  }
  return undefined
}

/** What the schema wanted, in the words of the issues at the first place that is wrong. */
const ofSchema = (file: unknown, error: ParseResult.ParseError): Sense.Fault => {
  const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
  const path = issues[0]?.path ?? []
  const here = issues.filter((issue) => format(issue.path) === format(path)).map(({ message }) => message)
  const isKey = here.some((message) => message.startsWith("is unexpected"))
  const wanted = new Set(here.map(expectation))
  const given = isKey ? path.at(-1) : valueAt(file, path)
  const names = [...[...wanted].join().matchAll(/"([^"]+)"/g)].map((match) => match[1]!)
  const suggestion = typeof given === "string" ? nearest(given.slice(0, 60), names) : undefined
  return {
    path,
    expected: [...wanted].join(" or "),
    found: isKey ? `the key ${show(given)}` : show(given),
    ...(suggestion === undefined ? {} : { suggestion }),
  }
}

/** What an issue's message asks for, in words. */
const expectation = (message: string): string => {
  const wanted = message
    .replace(/^is missing$/, "a value")
    .replace(/^is unexpected, expected: /, "one of ")
    .replace(/^expected /i, "")
    .replace(/, actual [^]*$/, "")
  if (/\bStruct\b|^\{ readonly/.test(wanted)) return "keys and values"
  return /Array/.test(wanted) ? "a list" : wanted.replaceAll(" | ", ", ")
}

/** `indicators.rsi14.period`, `symbols[0]` */
const format = (path: Path): string =>
  path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "")

const keysOf = (value: unknown): ReadonlyArray<string> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : []

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  )

const show = (value: unknown): string =>
  value === undefined || value === null
    ? "nothing"
    : typeof value === "number"
      ? String(value)
      : (JSON.stringify(value) ?? String(value)).slice(0, 80)
