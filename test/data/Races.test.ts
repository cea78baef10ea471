/** What others do to a series between a look at it and its turn to be written. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Candle from "../../src/data/Candle.js"
import * as CandleSource from "../../src/data/CandleSource.js"
import * as CandleStore from "../../src/data/CandleStore.js"
import { DataError } from "../../src/data/DataError.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as SimulatedMarket from "../../src/hosts/ib/SimulatedMarket.js"
import * as FaultySource from "../utils/FaultySource.js"

const symbol = Either.getOrThrow(Symbol.parse("AAPL"))
const series = { symbol, timeframe: "1h", session: "regular" } as const
const market = SimulatedMarket.make({ seed: 7 })
const hour = 3_600_000
const open = Date.UTC(2024, 0, 3, 14, 30)
const clock = (hour: number) => Date.UTC(2024, 0, 3, hour)
const day = { ...series, mode: "full", start: Date.UTC(2024, 0, 3), end: Date.UTC(2024, 0, 4) } as const

const system = (decide?: FaultySource.Decide) =>
  DataManager.layer.pipe(
    Layer.provideMerge(CandleStore.layerMemory),
    Layer.provideMerge(FaultySource.layer(market, decide)),
  )

const bars = (starts: ReadonlyArray<number>) =>
  Candle.fromRows(starts.map((start) => ({ start, open: 1, high: 2, low: 1, close: 2, volume: null })))

const identity = Effect.map(
  market.validate(symbol, "1h"),
  ({ instrument, head }): CandleStore.Identity => ({
    series,
    instrument: { ...instrument, venue: "XNAS" },
    source: "another",
    head,
    last: undefined,
  }),
)

/** Runs the effect up to where it waits for the series, which is then written by `meanwhile` first. */
const overtaken = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  meanwhile: (writer: CandleStore.Writer) => Effect.Effect<unknown, DataError>,
) =>
  Effect.gen(function* () {
    const store = yield* CandleStore.CandleStore
    const fiber = yield* Effect.scoped(
      Effect.gen(function* () {
        const writer = yield* store.writer(yield* identity)
        const fiber = yield* Effect.forkDaemon(effect)
        yield* Effect.sleep(200)
        expect(fiber.unsafePoll()).toBeNull()
        yield* meanwhile(writer)
        return fiber
      }),
    )
    return yield* Fiber.join(fiber)
  })

const store = Effect.flatMap(CandleStore.CandleStore, (_) => Effect.flatten(_.describe(series)))

/** Where there is nothing after an import of bars at `starts` and a load from a source that has none. */
const known = (starts: ReadonlyArray<number>, importFirst: boolean) =>
  Effect.gen(function* () {
    const manager = yield* DataManager.DataManager
    const { instrument } = yield* market.validate(symbol, "1h")
    const imported = manager.importCandles(series, bars(starts), instrument)
    if (importFirst) yield* imported
    yield* manager.load(day)
    if (!importFirst) yield* imported
    return (yield* store).noData
  }).pipe(Effect.provide(system(() => Effect.succeed(Candle.empty))))

describe("an import", () => {
  it.live("leaves standing what a load said of the series that came first", () =>
    Effect.gen(function* () {
      const manager = yield* DataManager.DataManager
      const range = { start: clock(15), end: clock(18) }
      const noData = [{ start: clock(16), end: clock(18) }]
      const report = yield* overtaken(manager.importCandles(series, bars([open, clock(16)])), (writer) =>
        Effect.zipRight(writer.append({ range, candles: bars([clock(15)]), noData }), writer.fold),
      )
      expect(yield* store).toMatchObject({
        ...(yield* identity),
        rows: 3,
        noData: [{ start: clock(17), end: clock(18) }],
      })
      expect(report).toMatchObject({ rows: 2, instrument: { venue: "XNAS" } })
    }).pipe(Effect.provide(system())),
  )

  it.live("leaves the same behind before a load and after it, where the source has nothing", () =>
    Effect.gen(function* () {
      const cases = [[clock(15)], [clock(15) + 60_000], [open, clock(20)], [open - hour, open + 60_000]]
      for (const starts of cases) expect(yield* known(starts, false)).toEqual(yield* known(starts, true))
      expect(yield* known([clock(15)], false)).toEqual([
        { start: open, end: clock(15) },
        { start: clock(16), end: clock(21) },
      ])
    }),
  )
})

describe("a load", () => {
  it.live("plans anew where bars were moved and their number is the same", () =>
    Effect.gen(function* () {
      const manager = yield* DataManager.DataManager
      const { instrument } = yield* market.validate(symbol, "1h")
      yield* manager.importCandles(series, bars([open, clock(15)]), instrument)
      const report = yield* overtaken(manager.load(day), (writer) =>
        writer.replace({ candles: bars([clock(2), clock(3)]), noData: [], record: "{}" }),
      )
      expect(report).toMatchObject({ expected: 7, present: 7, pending: 0, unexpected: 2 })
    }).pipe(Effect.provide(system())),
  )

  it.live("that kept bars before its lock was lost does not say that nothing came", () => {
    const lost = new DataError({ reason: "LockLost", place: "", expected: "", found: "", advice: "" })
    let appends = 0
    const losing = Layer.effect(
      CandleStore.CandleStore,
      Effect.map(CandleStore.CandleStore, (inner) => ({
        ...inner,
        writer: (identity: CandleStore.Identity) =>
          Effect.map(inner.writer(identity), (writer) => ({
            ...writer,
            append: (batch: CandleStore.Batch) =>
              ++appends === 2 ? Effect.fail(lost) : writer.append(batch),
          })),
      })),
    ).pipe(Layer.provide(CandleStore.layerMemory))
    const decide: FaultySource.Decide = (_, answer) =>
      appends < 2 ? answer : Effect.fail(FaultySource.failure("Refused"))
    return Effect.gen(function* () {
      const manager = yield* DataManager.DataManager
      const report = yield* manager.load({ ...day, end: Date.UTC(2024, 6, 1) })
      expect(report.fetched).toBeGreaterThan(0)
      expect(report.present).toBe(report.fetched)
      expect(report.given_up.length).toBeGreaterThan(0)
    }).pipe(
      Effect.provide(DataManager.layer.pipe(Layer.provideMerge(losing), Layer.provide(oneByOne(decide)))),
      Logger.withMinimumLogLevel(LogLevel.None),
    )
  })
})

/** One fetch at a time, each slow enough for the store to take the bars of the one before. */
const oneByOne = (decide: FaultySource.Decide) =>
  Layer.sync(CandleSource.CandleSource, () => ({
    ...FaultySource.wrap(market, (request, answer, count) =>
      Effect.delay(
        Effect.suspend(() => decide(request, answer, count)),
        20,
      ),
    ),
    concurrency: 1,
  }))
