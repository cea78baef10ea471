import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Candle from "../../src/data/Candle.js"
import * as CandleSource from "../../src/data/CandleSource.js"
import * as CandleStore from "../../src/data/CandleStore.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as LoadData from "../../src/data/LoadData.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as SimulatedMarket from "../../src/hosts/ib/SimulatedMarket.js"
import * as Progress from "../../src/Progress.js"
import * as FaultySource from "../utils/FaultySource.js"

const symbol = Either.getOrThrow(Symbol.parse("AAPL"))
const series = { symbol, timeframe: "1h", session: "regular" } as const
const market = SimulatedMarket.make({ seed: 7 })
const start = Date.UTC(2024, 0, 1)
const end = Date.UTC(2024, 6, 1)
const load = { ...series, mode: "full", start, end } as const

const system = (decide?: FaultySource.Decide) =>
  DataManager.layer.pipe(
    Layer.provideMerge(CandleStore.layerMemory),
    Layer.provideMerge(FaultySource.layer(market, decide)),
  )

const at = (date: number) => TestClock.setTime(date)

/** Runs what sleeps under the test clock to its end. */
const driven = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    const clock = yield* Effect.fork(
      Effect.forever(Effect.zipRight(Effect.yieldNow(), TestClock.adjust(100))),
    )
    const exit = yield* Fiber.await(fiber)
    yield* Fiber.interrupt(clock)
    return yield* exit
  })

describe("load", () => {
  it.effect("full brings every expected bar, and a second load makes no request", () =>
    Effect.gen(function* () {
      yield* at(Date.UTC(2025, 0, 1))
      const manager = yield* DataManager.DataManager
      const first = yield* driven(manager.load(load))
      expect(first).toMatchObject({
        present: first.expected,
        pending: 0,
        unexpected: 0,
        given_up: [],
        issues: [],
      })
      expect(first.expected).toBeGreaterThan(800)
      expect(first.fetched).toBe(first.expected)
      expect(first.requests).toBe(1 + 6)
      const truth = yield* market.fetch({
        series,
        instrument: (yield* market.validate(symbol, "1h")).instrument,
        range: { start, end },
      })
      expect(yield* manager.show(series)).toEqual(truth)
      const second = yield* driven(manager.load(load))
      expect(second).toMatchObject({ present: first.expected, fetched: 0, requests: 0, issues: null })
    }).pipe(Effect.provide(system())),
  )

  it.effect("full fills a hole in the middle with requests for the hole alone", () =>
    Effect.gen(function* () {
      yield* at(Date.UTC(2025, 0, 1))
      const asked: Array<number> = []
      const test = Effect.gen(function* () {
        const manager = yield* DataManager.DataManager
        yield* driven(manager.load({ ...load, end: Date.UTC(2024, 1, 1) }))
        yield* driven(manager.load({ ...load, start: Date.UTC(2024, 3, 1) }))
        asked.length = 0
        const report = yield* driven(manager.load(load))
        expect(report.present).toBe(report.expected)
        expect(Math.min(...asked)).toBeGreaterThanOrEqual(Date.UTC(2024, 1, 1))
        expect(Math.max(...asked)).toBeLessThan(Date.UTC(2024, 3, 1))
      })
      yield* Effect.provide(
        test,
        system(({ range }, answer) => {
          asked.push(range.start)
          return answer
        }),
      )
    }),
  )

  it.effect("tail fetches only what is newer, newest first; local fetches nothing", () =>
    Effect.gen(function* () {
      const asked: Array<number> = []
      const test = Effect.gen(function* () {
        const manager = yield* DataManager.DataManager
        yield* at(Date.UTC(2024, 6, 1))
        yield* driven(manager.load(load))
        yield* at(Date.UTC(2024, 9, 1, 15, 10))
        asked.length = 0
        const report = yield* driven(manager.load({ ...series, mode: "tail" }))
        expect(Math.min(...asked)).toBeGreaterThanOrEqual(Date.UTC(2024, 6, 1))
        expect(asked).toEqual(asked.toSorted((a, b) => b - a))
        const stored = yield* manager.show(series)
        expect(stored.start.at(-1)).toBe(Date.UTC(2024, 9, 1, 14))
        expect(report.present).toBe(report.expected)
        const local = yield* manager.load({ ...series, mode: "local" })
        expect(local).toMatchObject({ requests: 0, fetched: 0, present: local.expected })
      })
      yield* Effect.provide(
        test,
        system(({ range }, answer) => {
          asked.push(range.start)
          return answer
        }),
      )
    }),
  )

  it.effect("what the source does not have is remembered, and asked for again with recheck", () =>
    Effect.gen(function* () {
      yield* at(Date.UTC(2025, 0, 1))
      let withhold = true
      const hole = { start: Date.UTC(2024, 2, 4), end: Date.UTC(2024, 2, 5) }
      const test = Effect.gen(function* () {
        const manager = yield* DataManager.DataManager
        const first = yield* driven(manager.load(load))
        expect(first).toMatchObject({ no_data: 7, present: first.expected - 7, pending: 0 })
        expect(first.missing).toEqual([
          { start: Date.UTC(2024, 2, 4, 14, 30), end: Date.UTC(2024, 2, 4, 21) },
        ])
        withhold = false
        const second = yield* driven(manager.load(load))
        expect(second).toMatchObject({ requests: 0, no_data: 7 })
        const third = yield* driven(manager.load({ ...load, recheck: true }))
        expect(third).toMatchObject({ no_data: 0, present: first.expected, fetched: 7, requests: 2 })
      })
      const decide: FaultySource.Decide = (_, answer) =>
        Effect.map(answer, (candles) =>
          withhold
            ? Candle.concat([
                Candle.within(candles, { start: 0, end: hole.start }),
                Candle.within(candles, { start: hole.end, end }),
              ])
            : candles,
        )
      yield* Effect.provide(test, system(decide))
    }),
  )

  it.effect(
    "a transient failure of a segment is tried again; a lasting one is named and completed later",
    () =>
      Effect.gen(function* () {
        yield* at(Date.UTC(2025, 0, 1))
        let broken = true
        const test = Effect.gen(function* () {
          const manager = yield* DataManager.DataManager
          const first = yield* driven(manager.load(load))
          expect(first.given_up).toHaveLength(1)
          expect(first.given_up[0]).toMatchObject({ reason: "Malformed", bars: first.failed })
          expect(first.present + first.failed).toBe(first.expected)
          broken = false
          const second = yield* driven(manager.load(load))
          expect(second).toMatchObject({ present: first.expected, fetched: first.failed, failed: 0 })
        })
        const tried = new Set<number>()
        const decide: FaultySource.Decide = ({ range }, answer) => {
          if (broken && range.end > Date.UTC(2024, 5, 20))
            return Effect.fail(FaultySource.failure("Malformed"))
          if (tried.has(range.start)) return answer
          tried.add(range.start)
          return Effect.fail(FaultySource.failure("Timeout"))
        }
        yield* Effect.provide(test, system(decide))
      }),
  )

  it.effect("a refused segment is refused at once, and its bars have that verdict", () =>
    Effect.gen(function* () {
      yield* at(Date.UTC(2025, 0, 1))
      const manager = yield* DataManager.DataManager
      const report = yield* driven(manager.load(load))
      expect(report.refused).toBeGreaterThan(0)
      expect(report.requests).toBe(1 + 6)
    }).pipe(
      Effect.provide(
        system((_, answer, count) =>
          count === 3 ? Effect.fail(FaultySource.failure("NoPermission")) : answer,
        ),
      ),
    ),
  )

  it.effect("a pacing answer is waited for as long as it says, and shows as waiting", () =>
    Effect.gen(function* () {
      yield* at(Date.UTC(2025, 0, 1))
      const manager = yield* DataManager.DataManager
      const recorder = yield* Progress.Recorder
      const fiber = yield* Effect.fork(manager.load(load))
      const waiting = Effect.map(recorder.snapshot, (_) => _.waiting)
      const seen = yield* Effect.repeat(Effect.zipRight(TestClock.adjust(1), waiting), {
        until: (_) => _ !== null,
      })
      expect(seen?.reason).toContain("pacing")
      yield* TestClock.adjust(30_000)
      expect(fiber.unsafePoll()).toBeNull()
      yield* TestClock.adjust(31_000)
      const report = yield* driven(Fiber.join(fiber))
      expect(report.present).toBe(report.expected)
    }).pipe(
      Effect.provide(
        Layer.merge(
          system((_, answer, count) =>
            count === 1 ? Effect.fail(FaultySource.failure("Pacing", 60_000)) : answer,
          ),
          Progress.layerTest,
        ),
      ),
    ),
  )

  it.effect("all segments failing is an error that names the first cause", () =>
    Effect.gen(function* () {
      yield* at(Date.UTC(2025, 0, 1))
      const manager = yield* DataManager.DataManager
      const error = yield* Effect.flip(driven(manager.load(load)))
      expect(error.reason).toBe("NothingLoaded")
      expect(error.found).toContain("Unreachable")
    }).pipe(Effect.provide(system(() => Effect.fail(FaultySource.failure("Unreachable"))))),
  )

  it.effect("a source that went away is not asked for every segment that is left", () =>
    Effect.gen(function* () {
      yield* at(Date.UTC(2025, 0, 1))
      const manager = yield* DataManager.DataManager
      const report = yield* driven(manager.load({ ...series, mode: "full" }))
      expect(report.pending).toBeGreaterThan(0)
      expect(report.requests).toBeLessThan(120)
      expect(report.warnings.join()).toContain("could not be reached")
    }).pipe(
      Effect.provide(
        system((_, answer, count) => (count > 5 ? Effect.fail(FaultySource.failure("Unreachable")) : answer)),
      ),
    ),
  )

  it.effect("an unknown symbol fails with the suggestion, an end before the start with the place", () =>
    Effect.gen(function* () {
      yield* at(Date.UTC(2025, 0, 1))
      const manager = yield* DataManager.DataManager
      const unknown = Either.getOrThrow(Symbol.parse("APPL"))
      const error = yield* Effect.flip(manager.load({ ...load, symbol: unknown }))
      expect(error).toMatchObject({ reason: "UnknownSymbol", suggestion: "AAPL" })
      expect(yield* Effect.flip(manager.load({ ...load, start: end, end: start }))).toMatchObject({
        reason: "InvalidInput",
      })
      expect(yield* Effect.flip(manager.show(series))).toMatchObject({ reason: "NotFound" })
    }).pipe(Effect.provide(system())),
  )

  it.effect("interrupting keeps what was fetched, and the next load fetches only the rest", () =>
    Effect.gen(function* () {
      yield* at(Date.UTC(2025, 0, 1))
      const third = yield* Deferred.make<void>()
      const test = Effect.gen(function* () {
        const manager = yield* DataManager.DataManager
        const fiber = yield* Effect.fork(manager.load(load))
        yield* Effect.fork(Effect.forever(Effect.zipRight(Effect.yieldNow(), TestClock.adjust(10))))
        yield* Deferred.await(third)
        expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
        const kept = yield* manager.show(series)
        expect(Candle.size(kept)).toBeGreaterThan(0)
        const report = yield* manager.load(load)
        expect(report).toMatchObject({
          present: report.expected,
          fetched: report.expected - Candle.size(kept),
        })
      })
      yield* Effect.provide(
        test,
        system((_, answer, count) =>
          count === 4 ? Effect.zipRight(Deferred.succeed(third, undefined), Effect.never) : answer,
        ),
      )
    }),
  )

  it.effect.each([
    ["tail", Date.UTC(2024, 3, 1)],
    ["backfill", Date.UTC(2024, 3, 1)],
    ["tail", undefined],
  ] as const)(
    "an interrupted %s goes on where it stopped, whatever came in first (stored from %s)",
    ([mode, from]) =>
      Effect.gen(function* () {
        yield* at(end)
        const middle = yield* Deferred.make<void>()
        let stall = false
        const test = Effect.gen(function* () {
          const manager = yield* DataManager.DataManager
          if (from !== undefined)
            yield* driven(manager.load({ ...load, start: from, end: from + 9 * 86_400_000 }))
          stall = true
          const request = { ...series, mode, ...(mode === "backfill" ? { start } : {}) }
          const fiber = yield* Effect.fork(manager.load(request))
          const clock = yield* Effect.fork(
            Effect.forever(Effect.zipRight(Effect.yieldNow(), TestClock.adjust(1))),
          )
          yield* Deferred.await(middle)
          yield* Fiber.interrupt(fiber)
          yield* Fiber.interrupt(clock)
          stall = false
          const report = yield* driven(manager.load(request))
          expect(report).toMatchObject({ present: report.expected, pending: 0 })
          const { start: starts } = yield* manager.show(series)
          const oldest = mode === "backfill" ? start : (from ?? end - 30 * 86_400_000)
          expect(starts[0]! - oldest).toBeLessThan(4 * 86_400_000)
          const whole = yield* manager.coverage(series)
          expect(whole).toMatchObject({ present: whole.expected, pending: 0 })
        })
        const slow = { ...market, concurrency: 1 }
        let count = 0
        const layer = DataManager.layer.pipe(
          Layer.provideMerge(CandleStore.layerMemory),
          Layer.provide(
            FaultySource.layer(slow, (_, answer) =>
              stall && count++ === (from === undefined ? 0 : 1)
                ? Effect.zipRight(Deferred.succeed(middle, undefined), Effect.never)
                : answer,
            ),
          ),
        )
        yield* Effect.provide(test, layer)
      }),
  )
})

describe("progress of a load", () => {
  it.effect("has five steps, counts a segment only once it is durable, and ends at 1", () =>
    Effect.gen(function* () {
      yield* at(Date.UTC(2025, 0, 1))
      const messages: Array<string> = []
      const fractions: Array<number> = []
      yield* LoadData.run({ ...load, recheck: false }).pipe(
        Effect.provide(LoadData.layer),
        Progress.observe({
          interval: 1,
          observer: (snapshot) =>
            Effect.sync(() => {
              messages.push(snapshot.message)
              fractions.push(snapshot.fraction ?? 0)
            }),
        }),
        driven,
      )
      expect(messages.at(-1)).toBe("Loading AAPL 1h data (full mode) [5/5]")
      expect(fractions.at(-1)).toBe(1)
      expect(fractions).toEqual(fractions.toSorted((a, b) => a - b))
    }).pipe(Effect.provide(system((_, answer) => Effect.delay(answer, 50)))),
  )
})

describe("import", () => {
  it.effect("merges, keeps unexpected bars and reports them, and the coverage answers for the span", () =>
    Effect.gen(function* () {
      yield* at(Date.UTC(2025, 0, 1))
      const manager = yield* DataManager.DataManager
      const monday = Date.UTC(2024, 2, 4, 14, 30)
      const bar = { open: 1, high: 2, low: 1, close: 2, volume: null }
      const rows = [
        { start: monday - 86_400_000, ...bar },
        { start: monday, ...bar },
      ]
      const report = yield* manager.importCandles(series, Candle.fromRows(rows))
      expect(report).toMatchObject({ rows: 2, unexpected: 1 })
      expect(report.issues).toMatchObject([{ kind: "outside_session", severity: "warning", count: 1 }])
      const coverage = yield* manager.coverage(series, {
        start: Date.UTC(2024, 2, 3),
        end: Date.UTC(2024, 2, 5),
      })
      expect(coverage).toMatchObject({ expected: 7, present: 1, unexpected: 1, pending: 6 })
      expect(coverage.missing).toEqual([{ start: Date.UTC(2024, 2, 4, 15), end: Date.UTC(2024, 2, 4, 21) }])
      const { bars, issues } = yield* manager.check(series)
      expect(bars).toBe(2)
      expect(issues.map(({ kind, count }) => [kind, count])).toEqual([["outside_session", 1]])
    }).pipe(Effect.provide(system())),
  )
})

it.effect("a program without a source still works with the store", () =>
  Effect.gen(function* () {
    const manager = yield* DataManager.DataManager
    const error = yield* Effect.flip(manager.load(load))
    expect(error.reason).toBe("Refused")
    expect(yield* manager.list).toEqual([])
  }).pipe(
    Effect.provide(
      DataManager.layer.pipe(
        Layer.provide(CandleStore.layerMemory),
        Layer.provide(CandleSource.layerOffline),
      ),
    ),
  ),
)
