/** Loads from an IB host into Parquet stores, through faults, and what is wrong with what they leave. */
import { createServer } from "node:https"
import { tmpdir } from "node:os"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Candle from "../../src/data/Candle.js"
import * as Parquet from "../../src/data/CandleStore/Parquet.js"
import { CandleStore } from "../../src/data/CandleStore.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as LoadReport from "../../src/data/LoadReport.js"
import * as Symbol from "../../src/data/Symbol.js"
import type * as HostConfig from "../../src/HostConfig.js"
import * as IbCandleSource from "../../src/hosts/ib/IbCandleSource.js"
import * as IbPacing from "../../src/hosts/ib/IbPacing.js"
import * as IbServer from "../../src/hosts/ib/IbServer.js"
import * as Http from "../../src/node/Http.js"
import { market, serve } from "../hosts/ib/Hosts.js"
import { isIn } from "./CrashedStore.js"
import * as FaultCases from "./FaultCases.js"
import { hashes } from "./files.js"
import * as SelfSigned from "./SelfSigned.js"

const series = {
  symbol: Either.getOrThrow(Symbol.parse("AAPL")),
  timeframe: "1h",
  session: "regular",
} as const

/** Half a year: so few requests that all are under way at once. */
const order = {
  ...series,
  mode: "full",
  start: Date.UTC(2023, 0, 1),
  end: Date.UTC(2023, 6, 1),
} as const

/**
 * The longest that a load may take through faults: its listing, then three tries of its segments with their pauses, a
 * call each, and the store.
 */
const within = 4 * FaultCases.deadline + 8000

/** Loads cases, each into a store of its own, that are compared with a load without faults. */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = fs.makeTempDirectoryScoped({ directory: tmpdir(), prefix: "ktrdr-faults-" })
  const url = yield* serve()
  const hosts: ReadonlyArray<FaultCases.Host> = [{ port: Number(new URL(url).port) }, yield* secure]
  const sound: HostConfig.Options = { baseUrl: url }

  const reference = yield* folder
  yield* load(reference, sound)
  const truth = { files: yield* hashes(reference), bars: yield* read(reference) }

  const one = (seed: number): Effect.Effect<FaultCases.Verdict, unknown> =>
    Effect.gen(function* () {
      const directory = yield* folder
      const it = yield* FaultCases.make(seed, hosts, { longest: 600 })
      const began = performance.now()
      const ended = yield* FaultCases.run(it, within, load(directory, it.client))
      const millis = performance.now() - began
      const judged = FaultCases.judge(it, ended)
      const befell = FaultCases.befell(it)
      if (Option.isNone(ended)) return { kind: "load", seed, ...judged, befell, millis } as const
      const flaws = [...judged.flaws]

      const bars = yield* read(directory)
      const wrong = bars.start.findIndex((_, index) => !isIn(truth.bars, bars, index))
      if (wrong >= 0) flaws.push({ flaw: "lost", found: `bar ${wrong} is not that of the host` })
      const again = bars.start.findIndex((start, index) => index > 0 && start <= bars.start[index - 1]!)
      if (again >= 0) flaws.push({ flaw: "doubled", found: `bar ${again} is there twice` })
      const report = Exit.isSuccess(ended.value) ? ended.value.value : undefined
      const counted = report?.present ?? 0
      if (counted > Candle.size(bars)) {
        flaws.push({ flaw: "lost", found: `${counted} bars were counted, ${Candle.size(bars)} are there` })
      }
      const isComplete = report !== undefined && LoadReport.isComplete(report)
      if (isComplete && counted < Candle.size(truth.bars)) {
        flaws.push({ flaw: "lost", found: `complete with ${counted} bars` })
      }

      yield* load(directory, sound)
      if (JSON.stringify(yield* hashes(directory)) !== JSON.stringify(truth.files)) {
        flaws.push({ flaw: "lost", found: "the load without faults after it gives other bytes" })
      }
      const word = judged.ended === "complete" && !isComplete ? "incomplete" : judged.ended
      return { kind: "load", seed, ...judged, ended: word, befell, flaws, millis } as const
    }).pipe(Effect.scoped, Effect.provide(context))

  const context = yield* Effect.context<FileSystem.FileSystem>()
  return { one }
})

// ---------------------------------------------------------------------------------------------------------

/** The same host over https. */
const secure = Effect.gen(function* () {
  const pair = SelfSigned.make()
  const http = NodeHttpServer.layerServer(() => createServer(pair), { host: "127.0.0.1", port: 0 })
  const served = IbServer.layer().pipe(Layer.provide(market), Layer.provideMerge(http))
  const url = yield* Effect.flatMap(Layer.build(served), (context) => Effect.provide(Http.url, context))
  return { port: Number(new URL(url).port), ca: pair.cert }
})

const store = (directory: string) =>
  Layer.provide(Parquet.layer({ directory, threads: 1 }), NodeContext.layer)

const load = (directory: string, client: HostConfig.Options) =>
  Effect.flatMap(DataManager.DataManager, (manager) => manager.load(order)).pipe(
    Effect.provide(
      DataManager.layer.pipe(
        Layer.provide(store(directory)),
        Layer.provide(IbCandleSource.layerHost(client)),
      ),
    ),
    Effect.provideService(IbPacing.PacingMode, "none"),
  )

const read = (directory: string) =>
  Effect.flatMap(CandleStore, ({ read }) => read(series)).pipe(Effect.provide(store(directory)))
