import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { DataManager, LoadData, Progress, Symbol } from "ktrdr"
import * as Main from "ktrdr/node/Main"

const spx = { symbol: Symbol.Symbol.make("SPX"), timeframe: "1d", session: "regular" } as const

/** Loads what is missing, then counts the days that closed above the average of the last 200. */
export const momentum = Effect.gen(function* () {
  const report = yield* LoadData.run({ ...spx, mode: "full" })
  const { close } = yield* Effect.flatMap(DataManager.DataManager, (manager) => manager.show(spx))
  const average = (day: number) => close.subarray(day - 199, day + 1).reduce((a, b) => a + b) / 200
  const above = close.filter((price, day) => day >= 199 && price > average(day)).length
  return { days: close.length, above, missing: report.expected - report.present }
}).pipe(Progress.step("momentum"))

if (process.argv[1] === import.meta.filename) {
  momentum.pipe(
    Progress.observe({ observer: ({ message }) => Console.error(message), interval: 1000 }),
    Effect.flatMap(Console.log),
    Effect.provide(Main.layerLoad(Main.layerEmbedded({ seed: 1 }), Main.layerStore)),
    NodeRuntime.runMain,
  )
}
