import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { ClockRule } from "../../../src/data/Quality/ClockRule.js"
import * as ClockShift from "../../../src/data/Quality/ClockShift.js"
import { fits } from "../../../src/data/Quality/Slots.js"
import { bars, day, forex, hour, newYork } from "../../utils/Calendars.js"
import * as Markets from "../../utils/ClockMarkets.js"
import * as Shifts from "../../utils/ClockShifts.js"
import { outcome } from "../../utils/Turns.js"

const find = (stamps: Float64Array, { grid }: Markets.Market) => outcome(ClockShift.find(stamps, grid))

const named = (rule: ClockRule): Shifts.Rule =>
  rule.kind === "zone" ? { times: rule.times } : { minutes: rule.millis / 60_000 }

const zoneRule = fc.constantFrom(1, -1, 2, -2, 3, -3).map((times): Shifts.Rule => ({ times }))
const fixedRule = fc
  .constantFrom(1, 5, 7.5, 15, 30, 45, 60, 90, 120, 300, 330, 480, 600, 840)
  .chain((minutes) => fc.constantFrom<Shifts.Rule>({ minutes }, { minutes: -minutes }))
const rule = fc.oneof(zoneRule, fixedRule)
/** Cases of each property. */
const runs = 15
const seed = fc.nat(1_000_000)

const same = (a: Float64Array, b: Float64Array): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index])

/** How the starts that were found compare with those that the bars should have. */
const compare = ({ stamps, starts }: Shifts.Shifted, found: ClockShift.Found) => {
  const counts = { right: 0, wrong: 0, left: 0 }
  stamps.forEach((stamp, index) => {
    const start = found.starts[index]!
    counts[start === starts[index] ? "right" : start === stamp ? "left" : "wrong"]++
  })
  return counts
}

/** Bars that were moved and fit nowhere as they stand: nothing but the rule explains them. */
const certain = ({ stamps, starts }: Shifts.Shifted, { grid }: Markets.Market): number => {
  const known = new Set([...grid.own.starts, ...grid.other])
  return stamps.filter((stamp, index) => stamp !== starts[index] && !known.has(stamp)).length
}

const shifted = (
  market: Markets.Market,
  wrong: Shifts.Rule,
  chance: number,
  isMoved: (index: number, bars: number) => boolean,
) => {
  const starts = Markets.thinned(market, 0.03, chance)
  const made = Shifts.shift(starts, market.grid.timeZone, wrong, (index) => isMoved(index, starts.length))
  return { made, found: find(made.stamps, market) }
}

const around = (market: Markets.Market, add: (start: number, index: number) => ReadonlyArray<number>) =>
  Float64Array.from(new Set([...market.starts].flatMap(add))).sort()

describe("find", () => {
  it("names the rule that shifted all bars, and puts every one of them right", () => {
    fc.assert(
      fc.property(Markets.any, rule, seed, (market, wrong, chance) => {
        const { found, made } = shifted(market, wrong, chance, () => true)
        expect(found.rules.map((one) => named(one.rule))).toEqual([wrong])
        expect(same(found.starts, made.starts)).toBe(true)
        expect(found.ruleOf.every((one) => one === 1)).toBe(true)
        expect(found.rules[0]!.undecided).toBe(0)
      }),
      { numRuns: runs },
    )
  })

  it("finds a span of shifted rows; only the sessions at its ends leave a doubt", () => {
    fc.assert(
      fc.property(Markets.any, rule, seed, (market, wrong, chance) => {
        const { found, made } = shifted(market, wrong, chance, (index, bars) => {
          const at = index / bars
          return at >= 0.1 && at < 0.7
        })
        expect(found.rules.map((one) => named(one.rule))).toEqual([wrong])
        const ends = [0.1, 0.7].map((at) => made.starts[Math.floor(made.starts.length * at)]!)
        const near = new Set<number>()
        made.stamps.forEach((_, index) => {
          const start = made.starts[index]!
          if (found.starts[index] !== start) near.add(Math.min(...ends.map((end) => Math.abs(end - start))))
        })
        expect(Math.max(0, ...near)).toBeLessThan(5 * day)
      }),
      { numRuns: runs },
    )
  })

  it("finds shifted rows among others, moves those that nothing else explains, and hardly another", () => {
    fc.assert(
      fc.property(Markets.any, rule, seed, (market, wrong, chance) => {
        const next = Markets.chance(chance + 1)
        const { found, made } = shifted(market, wrong, chance, () => next() < 0.5)
        expect(found.rules.map((one) => named(one.rule))).toEqual([wrong])
        const { wrong: astray } = compare(made, found)
        expect(astray).toBeLessThanOrEqual(0.03 * made.stamps.length)
        const explained = found.fit.filter((fit) => fit === fits.settled).length
        expect(explained).toBeGreaterThanOrEqual(certain(made, market))
        expect(found.fit.includes(fits.nowhere)).toBe(false)
      }),
      {
        numRuns: runs,
        examples: [
          [Markets.stockHours, { minutes: -30 }, 0],
          [Markets.stockMinutes, { minutes: 5 }, 1],
          [Markets.extendedHours, { minutes: 480 }, 2],
          [Markets.extendedHours, { times: 1 }, 3],
          [Markets.extendedMinutes, { minutes: 60 }, 4],
        ],
      },
    )
  })

  it("finds whole sessions that were shifted among others", () => {
    const closing = fc.constantFrom(...Markets.all.filter(({ name }) => !name.startsWith("EUR")))
    fc.assert(
      fc.property(closing, rule, seed, (market, wrong, chance) => {
        const starts = Markets.thinned(market, 0.03, chance)
        const next = Markets.chance(chance + 1)
        const late = new Map<number, boolean>()
        const made = Shifts.shift(starts, market.grid.timeZone, wrong, (index) => {
          const date = Math.floor((starts[index]! - 6 * hour) / day)
          if (!late.has(date)) late.set(date, next() < 0.5)
          return late.get(date)!
        })
        const found = find(made.stamps, market)
        expect(found.rules.map((one) => named(one.rule))).toEqual([wrong])
        expect(compare(made, found).right).toBeGreaterThan(0.9 * made.stamps.length - made.gone)
      }),
      { numRuns: runs },
    )
  })

  it("finds two wrong clocks, one after the other", () => {
    const market = Markets.stockHours
    const half = market.starts.length >> 1
    const first = Shifts.shift(market.starts.slice(0, half), market.grid.timeZone, { times: 2 }, () => true)
    const second = Shifts.shift(
      market.starts.slice(half),
      market.grid.timeZone,
      { minutes: -330 },
      () => true,
    )
    const found = find(Float64Array.from([...first.stamps, ...second.stamps]).sort(), market)
    expect(found.rules.map((one) => named(one.rule))).toEqual([{ times: 2 }, { minutes: -330 }])
    expect(same(found.starts.slice().sort(), market.starts)).toBe(true)
  })

  it("never accuses clean bars, whatever is missing of them", () => {
    fc.assert(
      fc.property(
        Markets.any,
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        seed,
        (market, share, chance) => {
          const stamps = Markets.thinned(market, share, chance)
          const { fit, rules, starts } = find(stamps, market)
          expect(rules).toEqual([])
          expect(starts).toBe(stamps)
          expect(fit.every((one) => one === fits.session)).toBe(true)
        },
      ),
      { numRuns: runs },
    )
  })

  it("blames no clock for bars that other causes put outside the sessions", () => {
    for (const market of [Markets.stockHours, Markets.stockMinutes, Markets.extendedHours]) {
      const step = market === Markets.stockMinutes ? 5 * 60_000 : hour
      const isLast = (index: number) => market.starts[index + 1]! - market.starts[index]! > 4 * hour
      const next = Markets.chance(5)
      const cases = {
        "a bar more at every close": around(market, (start, index) =>
          isLast(index) ? [start, start + step] : [start],
        ),
        "a bar more before every open": around(market, (start, index) =>
          isLast(index - 1) ? [start - step, start] : [start],
        ),
        "stray bars": around(market, (start) =>
          next() < 0.05 ? [start, start + Math.floor(next() * 1440) * 60_000] : [start],
        ),
        "seconds that differ": around(market, (start) => [start + Math.floor(next() * 20_000)]),
        "the other session too": Float64Array.from(
          new Set([
            ...market.starts,
            ...market.grid.other.filter((_) => _ >= market.starts[0]! && _ <= market.starts.at(-1)!),
          ]),
        ).sort(),
      }
      for (const [name, stamps] of Object.entries(cases)) {
        expect([market.name, name, find(stamps, market).rules]).toEqual([market.name, name, []])
      }
    }
  })

  it("blames no clock for hours that are counted from the open, few or many", () => {
    const month = Markets.make("a month", newYork, bars("1h"), 20)
    for (const market of [month, Markets.stockHours]) {
      const stamps = around(market, (start) => [start % hour === 0 ? start + hour / 2 : start])
      expect(find(stamps, market).rules).toEqual([])
    }
  })

  it("blames no clock for a last bar that is late alone", () => {
    const market = Markets.stockHours
    const { starts } = market
    const isLast = (index: number) => !(starts[index + 1]! - starts[index]! < 4 * hour)
    const stamps = around(market, (start, index) => [isLast(index) ? start + 2 * hour : start])
    expect(find(stamps, market).rules).toEqual([])
  })

  it("blames no clock for holidays on which another venue traded", () => {
    const market = Markets.make("a year", forex, bars("1h"), 400)
    const days = Array.from({ length: 400 }, (_, index) => Date.UTC(2024, 1, 5) + index * day)
    const weekdays = days.filter((date) => new Date(date).getUTCDay() % 6 !== 0)
    const stamps = weekdays.flatMap((date) =>
      Array.from({ length: 9 }, (_, index) => date + (8 + index) * hour),
    )
    const { fit, rules } = find(Float64Array.from(stamps), market)
    expect(rules).toEqual([])
    expect(fit.filter((one) => one === fits.nowhere).length).toBe(18)
  })

  it("takes a session that shows nothing for shifted between sessions that were", () => {
    const market = Markets.forexHours
    const starts = market.starts.filter((start) => start % hour === 0 || new Date(start).getUTCDay() !== 3)
    const { stamps } = Shifts.shift(starts, market.grid.timeZone, { minutes: 60 }, () => true)
    expect(same(find(stamps, market).starts, starts)).toBe(true)
  })

  it("blames no clock for sessions that the calendar does not know, alone among others", () => {
    const market = Markets.stockHours
    const saturdays = [0, 7, 28].flatMap((days) =>
      Array.from({ length: 7 }, (_, index) => Date.UTC(2024, 1, 10 + days, 15 + index)),
    )
    const stamps = Float64Array.from([...market.starts, ...saturdays]).sort()
    expect(find(stamps, market).rules).toEqual([])
  })

  it("needs five bars that nothing else explains", () => {
    const market = Markets.stockDays
    const late = (bars: number) =>
      Shifts.shift(market.starts, market.grid.timeZone, { minutes: 300 }, (index) => index < bars).stamps
    expect(find(late(4), market).rules).toEqual([])
    expect(find(late(5), market).rules.length).toBe(1)
  })
})
