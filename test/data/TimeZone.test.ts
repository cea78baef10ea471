import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as TimeZone from "../../src/data/TimeZone.js"
import { hour, iso } from "../utils/Calendars.js"

const instant = fc.integer({ min: Date.UTC(2000, 0, 1) / 60_000, max: Date.UTC(2030, 0, 1) / 60_000 })

it("a zone's clock is read and set alike", () => {
  fc.assert(
    fc.property(
      instant,
      fc.constantFrom("America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"),
      (minute, zone) => {
        const utc = minute * 60_000
        const wall = utc + TimeZone.offsetAt(zone, utc)
        const back = TimeZone.toUtc(zone, wall)
        expect(back + TimeZone.offsetAt(zone, back)).toBe(wall)
        expect(utc - back >= 0 && utc - back <= hour).toBe(true)
      },
    ),
    { numRuns: 500 },
  )
})

it("a reading that the clock skips is an hour later, one that occurs twice is the first", () => {
  expect(iso(TimeZone.toUtc("America/New_York", Date.parse("2024-03-10T02:30Z")))).toBe("2024-03-10T07:30")
  expect(iso(TimeZone.toUtc("America/New_York", Date.parse("2024-11-03T01:30Z")))).toBe("2024-11-03T05:30")
})

it("knows the names of the time-zone database alone", () => {
  expect(["America/New_York", "UTC", "America/Gotham", ""].map(TimeZone.isKnown)).toEqual([
    true,
    true,
    false,
    false,
  ])
})
