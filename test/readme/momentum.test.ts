import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Candle, LoadData, OperationStore, Operations, Symbol } from "ktrdr"
import * as Main from "ktrdr/node/Main"
import { Momentum, registry } from "./momentum.js"

const rising = Array.from({ length: 300 }, (_, day) => {
  const [start, price] = [Date.UTC(2024, 0, 1 + day), 1 + day]
  return { start, open: price, high: price, low: price, close: price, volume: null }
})
const symbol = Symbol.Symbol.make("SPX")
const memory = Main.layerTest([{ symbol, timeframe: "1d", candles: Candle.fromRows(rising) }])

it.live("a rising market only rises, and can be told to stop", () =>
  Effect.gen(function* () {
    const operations = yield* Operations.Operations
    expect(yield* Operations.run(Momentum, { symbol, days: [20, 200] })).toEqual([1, 1])
    yield* operations.start(LoadData.LoadData, LoadData.Payload.make({ symbol, timeframe: "1d" }))
    const { id } = yield* operations.start(Momentum, { symbol, days: [20] })
    expect(yield* operations.cancel(id, { reason: "enough" })).toMatchObject({
      record: { status: "cancelled" },
    })
    const list = (yield* operations.list({ statuses: ["completed"] })).operations
    expect(list.map(({ message }) => message)).toContain("Momentum of 200 days, 2/2")
  }).pipe(Effect.provide(Layer.provide(registry, Layer.merge(memory, OperationStore.layerMemory)))),
)
