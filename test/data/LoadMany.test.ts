import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as CandleSource from "../../src/data/CandleSource.js"
import * as CandleStore from "../../src/data/CandleStore.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as LoadData from "../../src/data/LoadData.js"
import * as LoadMany from "../../src/data/LoadMany.js"
import * as Symbol from "../../src/data/Symbol.js"
import type { Timeframe } from "../../src/data/Timeframe.js"
import * as Progress from "../../src/Progress.js"
import type { ProgressSnapshot } from "../../src/ProgressSnapshot.js"
import { day } from "../utils/Calendars.js"
import { candles, monday } from "../utils/DailyBars.js"
import * as FaultySource from "../utils/FaultySource.js"

const names = ["AAPL", "MSFT", "IBM", "KO", "PG", "JNJ", "XOM", "WMT"]
const archive = CandleSource.layerMemory({
  series: names.map((name) => ({ symbol: Symbol.Symbol.make(name), timeframe: "1d", candles })),
})

const load = (symbol: string, timeframe: Timeframe = "1d") =>
  LoadData.Payload.make({ symbol: Symbol.Symbol.make(symbol), timeframe, mode: "full" })
const payload = (symbols: ReadonlyArray<string>): LoadMany.Payload => {
  const [first, ...others] = symbols.map((symbol) => load(symbol))
  return { loads: [first!, ...others] }
}

const over = (source: Layer.Layer<CandleSource.CandleSource>) =>
  LoadMany.layer.pipe(
    Layer.provideMerge(LoadData.layer),
    Layer.provideMerge(DataManager.layer),
    Layer.provideMerge(CandleStore.layerMemory),
    Layer.provide(source),
  )

const decided = (decide: FaultySource.Decide) =>
  over(
    Layer.provide(
      Layer.effect(
        CandleSource.CandleSource,
        Effect.map(CandleSource.CandleSource, (source) => ({
          ...FaultySource.wrap(source, decide),
          concurrency: 16,
        })),
      ),
      archive,
    ),
  )

/** What the listener was told, and the symbols of what settled. */
const listening = (told: Array<string>, settled: Array<string> = []) =>
  Effect.provideService(LoadMany.Listener, {
    settled: ({ payload }) => Effect.sync(() => void settled.push(payload.symbol)),
    told: ({ payload, result }) =>
      Effect.sync(() => void told.push(`${payload.symbol} ${Either.isRight(result) ? "loaded" : "failed"}`)),
  })

const later = TestClock.setTime(monday + 30 * day)

describe("LoadMany", () => {
  it.effect("reports every series in the order asked for", () =>
    Effect.gen(function* () {
      yield* later
      const outcomes = yield* LoadMany.LoadMany.run(payload(names))
      expect(outcomes.map(({ payload }) => payload.symbol)).toEqual(names)
      for (const { payload, result } of outcomes) {
        expect(Either.getOrThrow(result)).toMatchObject({ symbol: payload.symbol, present: 5, expected: 5 })
      }
    }).pipe(Effect.provide(over(archive))),
  )

  it.effect("goes on where one fails, and fails with all outcomes at the end", () =>
    Effect.gen(function* () {
      yield* later
      const told: Array<string> = []
      const error = yield* Effect.flip(
        LoadMany.LoadMany.run(payload(["AAPL", "NONE", "IBM", "GONE", "KO"])).pipe(listening(told)),
      )
      expect(error.outcomes.map(({ result }) => Either.isRight(result))).toEqual([
        true,
        false,
        true,
        false,
        true,
      ])
      expect(error.message).toBe(
        "2 of 5 series could not be loaded: NONE 1d (UnknownSymbol), GONE 1d (UnknownSymbol)",
      )
      expect(told).toEqual(["AAPL loaded", "NONE failed", "IBM loaded", "GONE failed", "KO loaded"])
      const store = yield* CandleStore.CandleStore
      expect((yield* store.list).map(({ series, rows }) => [series.symbol, rows])).toEqual([
        ["AAPL", 5],
        ["IBM", 5],
        ["KO", 5],
      ])
    }).pipe(Effect.provide(over(archive))),
  )

  it.effect("holds an outcome back until those before it are told", () =>
    Effect.gen(function* () {
      yield* later
      const first = yield* Deferred.make<void>()
      const others = yield* Deferred.make<void>()
      let arrived = 0
      const told: Array<string> = []
      const slowFirst = decided(({ series }, answer) =>
        series.symbol === "AAPL"
          ? Effect.zipRight(Deferred.await(first), answer)
          : Effect.tap(answer, () => (++arrived === 3 ? Deferred.succeed(others, undefined) : Effect.void)),
      )
      yield* Effect.gen(function* () {
        const symbols = ["AAPL", "MSFT", "IBM", "KO"]
        const settled: Array<string> = []
        const fiber = yield* LoadMany.LoadMany.run(payload(symbols)).pipe(
          listening(told, settled),
          Effect.fork,
        )
        yield* Deferred.await(others)
        yield* TestClock.adjust("1 second")
        expect(settled.toSorted()).toEqual(["IBM", "KO", "MSFT"])
        expect(told).toEqual([])
        yield* Deferred.succeed(first, undefined)
        yield* fiber
        expect(told).toEqual(symbols.map((symbol) => `${symbol} loaded`))
      }).pipe(Effect.provide(slowFirst))
    }),
  )

  it.effect("loads four series at a time where nothing else is said", () =>
    Effect.gen(function* () {
      yield* later
      for (const [concurrency, most] of [
        [undefined, 4],
        [1, 1],
        [7, 7],
      ] as const) {
        let open = 0
        let widest = 0
        const counting = decided((_, answer) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              widest = Math.max(widest, ++open)
            }),
            () => Effect.zipRight(Effect.sleep("1 second"), answer),
            () => Effect.sync(() => open--),
          ),
        )
        const all = LoadMany.all(
          names.map((name) => load(name)),
          concurrency === undefined ? {} : { concurrency },
        )
        const fiber = yield* Effect.fork(Effect.provide(all, counting))
        while (fiber.unsafePoll() === null) yield* TestClock.adjust("1 second")
        expect((yield* fiber).every(({ result }) => Either.isRight(result))).toBe(true)
        expect(widest).toBe(most)
      }
    }),
  )

  it.effect("keeps what arrived when it is interrupted, and tells of nothing that did not", () =>
    Effect.gen(function* () {
      yield* later
      const stuck = yield* Deferred.make<void>()
      const told: Array<string> = []
      const hanging = decided(({ series }, answer) =>
        series.symbol === "IBM" ? Effect.zipRight(Deferred.succeed(stuck, undefined), Effect.never) : answer,
      )
      yield* Effect.gen(function* () {
        const run = LoadMany.LoadMany.run(payload(["AAPL", "MSFT", "IBM", "KO"])).pipe(listening(told))
        const fiber = yield* Effect.fork(run)
        yield* Deferred.await(stuck)
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(fiber)
        expect(told).toEqual(["AAPL loaded", "MSFT loaded"])
        const store = yield* CandleStore.CandleStore
        expect((yield* store.list).map(({ series }) => series.symbol)).toEqual(["AAPL", "KO", "MSFT"])
      }).pipe(Effect.provide(hanging))
    }),
  )

  it.effect("is one tree of progress with a step a series, and counts series", () =>
    Effect.gen(function* () {
      yield* later
      const stuck = yield* Deferred.make<void>()
      const seen: Array<ProgressSnapshot> = []
      const hanging = decided(({ series }, answer) =>
        series.symbol === "IBM" ? Effect.zipRight(Deferred.succeed(stuck, undefined), Effect.never) : answer,
      )
      const { loads } = payload(["AAPL", "MSFT", "IBM"])
      const fiber = yield* LoadMany.LoadMany.run({ loads: [...loads, load("KO", "1h")] }).pipe(
        Progress.observe({ observer: (snapshot) => Effect.sync(() => void seen.push(snapshot)) }),
        Effect.provide(hanging),
        Effect.fork,
      )
      yield* Deferred.await(stuck)
      yield* TestClock.adjust("1 second")
      const { steps, message, context } = seen.at(-1)!
      expect(message).toBe("Loading AAPL, MSFT (+2 more) data (full mode) · 3/4 series")
      expect(context).toMatchObject({ symbols: ["AAPL", "MSFT", "IBM", "KO"], mode: "full" })
      expect(context).not.toHaveProperty("timeframe")
      const many = steps.find(({ items }) => items?.unit === "series")!
      expect(steps.filter(({ parent }) => parent === many.id).map(({ name }) => name)).toContain("IBM 1d")
      yield* Fiber.interrupt(fiber)
      expect(seen.at(-1)?.status).toBe("cancelled")
    }),
  )

  it.effect("takes a series that is asked for twice one after the other", () =>
    Effect.gen(function* () {
      yield* later
      const outcomes = yield* LoadMany.LoadMany.run(payload(["AAPL", "AAPL", "AAPL"]))
      const reports = outcomes.map(({ result }) => Either.getOrThrow(result))
      expect(reports.map(({ present }) => present)).toEqual([5, 5, 5])
    }).pipe(Effect.provide(over(archive))),
  )

  it("has outcomes that survive the way through JSON", () => {
    const schema = Schema.parseJson(LoadMany.LoadManyError)
    const error = new LoadMany.LoadManyError({
      outcomes: [{ payload: load("AAPL"), result: Either.left(FaultySource.failure("Timeout")) }],
    })
    const again = Schema.decodeSync(schema)(Schema.encodeSync(schema)(error))
    expect(again.message).toBe("1 of 1 series could not be loaded: AAPL 1d (Timeout)")
    expect(again.outcomes[0]?.result).toMatchObject({ left: { reason: "Timeout", advice: "Try again" } })
  })

  it("has one key for the same loads, and another for others", () => {
    const key = LoadMany.LoadMany.definition.idempotencyKey
    expect(key(payload(["AAPL", "MSFT"]))).toBe(key(payload(["AAPL", "MSFT"])))
    expect(key(payload(["AAPL", "MSFT"]))).not.toBe(key(payload(["MSFT", "AAPL"])))
    expect(key(payload(["AAPL"]))).not.toBe(key({ loads: [load("AAPL", "1h")] }))
  })
})
