import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as ClockShift from "../../../src/data/Quality/ClockShift.js"
import * as SessionRules from "../../../src/data/Quality/SessionRules.js"
import type { TimeRange } from "../../../src/data/TimeRange.js"
import { day, forex, hour, newYork, span } from "../../utils/Calendars.js"
import * as Markets from "../../utils/ClockMarkets.js"
import * as Shifts from "../../utils/ClockShifts.js"
import { outcome } from "../../utils/Turns.js"

const issues = (
  { bars, calendar, grid }: Markets.Market,
  stamps: Float64Array,
  noData: ReadonlyArray<TimeRange> = [],
) => {
  const found = outcome(ClockShift.find(stamps, grid))
  const starts = found.starts.slice().sort()
  return outcome(
    SessionRules.issues({
      calendar,
      timeframe: bars.timeframe,
      stamps,
      found,
      expected: grid.own.starts,
      range: { start: starts[0]!, end: starts.at(-1)! + 1 },
      noData,
    }),
  )
}

const and = (stamps: Float64Array, ...more: ReadonlyArray<string>) =>
  Float64Array.from([...stamps, ...more.map((text) => Date.parse(text))]).sort()

const weekDays = Markets.make("weekdays", newYork, { timeframe: "1d", session: "regular" }, 60)

const kinds = (market: Markets.Market, ...more: ReadonlyArray<string>) =>
  issues(market, and(market.starts, ...more)).map(({ kind, count }) => `${kind} ${count}`)
const inYear = (year: number, all: Float64Array) =>
  all.filter((_) => new Date(_).getUTCFullYear() === year).length
const inWords = (bars: number) => bars.toLocaleString("en-US")

describe("missing_bars", () => {
  const { starts } = Markets.stockHours
  const without = (...indices: ReadonlyArray<number>) => starts.filter((_, index) => !indices.includes(index))

  it("counts bars and runs between the first stored bar and the last", () => {
    expect(issues(Markets.stockHours, starts)).toEqual([])
    expect(issues(Markets.stockHours, without(0, starts.length - 1))).toEqual([])
    expect(issues(Markets.stockHours, without(3, 4, 9))).toEqual([
      {
        kind: "missing_bars",
        severity: "warning",
        count: 3,
        places: ["2024-02-05T17:00:00Z", "2024-02-06T16:00:00Z"],
        detail: "of 725 bars expected, in 2 runs",
      },
    ])
  })

  it("leaves out what the source is known not to have, to the bar", () => {
    const hole = span("2024-02-05T17:00Z", "2024-02-05T18:00Z")
    expect(issues(Markets.stockHours, without(3), [hole])).toEqual([])
    expect(issues(Markets.stockHours, without(3, 4), [hole])[0]).toMatchObject({
      count: 1,
      places: ["2024-02-05T18:00:00Z"],
    })
    expect(issues(Markets.stockHours, without(2, 3, 4), [hole])[0]).toMatchObject({ count: 2 })
  })

  it("are as many as there are, wherever they are", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: starts.length - 2 }), { maxLength: 60 }),
        (gone) => {
          const runs = gone.filter((index) => !gone.includes(index - 1)).length
          const [issue] = issues(Markets.stockHours, without(...gone))
          expect(issue?.count ?? 0).toBe(gone.length)
          expect(issue?.detail ?? "in 0 runs").toMatch(new RegExp(`in ${runs} runs?$`))
        },
      ),
      { numRuns: 30 },
    )
  })
})

describe("outside_session", () => {
  it("names bars at the wrong minute, on holidays and after an early close", () => {
    const stamps = and(
      Markets.stockHours.starts,
      "2024-02-05T15:01Z",
      "2024-02-19T15:00Z",
      "2024-07-03T17:00Z",
    )
    expect(issues(Markets.stockHours, stamps)).toEqual([
      {
        kind: "outside_session",
        severity: "warning",
        count: 3,
        places: ["2024-02-05T15:01:00Z", "2024-02-19T15:00:00Z", "2024-07-03T17:00:00Z"],
        detail: "1 of them inside the venue's other session",
      },
    ])
  })

  it("says how many are of the other session", () => {
    const { grid, starts } = Markets.stockHours
    const inside = grid.other.filter((_) => _ >= starts[0]! && _ <= starts.at(-1)!)
    const known = new Set(starts)
    const beside = inside.filter((_) => !known.has(_)).length
    expect(
      issues(Markets.stockHours, Float64Array.from(new Set([...starts, ...inside])).sort()),
    ).toMatchObject([{ kind: "outside_session", count: beside, detail: /inside the venue's other session/ }])
  })
})

describe("impossible_calendar", () => {
  it("takes a daily bar of a weekday without trading for invented, one of a holiday for misplaced", () => {
    const all = and(weekDays.starts, "2024-02-10T00:00Z", "2024-02-11T00:00Z", "2024-02-19T00:00Z")
    expect(issues(weekDays, all)).toEqual([
      {
        kind: "impossible_calendar",
        severity: "error",
        count: 2,
        places: ["2024-02-10T00:00:00Z", "2024-02-11T00:00:00Z"],
        detail:
          "XNYS never trades on Sundays or Saturdays: bars of such days are invented, and those beside them may be",
      },
      { kind: "outside_session", severity: "warning", count: 1, places: ["2024-02-19T00:00:00Z"] },
    ])
  })

  it("knows that currencies trade on Sunday evenings, and takes intraday bars of a Saturday for misplaced", () => {
    const pairs = Markets.make("EUR.USD 1d", forex, { timeframe: "1d", session: "regular" }, 60)
    expect(kinds(pairs, "2024-02-10T00:00Z", "2024-02-11T00:00Z")).toEqual([
      "impossible_calendar 1",
      "outside_session 1",
    ])
    expect(kinds(Markets.stockHours, "2024-02-10T15:00Z")).toEqual(["outside_session 1"])
  })
})

describe("clock_shift", () => {
  const market = Markets.stockHours
  const before = Date.UTC(2024, 3, 1)

  it("says the rule, how many bars it explains, in which years, and what it does not explain", () => {
    const years = Markets.make("years", newYork, { timeframe: "1h", session: "regular" }, 700)
    const end = Date.UTC(2025, 5, 1)
    const isLate = (start: number) => start < end
    const made = Shifts.shift(years.starts, newYork.timeZone, { times: 2 }, (index) =>
      isLate(years.starts[index]!),
    )
    const late = years.starts.filter(isLate)
    const lateStamps = made.stamps.filter((stamp, index) => stamp !== made.starts[index])
    const stray = end + 3 * day + hour / 4
    const [issue, ...others] = issues(years, Float64Array.from([...made.stamps, stray]).sort())
    expect(issue).toMatchObject({
      kind: "clock_shift",
      severity: "error",
      count: late.length,
      shifts: [
        {
          rule: "New York's UTC offset applied twice too often: +8 h in summer, +10 h in winter",
          zone: "America/New_York",
          times: 2,
          offset_minutes: null,
          explained: late.length,
          unexplained: 1,
          undecided: 0,
          first: late[0]! + 10 * hour,
          last: late.at(-1)! + 8 * hour,
          years: [
            { year: 2024, bars: inYear(2024, made.stamps), explained: inYear(2024, lateStamps) },
            { year: 2025, bars: inYear(2025, made.stamps) + 1, explained: inYear(2025, lateStamps) },
          ],
        },
      ],
    })
    expect(issue!.detail).toBe(
      [
        `New York's UTC offset applied twice too often: +8 h in summer, +10 h in winter; undoing that puts`,
        `${inWords(late.length)} of ${inWords(made.stamps.length + 1)} bars into the sessions`,
        `(2024: all ${inWords(inYear(2024, lateStamps))}, 2025: ${inWords(inYear(2025, lateStamps))} of ${inWords(inYear(2025, made.stamps) + 1)});`,
        `1 bar outside the sessions is not explained by it`,
      ].join(" "),
    )
    expect(others.map(({ kind }) => kind)).toEqual(["outside_session"])
  })

  it("counts what is missing once the clock is put right", () => {
    const starts = market.starts.filter((_, index) => index !== 10)
    const made = Shifts.shift(starts, newYork.timeZone, { minutes: 450 }, () => true)
    expect(issues(market, made.stamps)).toMatchObject([
      {
        kind: "clock_shift",
        count: starts.length,
        shifts: [{ offset_minutes: 450, zone: null, times: null }],
      },
      {
        kind: "missing_bars",
        count: 1,
        detail: "of 725 bars expected, in 1 run once the clock is put right",
      },
    ])
  })

  it("names offsets of less than a minute", () => {
    const isEarly = (index: number) => market.starts[index]! < before
    const made = Shifts.shift(market.starts, newYork.timeZone, { minutes: 0.5 }, isEarly)
    expect(issues(market, made.stamps)).toMatchObject([
      { kind: "clock_shift", shifts: [{ rule: "a fixed offset of +30 s", offset_minutes: 0.5 }] },
    ])
  })
})
