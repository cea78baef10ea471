/**
 * `ktrdr strategies`: what can be trained, and whether a file is a strategy.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ApiStrategies from "../api/Strategies.js"
import * as Output from "../Output.js"
import { type Failure, Incomplete } from "./Failure.js"
import * as LoadText from "./LoadText.js"
import * as StrategyGiven from "./StrategyGiven.js"
import * as Table from "./Table.js"

type Program = Effect.Effect<void, Failure | Output.OutputError, Output.Output>

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

/** Those of the home, and the examples. */
export const list = ({ json }: { readonly json: boolean }): Program =>
  Effect.gen(function* () {
    const folders = yield* StrategyGiven.folders
    const strategies = yield* Effect.provide(ApiStrategies.Strategies, ApiStrategies.layer(folders))
    const rows: Array<ReadonlyArray<string>> = []
    for (const name of yield* strategies.names) {
      const read = yield* Effect.either(strategies.read(name))
      if (Either.isLeft(read)) {
        yield* Output.note(`warning: ${read.left.message}`)
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
  })

// ---------------------------------------------------------------------------------------------------------

const told = ({ strategy }: ApiStrategies.Found): string => {
  const { fuzzy_sets, indicators, name, symbols, timeframes } = strategy
  const memberships = Object.values(fuzzy_sets).reduce((sum, { sets }) => sum + Object.keys(sets).length, 0)
  return (
    `${name} on ${LoadText.shorten(symbols)} [${timeframes.join(", ")}]: ` +
    `${LoadText.amount(Object.keys(indicators).length, "indicator")}, ${LoadText.amount(memberships, "membership")}`
  )
}
