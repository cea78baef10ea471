import * as Fs from "node:fs"
import * as NodePath from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as Candle from "../../src/data/Candle.js"
import * as CandleReader from "../../src/data/CandleReader.js"
import * as Parquet from "../../src/data/CandleStore/Parquet.js"
import * as CandleStore from "../../src/data/CandleStore.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as Symbol from "../../src/data/Symbol.js"
import * as SimulatedMarket from "../../src/hosts/ib/SimulatedMarket.js"
import * as FaultySource from "../utils/FaultySource.js"
import * as Strategies from "../utils/Strategies.js"
import * as Trainings from "../utils/Trainings.js"

const series = { symbol: Symbol.Symbol.make("AAPL"), timeframe: "1h", session: "regular" } as const

const over = <E, R>(store: Layer.Layer<CandleStore.CandleStore, E, R>) =>
  CandleReader.layer.pipe(
    Layer.provideMerge(DataManager.layer),
    Layer.provideMerge(Layer.merge(store, FaultySource.layer(SimulatedMarket.make({ seed: 7 })))),
  )

const read = (span?: CandleReader.Span) =>
  Effect.flatMap(CandleReader.CandleReader, (reader) => reader.read(series, span))

/** The same, while time passes between its looks. */
const inTime = Effect.gen(function* () {
  const reading = yield* Effect.fork(read())
  while (Option.isNone(yield* Fiber.poll(reading))) {
    yield* TestClock.adjust(100)
    yield* Effect.yieldNow()
  }
  return yield* Fiber.join(reading)
})

const from = Strategies.monday
const end = from + 100 * Strategies.hour
const later = TestClock.setTime(Date.UTC(2026, 0, 5))
const bars = Strategies.walk(100)

/** A store to which somebody adds a bar whenever it is read, so many times. */
const restless = (looks: number) =>
  Layer.effect(
    CandleStore.CandleStore,
    Effect.map(CandleStore.CandleStore, (store) => {
      let asked = 0
      return {
        ...store,
        read: (one, range) =>
          Effect.tap(store.read(one, range), () => {
            if (asked++ >= looks) return Effect.void
            const next = Strategies.walk(1, end + asked * Strategies.hour)
            return Effect.scoped(
              Effect.flatMap(
                store.writer({
                  series,
                  instrument: { symbol: series.symbol, type: "crypto", venue: "24x7" },
                  source: "import",
                  head: undefined,
                  last: undefined,
                }),
                (writer) => writer.append({ range: { start: end, end: end * 2 }, candles: next, noData: [] }),
              ),
            )
          }),
      } satisfies CandleStore.Service
    }),
  ).pipe(Layer.provide(CandleStore.layerMemory))

const told = (file: CandleReader.File) => `${file.name} ${file.sha256}`

describe("read", () => {
  it.effect("gives the bars of the span, with what they are worth", () =>
    Effect.gen(function* () {
      yield* later
      yield* Trainings.load(Candle.concat([Candle.slice(bars, 0, 40), Candle.slice(bars, 43, 100)]))
      const whole = yield* read()
      expect(whole).toMatchObject({
        series,
        source: "import",
        files: [],
        coverage: { expected: 100, present: 97, pending: 3 },
        issues: [],
        warnings: [],
      })
      expect(whole.range.start).toBe(from)
      expect(Candle.size(whole.candles)).toBe(97)
      expect(Object.keys(whole.coverage)).not.toContain("known")
      const part = yield* read({ start: from + 50 * Strategies.hour, end: from + 60 * Strategies.hour })
      expect(part.candles).toEqual(Candle.slice(bars, 50, 60))
      expect(part.coverage).toMatchObject({ expected: 10, present: 10, pending: 0 })
    }).pipe(Effect.provide(over(CandleStore.layerMemory))),
  )

  it.effect("leaves out a bar that has not closed, and what is asked for beyond now", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(end - 1)
      yield* Trainings.load(bars)
      const { candles, range } = yield* read({ end: end + 5 * Strategies.day })
      expect(candles.start.at(-1)).toBe(end - 2 * Strategies.hour)
      expect(range.end).toBeLessThanOrEqual(end)
    }).pipe(Effect.provide(over(CandleStore.layerMemory))),
  )

  it.effect("tells what a check finds, and refuses what it does not know", () =>
    Effect.gen(function* () {
      yield* later
      expect(yield* Effect.flip(read())).toMatchObject({ reason: "NotFound" })
      const rows = Candle.toRows(bars).map((row, index) => (index === 50 ? { ...row, high: 1 } : row))
      yield* Trainings.load(Candle.fromRows(rows))
      expect((yield* read()).issues.map(({ kind, severity }) => `${kind} ${severity}`)).toEqual([
        "high_low_crossed error",
        "price_jump warning",
      ])
      expect(yield* Effect.flip(read({ start: 5, end: 5 }))).toMatchObject({ reason: "InvalidInput" })
    }).pipe(Effect.provide(over(CandleStore.layerMemory))),
  )

  it.effect("reads again what changed meanwhile, so that all of it is of one moment", () =>
    Effect.gen(function* () {
      yield* later
      yield* Trainings.load(bars)
      const { candles, coverage } = yield* inTime
      expect(Candle.size(candles)).toBeGreaterThan(100)
      expect(coverage.present).toBe(Candle.size(candles))
    }).pipe(Effect.provide(over(restless(4)))),
  )

  it.effect("gives up where it changes at every look", () =>
    Effect.gen(function* () {
      yield* later
      yield* Trainings.load(bars)
      expect(yield* Effect.flip(inTime)).toMatchObject({ reason: "StoreLocked", place: "AAPL 1h" })
    }).pipe(Effect.provide(over(restless(Number.POSITIVE_INFINITY)))),
  )
})

describe("files", () => {
  it.scoped("have the hashes of their bytes, and those of the range are told of a reading", () => {
    const directory = Fs.mkdtempSync(NodePath.join(process.env["TMPDIR"] ?? "/tmp", "ktrdr-test-"))
    const test = Effect.gen(function* () {
      yield* later
      yield* Trainings.load(Strategies.walk(60, Date.UTC(2023, 11, 30)))
      const reader = yield* CandleReader.CandleReader
      const found = yield* reader.files(series)
      expect(found.map(({ name, rows, isSound }) => [name, rows, isSound])).toEqual([
        ["2023.parquet", 48, true],
        ["2024.parquet", 12, true],
      ])
      expect((yield* read()).files.map(told)).toEqual(found.map(told))
      expect((yield* read({ start: Date.UTC(2024, 0, 1) })).files.map(told)).toEqual([told(found[1]!)])
      const path = NodePath.join(directory, "candles/24x7/AAPL/1h/2023.parquet")
      const bytes = Fs.readFileSync(path)
      bytes[20]! ^= 1
      Fs.writeFileSync(path, bytes)
      const [damaged, other] = yield* reader.files(series)
      expect(damaged).toMatchObject({ name: "2023.parquet", isSound: false })
      expect(damaged!.sha256).not.toBe(found[0]!.sha256)
      expect(other).toEqual(found[1])
      expect(Fs.readFileSync(path)).toEqual(bytes)
      expect(yield* reader.files({ ...series, timeframe: "1d" })).toEqual([])
    })
    return Effect.acquireUseRelease(
      Effect.succeed(directory),
      () => Effect.provide(test, over(Layer.provide(Parquet.layer({ directory }), NodeContext.layer))),
      () => Effect.sync(() => Fs.rmSync(directory, { recursive: true })),
    )
  })
})
