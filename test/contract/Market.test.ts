import * as Fs from "node:fs"
import * as Path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Candle from "../../src/data/Candle.js"
import * as CandleStore from "../../src/data/CandleStore.js"
import * as Csv from "../../src/data/Csv.js"
import * as DataManager from "../../src/data/DataManager.js"
import type { Series, Session } from "../../src/data/Series.js"
import * as Symbol from "../../src/data/Symbol.js"
import type { Timeframe } from "../../src/data/Timeframe.js"
import * as SimulatedMarket from "../../src/hosts/ib/SimulatedMarket.js"
import { span } from "../utils/Calendars.js"
import * as FaultySource from "../utils/FaultySource.js"

const folder = Path.resolve(import.meta.dirname, "../../../shared/market")

const read = (file: string): Candle.Candles =>
  Either.getOrThrow(Csv.parse(file, Fs.readFileSync(Path.join(folder, file), "utf8")))

const series = (name: string, timeframe: Timeframe, session: Session = "regular"): Series => ({
  symbol: Either.getOrThrow(Symbol.parse(name)),
  timeframe,
  session,
})

const isSame = (a: Candle.Candles, b: Candle.Candles): boolean =>
  Candle.columns.every(
    (column) =>
      a[column].length === b[column].length &&
      a[column].every((value, index) => Object.is(value, b[column][index])),
  )

const system = DataManager.layer.pipe(
  Layer.provideMerge(CandleStore.layerMemory),
  Layer.provideMerge(FaultySource.layer(SimulatedMarket.make({ seed: 7 }))),
)

/** Runs a program over a store that holds the bars of one file. */
const imported =
  (file: string, of: Series) =>
  <A, E>(use: (manager: DataManager.DataManager["Type"], bars: Candle.Candles) => Effect.Effect<A, E>) =>
    Effect.gen(function* () {
      const manager = yield* DataManager.DataManager
      const bars = read(file)
      yield* manager.importCandles(of, bars)
      return yield* use(manager, bars)
    }).pipe(Effect.provide(system))

/** The issues of a file's bars, none of which the check alters. */
const issues = (file: string, of: Series) =>
  imported(
    file,
    of,
  )((manager, bars) =>
    Effect.gen(function* () {
      const report = yield* manager.check(of)
      expect(report.bars).toBe(Candle.size(bars))
      expect(isSame(yield* manager.show(of), bars)).toBe(true)
      return report.issues
    }),
  )

const msft = series("MSFT", "1h")

describe.skipIf(!Fs.existsSync(folder))("recorded bars", () => {
  it.live("SPX and JEPI are clean", () =>
    Effect.gen(function* () {
      expect(yield* issues("SPX_1d.csv", series("SPX", "1d"))).toEqual([])
      expect(yield* issues("JEPI_1d.csv", series("JEPI", "1d"))).toEqual([])
    }),
  )

  it.live("MSFT 1h was stamped by a wrong clock: all bars until 2025, and some of 2025", () =>
    Effect.gen(function* () {
      const found = yield* issues("MSFT_1h.csv", msft)
      expect(found.map(({ kind }) => kind)).toEqual(["clock_shift", "outside_session", "missing_bars"])
      const [shift] = found[0]!.shifts!
      expect(found[0]).toMatchObject({ severity: "error", count: 19_678 })
      expect(shift).toMatchObject({
        rule: "New York's UTC offset applied twice too often: +8 h in summer, +10 h in winter",
        zone: "America/New_York",
        times: 2,
        explained: 19_678,
        unexplained: 672,
        undecided: 0,
      })
      const before = shift!.years.filter(({ year }) => year < 2025)
      expect(before.every(({ bars, explained }) => bars === explained)).toBe(true)
      expect(before.reduce((sum, { bars }) => sum + bars, 0)).toBe(19_313)
      expect(shift!.years.at(-1)).toEqual({ year: 2025, bars: 1445, explained: 365 })
      expect(found[1]).toMatchObject({
        count: 672,
        places: [
          expect.stringContaining("2025-02-28"),
          ...Array.from({ length: 4 }, () => expect.anything()),
        ],
        detail: "672 of them inside the venue's other session",
      })
    }),
  )

  it.live("AAPL 1d is invented", () =>
    Effect.gen(function* () {
      expect(yield* issues("AAPL_1d.csv", series("AAPL", "1d"))).toMatchObject([
        { kind: "impossible_calendar", severity: "error", count: 15 },
        {
          kind: "outside_session",
          severity: "warning",
          count: 2,
          places: ["2023-01-02T00:00:00Z", "2023-01-16T00:00:00Z"],
        },
      ])
    }),
  )

  it.live("AAPL 5m lacks a day, and as regular bars has those of extended hours; no clock is blamed", () =>
    Effect.gen(function* () {
      expect(yield* issues("AAPL_5m.csv", series("AAPL", "5m", "extended"))).toMatchObject([
        { kind: "missing_bars", count: 192, places: ["2025-06-05T08:00:00Z"] },
      ])
      expect(yield* issues("AAPL_5m.csv", series("AAPL", "5m"))).toMatchObject([
        { kind: "outside_session", count: 912, detail: "912 of them inside the venue's other session" },
        { kind: "missing_bars", count: 78, places: ["2025-06-05T13:30:00Z"] },
      ])
    }),
  )

  it.live("EUR.USD 1h lacks bars and has no volumes: no issue of its venue", () =>
    Effect.gen(function* () {
      expect(yield* issues("EURUSD_1h.csv", series("EURUSD", "1h"))).toMatchObject([
        { kind: "missing_bars", severity: "warning", count: 95, detail: "of 2,686 bars expected, in 6 runs" },
      ])
    }),
  )

  it.live("MSFT 1h is repaired without dropping a bar", () =>
    imported(
      "MSFT_1h.csv",
      msft,
    )((manager, bars) =>
      Effect.gen(function* () {
        const report = yield* manager.repair(msft)
        expect(report).toMatchObject({ rows_in: 20_758, moved: 19_678, unexplained: 672, undecided: 0 })
        expect(report.rows_in).toBe(report.rows_out + report.collisions.length)
        expect(report.collisions.length).toBe(76)
        const stored = yield* manager.show(msft)
        expect(Candle.size(stored)).toBe(report.rows_out)
        for (const { kept, lost, start, equal } of report.collisions) {
          expect(equal).toBe(true)
          expect(kept.at).toBe(start)
          expect(bars.start[Candle.lowerBound(bars.start, lost.at)]).toBe(lost.at)
        }
        const { unexpected } = yield* manager.coverage(msft, span("2013-12-30", "2024-12-31"))
        expect(unexpected).toBe(0)
        expect(report.issues_after.map(({ kind }) => kind)).toEqual(["outside_session", "missing_bars"])
        const again = yield* manager.repair(msft)
        expect(again).toMatchObject({ moved: 0, original: null, collisions: [], rows_out: report.rows_out })
      }),
    ),
  )
})
