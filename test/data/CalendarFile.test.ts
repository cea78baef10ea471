import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as CalendarFile from "../../src/data/CalendarFile.js"
import * as Calendars from "../../src/data/Calendars.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"
import * as IbRules from "../../src/hosts/ib/IbRules.js"
import { always, dates, span, starts } from "../utils/Calendars.js"

const example = readFileSync(new URL("../fixtures/calendars/cme-equity.json", import.meta.url), "utf8")
const read = (text: string) => Either.getOrThrow(CalendarFile.parse("own.json", text))
const cme = read(example)[0]!

const sessions = (from: string, to: string) =>
  TradingCalendar.sessions(cme, "regular", span(from, to)).map(
    ({ open, close, date }) =>
      `${new Date(date).toISOString().slice(0, 10)}: ${[open, close].map((_) => new Date(_).toISOString().slice(5, 16)).join(" to ")}`,
  )

describe("CME equity futures, added by a file", () => {
  it("are the venue of Interactive Brokers' futures", () => {
    expect(cme.venue).toBe(IbRules.venue("future", IbRules.exchange.future, "USD"))
  })

  it("trade from Sunday 17:00 to Friday 16:00 Chicago with an hour's break, in winter and in summer", () => {
    expect(sessions("2025-02-23", "2025-03-02")).toEqual([
      "2025-02-24: 02-23T23:00 to 02-24T22:00",
      "2025-02-25: 02-24T23:00 to 02-25T22:00",
      "2025-02-26: 02-25T23:00 to 02-26T22:00",
      "2025-02-27: 02-26T23:00 to 02-27T22:00",
      "2025-02-28: 02-27T23:00 to 02-28T22:00",
    ])
    expect(sessions("2025-03-07T12:00Z", "2025-03-11")).toEqual([
      "2025-03-07: 03-06T23:00 to 03-07T22:00",
      "2025-03-10: 03-09T22:00 to 03-10T21:00",
      "2025-03-11: 03-10T22:00 to 03-11T21:00",
    ])
  })

  it("have bars at hand-written instants across the change of the clocks and the break", () => {
    expect(starts(cme, "4h", span("2025-03-07T12:00Z", "2025-03-10T12:00Z"))).toEqual([
      "2025-03-07T14:00",
      "2025-03-07T18:00",
      "2025-03-09T22:00",
      "2025-03-10T01:00",
      "2025-03-10T05:00",
      "2025-03-10T09:00",
    ])
    expect(starts(cme, "30m", span("2025-10-31T20:30Z", "2025-11-03T00:00Z"))).toEqual([
      "2025-10-31T20:30",
      "2025-11-02T23:00",
      "2025-11-02T23:30",
    ])
    expect(starts(cme, "15m", span("2025-03-10T20:30Z", "2025-03-10T22:20Z"))).toEqual([
      "2025-03-10T20:30",
      "2025-03-10T20:45",
      "2025-03-10T22:00",
      "2025-03-10T22:15",
    ])
  })

  it("close early on and after Thanksgiving, and not at all otherwise that week", () => {
    expect(sessions("2025-11-26T00:00Z", "2025-11-29")).toEqual([
      "2025-11-26: 11-25T23:00 to 11-26T22:00",
      "2025-11-27: 11-26T23:00 to 11-27T18:00",
      "2025-11-28: 11-27T23:00 to 11-28T18:15",
    ])
    expect(starts(cme, "1h", span("2025-11-28T16:30Z", "2025-11-30T23:00Z"))).toEqual([
      "2025-11-28T17:00",
      "2025-11-28T18:00",
    ])
  })

  it("rest on Good Friday, Christmas and New Year, but for a Good Friday with figures", () => {
    expect(dates(cme, span("2024-03-25", "2024-04-02"))).not.toContain("2024-03-29")
    expect(sessions("2023-04-07T00:00Z", "2023-04-08")).toEqual(["2023-04-07: 04-06T22:00 to 04-07T13:15"])
    expect(sessions("2024-12-24T12:00Z", "2024-12-27")).toEqual([
      "2024-12-24: 12-23T23:00 to 12-24T18:15",
      "2024-12-26: 12-25T23:00 to 12-26T22:00",
      "2024-12-27: 12-26T23:00 to 12-27T22:00",
    ])
    expect(dates(cme, span("2022-12-23", "2023-01-05"))).toEqual([
      "2022-12-23",
      "2022-12-27",
      "2022-12-28",
      "2022-12-29",
      "2022-12-30",
      "2023-01-03",
      "2023-01-04",
    ])
  })
})

it.effect("calendars of the user come before those that are built in", () =>
  Effect.gen(function* () {
    expect((yield* Calendars.forVenue("CME")).warning).toContain("no calendar for venue CME")
    const own = { ...always, venue: "XNYS" }
    const given = yield* Effect.forEach(["CME", "XNYS", "FOREX"], Calendars.forVenue).pipe(
      Calendars.add([own]),
      Effect.provide(Calendars.layer([cme])),
    )
    expect(given.map(({ calendar }) => calendar.venue)).toEqual(["CME", "XNYS", "FOREX"])
    expect(given[0]?.calendar).toBe(cme)
    expect(given[1]?.calendar).toBe(own)
    expect(given.every(({ warning }) => warning === undefined)).toBe(true)
  }),
)

it("a file may hold several calendars, and begin with a byte order mark", () => {
  const two = `\uFEFF[${example}, ${example.replace('"CME"', '"CBOT"')}]`
  expect(read(two).map(({ venue }) => venue)).toEqual(["CME", "CBOT"])
})

const base = {
  venue: "XBER",
  timeZone: "Europe/Berlin",
  source: "invented for a test",
  regular: [
    { days: ["Mon", "Tue"], open: "09:00", close: "12:00" },
    { days: ["Mon", "Tue"], open: "13:00", close: "17:00" },
  ],
  closed: [{ rule: "fixed", month: 12, day: 25 }],
  changed: [{ on: [{ rule: "date", date: "2025-12-24" }], regular: { close: "12:30" } }],
}

const fault = (text: string) => Either.getOrThrow(Either.flip(CalendarFile.parse("own.json", text)))
const faultOf = (change: object) => fault(JSON.stringify({ ...base, ...change }))

const hours = (...all: ReadonlyArray<readonly [days: string, open: string, close: string]>) => ({
  regular: all.map(([days, open, close]) => ({ days: days.split(" "), open, close })),
})
const rule = (given: object) => ({ closed: [given] })
const change = (regular: object, more: object = {}) => ({
  changed: [{ on: [{ rule: "date", date: "2025-12-24" }], regular, ...more }],
})

describe("what is wrong is named by its path", () => {
  const cases: ReadonlyArray<readonly [name: string, change: object, path: string, expected: RegExp]> = [
    ["no time zone", { timeZone: undefined }, "own.json line 1, timeZone", /a value/],
    ["an unknown zone", { timeZone: "Europe/Atlantis" }, "timeZone", /a time zone such as/],
    ["a venue that is a path", { venue: "../x" }, "venue", /a name that can be a folder/],
    ["an empty venue", { venue: "" }, "venue", /a name that can be a folder/],
    ["an unknown key", { holidays: [] }, "holidays", /no other key than "venue"/],
    ["an unknown weekday", hours(["Mo", "09:00", "17:00"]), "regular[0].days[0]", /one of "Sun" "Mon"/],
    ["a clock without a zero", hours(["Mon", "9:00", "17:00"]), "regular[0].open", /such as 09:30/],
    ["a clock beyond the day", hours(["Mon", "09:00", "24:30"]), "regular[0].close", /such as 09:30/],
    ["an open at the day's end", hours(["Mon", "24:00", "12:00"]), "regular[0].open", /to 23:59/],
    ["no session", hours(), "regular", /one session or more/],
    ["no extended session", { extended: [] }, "extended", /one session or more/],
    ["no day", { regular: [{ days: [], open: "09:00", close: "17:00" }] }, "regular[0].days", /one weekday/],
    ["a day twice", hours(["Mon Mon", "09:00", "17:00"]), "regular[0].days", /each weekday once/],
    [
      "overlap",
      hours(["Mon", "09:00", "12:00"], ["Mon", "11:59", "17:00"]),
      "regular[1]",
      /once that of Mon/,
    ],
    [
      "disorder",
      hours(["Mon", "13:00", "17:00"], ["Mon", "09:00", "12:00"]),
      "regular[1]",
      /once that of Mon/,
    ],
    [
      "overlap at midnight",
      hours(["Mon Tue", "17:00", "16:00"], ["Mon", "16:30", "17:01"]),
      "regular[0]",
      /of Tue that opens once that of Mon/,
    ],
    [
      "overlap over the weekend",
      hours(["Sat", "09:00", "24:00"], ["Sun", "23:00", "12:00"]),
      "regular[1]",
      /of Sun that opens once that of Sat/,
    ],
    [
      "overlap of extended hours alone",
      {
        extended: [
          { days: ["Mon", "Tue"], open: "06:00", close: "05:00" },
          { days: ["Tue"], open: "04:00", close: "05:00" },
        ],
      },
      "extended[1]",
      /once that of Tue/,
    ],
    ["an unknown rule", rule({ rule: "moon" }), "closed[0].rule", /"date" \| "fixed"/],
    ["a date that is none", rule({ rule: "date", date: "2025-02-30" }), "closed[0].date", /a day that the/],
    ["a day that no month has", rule({ rule: "fixed", month: 4, day: 31 }), "closed[0].day", /month 4 has/],
    [
      "a fifth Monday",
      rule({ rule: "nth", month: 1, weekday: "Mon", nth: 5 }),
      "closed[0].nth",
      /one of 1 2 3 4 -1/,
    ],
    [
      "years in reverse",
      rule({ rule: "easter", from: 2020, until: 2019 }),
      "closed[0].until",
      /not before 2020/,
    ],
    ["a far shift", rule({ rule: "easter", plusDays: 400 }), "closed[0].plusDays", /-200 to 200/],
    [
      "no weekday",
      rule({ rule: "fixed", month: 1, day: 1, weekdays: [] }),
      "closed[0].weekdays",
      /one weekday/,
    ],
    ["a change of nothing", change({}), "changed[0]", /differs on those days/],
    [
      "a change on no day",
      { changed: [{ on: [], regular: { close: "12:00" } }] },
      "changed[0].on",
      /one rule/,
    ],
    [
      "a wrong rule of a change",
      { changed: [{ on: [{ rule: "fixed", month: 2, day: 30 }], regular: { close: "12:00" } }] },
      "changed[0].on[0].day",
      /month 2 has/,
    ],
    [
      "a change of hours that are not there",
      change({ close: "12:00" }, { extended: { close: "13:00" } }),
      "changed[0].extended",
      /hours that the calendar lacks/,
    ],
    [
      "a close that is not early",
      change({ close: "17:00" }),
      "changed[0].regular.close",
      /before that of a session/,
    ],
    [
      "an open that is not late",
      change({ open: "09:00" }),
      "changed[0].regular.open",
      /after that of a session/,
    ],
    [
      "a change that leaves nothing",
      change({ close: "08:00" }),
      "changed[0].regular",
      /belongs under closed/,
    ],
    [
      "an open after the close",
      change({ open: "16:00", close: "12:00" }),
      "changed[0].regular",
      /belongs under closed/,
    ],
  ]

  for (const [name, given, path, expected] of cases) {
    it(name, () => {
      const error = faultOf(given)
      expect(error.reason).toBe("InvalidFile")
      expect(error.place.endsWith(path)).toBe(true)
      expect(error.expected).toMatch(expected)
      expect(error.advice).toBe("Correct the calendar at that place")
    })
  }

  it("in an array by its index, and with its line", () => {
    const text = JSON.stringify([base, { ...base, venue: "X/Y" }], null, 1)
    const line = text.split("\n").findIndex((_) => _.includes("X/Y")) + 1
    expect(fault(text).place).toBe(`own.json line ${line}, [1].venue`)
    expect(fault(JSON.stringify([base, base])).place).toBe("own.json line 1, [1].venue")
    expect(fault("[]")).toMatchObject({ place: "own.json line 1", expected: "one calendar or more" })
  })

  it("a calendar as it should be is none of these", () => {
    expect(read(JSON.stringify(base))[0]?.venue).toBe("XBER")
    expect(
      read(JSON.stringify({ ...base, ...hours(["Mon Tue", "17:00", "17:00"]), changed: [] })),
    ).toHaveLength(1)
  })

  it("text that is no JSON by its line", () => {
    const lines = example.split("\n")
    const broken = (line: number, text: string) => lines.with(line - 1, text).join("\n")
    expect(fault(broken(4, '  "source" "x",')).place).toBe("own.json line 4")
    expect(fault(broken(6, "    nope")).place).toBe("own.json line 6")
    expect(fault(lines.slice(0, 12).join("\n")).place).toBe("own.json line 12")
    expect(fault("").reason).toBe("InvalidFile")
    expect(fault(`${" ".repeat(CalendarFile.longest)}{}`).found).toBe("more")
    expect(fault("[".repeat(100_000)).reason).toBe("InvalidFile")
  })
})

it("a rule of a day that only some years have does not name another day in the others", () => {
  const leap = read(
    JSON.stringify({ ...base, closed: [{ rule: "fixed", month: 2, day: 29 }], changed: [] }),
  )[0]!
  expect(dates(leap, span("2028-02-28", "2028-03-01"))).toEqual(["2028-02-28"])
  expect(dates(leap, span("2032-03-01", "2032-03-02"))).toEqual(["2032-03-01"])
  expect(dates(leap, span("2027-03-01", "2027-03-02"))).toEqual(["2027-03-01"])
})

it("a venue without extended hours has the changes of its regular ones in either session", () => {
  const only = read(JSON.stringify(base))[0]!
  const eve = span("2025-12-24", "2025-12-25")
  const wednesday = { ...only, regular: [{ days: ["Wed" as const], open: "09:00", close: "17:00" }] }
  expect(starts(wednesday, "1h", eve, "extended")).toEqual(starts(wednesday, "1h", eve, "regular"))
  expect(starts(wednesday, "1h", eve, "extended").at(-1)).toBe("2025-12-24T11:00")
})
