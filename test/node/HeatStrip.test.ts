import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import pico from "picocolors"
import * as Coverage from "../../src/data/Coverage.js"
import * as TradingCalendar from "../../src/data/TradingCalendar.js"
import * as HeatStrip from "../../src/node/HeatStrip.js"
import { always, bars, newYork, span } from "../utils/Calendars.js"

const frame = (width: number, height: number, hasUnicode = true): HeatStrip.Frame => ({
  width,
  height,
  hasUnicode,
  colors: pico.createColors(false),
})

const none: Coverage.Counts = {
  expected: 0,
  present: 0,
  no_data: 0,
  refused: 0,
  failed: 0,
  pending: 0,
  unexpected: 0,
}

const strip = (known: Coverage.Known, range: ReturnType<typeof span>, frame: HeatStrip.Frame) => {
  const layout = HeatStrip.arrange(range, frame)
  return HeatStrip.lines(layout, Coverage.byBucket(known, layout.edges), frame)
}

const daily = (range: ReturnType<typeof span>, present: (start: number) => boolean): Coverage.Known => {
  const expected = TradingCalendar.expected(newYork, bars("1d"), range)
  return { expected, present: expected.starts.filter(present), noData: [], refused: [], failed: [], range }
}

describe("a calendar", () => {
  const range = span("2022-05-01", "2024-09-01")
  const hole = span("2023-03-06", "2023-05-03")
  const known: Coverage.Known = {
    ...daily(range, (start) => start < hole.start || start >= hole.end),
    noData: [span("2023-03-20", "2023-03-27")],
  }

  it("has a row a year and a cell a week", () => {
    expect(strip(known, range, frame(80, 20))).toMatchInlineSnapshot(`
      [
        "     Jan Feb Mar  Apr May  Jun Jul Aug  Sep Oct  Nov Dec",
        "2022                  ███████████████████████████████████",
        "2023 █████████××-×××××▒██████████████████████████████████",
        "2024 ███████████████████████████████████",
        "█ complete  ▒ half  × missing  - none at the source",
      ]
    `)
    expect(strip(known, range, frame(80, 20, false)).join("\n")).toMatch(/^[\x20-\x7e\n]*$/)
  })

  it("has a cell a month where the terminal is narrow", () => {
    expect(strip(known, range, frame(40, 20))).toMatchInlineSnapshot(`
      [
        "     J F M A M J J A S O N D",
        "2022         █ █ █ █ █ █ █ █",
        "2023 █ █ ░ × ▓ █ █ █ █ █ █ █",
        "2024 █ █ █ █ █ █ █ █",
        "█ complete  ▓ most  ░ few  × missing",
      ]
    `)
  })

  it("has a row a month and a cell a day for a few weeks", () => {
    const part = span("2023-02-20", "2023-04-05")
    const stored = Float64Array.from([
      ...daily(part, (start) => start < hole.start).present,
      Date.parse("2023-03-25"),
    ])
    expect(
      strip(
        { ...known, ...daily(part, () => true), present: stored, noData: known.noData },
        part,
        frame(60, 20),
      ),
    ).toMatchInlineSnapshot(`
      [
        "        1   5    10   15   20   25   30",
        "2023-02                     ████  ██",
        "2023-03 ███  ×××××  ×××××  -----! ×××××",
        "2023-04   ××",
        "█ complete  × missing  - none at the source  ! unexpected",
      ]
    `)
  })

  it("has a row a decade where there are more years than lines", () => {
    const part = span("1985-01-01", "2020-04-18")
    expect(
      strip(
        daily(part, () => true),
        part,
        frame(80, 12),
      ),
    ).toMatchInlineSnapshot(`
      [
        "     0    5",
        "1980      █████",
        "1990 ██████████",
        "2000 ██████████",
        "2010 ██████████",
        "2020 █",
        "█ complete",
      ]
    `)
  })
})

describe("a cell", () => {
  const layout: HeatStrip.Layout = {
    edges: Float64Array.of(0, 1),
    rows: [{ label: "2024", cells: 1 }],
    head: "",
    pitch: 1,
  }
  const cell = (counts: Partial<Coverage.Counts>) =>
    HeatStrip.lines(layout, [{ ...none, ...counts }], frame(80, 20))[1]

  it("is full only where nothing is missing, and empty where nothing is expected", () => {
    expect(cell({ expected: 5, present: 5 })).toBe("2024 █")
    expect(cell({ expected: 10_000, present: 9999 })).toBe("2024 ▓")
    expect(cell({ expected: 3, present: 1 })).toBe("2024 ▒")
    expect(cell({ expected: 9, present: 1 })).toBe("2024 ░")
    expect(cell({ expected: 9, pending: 9 })).toBe("2024 ×")
    expect(cell({ expected: 9, no_data: 8, pending: 1 })).toBe("2024 ×")
    expect(cell({ expected: 9, no_data: 9 })).toBe("2024 -")
    expect(cell({ expected: 9, present: 9, unexpected: 1 })).toBe("2024 !")
    expect(cell({})).toBe("2024")
  })
})

describe("laws", () => {
  const instant = fc.integer({ min: Date.parse("1000-01-01"), max: Date.parse("3000-01-01") })
  const ranges = fc
    .tuple(
      instant,
      fc.integer({ min: 1, max: 20_000 }).map((hours) => hours * 3_600_000),
      fc.integer({ min: 1, max: 700 }),
    )
    .map(([start, hours, times]) => ({
      start,
      end: Math.min(start + hours * times, Date.parse("3000-01-01")),
    }))
    .filter(({ start, end }) => start < end)
  const frames = fc.record({
    width: fc.integer({ min: 20, max: 150 }),
    height: fc.integer({ min: 6, max: 60 }),
  })

  it("the cells cover the range, and every line fits", () => {
    fc.assert(
      fc.property(ranges, frames, fc.boolean(), (range, { width, height }, hasUnicode) => {
        const layout = HeatStrip.arrange(range, frame(width, height))
        const { edges, rows } = layout
        expect(rows.reduce((sum, row) => sum + row.cells, 0)).toBe(edges.length - 1)
        for (let cell = 1; cell < edges.length; cell++) expect(edges[cell]!).toBeGreaterThan(edges[cell - 1]!)
        expect(edges[0]!).toBeLessThanOrEqual(range.start)
        expect(edges.at(-1)!).toBeGreaterThanOrEqual(range.end)
        expect(rows.length).toBeLessThanOrEqual(Math.max(3, height - 3))
        const counts = Array.from({ length: edges.length - 1 }, (_, cell) => ({
          ...none,
          expected: cell % 5,
          present: cell % 3 === 0 ? cell % 5 : 0,
          unexpected: cell % 7 === 0 ? 1 : 0,
        }))
        for (const line of HeatStrip.lines(layout, counts, frame(width, height, hasUnicode))) {
          expect(line.length).toBeLessThanOrEqual(width)
          if (!hasUnicode) expect(line).toMatch(/^[\x20-\x7e]*$/)
        }
      }),
      { numRuns: 200 },
    )
  })

  it("counts by bucket add up to the coverage, in pieces as at once", () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 9 }),
        (stored, piece, cells) => {
          const range = {
            start: Date.parse("2024-02-26"),
            end: Date.parse("2024-02-26") + stored.length * 86_400_000,
          }
          const expected = TradingCalendar.expected(newYork, bars("1d"), range)
          const present = TradingCalendar.expected(always, bars("1d"), range).starts.filter(
            (_, index) => stored[index],
          )
          const noData = [{ start: range.start, end: range.start + 4 * 86_400_000 }]
          const known: Coverage.Known = { expected, present, noData, refused: [], failed: [], range }
          const edges = Float64Array.from(
            { length: cells + 1 },
            (_, cell) => range.start + Math.floor((cell * stored.length) / cells) * 86_400_000,
          )
          const rising = edges.filter((edge, index) => index === 0 || edge > edges[index - 1]!)
          const buckets = Coverage.byBucket(known, rising)
          const { missing: _, ...whole } = Coverage.make(known)
          expect(buckets.reduce(Coverage.add)).toEqual(whole)
          const pieces = Coverage.split(known, piece).map((part) => Coverage.byBucket(part, rising))
          expect(
            pieces.reduce((sum, part) => sum.map((counts, index) => Coverage.add(counts, part[index]!))),
          ).toEqual(buckets)
        },
      ),
      { numRuns: 200 },
    )
  })
})
