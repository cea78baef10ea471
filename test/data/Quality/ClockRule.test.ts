import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as ClockRule from "../../../src/data/Quality/ClockRule.js"
import * as TimeZone from "../../../src/data/TimeZone.js"
import { day, hour, span } from "../../utils/Calendars.js"
import * as Shifts from "../../utils/ClockShifts.js"

const zone = "America/New_York"
const range = span("2020-01-01T00:00Z", "2025-01-01T00:00Z")
const offsets = ClockRule.offsetsOf(zone, range)
const inRange = fc.integer({ min: range.start + day, max: range.end - day })
const rule: fc.Arbitrary<ClockRule.ClockRule> = fc.oneof(
  fc.constantFrom(-3, -2, -1, 1, 2, 3).map((times) => ({ kind: "zone" as const, zone, times })),
  fc
    .integer({ min: -ClockRule.largest, max: ClockRule.largest })
    .map((millis) => ({ kind: "fixed" as const, millis })),
)

const minutes = (all: ReadonlyArray<ClockRule.ClockRule>) =>
  all.map((one) => (one.kind === "fixed" ? one.millis / 60_000 : `zone ${one.times}`))
const words = (one: ClockRule.ClockRule, of = offsets) => ClockRule.words(one, of)

describe("offsetsOf", () => {
  it("is the time-zone database's offset, at every instant", () => {
    fc.assert(
      fc.property(fc.integer({ min: range.start, max: range.end - 1 }), (instant) => {
        expect(ClockRule.offsetAt(offsets)(instant)).toBe(TimeZone.offsetAt(zone, instant))
      }),
    )
    for (const change of offsets.from.slice(1)) {
      expect(TimeZone.offsetAt(zone, change)).not.toBe(TimeZone.offsetAt(zone, change - 1))
    }
    expect(offsets.from.length).toBe(11)
  })
})

describe("undo", () => {
  it("inverts apply but within hours of a change of the offset, when no session is on", () => {
    fc.assert(
      fc.property(rule, inRange, (wrong, instant) => {
        fc.pre(offsets.from.every((change) => Math.abs(change - instant) > 3 * hour))
        expect(ClockRule.undo(wrong, offsets)(ClockRule.apply(wrong, offsets)(instant))).toBe(instant)
      }),
    )
  })

  it("takes the offset of the instant, not that of the stamp", () => {
    const twice = { kind: "zone", zone, times: 2 } as const
    const sunday = Date.parse("2024-03-10T23:00Z")
    expect(ClockRule.apply(twice, offsets)(sunday)).toBe(sunday + 8 * hour)
    const saturday = Date.parse("2024-03-10T00:00Z")
    expect(ClockRule.apply(twice, offsets)(saturday)).toBe(saturday + 10 * hour)
    expect(ClockRule.undo(twice, offsets)(saturday + 10 * hour)).toBe(saturday)
  })
})

describe("apply", () => {
  it("makes the stamps that the time-zone database makes", () => {
    fc.assert(
      fc.property(rule, inRange, (wrong, instant) => {
        const same = wrong.kind === "zone" ? { times: wrong.times } : { minutes: wrong.millis / 60_000 }
        expect(ClockRule.apply(wrong, offsets)(instant)).toBeCloseTo(Shifts.stampOf(zone, same, instant), 3)
      }),
    )
  })
})

describe("candidates", () => {
  it("are each once, suggestions too, and no zone's where its offset is none", () => {
    const all = minutes(ClockRule.candidates(zone, offsets, [5 * 60_000, 30 * 60_000, -7_000]))
    expect(new Set(all).size).toBe(all.length)
    expect(all.slice(0, 8)).toEqual(["zone 1", "zone -1", "zone 2", "zone -2", "zone 3", "zone -3", 15, -15])
    expect(all.slice(-3)).toEqual([-840, 5, -7 / 60])
    const utc = ClockRule.offsetsOf("UTC", range)
    expect(minutes(ClockRule.candidates("UTC", utc, []))[0]).toBe(15)
  })
})

describe("words", () => {
  it("name the rule and what it does", () => {
    expect(words({ kind: "zone", zone, times: 2 })).toBe(
      "New York's UTC offset applied twice too often: +8 h in summer, +10 h in winter",
    )
    expect(words({ kind: "zone", zone, times: -1 })).toBe(
      "New York's UTC offset applied once too rarely: -4 h in summer, -5 h in winter",
    )
    const summer = ClockRule.offsetsOf(zone, span("2024-06-01T00:00Z", "2024-07-01T00:00Z"))
    expect(words({ kind: "zone", zone, times: 3 }, summer)).toBe(
      "New York's UTC offset applied three times too often: +12 h",
    )
    const london = ClockRule.offsetsOf("Europe/London", range)
    expect(words({ kind: "zone", zone: "Europe/London", times: 1 }, london)).toBe(
      "London's UTC offset applied once too often: -1 h in summer, 0 h in winter",
    )
    const fixed = (millis: number) => words({ kind: "fixed", millis })
    expect(fixed(8 * hour)).toBe("a fixed offset of +8 h")
    expect(fixed(-hour / 2)).toBe("a fixed offset of -30 min")
    expect(fixed(-5.5 * hour)).toBe("a fixed offset of -5 h 30 min")
    expect(fixed(450_000)).toBe("a fixed offset of +7 min 30 s")
  })
})
