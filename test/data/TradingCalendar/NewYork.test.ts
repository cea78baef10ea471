import { describe, expect, it } from "@effect/vitest"
import * as TradingCalendar from "../../../src/data/TradingCalendar.js"
import { bars, dates, day, hour, iso, newYork, span, starts } from "../../utils/Calendars.js"

/** Weekdays without a session. */
const closedDays = (year: number): ReadonlyArray<string> => {
  const open = new Set(dates(newYork, span(`${year}-01-01`, `${year + 1}-01-01`)))
  return Array.from({ length: 366 }, (_, index) => Date.UTC(year, 0, 1) + index * day)
    .filter((date) => new Date(date).getUTCFullYear() === year && new Date(date).getUTCDay() % 6 !== 0)
    .map((date) => iso(date).slice(0, 10))
    .filter((date) => !open.has(date))
}
/** Dates whose session is shorter than six and a half hours. */
const shortDays = (year: number): ReadonlyArray<string> =>
  TradingCalendar.sessions(newYork, "regular", span(`${year}-01-01`, `${year + 1}-01-01`))
    .filter(({ open, close }) => close - open < 6.5 * hour)
    .map(({ date }) => iso(date).slice(0, 10))

describe("New York", () => {
  it("closes on the holidays as they are observed", () => {
    expect(closedDays(2000)).toEqual(
      "2000-01-17 2000-02-21 2000-04-21 2000-05-29 2000-07-04 2000-09-04 2000-11-23 2000-12-25".split(" "),
    )
    expect(closedDays(2006)[0]).toBe("2006-01-02")
    expect(closedDays(2010)).toEqual(
      "2010-01-01 2010-01-18 2010-02-15 2010-04-02 2010-05-31 2010-07-05 2010-09-06 2010-11-25 2010-12-24".split(
        " ",
      ),
    )
    expect(closedDays(2021)).toEqual(
      "2021-01-01 2021-01-18 2021-02-15 2021-04-02 2021-05-31 2021-07-05 2021-09-06 2021-11-25 2021-12-24".split(
        " ",
      ),
    )
    expect(closedDays(2022)).toEqual(
      "2022-01-17 2022-02-21 2022-04-15 2022-05-30 2022-06-20 2022-07-04 2022-09-05 2022-11-24 2022-12-26".split(
        " ",
      ),
    )
    expect(closedDays(2025)).toEqual(
      "2025-01-01 2025-01-09 2025-01-20 2025-02-17 2025-04-18 2025-05-26 2025-06-19 2025-07-04 2025-09-01 2025-11-27 2025-12-25".split(
        " ",
      ),
    )
    expect(closedDays(2026)).toContain("2026-07-03")
    expect(closedDays(1997)).not.toContain("1997-01-20")
  })

  it("closes on the special days and on no other", () => {
    expect(closedDays(2001)).toEqual(
      "2001-01-01 2001-01-15 2001-02-19 2001-04-13 2001-05-28 2001-07-04 2001-09-03 2001-09-11 2001-09-12 2001-09-13 2001-09-14 2001-11-22 2001-12-25".split(
        " ",
      ),
    )
    for (const date of ["2004-06-11", "2007-01-02", "2012-10-29", "2012-10-30", "2018-12-05"]) {
      expect(dates(newYork, { start: Date.parse(date), end: Date.parse(date) + day })).toEqual([])
    }
  })

  it("closes early", () => {
    expect(shortDays(2001)).toEqual(["2001-07-03", "2001-11-23", "2001-12-24"])
    expect(shortDays(2002)).toEqual(["2002-07-05", "2002-09-11", "2002-11-29", "2002-12-24"])
    expect(shortDays(2003)).toEqual(["2003-07-03", "2003-11-28", "2003-12-24", "2003-12-26"])
    expect(shortDays(2004)).toEqual(["2004-11-26"])
    expect(shortDays(2013)).toEqual(["2013-07-03", "2013-11-29", "2013-12-24"])
    expect(shortDays(2019)).toEqual(["2019-07-03", "2019-11-29", "2019-12-24"])
    expect(shortDays(2021)).toEqual(["2021-11-26"])
    expect(shortDays(2024)).toEqual(["2024-07-03", "2024-11-29", "2024-12-24"])
    expect(starts(newYork, "1h", span("2024-12-24", "2024-12-25"))).toEqual([
      "2024-12-24T14:30",
      "2024-12-24T15:00",
      "2024-12-24T16:00",
      "2024-12-24T17:00",
    ])
    const extended = starts(newYork, "1h", span("2024-12-24T05:00Z", "2024-12-26"), "extended")
    expect([extended[0], extended.at(-1), extended.length]).toEqual([
      "2024-12-24T09:00",
      "2024-12-24T21:00",
      13,
    ])
  })

  it("opened at noon on 2002-09-11", () => {
    expect(starts(newYork, "1h", span("2002-09-11", "2002-09-12"))).toEqual([
      "2002-09-11T16:00",
      "2002-09-11T17:00",
      "2002-09-11T18:00",
      "2002-09-11T19:00",
    ])
  })

  it("starts the first bar at the open and aligns the rest to the clock", () => {
    const hourly = TradingCalendar.expected(newYork, bars("1h"), span("2025-01-06", "2025-01-07"))
    expect(Array.from(hourly.starts, iso)).toEqual(
      ["14:30", "15:00", "16:00", "17:00", "18:00", "19:00", "20:00"].map((time) => `2025-01-06T${time}`),
    )
    expect(Array.from(hourly.ends, iso).at(0)).toBe("2025-01-06T15:00")
    expect(Array.from(hourly.ends, iso).at(-1)).toBe("2025-01-06T21:00")
    expect(starts(newYork, "4h", span("2025-01-06", "2025-01-07"))).toEqual([
      "2025-01-06T14:30",
      "2025-01-06T17:00",
    ])
    expect(starts(newYork, "4h", span("2025-01-06", "2025-01-07T02:00"), "extended")).toEqual([
      "2025-01-06T09:00",
      "2025-01-06T13:00",
      "2025-01-06T17:00",
      "2025-01-06T21:00",
    ])
  })

  it("follows daylight saving", () => {
    expect(starts(newYork, "30m", span("2024-03-08", "2024-03-09"))[0]).toBe("2024-03-08T14:30")
    expect(starts(newYork, "30m", span("2024-03-11", "2024-03-12"))[0]).toBe("2024-03-11T13:30")
    expect(starts(newYork, "30m", span("2024-11-01", "2024-11-02"))[0]).toBe("2024-11-01T13:30")
    expect(starts(newYork, "30m", span("2024-11-04", "2024-11-05"))[0]).toBe("2024-11-04T14:30")
    expect(starts(newYork, "30m", span("2006-03-20", "2006-03-21"))[0]).toBe("2006-03-20T14:30")
  })

  it("stamps weeks with their Monday, also where Monday is a holiday", () => {
    expect(starts(newYork, "1w", span("2025-05-19", "2025-06-03"))).toEqual([
      "2025-05-19T00:00",
      "2025-05-26T00:00",
      "2025-06-02T00:00",
    ])
    expect(starts(newYork, "1w", span("2025-05-20", "2025-05-26"))).toEqual([])
  })
})
