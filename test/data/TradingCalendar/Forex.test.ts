import { describe, expect, it } from "@effect/vitest"
import * as TradingCalendar from "../../../src/data/TradingCalendar.js"
import { bars, dates, forex, iso, span, starts } from "../../utils/Calendars.js"

describe("forex", () => {
  it("runs from Sunday 17:15 to Friday 17:00 with a daily break", () => {
    const hourly = TradingCalendar.expected(forex, bars("1h"), span("2025-01-10T21:00Z", "2025-01-14T00:00Z"))
    const texts = Array.from(hourly.starts, iso)
    expect(texts.slice(0, 3)).toEqual(["2025-01-10T21:00", "2025-01-12T22:15", "2025-01-12T23:00"])
    expect(hourly.ends[1]! - hourly.starts[1]!).toBe(45 * 60_000)
    expect(texts.slice(-3)).toEqual(["2025-01-13T21:00", "2025-01-13T22:15", "2025-01-13T23:00"])
    expect(starts(forex, "4h", span("2025-01-13T20:00Z", "2025-01-14T06:00Z"))).toEqual([
      "2025-01-13T21:00",
      "2025-01-13T22:15",
      "2025-01-14T01:00",
      "2025-01-14T05:00",
    ])
  })

  it("stamps daily bars with the session's date, Monday to Friday", () => {
    expect(dates(forex, span("2025-01-10", "2025-01-15"))).toEqual(["2025-01-10", "2025-01-13", "2025-01-14"])
  })

  it("has no session of December 25 and January 1, and opens on their evenings", () => {
    expect(dates(forex, span("2024-12-23", "2025-01-04"))).toEqual(
      "2024-12-23 2024-12-24 2024-12-26 2024-12-27 2024-12-30 2024-12-31 2025-01-02 2025-01-03".split(" "),
    )
    expect(starts(forex, "1h", span("2024-12-24T21:00Z", "2024-12-26T00:00Z"))).toEqual([
      "2024-12-24T21:00",
      "2024-12-25T22:15",
      "2024-12-25T23:00",
    ])
  })
})
