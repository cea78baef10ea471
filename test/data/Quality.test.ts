import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Candle from "../../src/data/Candle.js"
import * as Quality from "../../src/data/Quality.js"
import { span } from "../utils/Calendars.js"

const monday = Date.parse("2025-01-06T00:00Z")
const row = (index: number): Candle.Candle => ({
  start: monday + index * 60_000,
  open: 10,
  high: 12,
  low: 9,
  close: 11,
  volume: 100,
})
const sane = (size: number) => Array.from({ length: size }, (_, index) => row(index))
const kinds = (rows: ReadonlyArray<Candle.Candle>) =>
  Quality.check(Candle.fromRows(rows)).map(({ kind, count }) => `${kind} ${count}`)

type Break = (bar: Candle.Candle, before: Candle.Candle) => Candle.Candle

/** One way to break a bar for each kind that is of one bar, given the bar before it. */
const breakages = {
  not_sorted: (bar, before) => ({ ...bar, start: before.start - 30_000 }),
  duplicate_start: (bar, before) => ({ ...bar, start: before.start }),
  missing_value: (bar) => ({ ...bar, close: Number.NaN }),
  price_not_positive: (bar) => ({ ...bar, low: 0 }),
  high_low_crossed: (bar) => ({ ...bar, high: 10.5 }),
  negative_volume: (bar) => ({ ...bar, volume: -7 }),
} satisfies { readonly [K in Quality.Kind]?: Break }
const broken = fc.constantFrom(...(Object.keys(breakages) as ReadonlyArray<keyof typeof breakages>))

describe("check", () => {
  it("finds nothing in sane bars, known volume or not", () => {
    const prices = fc.record({
      low: fc.double({ min: 0.01, max: 10, noNaN: true }),
      open: fc.double({ min: 10, max: 20, noNaN: true }),
      close: fc.double({ min: 10, max: 20, noNaN: true }),
      high: fc.double({ min: 20, max: 30, noNaN: true }),
      volume: fc.oneof(fc.nat(), fc.constantFrom(-1, null)),
    })
    fc.assert(
      fc.property(fc.array(prices, { maxLength: 30 }), (all) => {
        const candles = Candle.fromRows(all.map((bar, index) => ({ ...bar, start: monday + index })))
        expect(Quality.check(candles)).toEqual([])
        expect(Quality.firstFault(candles)).toBeUndefined()
      }),
    )
  })

  it("names each broken bar by its kind, and firstFault the first of them", () => {
    fc.assert(
      fc.property(broken, fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1 }), (kind, tens) => {
        const places = tens.map((ten) => ten * 10 + 5).sort((a, b) => a - b)
        const rows = sane(100)
        for (const at of places) rows[at] = breakages[kind](row(at), row(at - 1))
        const candles = Candle.fromRows(rows)
        const issues = Quality.check(candles)
        expect(issues.map((issue) => issue.kind)).toEqual([kind])
        expect(issues[0]).toMatchObject({ severity: "error", count: places.length })
        expect(issues[0]!.places).toEqual(
          places.slice(0, 5).map((at) => new Date(rows[at]!.start).toISOString().replace(".000Z", "Z")),
        )
        expect(Quality.firstFault(candles)?.index).toBe(places[0])
      }),
    )
  })

  it("holds high and low against every other price", () => {
    for (const wrong of [
      { high: 10.5 },
      { high: 9.5, close: 9.2 },
      { low: 10.5 },
      { low: 10.5, open: 11, close: 10 },
    ]) {
      expect(kinds([{ ...row(0), ...wrong }])).toEqual(["high_low_crossed 1"])
    }
    expect(kinds([{ ...row(0), open: 8, high: 8, low: 9, close: 9 }])).toEqual(["high_low_crossed 1"])
    expect(kinds([{ ...row(0), high: 10, low: 10, open: 10, close: 10 }])).toEqual([])
  })

  it("finds a block that was written twice", () => {
    expect(kinds([...sane(5), ...sane(3)])).toEqual(["not_sorted 1", "duplicate_start 3"])
  })

  it("takes what is not a number for missing, whatever column it is in", () => {
    for (const column of ["start", "open", "high", "low", "close"] as const) {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const rows = sane(3).map((bar, index) => (index === 1 ? { ...bar, [column]: value } : bar))
        expect(kinds(rows)).toContain("missing_value 1")
        expect(Quality.firstFault(Candle.fromRows(rows))?.index).toBe(1)
      }
    }
    const [issue] = Quality.check(Candle.fromRows([{ ...row(0), start: Number.NaN }]))
    expect(issue!.places).toEqual(["bar 0"])
    expect(kinds([{ ...row(0), volume: Number.POSITIVE_INFINITY }])).toEqual(["missing_value 1"])
  })

  it("finds in the parts of a series what it finds in the whole, wherever it is cut", () => {
    const alone = fc.constantFrom(
      "missing_value" as const,
      "price_not_positive" as const,
      "negative_volume" as const,
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(alone, fc.nat(59)), { maxLength: 20 }), fc.nat(60), (all, cut) => {
        const rows = sane(60)
        for (const [kind, at] of all) rows[at] = breakages[kind](rows[at]!)
        const candles = Candle.fromRows(rows)
        const watcher = Quality.watch()
        watcher.add(Candle.slice(candles, 0, cut))
        watcher.add(Candle.slice(candles, cut, 60))
        expect(watcher.issues()).toEqual(Quality.check(candles))
      }),
    )
  })
})

describe("firstFault", () => {
  const range = span("2025-01-06T00:00Z", "2025-01-06T00:03Z")
  const fault = (rows: ReadonlyArray<Candle.Candle>) => Quality.firstFault(Candle.fromRows(rows), range)

  it("holds bars to the range asked for, its end excluded", () => {
    expect(fault(sane(3))).toBeUndefined()
    expect(fault(sane(4))).toEqual({
      index: 3,
      expected: "a start inside 2025-01-06T00:00:00Z to 2025-01-06T00:03:00Z",
      found: "2025-01-06T00:03:00Z",
    })
    expect(fault([{ ...row(0), start: monday - 1 }])?.found).toBe("2025-01-05T23:59:59.999Z")
  })

  it("says what is wrong", () => {
    expect(fault([row(0), { ...row(1), start: monday }])).toEqual({
      index: 1,
      expected: "each start once",
      found: "2025-01-06T00:00:00Z after 2025-01-06T00:00:00Z",
    })
    expect(fault([{ ...row(0), high: 8 }])?.found).toBe("open 10, high 8, low 9, close 11")
    expect(fault([{ ...row(0), close: -1 }])?.expected).toBe("prices above zero")
    expect(fault([{ ...row(0), volume: -2 }])?.found).toBe("volume -2")
  })
})
