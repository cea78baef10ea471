/**
 * What the schema of a strategy cannot say: whether its parts make sense together.
 */

import * as Timeframe from "../../data/Timeframe.js"
import { nearest } from "../../internal/nearest.js"
import * as FuzzySets from "../FuzzySets.js"
import * as Indicators from "../Indicators.js"
import * as Labels from "../Labels.js"
import * as Strategy from "../Strategy.js"

type Path = ReadonlyArray<PropertyKey>

/** What cannot be: where in the strategy, what was expected there, what was found. */
export interface Fault {
  readonly path: Path
  readonly expected: string
  readonly found: string
  readonly suggestion?: string
}

/** What can be, and is hardly meant. */
export interface Warning {
  readonly path: Path
  readonly text: string
}

/** None for a strategy that can be trained. */
export const firstFault = (strategy: Strategy.Strategy, table: Indicators.Table): Fault | undefined => {
  for (const fault of faults(strategy, table)) return fault
  return undefined
}

/** None for what an indicator, a fuzzy variable or a set may be called. */
export const nameFault = (path: Path, name: string): Fault | undefined =>
  Strategy.namePattern.test(name)
    ? undefined
    : {
        path: [...path, name],
        expected: `a name: ${Strategy.nameRule}`,
        found: JSON.stringify(name.slice(0, 70)),
      }

/** Of a strategy without a fault: indicators, fuzzy variables, timeframes and settings that nobody uses. */
export const warnings = (strategy: Strategy.Strategy, table: Indicators.Table): ReadonlyArray<Warning> => {
  const { indicators, fuzzy_sets, features, timeframes, training, labels, split } = strategy
  const listed = features.fuzzy
  const isUsed = (variable: string) =>
    listed === "all" || listed.some((name) => name === variable || name.startsWith(`${variable}.`))
  const used = Object.entries(fuzzy_sets)
    .filter(([name]) => isUsed(name))
    .flatMap(([, { indicator }]) => Indicators.resolve(table, indicators, indicator) ?? [])
  const found: Array<Warning> = []
  const warn = (path: Path, text: string) => found.push({ path, text })
  for (const name of Object.keys(indicators)) {
    if (!used.some((output) => output.name === name))
      warn(["indicators", name], `nobody uses the indicator ${name}`)
  }
  for (const name of Object.keys(fuzzy_sets)) {
    if (!isUsed(name)) warn(["fuzzy_sets", name], `features.fuzzy does not list ${name}`)
  }
  for (const [index, timeframe] of timeframes.entries()) {
    const isRead = used.some(({ spec }) => (spec.timeframe ?? timeframe) === timeframe)
    if (index > 0 && !isRead) warn(["timeframes", index], `nobody uses the timeframe ${timeframe}`)
  }
  if (training.momentum !== undefined && training.optimizer !== "sgd")
    warn(["training", "momentum"], `${training.optimizer} has no momentum to set`)
  if (split.embargo === 0 && labels.lookahead > 1)
    warn(["split", "embargo"], "no bars are left out after a border")
  return found
}

// ---------------------------------------------------------------------------------------------------------

/** A row of so many numbers is a mistake, and its memory would not be had. */
const mostFeatures = 10_000

function* faults(strategy: Strategy.Strategy, table: Indicators.Table): Iterable<Fault> {
  yield* nameFaults(strategy)
  yield* seriesFaults(strategy)
  yield* indicatorFaults(strategy, table)
  yield* fuzzyFaults(strategy, table)
  yield* featureFaults(strategy)
  yield* targetFaults(strategy)
  const { train, validation, test } = strategy.split
  const sum = train + validation + test
  if (Math.abs(sum - 1) > 1e-9) {
    const found = `${train} + ${validation} + ${test} = ${Number(sum.toPrecision(6))}`
    yield { path: ["split"], expected: "train, validation and test that add up to 1", found }
  }
}

function* nameFaults({ indicators, fuzzy_sets }: Strategy.Strategy): Iterable<Fault> {
  const named: ReadonlyArray<readonly [Path, object]> = [
    [["indicators"], indicators],
    [["fuzzy_sets"], fuzzy_sets],
    ...Object.entries(fuzzy_sets).map(([name, { sets }]) => [["fuzzy_sets", name, "sets"], sets] as const),
  ]
  for (const [path, record] of named) {
    for (const name of Object.keys(record)) {
      const fault = nameFault(path, name)
      if (fault !== undefined) yield fault
    }
  }
}

function* seriesFaults({ symbols, timeframes }: Strategy.Strategy): Iterable<Fault> {
  for (const [key, list] of Object.entries({ symbols, timeframes })) {
    const again = list.findIndex((one, index) => list.indexOf(one as never) !== index)
    if (again >= 0)
      yield { path: [key, again], expected: `each of the ${key} once`, found: `${list[again]} again` }
  }
  const [base, ...others] = timeframes.map((timeframe) => Timeframe.info(timeframe).millis)
  const shorter = others.findIndex((millis) => millis < base!)
  if (shorter >= 0)
    yield {
      path: ["timeframes", shorter + 1],
      expected: `timeframes longer than the first, ${timeframes[0]}, whose bars are the rows`,
      found: timeframes[shorter + 1]!,
    }
}

function* indicatorFaults(strategy: Strategy.Strategy, table: Indicators.Table): Iterable<Fault> {
  for (const [name, spec] of Object.entries(strategy.indicators)) {
    const fault = Indicators.find(table, spec.type)?.fault(spec)
    if (fault !== undefined)
      yield {
        path: ["indicators", name, fault.parameter],
        expected: fault.expected,
        found: fault.found,
      }
    if (spec.timeframe !== undefined && !strategy.timeframes.includes(spec.timeframe))
      yield {
        path: ["indicators", name, "timeframe"],
        expected: `one of the strategy's timeframes, ${strategy.timeframes.join(" ")}`,
        found: spec.timeframe,
      }
  }
}

function* fuzzyFaults(strategy: Strategy.Strategy, table: Indicators.Table): Iterable<Fault> {
  for (const [name, { indicator, sets }] of Object.entries(strategy.fuzzy_sets)) {
    const path = ["fuzzy_sets", name]
    if (Indicators.resolve(table, strategy.indicators, indicator) === undefined)
      yield unknown(
        [...path, "indicator"],
        "an indicator, or one of its outputs",
        indicator,
        Indicators.references(table, strategy.indicators),
      )
    if (Object.keys(sets).length === 0)
      yield { path: [...path, "sets"], expected: "one set or more", found: "none" }
    for (const [set, fuzzy] of Object.entries(sets)) {
      const expected = FuzzySets.fault(fuzzy)
      if (expected !== undefined)
        yield {
          path: [...path, "sets", set, "parameters"],
          expected,
          found: JSON.stringify(fuzzy.parameters),
        }
    }
  }
}

function* featureFaults({ features, fuzzy_sets, timeframes }: Strategy.Strategy): Iterable<Fault> {
  const memberships = Object.entries(fuzzy_sets).flatMap(([name, { sets }]) =>
    Object.keys(sets).map((set) => `${name}.${set}`),
  )
  const known = [...Object.keys(fuzzy_sets), ...memberships]
  const listed = features.fuzzy === "all" ? memberships : features.fuzzy
  if (features.fuzzy !== "all") {
    for (const [index, name] of listed.entries()) {
      const path = ["features", "fuzzy", index]
      if (!known.includes(name)) yield unknown(path, "a fuzzy variable or one of its sets", name, known)
      const before = listed.slice(0, index)
      if (before.includes(name) || before.some((other) => isPart(name, other) || isPart(other, name)))
        yield { path, expected: "each membership once", found: `${name} again` }
    }
  }
  if (listed.length === 0 && !features.prices)
    yield { path: ["features"], expected: "fuzzy sets or prices to make features of", found: "none" }
  const count = (memberships.length * timeframes.length + 3) * (features.lookback + 1)
  if (count > mostFeatures)
    yield {
      path: ["features", "lookback"],
      expected: `at most ${mostFeatures} features`,
      found: `${features.lookback}, which makes about ${count}`,
    }
}

const isPart = (membership: string, variable: string): boolean => membership.startsWith(`${variable}.`)

function* targetFaults({ labels, training }: Strategy.Strategy): Iterable<Fault> {
  const isRegression = Labels.isRegression(labels)
  if (labels.type === "forward_return" && isRegression !== (labels.threshold === undefined))
    yield {
      path: ["labels", "threshold"],
      expected: "either a threshold, for classes, or regression: true, for the return itself",
      found: isRegression ? "both" : "neither",
    }
  if (!isRegression) return
  if (training.early_stopping?.monitor === "val_accuracy")
    yield {
      path: ["training", "early_stopping", "monitor"],
      expected: "val_loss, as a return is right by no count",
      found: "val_accuracy",
    }
  if (training.class_weights !== undefined)
    yield {
      path: ["training", "class_weights"],
      expected: "none, as returns have no classes",
      found: JSON.stringify(training.class_weights),
    }
}

const unknown = (path: Path, what: string, name: string, names: ReadonlyArray<string>): Fault => {
  const suggestion = nearest(name, names)
  return {
    path,
    expected: names.length === 0 ? `${what}, of which there are none` : what,
    found: JSON.stringify(name.slice(0, 130)),
    ...(suggestion === undefined ? {} : { suggestion }),
  }
}
