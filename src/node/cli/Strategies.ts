/**
 * `ktrdr strategies`: what can be trained, and whether a file is a strategy.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Output from "../Output.js"
import type { Found } from "../Strategies.js"
import { Incomplete, type Program } from "./Failure.js"
import * as LoadText from "./LoadText.js"
import * as StrategyGiven from "./StrategyGiven.js"
import * as Table from "./Table.js"

export interface CheckOptions {
  /** Files, or names of strategies. */
  readonly files: ReadonlyArray<string>
  readonly json: boolean
}

/** Says of each whether it is a strategy, and what is hardly meant in it. Fails with `Incomplete` where one is none. */
export const check = ({ files, json }: CheckOptions): Program =>
  Effect.gen(function* () {
    let faults = 0
    for (const file of files) {
      const read = yield* Effect.either(StrategyGiven.read(file))
      if (Either.isRight(read)) {
        const { strategy, warnings } = read.right
        yield* Output.line(
          json
            ? JSON.stringify({ file, ok: true, name: strategy.name, warnings })
            : [`${file}: ok, ${told(read.right)}`, ...warnings.map((one) => `  warning: ${one}`)].join("\n"),
        )
        continue
      }
      const error = read.left
      if (error._tag !== "DataError" && error._tag !== "TrainingError") return yield* Effect.fail(error)
      faults++
      const { advice, expected, found, place, reason, suggestion } = error
      if (json) {
        const fault = { reason, place, expected, found, advice, suggestion }
        yield* Output.line(JSON.stringify({ file, ok: false, error: fault }))
      }
      yield* Output.note(`ktrdr: ${error.message}`)
    }
    if (faults > 0) return yield* new Incomplete()
  })

/** Those of the home, and the examples; files that are no strategies are named on standard error, and make it fail. */
export const list = ({ json }: { readonly json: boolean }): Program =>
  Effect.gen(function* () {
    const strategies = yield* StrategyGiven.named
    let faults = 0
    const rows: Array<ReadonlyArray<string>> = []
    for (const name of yield* strategies.names) {
      const read = yield* Effect.either(strategies.read(name))
      if (Either.isLeft(read)) {
        faults++
        yield* Output.note(`ktrdr: ${read.left.message}`)
        continue
      }
      const { description, symbols, timeframes } = read.right.strategy
      if (json) yield* Output.line(JSON.stringify({ name, symbols, timeframes, description }))
      rows.push([name, LoadText.shorten(symbols), timeframes.join(", "), description])
    }
    if (!json)
      yield* Output.line(
        Table.lines([["name", "symbols", "timeframes", "what it bets on"], ...rows], []).join("\n"),
      )
    if (faults > 0) return yield* new Incomplete()
  })

// ---------------------------------------------------------------------------------------------------------

const told = ({ strategy }: Found): string => {
  const { fuzzy_sets, indicators, name, symbols, timeframes } = strategy
  const memberships = Object.values(fuzzy_sets).reduce((sum, { sets }) => sum + Object.keys(sets).length, 0)
  return (
    `${name} on ${LoadText.shorten(symbols)} [${timeframes.join(", ")}]: ` +
    `${LoadText.amount(Object.keys(indicators).length, "indicator")}, ${LoadText.amount(memberships, "membership")}`
  )
}
