/**
 * A strategy: everything that decides how a model is made, but for the bars. What a file says, decoded, with its
 * defaults filled in.
 */
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { Session } from "../data/Series.js"
import * as Symbol from "../data/Symbol.js"
import { Timeframe } from "../data/Timeframe.js"
import { sha256 } from "../internal/sha256.js"
import { FuzzySet } from "./FuzzySets.js"
import * as Indicators from "./Indicators.js"
import { Labels } from "./Labels.js"
import * as Fields from "./Strategy/Fields.js"

/** What indicators, fuzzy variables and sets may be called. */
export const namePattern = /^[A-Za-z][A-Za-z0-9_]{0,59}$/
export const nameRule = "a letter, then letters, digits or '_', at most 60"

/** A symbol as people write it: `eur/usd` is `EUR.USD`. */
const symbol = Schema.transformOrFail(Schema.String, Schema.typeSchema(Symbol.Symbol), {
  strict: true,
  decode: (text, _, ast) =>
    Either.mapLeft(
      Symbol.parse(text),
      ({ expected }) => new ParseResult.Type(ast, text, `expected ${expected}`),
    ),
  encode: ParseResult.succeed,
})

const some = <A, I>(item: Schema.Schema<A, I>, most: number, what: string) =>
  Schema.Array(item).pipe(
    Schema.filter((items) => items.length >= 1 && items.length <= most, {
      message: () => `expected ${what}, at most ${most}`,
    }),
  )

/** A fuzzy variable: an indicator's output and the sets over it. */
const FuzzyVariable = Schema.Struct({
  /** `rsi14`, or `macd.signal` where the indicator has several outputs. */
  indicator: Schema.String,
  sets: Schema.Record({ key: Schema.String, value: FuzzySet }),
})

const Features = Schema.Struct({
  /** Every membership, or the variables (`rsi_level`) and memberships (`rsi_level.oversold`) that are listed. */
  fuzzy: Fields.withDefault(
    Schema.Union(Schema.Literal("all"), Schema.Array(Schema.String)),
    () => "all" as const,
  ),
  /** Whether the base bars' return, range and body are features too. */
  prices: Fields.withDefault(Schema.Boolean, () => false),
  /** How many previous bars' features are appended. */
  lookback: Fields.withDefault(Fields.integer(0, 500), () => 0),
})

const Split = Schema.Struct({
  train: Fields.above(0, 1),
  validation: Fields.above(0, 1),
  test: Fields.above(0, 1),
  /** Bars after each border that are left out, of every series. */
  embargo: Fields.withDefault(Fields.integer(0, 100_000), () => 0),
})

const Model = Schema.Struct({
  type: Schema.Literal("mlp"),
  hidden_layers: Schema.Array(Fields.integer(1, 2048)).pipe(
    Schema.filter((layers) => layers.length <= 8, { message: () => "expected at most 8 layers" }),
  ),
  activation: Fields.withDefault(
    Schema.Literal("relu", "tanh", "sigmoid", "leaky_relu"),
    () => "relu" as const,
  ),
  dropout: Fields.withDefault(Fields.between(0, 0.9), () => 0),
})

export const optimizers = ["adam", "adamw", "sgd"] as const

const Training = Schema.Struct({
  epochs: Fields.integer(1, 100_000),
  batch_size: Fields.integer(1, 65_536),
  optimizer: Fields.withDefault(Schema.Literal(...optimizers), () => "adam" as const),
  learning_rate: Fields.above(0, 1),
  /** Of sgd alone. */
  momentum: Fields.optional(Fields.below(0, 1)),
  /** The share of the weights that pulls them towards zero. */
  weight_decay: Fields.optional(Fields.between(0, 1)),
  /** The largest norm that a batch's gradient keeps. */
  gradient_clip: Fields.optional(Fields.above(0, 1e6)),
  early_stopping: Fields.optional(
    Schema.Struct({
      patience: Fields.integer(1, 100_000),
      monitor: Fields.withDefault(Schema.Literal("val_loss", "val_accuracy"), () => "val_loss" as const),
    }),
  ),
  reduce_on_plateau: Fields.optional(
    Schema.Struct({
      factor: Fields.withDefault(Fields.between(0.01, 0.99), () => 0.5),
      patience: Fields.integer(1, 100_000),
      min_learning_rate: Fields.withDefault(Fields.between(0, 1), () => 0),
    }),
  ),
  /** The weight of BUY, HOLD and SELL in the loss, or `balanced`: each by how rare it is in the training part. */
  class_weights: Fields.optional(
    Schema.Union(
      Schema.Literal("balanced"),
      Schema.Tuple(Fields.above(0, 1000), Fields.above(0, 1000), Fields.above(0, 1000)),
    ),
  ),
  seed: Fields.withDefault(Fields.integer(0, 4_294_967_295), () => 0),
})

/** The schema of strategies whose indicators are those of the table. */
export const schema = (table: Indicators.Table) =>
  Schema.Struct({
    /** Becomes the name of a folder. */
    name: Fields.text(
      "a letter or digit, then letters, digits, '.', '-' or '_', at most 60, no '..'",
      Fields.strategyNamePattern,
    ),
    version: Fields.withDefault(
      Schema.transform(Schema.Union(Schema.String, Schema.Number), Schema.String, {
        strict: true,
        decode: String,
        encode: (text) => text,
      }),
      () => "1",
    ),
    description: Fields.withDefault(Schema.String, () => ""),
    symbols: some(symbol, 1000, "one symbol or more"),
    /** The first, the shortest, is the base: a row is one of its bars. */
    timeframes: some(Timeframe, 13, "one timeframe or more"),
    session: Fields.withDefault(Session, () => "regular" as const),
    indicators: Fields.withDefault(
      Schema.Record({ key: Schema.String, value: Indicators.schema(table) }),
      () => ({}),
    ),
    fuzzy_sets: Fields.withDefault(Schema.Record({ key: Schema.String, value: FuzzyVariable }), () => ({})),
    features: Fields.withDefault(Features, () => ({ fuzzy: "all" as const, prices: false, lookback: 0 })),
    labels: Labels,
    split: Split,
    model: Model,
    training: Training,
  })

/** The schema of strategies with ktrdr's own indicators. */
export const Strategy = schema(Indicators.builtIn).annotations({ identifier: "Strategy" })
export type Strategy = typeof Strategy.Type

/** The timeframe a row is a bar of. */
export const base = (strategy: Strategy): Timeframe => strategy.timeframes[0]!

/**
 * SHA-256 of what the strategy says, in hexadecimal: the same for every spelling of a file, whatever its comments,
 * its layout, the order of its sections and whether it names a default; another one where anything differs that it
 * says, and where its fuzzy sets come in another order, as that is the order of the features.
 */
export const hash = (strategy: Strategy): Effect.Effect<string> => sha256(canonical(strategy))

// ---------------------------------------------------------------------------------------------------------

/** JSON with sorted keys, but for the records whose order says something. */
const canonical = (strategy: Strategy): string => {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted)
    if (typeof value !== "object" || value === null) return value
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
  }
  const variables = Object.entries(strategy.fuzzy_sets).map(([name, { indicator, sets }]) => [
    name,
    indicator,
    Object.entries(sets).map(([set, fuzzy]) => [set, sorted(fuzzy)]),
  ])
  return JSON.stringify(sorted({ ...strategy, fuzzy_sets: variables }))
}
