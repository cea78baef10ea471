/**
 * Indicators: one table of them, computed over bars to columns. No row looks at a later bar.
 */
import * as Schema from "effect/Schema"
import { type Candles, size } from "../data/Candle.js"
import * as Averages from "./Indicators/Averages.js"
import type { Definition, Spec, Table } from "./Indicators/Definition.js"
import * as Oscillators from "./Indicators/Oscillators.js"
import * as Ranges from "./Indicators/Ranges.js"
import * as Volume from "./Indicators/Volume.js"
import * as Stretches from "./Stretches.js"

export type { Definition, Fault, Spec, Step, Table } from "./Indicators/Definition.js"
export { define } from "./Indicators/Definition.js"

/** A table of these definitions. */
export const table = (...definitions: ReadonlyArray<Definition>): Table =>
  Object.fromEntries(definitions.map((definition) => [definition.type, definition]))

/** Every indicator that a strategy can have by itself. */
export const builtIn: Table = table(
  Averages.sma,
  Averages.ema,
  Averages.wma,
  Oscillators.rsi,
  Averages.macd,
  Averages.bollinger,
  Ranges.atr,
  Ranges.adx,
  Oscillators.stochastic,
  Oscillators.cci,
  Volume.obv,
  Oscillators.roc,
  Oscillators.momentum,
)

/** The definition of a type that is in the table. */
export const find = (table: Table, type: string): Definition | undefined =>
  Object.hasOwn(table, type) ? table[type] : undefined

/** A spec of any type of the table. */
export const schema = (table: Table): Schema.Schema<Spec, Spec> =>
  Schema.Union(...Object.values(table).map((definition) => definition.schema))

/** An output that a reference means: `rsi14`, or `macd.signal`. */
export interface Output {
  readonly name: string
  readonly spec: Spec
  readonly definition: Definition
  /** Its place among the definition's outputs. */
  readonly output: number
}

/** None where there is no such indicator or it has no such output. */
export const resolve = (
  table: Table,
  specs: Readonly<Record<string, Spec>>,
  reference: string,
): Output | undefined => {
  const [name = "", wanted, ...rest] = reference.split(".")
  const spec = Object.hasOwn(specs, name) ? specs[name] : undefined
  const definition = spec === undefined ? undefined : find(table, spec.type)
  if (spec === undefined || definition === undefined || rest.length > 0) return undefined
  const output = wanted === undefined ? 0 : definition.outputs.indexOf(wanted)
  return output < 0 ? undefined : { name, spec, definition, output }
}

/** Every reference that means an output. */
export const references = (table: Table, specs: Readonly<Record<string, Spec>>): ReadonlyArray<string> =>
  Object.entries(specs).flatMap(([name, { type }]) => [
    name,
    ...(find(table, type)?.outputs ?? []).map((output) => `${name}.${output}`),
  ])

/** Work that fills one column an output; rows of an output's warm-up are `NaN`. */
export interface Computation extends Stretches.Work {
  readonly columns: ReadonlyArray<Float64Array>
  /** Rows at the beginning without a value, one number a column. */
  readonly warmup: ReadonlyArray<number>
}

/** The spec must be one of the definition's. */
export const start = (definition: Definition, spec: Spec, candles: Candles): Computation => {
  const rows = size(candles)
  const warmup = definition.warmup(spec)
  const columns = definition.outputs.map(() => new Float64Array(rows))
  const step = definition.start(spec, candles)
  return {
    rows,
    stretch: Math.max(256, Math.floor(stretchRows / (1 + definition.window(spec) / windowBars))),
    columns,
    warmup,
    fill: (from, to) => {
      step(from, to, columns)
      columns.forEach((column, output) => {
        if (from < warmup[output]!) column.fill(Number.NaN, from, Math.min(to, warmup[output]!))
      })
    },
  }
}

/** All outputs by name, at once: for series of some thousand bars. */
export const compute = (
  definition: Definition,
  spec: Spec,
  candles: Candles,
): Readonly<Record<string, Float64Array>> => {
  const computation = start(definition, spec, candles)
  Stretches.now(computation)
  return Object.fromEntries(definition.outputs.map((name, output) => [name, computation.columns[output]!]))
}

// ---------------------------------------------------------------------------------------------------------

/** Rows of a stretch of some milliseconds, where the work does not grow with a window. */
const stretchRows = 36_000

/** How many bars of a window cost as much as what there is to do for every row. */
const windowBars = 50
