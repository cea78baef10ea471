import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import * as Candle from "../../../src/data/Candle.js"
import type { Session } from "../../../src/data/Series.js"
import * as Symbol from "../../../src/data/Symbol.js"
import type { Timeframe } from "../../../src/data/Timeframe.js"
import * as TradingCalendar from "../../../src/data/TradingCalendar.js"
import * as SimulatedBars from "../../../src/hosts/ib/SimulatedBars.js"
import * as SimulatedMarket from "../../../src/hosts/ib/SimulatedMarket.js"
import * as SimulatedSymbols from "../../../src/hosts/ib/SimulatedSymbols.js"

const day = 86_400_000
const at = (text: string) => Date.parse(text)
const symbol = (text: string) => Either.getOrThrow(Symbol.parse(text))
const profile = (text: string) => SimulatedSymbols.find(text)!

/** Starts, and then every price and volume as text: NaN equals NaN. */
const print = (bars: Candle.Candles) => Candle.columns.map((column) => bars[column].join(" "))

const profiles = fc.constantFrom("AAPL", "BRK.B", "SPX", "EURUSD", "USDJPY", "BTC").map(profile)
const sessions = fc.constantFrom<Session>("regular", "extended")
const starts = fc
  .integer({ min: at("2013-01-01") / 60_000, max: at("2023-12-01") / 60_000 })
  .map((_) => _ * 60_000)

const bars = (
  from: SimulatedSymbols.Profile,
  timeframe: Timeframe,
  session: Session,
  start: number,
  end: number,
  seed = 7,
) => SimulatedBars.bars(from, seed, { timeframe, session }, { start, end })

/** What one bar must be, given the shorter bars that it stands for. */
const gathered = (parts: Candle.Candles) => [
  parts.open[0],
  Math.max(...parts.high),
  Math.min(...parts.low),
  parts.close.at(-1),
  parts.volume.reduce((sum, volume) => sum + volume, 0),
]
const values = (whole: Candle.Candles, index: number) => [
  whole.open[index],
  whole.high[index],
  whole.low[index],
  whole.close[index],
  whole.volume[index],
]

describe("SimulatedMarket", () => {
  it("serves exactly the bars that the calendar expects, every one sane and on its tick", () => {
    fc.assert(
      fc.property(
        profiles,
        sessions,
        starts,
        fc.constantFrom<Timeframe>("1s", "30s", "1m", "15m", "1h", "4h", "1d", "1w"),
        (from, session, start, timeframe) => {
          const end = start + (timeframe === "1s" ? day / 24 : timeframe === "30s" ? day : 20 * day)
          const found = bars(from, timeframe, session, start, end)
          const { calendar } = TradingCalendar.forVenue(from.venue)
          const expected = TradingCalendar.expectedStarts(calendar, { timeframe, session }, { start, end })
          expect(found.start.join()).toBe(expected.join())
          const onTick = (price: number) =>
            price === Math.round(price * from.ticksPerUnit) / from.ticksPerUnit
          const bad = Candle.toRows(found).filter(
            ({ open, high, low, close, volume }) =>
              !(0 < low && low <= Math.min(open, close) && Math.max(open, close) <= high) ||
              ![open, high, low, close].every(onTick) ||
              (from.type === "forex" ? volume !== null : !(volume !== null && volume >= 0)),
          )
          expect(bad).toEqual([])
        },
      ),
      { numRuns: 60 },
    )
  })

  it("makes every longer bar of its minutes, and every minute of its seconds", () => {
    fc.assert(
      fc.property(
        profiles,
        sessions,
        starts,
        fc.constantFrom<Timeframe>("5m", "1h", "4h"),
        (from, session, start, timeframe) => {
          const { calendar } = TradingCalendar.forVenue(from.venue)
          const range = { start, end: start + 3 * day }
          const { starts, ends } = TradingCalendar.expected(calendar, { timeframe, session }, range)
          const found = bars(from, timeframe, session, range.start, range.end)
          for (let i = 0; i < starts.length; i += 7) {
            expect(values(found, i)).toEqual(gathered(bars(from, "1m", session, starts[i]!, ends[i]!)))
          }
          const minutes = bars(from, "1m", session, start, start + day)
          for (let i = 0; i < minutes.start.length; i += 97) {
            const inside = bars(from, "1s", session, minutes.start[i]!, minutes.start[i]! + 60_000)
            expect(inside.start.length).toBe(60)
            expect(values(minutes, i)).toEqual(gathered(inside))
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  it("makes a day of its session's minutes and a week of its days", () => {
    fc.assert(
      fc.property(profiles, sessions, starts, (from, session, start) => {
        const { calendar } = TradingCalendar.forVenue(from.venue)
        const weeks = bars(from, "1w", session, start, start + 8 * day)
        expect(weeks.start.length).toBeGreaterThan(0)
        const monday = weeks.start[0]!
        const days = bars(from, "1d", session, monday, monday + 7 * day)
        expect(values(weeks, 0)).toEqual(gathered(days))
        const around = { start: monday - day, end: monday + 8 * day }
        const ofDates = TradingCalendar.sessions(calendar, session, around).filter(
          ({ date }) => date >= monday && date < monday + 7 * day,
        )
        ofDates.forEach(({ open, close }, index) => {
          expect(values(days, index)).toEqual(gathered(bars(from, "1m", session, open, close)))
        })
      }),
      { numRuns: 30 },
    )
  })

  it("gives the same bars for the same seed, whatever part of a range is asked for", () => {
    fc.assert(
      fc.property(
        profiles,
        sessions,
        starts,
        fc.constantFrom<Timeframe>("30s", "1m", "1h", "1d", "1w"),
        fc.float({ min: 0, max: 1, noNaN: true }),
        fc.float({ min: 0, max: 1, noNaN: true }),
        (from, session, start, timeframe, a, b) => {
          const length = timeframe === "30s" ? day : 12 * day
          const whole = bars(from, timeframe, session, start, start + length)
          const part = {
            start: start + Math.floor(Math.min(a, b) * length),
            end: start + Math.floor(Math.max(a, b) * length),
          }
          const alone = bars(from, timeframe, session, part.start, part.end)
          expect(print(alone)).toEqual(print(Candle.within(whole, part)))
        },
      ),
      { numRuns: 60 },
    )
    const first = bars(profile("AAPL"), "1m", "regular", at("2024-01-02"), at("2024-01-03"), 1)
    const other = bars(profile("AAPL"), "1m", "regular", at("2024-01-02"), at("2024-01-03"), 2)
    expect(first.close.join()).not.toBe(other.close.join())
  })

  it("has the same regular minutes in both sessions", () => {
    fc.assert(
      fc.property(starts, (start) => {
        const regular = bars(profile("AAPL"), "1m", "regular", start, start + 4 * day)
        const extended = bars(profile("AAPL"), "1m", "extended", start, start + 4 * day)
        const shared = Candle.toRows(extended).filter(({ start }) => regular.start.includes(start))
        expect(shared).toEqual(Candle.toRows(regular))
        if (regular.start.length > 0) expect(extended.start.length).toBeGreaterThan(regular.start.length)
      }),
      { numRuns: 20 },
    )
  })

  it("joins consecutive sessions of a venue that never closes", () => {
    const minutes = bars(profile("BTC"), "1m", "regular", at("2023-03-01T23:58Z"), at("2023-03-02T00:02Z"))
    expect(minutes.start.length).toBe(4)
    expect(minutes.open[2]).toBe(minutes.close[1])
  })

  it("lists every symbol with a head timestamp that the calendar expects a bar at", () => {
    for (const listed of SimulatedSymbols.all) {
      const { calendar } = TradingCalendar.forVenue(listed.venue)
      for (const timeframe of ["1m", "1d", "1w"] as const) {
        const head = SimulatedBars.headOf(listed, timeframe)
        const range = { start: head, end: head + 1 }
        const bars = { timeframe, session: "regular" } as const
        expect([listed.symbol, ...TradingCalendar.expectedStarts(calendar, bars, range)]).toEqual([
          listed.symbol,
          head,
        ])
        expect(SimulatedBars.bars(listed, 1, bars, { start: head - 400 * day, end: head }).start.length).toBe(
          0,
        )
        expect(SimulatedBars.bars(listed, 1, bars, range).start.length).toBe(1)
      }
    }
    expect(SimulatedSymbols.all.length).toBeGreaterThanOrEqual(40)
  })

  const market = SimulatedMarket.make({ seed: 7 })

  const fetch = (name: string, timeframe: Timeframe, start: string, end: string) =>
    Effect.gen(function* () {
      const { instrument } = yield* market.validate(symbol(name), timeframe)
      return yield* market.fetch({
        series: { symbol: symbol(name), timeframe, session: "regular" },
        instrument,
        range: { start: at(start), end: at(end) },
      })
    })

  it.effect("never serves a running bar", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at("2024-01-04T15:30:30Z"))
      const minutes = yield* fetch("AAPL", "1m", "2024-01-04", "2024-01-06")
      expect(minutes.start.at(-1)).toBe(at("2024-01-04T15:29:00Z"))
      const hours = yield* fetch("AAPL", "1h", "2024-01-04", "2024-01-06")
      expect(Array.from(hours.start)).toEqual([at("2024-01-04T14:30:00Z")])
      const days = yield* fetch("AAPL", "1d", "2024-01-01", "2024-01-06")
      expect(days.start.at(-1)).toBe(at("2024-01-03"))
      const weeks = yield* fetch("AAPL", "1w", "2023-12-18", "2024-01-06")
      expect(weeks.start.at(-1)).toBe(at("2023-12-25"))
    }),
  )

  it.effect("slices long ranges without a seam", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at("2024-01-04T15:30:30Z"))
      const long = yield* fetch("MSFT", "1h", "2022-01-01", "2023-06-01")
      const whole = bars(profile("MSFT"), "1h", "regular", at("2022-01-01"), at("2023-06-01"))
      expect(print(long)).toEqual(print(whole))
    }),
  )

  it.effect("keeps bars of seconds for six months", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at("2024-07-10T20:30:00Z"))
      const { head } = yield* market.validate(symbol("AAPL"), "30s")
      expect(head).toBe(at("2024-01-10T14:30:00Z"))
      const before = yield* fetch("AAPL", "30s", "2024-01-08", "2024-01-11")
      expect(before.start[0]).toBe(head)
    }),
  )

  it.effect("knows a pair by both of its names and suggests the nearest name for an unknown symbol", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(at("2024-07-10T20:30:00Z"))
      const plain = yield* fetch("EURUSD", "1h", "2024-01-08", "2024-01-10")
      const dotted = yield* fetch("EUR/USD", "1h", "2024-01-08", "2024-01-10")
      expect(print(plain)).toEqual(print(dotted))
      const listing = yield* market.validate(symbol("EUR.USD"), "1h")
      expect(listing).toEqual({
        instrument: {
          symbol: "EUR.USD",
          type: "forex",
          venue: "FOREX",
          currency: "USD",
          description: "European Monetary Union Euro",
        },
        head: at("2005-03-09T22:15:00Z"),
        last: undefined,
      })
      const error = yield* Effect.flip(market.validate(symbol("APPL"), "1h"))
      expect([error.reason, error.suggestion]).toEqual(["UnknownSymbol", "AAPL"])
    }),
  )
})
