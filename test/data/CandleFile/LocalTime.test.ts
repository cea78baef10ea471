import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as LocalTime from "../../../src/data/CandleFile/LocalTime.js"
import * as TimeZone from "../../../src/data/TimeZone.js"

const newYork = "America/New_York"
const minute = 60_000

const at = (reading: string): number => Date.parse(`${reading}Z`)
const iso = (millis: number): string => new Date(millis).toISOString().slice(0, 16)

const convert = (zone: string, readings: ReadonlyArray<number>) => {
  const starts = Float64Array.from(readings)
  const work = LocalTime.toInstants(zone, starts)
  let step = work.next()
  while (step.done !== true) step = work.next()
  return { starts, unclear: step.value }
}
const instants = (zone: string, ...readings: ReadonlyArray<string>) => {
  const { starts, unclear } = convert(zone, readings.map(at))
  return unclear ?? Array.from(starts, iso)
}

describe("readings of a clock", () => {
  it("become instants by the zone's rules of their date", () => {
    expect(instants(newYork, "2024-01-02T09:30", "2024-07-02T09:30")).toEqual([
      "2024-01-02T14:30",
      "2024-07-02T13:30",
    ])
    expect(instants("Asia/Kolkata", "2024-01-02T00:00")).toEqual(["2024-01-01T18:30"])
  })

  it("of the repeated hour are told by the order of the rows", () => {
    const fall = ["2024-11-03T00:30", "2024-11-03T01:00", "2024-11-03T01:30"]
    const twice = [...fall, "2024-11-03T01:00", "2024-11-03T01:30", "2024-11-03T02:00"]
    const expected = ["04:30", "05:00", "05:30", "06:00", "06:30", "07:00"].map(
      (time) => `2024-11-03T${time}`,
    )
    expect(instants(newYork, ...twice)).toEqual(expected)
    expect(instants(newYork, ...twice.toReversed())).toEqual(expected.toReversed())
    const hourly = ["2024-11-03T00:00", "2024-11-03T01:00", "2024-11-03T01:00", "2024-11-03T02:00"]
    expect(instants(newYork, ...hourly)).toEqual(
      ["04:00", "05:00", "06:00", "07:00"].map((time) => `2024-11-03T${time}`),
    )
  })

  it("of the repeated hour are refused where they come once, or fall back twice", () => {
    expect(instants(newYork, "2024-11-03T00:30", "2024-11-03T01:30", "2024-11-03T02:30")).toMatchObject({
      row: 1,
      expected: "both passes of the hour that clocks of America/New_York repeat, one after the other",
      found: "2024-11-03 01:30:00, which may be of either",
      advice: "Give the stamps with their offset, such as -05:00 or Z",
    })
    expect(
      instants(newYork, ...["00:30", "01:30", "01:30", "01:30"].map((time) => `2024-11-03T${time}`)),
    ).toMatchObject({ row: 3 })
  })

  it("of the skipped hour are refused", () => {
    expect(instants(newYork, "2024-03-10T01:59", "2024-03-10T02:30")).toMatchObject({
      row: 1,
      found: "2024-03-10 02:30:00, which they skip",
    })
    expect(instants(newYork, "2024-03-10T01:59", "2024-03-10T03:00")).toEqual([
      "2024-03-10T06:59",
      "2024-03-10T07:00",
    ])
  })

  it("of whole days of bars come back as they were, in either order and every zone", () => {
    const zone = fc.constantFrom(
      newYork,
      "Europe/Berlin",
      "Australia/Lord_Howe",
      "Asia/Tokyo",
      "America/Sao_Paulo",
      "UTC",
    )
    const day = fc.integer({
      min: Date.UTC(2010, 0, 1) / TimeZone.day,
      max: Date.UTC(2025, 0, 1) / TimeZone.day,
    })
    fc.assert(
      fc.property(zone, day, fc.constantFrom(5, 15, 30), fc.boolean(), (name, first, step, isReversed) => {
        const start = first * TimeZone.day
        const truth = Array.from({ length: (3 * 1440) / step }, (_, index) => start + index * step * minute)
        const rows = isReversed ? truth.toReversed() : truth
        const { starts, unclear } = convert(
          name,
          rows.map((instant) => instant + TimeZone.offsetAt(name, instant)),
        )
        expect(unclear).toBeUndefined()
        expect(Array.from(starts)).toEqual(rows)
      }),
      { numRuns: 200 },
    )
  })

  it("of every change of clocks in ten years come back as they were", () => {
    for (const name of [newYork, "Europe/London", "Australia/Lord_Howe"]) {
      const hours = (10 * 365.25 * 24) | 0
      const truth = Array.from(
        { length: 2 * hours },
        (_, index) => Date.UTC(2012, 0, 1) + index * 30 * minute,
      )
      const { starts, unclear } = convert(
        name,
        truth.map((instant) => instant + TimeZone.offsetAt(name, instant)),
      )
      expect(unclear).toBeUndefined()
      expect(starts.every((start, index) => start === truth[index])).toBe(true)
    }
  })
})
