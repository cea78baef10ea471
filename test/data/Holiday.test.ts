import { expect, it } from "@effect/vitest"
import * as Holiday from "../../src/data/Holiday.js"
import { iso } from "../utils/Calendars.js"

it("Easter is a Sunday from March 22 to April 25, and the rules name days of their own month", () => {
  for (let year = 1990; year < 2100; year++) {
    const easter = new Date(Holiday.dateIn({ rule: "easter" }, year)!)
    const inYear = easter.toISOString().slice(5, 10)
    expect(easter.getUTCDay() === 0 && inYear >= "03-22" && inYear <= "04-25").toBe(true)
    for (const nth of [1, 2, 3, 4, -1] as const) {
      const date = new Date(Holiday.dateIn({ rule: "nth", month: 12, weekday: "Thu", nth }, year)!)
      expect([date.getUTCMonth(), date.getUTCDay()]).toEqual([11, 4])
      if (nth === 4) expect(date.getUTCDate() >= 22 && date.getUTCDate() <= 28).toBe(true)
      if (nth === -1) expect(date.getUTCDate() >= 25).toBe(true)
    }
  }
  expect(iso(Holiday.dateIn({ rule: "easter" }, 2024)!)).toBe("2024-03-31T00:00")
  expect(iso(Holiday.dateIn({ rule: "easter" }, 2011)!)).toBe("2011-04-24T00:00")
})

it("Monday is the Monday on or before a date", () => {
  for (const [date, monday] of [
    ["2025-01-06T00:00Z", "2025-01-06T00:00"],
    ["2025-01-12T23:59Z", "2025-01-06T00:00"],
    ["1969-12-31T12:00Z", "1969-12-29T00:00"],
  ] as const) {
    expect(iso(Holiday.monday(Date.parse(date)))).toBe(monday)
  }
})
