import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Candle from "../../src/data/Candle.js"
import * as CandleSource from "../../src/data/CandleSource.js"
import * as CandleStore from "../../src/data/CandleStore.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as Symbol from "../../src/data/Symbol.js"
import { OperationFence } from "../../src/OperationFence.js"
import { day } from "../utils/Calendars.js"
import { candles, monday } from "../utils/DailyBars.js"

const request = {
  symbol: Symbol.Symbol.make("AAPL"),
  timeframe: "1d",
  session: "regular",
  mode: "full",
  recheck: false,
} as const

const system = DataManager.layer.pipe(
  Layer.provide(CandleSource.layerMemory({ series: [{ ...request, candles }] })),
  Layer.provideMerge(CandleStore.layerMemory),
)

/** Loads under a fence that lets `owned` writes pass; what is stored then. */
const load = (owned: number) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(monday + 30 * day)
    let checks = 0
    const check = Effect.suspend(() => (++checks > owned ? Effect.interrupt : Effect.void))
    const manager = yield* DataManager.DataManager
    const exit = yield* Effect.exit(Effect.provideService(manager.load(request), OperationFence, { check }))
    const store = yield* CandleStore.CandleStore
    const stored = yield* store.read(request)
    return { isInterrupted: Exit.isInterrupted(exit), checks, bars: Candle.size(stored) }
  }).pipe(Effect.provide(system))

it.effect("a load that is owned no more is interrupted before it writes", () =>
  Effect.gen(function* () {
    expect(yield* load(Number.POSITIVE_INFINITY)).toMatchObject({ isInterrupted: false, checks: 2, bars: 5 })
    expect(yield* load(1)).toMatchObject({ isInterrupted: true, checks: 2, bars: 5 })
    expect(yield* load(0)).toMatchObject({ isInterrupted: true, checks: 1, bars: 0 })
  }),
)
