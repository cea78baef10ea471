import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Candle, Progress, Symbol } from "ktrdr"
import * as Main from "ktrdr/node/Main"
import { momentum } from "./momentum.js"

const rising = Array.from({ length: 300 }, (_, day) => {
  const [start, price] = [Date.UTC(2024, 0, 1 + day), 1 + day]
  return { start, open: price, high: price, low: price, close: price, volume: null }
})
const series = {
  symbol: Symbol.Symbol.make("SPX"),
  timeframe: "1d",
  candles: Candle.fromRows(rising),
} as const

it.live("a rising market is always above its average, and the progress tells the way", () =>
  Effect.gen(function* () {
    const { days, above, missing } = yield* momentum
    expect({ above, missing }).toEqual({ above: days - 199, missing: 0 })
    const snapshots = yield* Effect.flatMap(Progress.Recorder, (recorder) => recorder.snapshots)
    expect(snapshots.map(({ path }) => path.join(" > "))).toContain("momentum > data_load > fetch")
  }).pipe(Effect.provide(Layer.merge(Main.layerTest([series]), Progress.layerTest))),
)
