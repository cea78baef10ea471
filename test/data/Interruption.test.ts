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
import * as Candle from "../../src/data/Candle.js"
import * as Parquet from "../../src/data/CandleStore/Parquet.js"
import * as DataManager from "../../src/data/DataManager.js"
import type * as LoadReport from "../../src/data/LoadReport.js"
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

/** Whole numbers below a bound, the same ones for the same seed. */
const seeded = (seed: number) => {
  let state = seed
  return {
    next: (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    },
  }
}

const complete = Effect.gen(function* () {
  const manager = yield* DataManager.DataManager
  const report = yield* manager.load(load)
  expect(report.given_up).toEqual([])
  return report
})

/** Starts the load and interrupts it after so many milliseconds and turns of the scheduler. */
const interrupted = (millis: number, turns: number) =>
  Effect.gen(function* () {
    const manager = yield* DataManager.DataManager
    const fiber = yield* Effect.fork(manager.load(load))
    yield* Effect.sleep(millis)
    yield* Effect.repeatN(Effect.yieldNow(), turns)
    return Exit.isInterrupted(yield* Fiber.interrupt(fiber))
  })

it.live(
  "200 seeded interruptions, each resumed: the files have the bytes of an uninterrupted load",
  () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const reference = yield* fs.makeTempDirectoryScoped()
      const whole = yield* Effect.provide(complete, system(reference, withHoles))
      const truth = yield* hashes(reference)
      expect(whole.no_data).toBeGreaterThan(0)
      expect(Object.keys(truth).filter((name) => name.endsWith(".parquet"))).toHaveLength(2)
      const random = seeded(20_240_301)
      const kept = new Set<number>()
      let cut = 0
      const cutting = Effect.suspend(() => interrupted(random.next(45), random.next(40)))
      const judge = (directory: string, wasInterrupted: boolean, report: LoadReport.LoadReport) =>
        Effect.gen(function* () {
          if (wasInterrupted) cut++
          kept.add(whole.fetched - report.fetched)
          expect(report).toMatchObject({ present: whole.present, no_data: whole.no_data })
          expect(yield* hashes(directory)).toEqual(truth)
          yield* fs.remove(`${directory}/candles`, { recursive: true })
        })
      const inOneProgram = Effect.gen(function* () {
        const directory = yield* fs.makeTempDirectoryScoped()
        const trial = Effect.flatMap(Effect.zip(cutting, complete), ([was, report]) =>
          judge(directory, was, report),
        )
        yield* Effect.provide(Effect.repeatN(trial, 174), system(directory, withHoles))
      })
      const acrossPrograms = Effect.gen(function* () {
        const directory = yield* fs.makeTempDirectoryScoped()
        const was = yield* Effect.provide(cutting, system(directory, withHoles))
        yield* judge(directory, was, yield* Effect.provide(complete, system(directory, withHoles)))
      })
      yield* Effect.scoped(inOneProgram)
      yield* Effect.scoped(Effect.repeatN(acrossPrograms, 24))
      expect(cut).toBeGreaterThan(100)
      expect(kept.size).toBeGreaterThan(4)
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer)),
  120_000,
)
