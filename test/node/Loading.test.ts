import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { Payload } from "../../src/data/LoadData.js"
import * as Symbol from "../../src/data/Symbol.js"
import { KeptBars } from "../../src/node/KeptBars.js"
import * as Loading from "../../src/node/Loading.js"
import * as Main from "../../src/node/Main.js"
import type { ProgressSnapshot } from "../../src/ProgressSnapshot.js"
import { candles, monday } from "../utils/DailyBars.js"

const day = 24 * 3600 * 1000
const series = ["AAPL", "MSFT", "IBM", "KO"].map((name) => ({
  symbol: Symbol.Symbol.make(name),
  timeframe: "1d" as const,
  candles,
}))
const payload = (symbol: string) => Schema.decodeSync(Payload)({ symbol, timeframe: "1d", mode: "full" })

const load = (symbols: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(monday + 30 * day)
    const told: Array<ProgressSnapshot> = []
    const observer = (snapshot: ProgressSnapshot) => Effect.sync(() => void told.push(snapshot))
    const fiber = yield* Effect.fork(Loading.run(symbols.map(payload), { observer }))
    for (let turn = 0; turn < 50; turn++) yield* TestClock.adjust(20)
    const outcomes = yield* fiber
    return { outcomes, last: told.at(-1)!, kept: (yield* KeptBars).count }
  }).pipe(Effect.provide(Main.layerTest(series)))

describe("Loading.run", () => {
  it.effect("loads one series as the operation that is watched", () =>
    Effect.gen(function* () {
      const { outcomes, last, kept } = yield* load(["AAPL"])
      expect(outcomes.map(({ result }) => Either.map(result, (_) => _.present))).toEqual([Either.right(5)])
      expect(last).toMatchObject({ status: "completed", fraction: 1, kind: "data_load" })
      expect(last.operationId).toMatch(/^op_data_load_20240207_\d{6}_[0-9a-f]{8}$/)
      expect(last.message).toBe("Loading AAPL 1d data (full mode) [5/5]")
      expect(kept).toBe(5)
    }),
  )

  it.effect("loads several, one report each in their order, and counts series", () =>
    Effect.gen(function* () {
      const { outcomes, last, kept } = yield* load(["AAPL", "MSFT", "IBM", "KO"])
      expect(outcomes.map(({ payload }) => payload.symbol)).toEqual(["AAPL", "MSFT", "IBM", "KO"])
      expect(outcomes.every(({ result }) => Either.isRight(result))).toBe(true)
      expect(last).toMatchObject({ status: "completed", fraction: 1 })
      expect(last.message).toBe("Loading AAPL, MSFT (+2 more) 1d data (full mode) · 4/4 series")
      expect(kept).toBe(20)
    }),
  )

  it.effect("goes on when a series fails, and then is not a success", () =>
    Effect.gen(function* () {
      const { outcomes, last } = yield* load(["AAPL", "NONE", "KO"])
      expect(outcomes.map(({ result }) => Either.isRight(result))).toEqual([true, false, true])
      expect(last.status).toBe("failed")
      expect(last.fraction).toBeLessThan(1)
      const alone = yield* load(["NONE"])
      expect(alone.last.status).toBe("failed")
      expect(Either.flip(alone.outcomes[0]!.result)).toMatchObject({ right: { reason: "UnknownSymbol" } })
    }),
  )
})
