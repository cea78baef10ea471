import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Split from "../../src/training/Split.js"

const millis = 10

/** Rows whose labels look at as many rows on; `times` are of the rows and of the bars after the last. */
const rows = (times: ReadonlyArray<number>, lookahead: number): Split.Rows => ({
  times: Float64Array.from(times.slice(0, Math.max(0, times.length - lookahead))),
  ends: Float64Array.from(times.slice(lookahead)),
})

const steady = (count: number, from = 0): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, index) => from + index * millis)

const shares = (embargo: number) => ({ train: 0.7, validation: 0.15, test: 0.15, embargo })

const timesOf = (
  symbols: ReadonlyArray<Split.Rows>,
  split: Split.Split,
  part: Split.Part,
): ReadonlyArray<number> =>
  symbols.flatMap(({ times }, index) => {
    const { from, to } = split.ranges[index]![part]
    return Array.from(times.subarray(from, to))
  })

describe("one symbol", () => {
  it("is cut by the shares, purged by the lookahead, and has the embargo after each border", () => {
    const split = Split.make(shares(3), [rows(steady(105), 5)], millis)
    expect(split).toEqual({
      borders: { validation: 700, test: 850 },
      ranges: [{ train: { from: 0, to: 65 }, validation: { from: 73, to: 80 }, test: { from: 88, to: 100 } }],
      rows: { train: 65, validation: 7, test: 12 },
      purged: { train: 5, validation: 5 },
      embargoed: { validation: 3, test: 3 },
    })
  })

  it("purges no row whose label ends where the next part begins", () => {
    const split = Split.make(shares(0), [rows(steady(101), 1)], millis)
    expect(split.purged).toEqual({ train: 1, validation: 1 })
  })

  it("has an empty part where purge and embargo take all of it", () => {
    const split = Split.make(shares(40), [rows(steady(105), 5)], millis)
    expect(split.rows).toEqual({ train: 65, validation: 0, test: 0 })
    expect(split.embargoed).toEqual({ validation: 15, test: 15 })
  })
})

describe("several symbols", () => {
  it("have their borders at the same instants, so that a late one may be in the last part alone", () => {
    const symbols = [rows(steady(101), 1), rows(steady(21, 950), 1)]
    const split = Split.make(shares(0), symbols, millis)
    expect(split.ranges[1]!.train).toEqual({ from: 0, to: 0 })
    expect(split.borders.validation).toBe(840)
  })

  const anySymbol = fc
    .record({
      times: fc.uniqueArray(fc.integer({ min: -300, max: 2000 }), { minLength: 1, maxLength: 120 }),
      lookahead: fc.integer({ min: 1, max: 9 }),
    })
    .map(({ times, lookahead }) =>
      rows(
        times.sort((a, b) => a - b),
        lookahead,
      ),
    )

  it("never have a row of a part that another part's rows or labels reach", () => {
    fc.assert(
      fc.property(fc.array(anySymbol, { minLength: 1, maxLength: 5 }), fc.nat(6), (symbols, embargo) => {
        const all = symbols.reduce((sum, { times }) => sum + times.length, 0)
        fc.pre(all > 0)
        const split = Split.make(shares(embargo), symbols, millis)
        const { borders, purged, embargoed } = split
        const next = { train: borders.validation, validation: borders.test, test: Number.POSITIVE_INFINITY }
        const begin = { train: Number.NEGATIVE_INFINITY, validation: borders.validation, test: borders.test }
        let kept = 0
        symbols.forEach(({ times, ends }, index) => {
          for (const part of Split.parts) {
            const { from, to } = split.ranges[index]![part]
            expect(from).toBeLessThanOrEqual(to)
            kept += to - from
            for (let row = from; row < to; row++) {
              expect(times[row]!).toBeGreaterThanOrEqual(begin[part])
              if (part !== "test") expect(ends[row]! + millis).toBeLessThanOrEqual(next[part])
              const since = times.filter((time) => begin[part] <= time && time < times[row]!).length
              if (part !== "train") expect(since).toBeGreaterThanOrEqual(embargo)
            }
          }
        })
        const out = purged.train + purged.validation + embargoed.validation + embargoed.test
        expect(kept + out).toBe(all)
        expect(split.rows.train + split.rows.validation + split.rows.test).toBe(kept)
        const before = timesOf(symbols, split, "train").length + purged.train
        const atBorder = symbols.filter(({ times }) => times.includes(borders.validation)).length
        expect(before).toBeLessThanOrEqual(0.7 * all + 1e-6)
        expect(before + atBorder).toBeGreaterThan(0.7 * all - 1)
      }),
      { numRuns: 300 },
    )
  })
})
