/**
 * Cancelling loses nothing: whatever moment a load is interrupted at, and however often, the load that
 * completes it leaves the files of a load that was never interrupted.
 */

import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Candle from "../../src/data/Candle.js"
import * as Parquet from "../../src/data/CandleStore/Parquet.js"
import * as CandleStore from "../../src/data/CandleStore.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as SimulatedMarket from "../../src/hosts/ib/SimulatedMarket.js"
import * as FaultySource from "../utils/FaultySource.js"
import { hashes } from "../utils/files.js"

const symbol = Either.getOrThrow(Symbol.parse("MSFT"))
const series = { symbol, timeframe: "5m", session: "regular" } as const
const load = { ...series, mode: "full", start: Date.UTC(2023, 10, 1), end: Date.UTC(2024, 2, 1) } as const
const market = SimulatedMarket.make({ seed: 11 })

/** A quarter of the bars of every other segment do not exist, so that verdicts are part of what must survive. */
const withHoles: FaultySource.Decide = ({ range }, answer) =>
  Effect.map(Effect.delay(answer, 1), (candles) =>
    (range.start / 86_400_000) % 2 < 1
      ? Candle.slice(candles, Candle.size(candles) >> 2, Candle.size(candles))
      : candles,
  )

const system = (directory: string, decide: FaultySource.Decide) =>
  DataManager.layer.pipe(
    Layer.provideMerge(Parquet.layer({ directory })),
    Layer.provide(FaultySource.layer({ ...market, concurrency: 3 }, decide)),
  )

const complete = (directory: string) =>
  Effect.gen(function* () {
    const manager = yield* DataManager.DataManager
    const report = yield* manager.load(load)
    expect(report.given_up).toEqual([])
    return report
  }).pipe(Effect.provide(system(directory, withHoles)))

/** Starts the load, interrupts it after so many milliseconds and turns of the scheduler, and counts what it kept. */
const interrupted = (directory: string, millis: number, turns: number) =>
  Effect.gen(function* () {
    const manager = yield* DataManager.DataManager
    const store = yield* CandleStore.CandleStore
    const fiber = yield* Effect.fork(manager.load(load))
    yield* Effect.sleep(millis)
    yield* Effect.repeatN(Effect.yieldNow(), turns)
    const exit = yield* Fiber.interrupt(fiber)
    const kept = Option.match(yield* store.describe(series), { onNone: () => 0, onSome: (_) => _.rows })
    return { kept, wasInterrupted: Exit.isInterrupted(exit) }
  }).pipe(Effect.provide(system(directory, withHoles)))

it.live(
  "200 seeded interruptions, each resumed: the files have the bytes of an uninterrupted load",
  () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const reference = yield* fs.makeTempDirectoryScoped()
      const whole = yield* complete(reference)
      const truth = yield* hashes(reference)
      expect(whole.no_data).toBeGreaterThan(0)
      expect(Object.keys(truth).filter((name) => name.endsWith(".parquet"))).toHaveLength(2)
      let random = 20_240_301
      const next = (below: number) => {
        random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0
        return Math.floor((random / 2 ** 32) * below)
      }
      let cut = 0
      const kept = new Set<number>()
      for (let trial = 0; trial < 200; trial++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const directory = yield* fs.makeTempDirectoryScoped()
            const first = yield* interrupted(directory, next(45), next(40))
            if (first.wasInterrupted) cut++
            kept.add(first.kept)
            const report = yield* complete(directory)
            expect(report.present).toBe(whole.present)
            expect(report.fetched).toBeLessThanOrEqual(whole.present - first.kept)
            expect(yield* hashes(directory)).toEqual(truth)
          }),
        )
      }
      expect(cut).toBeGreaterThan(100)
      expect(kept.size).toBeGreaterThan(4)
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer)),
  120_000,
)
