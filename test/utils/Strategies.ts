/** Strategies and bars to train on, for tests that only need some. */
import * as Either from "effect/Either"
import * as Candle from "../../src/data/Candle.js"
import * as Symbol from "../../src/data/Symbol.js"
import type { Timeframe } from "../../src/data/Timeframe.js"
import type * as Features from "../../src/training/Features.js"
import * as Indicators from "../../src/training/Indicators.js"
import type * as Strategy from "../../src/training/Strategy.js"
import * as StrategyFile from "../../src/training/StrategyFile.js"
import * as Walk from "./Walk.js"

/** A whole file, to which a test makes changes. */
export const text = `name: mean_reversion
version: "1"
description: what it bets on
symbols: [AAPL]
timeframes: [1h]
indicators:
  rsi14: { type: rsi, period: 14 }
  macd:  { type: macd, fast: 12, slow: 26, signal: 9 }
fuzzy_sets:
  rsi_level:
    indicator: rsi14
    sets:
      oversold: { type: triangular, parameters: [0, 20, 45] }
      neutral: { type: trapezoidal, parameters: [30, 40, 60, 70] }
      overbought: { type: triangular, parameters: [55, 80, 100] }
  trend:
    indicator: macd.signal
    sets:
      up: { type: sigmoid, parameters: [0, 10] }
features: { fuzzy: all, prices: true, lookback: 2 }
labels:   { type: zigzag, threshold: 0.002, lookahead: 5 }
split:    { train: 0.7, validation: 0.15, test: 0.15, embargo: 20 }
model:    { type: mlp, hidden_layers: [32, 16], activation: relu, dropout: 0.2 }
training: { epochs: 50, batch_size: 128, optimizer: adam, learning_rate: 0.001, seed: 7 }
`

/** The strategy of the text with these replacements, each of which must fit somewhere. */
export const make = (
  changes: ReadonlyArray<readonly [string, string]> = [],
  table: Indicators.Table = Indicators.builtIn,
): Strategy.Strategy => Either.getOrThrow(StrategyFile.parse("test.yaml", change(changes), table)).strategy

export const change = (changes: ReadonlyArray<readonly [string, string]>): string =>
  changes.reduce((before, [from, to]) => {
    if (!before.includes(from)) throw new Error(`nothing to replace: ${from}`)
    return before.replace(from, to)
  }, text)

export const hour = 3_600_000
export const day = 24 * hour
export const monday = Date.UTC(2024, 0, 8)

/** A walk of so many bars, `step` apart; another one for another seed. */
export const walk = (count: number, from = monday, step = hour, seed = 0): Candle.Candles => {
  const whole = Walk.candles(
    Float64Array.from({ length: count + seed }, (_, index) => from + (index - seed) * step),
  )
  return Candle.slice(whole, seed, count + seed)
}

export const bars = (
  candles: Readonly<Partial<Record<Timeframe, Candle.Candles>>>,
  symbol = "AAPL",
): Features.Bars => ({
  symbol: Symbol.Symbol.make(symbol),
  candles: new Map(Object.entries(candles) as Array<[Timeframe, Candle.Candles]>),
})
