/**
 * From a million bars to the arrays that a network is trained on: five indicators, fifteen memberships, labels, and
 * the split; and how long others have to wait for their turn meanwhile. `rows` of the JSON line is the bars that go in,
 * as the question is put; of the rows that come out, which lack the warm-up and the last labels, the table tells.
 */
import { performance } from "node:perf_hooks"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Symbol from "../../src/data/Symbol.js"
import * as Causality from "../../src/training/Causality.js"
import * as Dataset from "../../src/training/Dataset.js"
import * as StrategyFile from "../../src/training/StrategyFile.js"
import * as Walk from "../utils/Walk.js"
import { median, quantile, table } from "./measure.js"

const bars = 1_000_000
const runs = 5
const most = 5

const minute = 60_000

const sets = (a: number, b: number, c: number): string =>
  `low: { type: trapezoidal, parameters: [${a}, ${a}, ${a}, ${b}] }, mid: { type: triangular, parameters: [${a}, ${b}, ${c}] }, high: { type: sigmoid, parameters: [${b}, ${4 / (c - a)}] }`

const text = `
name: bench
symbols: [AAPL]
timeframes: [1m]
indicators:
  rsi: { type: rsi, period: 14 }
  macd: { type: macd }
  bands: { type: bollinger, period: 20 }
  adx: { type: adx, period: 14 }
  stochastic: { type: stochastic }
fuzzy_sets:
  rsi: { indicator: rsi, sets: { ${sets(30, 50, 70)} } }
  macd: { indicator: macd.histogram, sets: { ${sets(-0.05, 0, 0.05)} } }
  bands: { indicator: bands.percent_b, sets: { ${sets(0, 0.5, 1)} } }
  adx: { indicator: adx, sets: { ${sets(15, 25, 40)} } }
  stochastic: { indicator: stochastic.k, sets: { ${sets(20, 50, 80)} } }
features: { fuzzy: all }
labels: { type: zigzag, threshold: 0.003, lookahead: 20 }
split: { train: 0.7, validation: 0.15, test: 0.15, embargo: 20 }
model: { type: mlp, hidden_layers: [32] }
training: { epochs: 1, batch_size: 256, learning_rate: 0.001 }
`

/** How late a timer of five milliseconds is, all the time that others work. */
const waits = Effect.gen(function* () {
  const late: Array<number> = []
  const watch = Effect.gen(function* () {
    const began = performance.now()
    yield* Effect.sleep("5 millis")
    late.push(performance.now() - began - 5)
  })
  return { late, fiber: yield* Effect.fork(Effect.forever(watch)) }
})

const seconds = (value: number): string => `${value.toFixed(2)} s`
const millis = (value: number): string => `${value.toFixed(1)} ms`

export const bench = Effect.gen(function* () {
  const { strategy } = yield* Either.match(StrategyFile.parse("bench.yaml", text), {
    onLeft: Effect.fail,
    onRight: Effect.succeed,
  })
  const candles = Walk.candles(Float64Array.from({ length: bars }, (_, index) => index * minute))
  const given = [{ symbol: Symbol.Symbol.make("AAPL"), candles: new Map([["1m" as const, candles]]) }]
  const times: Array<number> = []
  const busy: Array<number> = []
  const { late, fiber } = yield* waits
  let made: Dataset.Dataset | undefined
  for (let run = 0; run < runs; run++) {
    const began = performance.now()
    const before = process.cpuUsage()
    made = yield* Dataset.make(strategy, given)
    const { user, system } = process.cpuUsage(before)
    times.push((performance.now() - began) / 1000)
    busy.push((user + system) / 1e6)
  }
  yield* Fiber.interrupt(fiber)
  const began = performance.now()
  yield* Causality.audit(strategy, given, 7)
  const audit = (performance.now() - began) / 1000
  const { rows, features, parts } = made!
  yield* Console.log(
    table([
      [`median of ${runs}`, "processor", "bars", "rows", "features", "train / validation / test"],
      [
        `${seconds(median(times))} (to reach: ${seconds(most)})`,
        seconds(median(busy)),
        bars.toLocaleString("en-US"),
        rows.toLocaleString("en-US"),
        String(features.length),
        Object.values(parts)
          .map(({ from, to }) => (to - from).toLocaleString("en-US"))
          .join(" / "),
      ],
    ]),
  )
  yield* Console.log(
    `a timer meanwhile is late by ${millis(median(late))} (median), ${millis(quantile(late, 0.99))} (p99), ${millis(Math.max(...late))} (most); the audit of 16 prefixes takes ${seconds(audit)}`,
  )
  yield* Console.log(
    JSON.stringify({ bench: "features", rows: bars, seconds: Number(median(times).toFixed(3)) }),
  )
})
