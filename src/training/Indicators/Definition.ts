/**
 * What an indicator is: its parameters, its outputs, and how it goes over the bars.
 */
import * as Schema from "effect/Schema"
import type { Candles } from "../../data/Candle.js"
import { Timeframe } from "../../data/Timeframe.js"
import * as Fields from "../Strategy/Fields.js"

/** An indicator as a strategy has it: its type, its parameters with their defaults, its timeframe if it names one. */
export interface Spec {
  readonly type: string
  /** Without one it is computed on every timeframe of the strategy. */
  readonly timeframe?: Timeframe
  readonly [parameter: string]: unknown
}

/** Parameters that are each in range and do not go together. */
export interface Fault {
  readonly parameter: string
  readonly expected: string
  readonly found: string
}

/**
 * Fills the rows `[from, to)` of the output columns, one column an output. It is called for every row once, in
 * order, and may write anything to the rows of the warm-up.
 */
export type Step = (from: number, to: number, outputs: ReadonlyArray<Float64Array>) => void

export interface Definition {
  readonly type: string
  /** The schema of a `Spec` of this type; an unknown parameter is an error. */
  readonly schema: Schema.Schema<Spec, Spec>
  /** Names of the outputs; the first is the one that is meant where none is named. */
  readonly outputs: readonly [string, ...Array<string>]
  readonly fault: (spec: Spec) => Fault | undefined
  /** How many rows at the beginning of a series have no value, one number an output. */
  readonly warmup: (spec: Spec) => ReadonlyArray<number>
  /** How many bars the work for one row goes over, or would if each cost what it does in an average. */
  readonly window: (spec: Spec) => number
  readonly start: (spec: Spec, candles: Candles) => Step
}

/** Definitions by their type. */
export type Table = Readonly<Record<string, Definition>>

/** A definition whose functions get the parameters as `fields` describes them. */
export const define = <const Fields extends Schema.Struct.Fields>(definition: {
  readonly type: string
  readonly fields: Fields
  readonly outputs: readonly [string, ...Array<string>]
  readonly fault?: (parameters: Schema.Struct.Type<Fields>) => Fault | undefined
  readonly warmup: (parameters: Schema.Struct.Type<Fields>) => ReadonlyArray<number>
  readonly window?: (parameters: Schema.Struct.Type<Fields>) => number
  readonly start: (parameters: Schema.Struct.Type<Fields>, candles: Candles) => Step
}): Definition => {
  const schema: unknown = Schema.Struct({
    type: Schema.Literal(definition.type),
    ...definition.fields,
    timeframe: Fields.optional(Timeframe),
  })
  const given = (spec: Spec) => spec as unknown as Schema.Struct.Type<Fields>
  return {
    type: definition.type,
    schema: schema as Schema.Schema<Spec, Spec>,
    outputs: definition.outputs,
    fault: (spec) => definition.fault?.(given(spec)),
    warmup: (spec) => definition.warmup(given(spec)),
    window: (spec) => definition.window?.(given(spec)) ?? 1,
    start: (spec, candles) => definition.start(given(spec), candles),
  }
}

/** How many bars, from `least` to 1000. */
export const bars = (least: number, usual: number) =>
  Fields.withDefault(Fields.integer(least, 1000), () => usual)

/** Which price it is made of; the close where none is named. */
export const source = Fields.withDefault(
  Schema.Literal("close", "open", "high", "low"),
  () => "close" as const,
)
