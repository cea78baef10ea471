import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Schema } from "effect"
import { DataError, DataManager, LoadData, Operation, Operations, Progress, Symbol } from "ktrdr"
import * as Main from "ktrdr/node/Main"

export const Momentum = Operation.make("momentum", {
  version: 1,
  payload: Schema.Struct({ symbol: Symbol.Symbol, days: Schema.Array(Schema.Int) }),
  success: Schema.Array(Schema.Number),
  error: DataError.DataError,
  context: Schema.Struct({ window: Schema.Int }),
  idempotencyKey: ({ symbol, days }) => `${symbol} ${days}`,
  resume: "again",
  estimate: ({ days }) => ({ key: "momentum", units: days.length }),
  render: ({ items }, { window }) => `Momentum of ${window} days, ${items?.done}/${items?.total}`,
})

/** Loads what is missing; for each window, the share of days that closed above the close so many days before. */
export const layer = Momentum.toLayer(({ symbol, days }) =>
  Effect.gen(function* () {
    const series = { symbol, timeframe: "1d", session: "regular" } as const
    yield* LoadData.run({ ...series, mode: "full" })
    const { close } = yield* Effect.flatMap(DataManager.DataManager, (manager) => manager.show(series))
    const share = (window: number) =>
      close.filter((price, day) => price > close[day - window]!).length / (close.length - window)
    return yield* Progress.forEach(days, (window) => Effect.as(Momentum.annotate({ window }), share(window)))
  }),
)

export const registry = Layer.provide(
  Operations.layer(Operation.group(LoadData.LoadData, Momentum), { limits: { data_load: 4 } }),
  layer,
)

if (process.argv[1] === import.meta.filename) {
  const bars = Main.layerLoad(Main.layerEmbedded({ seed: 1 }), Main.layerStore)
  const system = Layer.provide(registry, Layer.merge(bars, Main.layerRecords))
  const momentum = Operations.run(Momentum, { symbol: Symbol.Symbol.make("SPX"), days: [20, 200] })
  NodeRuntime.runMain(momentum.pipe(Effect.flatMap(Console.log), Effect.provide(system)))
}
