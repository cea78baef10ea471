import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import type { Session } from "../../src/data/Series.js"
import * as Timeframe from "../../src/data/Timeframe.js"
import * as TimeZone from "../../src/data/TimeZone.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"
import {
  always,
  bars,
  dates,
  day,
  forex,
  hasRecorded,
  hour,
  iso,
  newYork,
  recorded,
  span,
  starts,
} from "../utils/Calendars.js"

it("a venue that never closes has every bar of the day, aligned to UTC", () => {
  expect(starts(always, "4h", span("2025-01-04T03:00Z", "2025-01-05T00:00Z"))).toEqual(
    ["04:00", "08:00", "12:00", "16:00", "20:00"].map((time) => `2025-01-04T${time}`),
  )
  expect(dates(always, span("2025-01-03", "2025-01-07")).length).toBe(4)
  expect(starts(always, "1w", span("2025-01-01", "2025-01-14"))).toEqual([
    "2025-01-06T00:00",
    "2025-01-13T00:00",
  ])
})

const found = (start: number, end: number) => TradingCalendar.sessions(newYork, "regular", { start, end })

it("a session overlaps a range that ends after its open and begins before its close", () => {
  const open = Date.parse("2025-01-06T14:30Z")
  const close = Date.parse("2025-01-06T21:00Z")
  const session = { open, close, date: Date.parse("2025-01-06") }
  expect(found(open - hour, open + 1)).toEqual([session])
  expect(found(open - hour, open)).toEqual([])
  expect(found(close - 1, close + hour)).toEqual([session])
  expect(found(close, close + hour)).toEqual([])
})

it("takes an unknown venue for one that never closes, with a warning", () => {
  expect(TradingCalendar.forVenue("XLON")).toEqual({
    calendar: always,
    warning: "no calendar for venue XLON: taken to be open 24x7",
  })
  expect(TradingCalendar.forVenue("XNYS").warning).toBeUndefined()
})

describe("a calendar of the user's", () => {
  const decode = Schema.decodeUnknownEither(TradingCalendar.TradingCalendar)
  const berlin = {
    venue: "XBER",
    timeZone: "Europe/Berlin",
    source: "invented for a test",
    regular: [
      { days: ["Mon", "Sun"], open: "00:00", close: "12:00" },
      { days: ["Mon", "Sun"], open: "12:30", close: "24:00" },
    ],
    closed: [{ rule: "fixed", month: 1, day: 1, observed: "nearest" }],
    changed: [],
  }

  it("may change its offset within a session and break for lunch", () => {
    const calendar = Either.getOrThrow(decode(berlin))
    expect(starts(calendar, "4h", span("2024-03-30", "2024-04-01"))).toEqual([
      "2024-03-30T23:00",
      "2024-03-31T02:00",
      "2024-03-31T06:00",
      "2024-03-31T10:30",
      "2024-03-31T14:00",
      "2024-03-31T18:00",
      "2024-03-31T22:00",
    ])
    expect(starts(calendar, "4h", span("2024-10-26", "2024-10-27T12:00Z"))).toEqual([
      "2024-10-26T22:00",
      "2024-10-27T03:00",
      "2024-10-27T07:00",
      "2024-10-27T11:30",
    ])
    expect(starts(calendar, "1h", span("2024-10-26T22:00Z", "2024-10-27T23:00Z")).length).toBe(25)
    expect(starts(calendar, "1h", span("2024-03-30T23:00Z", "2024-03-31T22:00Z")).length).toBe(23)
    expect(dates(calendar, span("2024-03-31", "2024-04-08"))).toEqual([
      "2024-03-31",
      "2024-04-01",
      "2024-04-07",
    ])
  })

  it("may observe New Year's Day in the year before", () => {
    const calendar = Either.getOrThrow(
      decode({ ...berlin, regular: [{ days: ["Fri"], open: "09:00", close: "17:00" }] }),
    )
    expect(dates(calendar, span("2021-12-24", "2022-01-08"))).toEqual(["2021-12-24", "2022-01-07"])
  })

  it("is refused with an unknown zone, clock or rule", () => {
    for (const wrong of [
      { timeZone: "Europe/Atlantis" },
      { regular: [{ days: ["Mon"], open: "9:30", close: "16:00" }] },
      { regular: [{ days: ["Mon"], open: "09:30", close: "24:30" }] },
      { closed: [{ rule: "moon" }] },
      { closed: [{ rule: "date", date: "2025-02-30" }] },
    ]) {
      expect(Either.isLeft(decode({ ...berlin, ...wrong }))).toBe(true)
    }
    for (const calendar of [newYork, forex, always]) expect(decode(calendar)).toEqual(Either.right(calendar))
  })
})

const completeAt = (
  calendar: TradingCalendar.TradingCalendar,
  timeframe: Timeframe.Timeframe,
  now: string,
  session: Session = "regular",
) => iso(TradingCalendar.completeBefore(calendar, bars(timeframe, session), Date.parse(now)))

describe("completeBefore", () => {
  it("leaves the running bar out", () => {
    expect(completeAt(newYork, "1h", "2025-01-06T15:20Z")).toBe("2025-01-06T15:00")
    expect(completeAt(newYork, "1h", "2025-01-06T14:45Z")).toBe("2025-01-06T14:30")
    expect(completeAt(newYork, "1h", "2025-01-06T21:00Z")).toBe("2025-01-06T21:00")
    expect(completeAt(newYork, "1d", "2025-01-06T20:59Z")).toBe("2025-01-06T00:00")
    expect(completeAt(newYork, "1d", "2025-01-06T21:00Z")).toBe("2025-01-06T21:00")
    expect(completeAt(newYork, "1d", "2025-01-06T21:00Z", "extended")).toBe("2025-01-06T00:00")
    expect(completeAt(newYork, "1w", "2025-01-10T20:59Z")).toBe("2025-01-06T00:00")
    expect(completeAt(newYork, "1w", "2025-01-10T21:00Z")).toBe("2025-01-10T21:00")
    expect(completeAt(newYork, "1w", "2025-01-08T23:00Z")).toBe("2025-01-06T00:00")
    expect(completeAt(forex, "1w", "2025-01-05T23:00Z")).toBe("2025-01-05T23:00")
    expect(completeAt(forex, "1d", "2025-01-06T23:00Z")).toBe("2025-01-06T23:00")
    expect(completeAt(always, "1d", "2025-01-06T23:00Z")).toBe("2025-01-06T00:00")
  })
})

describe("laws", () => {
  const calendars = fc.constantFrom(newYork, forex, always)
  const session = fc.constantFrom<Session>("regular", "extended")
  const instant = fc.integer({ min: Date.UTC(2000, 0, 1) / 60_000, max: Date.UTC(2030, 0, 1) / 60_000 })
  const query = fc
    .record({
      calendar: calendars,
      bars: fc.record({ timeframe: fc.constantFrom(...Timeframe.all), session }),
      minute: instant,
      length: fc.integer({ min: 0, max: 2_000 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ calendar, bars, minute, length, part }) => {
      const start = minute * 60_000
      const end = start + length * Math.max(Timeframe.info(bars.timeframe).millis, 5_000)
      return { calendar, bars, range: { start, end }, middle: start + Math.floor((end - start) * part) }
    })

  it("bars rise, stay inside the range, do not overlap, and fill the sessions", () => {
    fc.assert(
      fc.property(query, ({ calendar, bars, range }) => {
        const { starts, ends } = TradingCalendar.expected(calendar, bars, range)
        const { intraday, millis } = Timeframe.info(bars.timeframe)
        const sessions = TradingCalendar.sessions(calendar, bars.session, range)
        let at = 0
        const holds = starts.every((start, index) => {
          const end = ends[index]!
          if (start < range.start || start >= range.end || end <= start || end - start > millis) return false
          if (index > 0 && start < ends[index - 1]!) return false
          if (!intraday) return true
          while (sessions[at]!.close <= start) at++
          const { open, close } = sessions[at]!
          const offset = TimeZone.offsetAt(calendar.timeZone, start)
          const aligned = start === open || TimeZone.modulo(start + offset, millis) === 0
          const follows = index === 0 || start === ends[index - 1]! || start === open
          return start >= open && end <= close && aligned && follows
        })
        expect(holds).toBe(true)
        if (intraday) {
          const inside = sessions.filter(({ open, close }) => open >= range.start && close <= range.end)
          const length = inside.reduce((sum, { open, close }) => sum + close - open, 0)
          const covered = starts.reduce((sum, start, index) => {
            const whole = inside.some(({ open, close }) => open <= start && start < close)
            return whole ? sum + ends[index]! - start : sum
          }, 0)
          expect(covered).toBe(length)
        }
      }),
      { numRuns: 300 },
    )
  })

  it("the bars of two adjoining ranges are the bars of both", () => {
    fc.assert(
      fc.property(query, ({ calendar, bars, range, middle }) => {
        const part = (start: number, end: number) =>
          Array.from(TradingCalendar.expectedStarts(calendar, bars, { start, end }))
        expect([...part(range.start, middle), ...part(middle, range.end)]).toEqual(
          part(range.start, range.end),
        )
      }),
      { numRuns: 200 },
    )
  })

  it("completeBefore tells bars that are over from all others", () => {
    fc.assert(
      fc.property(query, ({ calendar, bars, range: { start: now } }) => {
        const complete = TradingCalendar.completeBefore(calendar, bars, now)
        expect(complete <= now).toBe(true)
        const { intraday, millis } = Timeframe.info(bars.timeframe)
        const around = (before: number, after: number) => ({ start: now - before, end: now + after })
        const { starts, ends } = TradingCalendar.expected(calendar, bars, around(15 * millis, 15 * millis))
        const sessions = TradingCalendar.sessions(calendar, bars.session, around(120 * day, 120 * day))
        const holds = starts.every((start, index) => {
          const inside = sessions.filter(({ date }) => date >= start && date < ends[index]!)
          const over = intraday ? ends[index]! <= now : inside.at(-1)!.close <= now
          return start < complete === over
        })
        expect(holds).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

it("expects a bar for every minute of ten years of sessions", () => {
  expect(TradingCalendar.expectedStarts(newYork, bars("1m"), span("2010-01-01", "2020-01-01")).length).toBe(
    977_280,
  )
})

describe.skipIf(!hasRecorded)("recorded bars", () => {
  it("SPX_1d.csv has one row for each New York session of twenty years", () => {
    const rows = Array.from(recorded("SPX_1d.csv"), iso)
    expect(rows.length).toBe(5_105)
    expect(starts(newYork, "1d", span("2000-01-01", "2020-04-18"))).toEqual(rows)
  })

  it("JEPI_1d.csv is complete", () => {
    const rows = Array.from(recorded("JEPI_1d.csv"), iso)
    expect(rows.length).toBe(255)
    expect(starts(newYork, "1d", span("2024-05-31", "2025-06-07"))).toEqual(rows)
  })

  it("AAPL_5m.csv has every extended bar but those of 2025-06-05, a session that it leaves out whole", () => {
    const rows = Array.from(recorded("AAPL_5m.csv"), iso)
    const expected = starts(newYork, "5m", span("2025-05-27", "2025-06-07"), "extended")
    expect(rows.length).toBe(1_536)
    expect(expected.filter((start) => !start.startsWith("2025-06-05"))).toEqual(rows)
  })

  it("EURUSD_1h.csv has 2,591 of 2,686 bars, and none that is not expected", () => {
    const rows = Array.from(recorded("EURUSD_1h.csv"), iso)
    const expected = starts(forex, "1h", span("2025-01-02T00:00Z", "2025-06-06T21:00Z"))
    expect([rows.length, expected.length]).toEqual([2_591, 2_686])
    const stored = new Set(rows)
    const missing = expected.filter((start) => !stored.has(start))
    expect(missing.length).toBe(95)
    expect([missing[0], missing.at(-1)]).toEqual(["2025-04-01T07:00", "2025-06-05T20:00"])
  })
})
