import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import pico from "picocolors"
import * as Candle from "../../src/data/Candle.js"
import * as ChartCells from "../../src/node/ChartCells.js"
import * as PriceChart from "../../src/node/PriceChart.js"

const day = 86_400_000
const plain = pico.createColors(false)
const subject = { title: "SPX 1d", intraday: false }
const frame = (width: number, height: number, hasUnicode = true): PriceChart.Frame => ({
  width,
  height,
  hasUnicode,
  colors: plain,
})

type Row = readonly [open: number, high: number, low: number, close: number, volume?: number]

/** Bars of one day each, from 2024-01-02. */
const bars = (rows: ReadonlyArray<Row>, start = Date.UTC(2024, 0, 2)) =>
  Candle.fromRows(
    rows.map(([open, high, low, close, volume], index) => ({
      start: start + index * day,
      open,
      high,
      low,
      close,
      volume: volume ?? null,
    })),
  )

const draw = (candles: Candle.Candles, width: number, height: number, hasUnicode = true) =>
  Effect.runPromise(PriceChart.draw(candles, subject, frame(width, height, hasUnicode)))

describe("candles", () => {
  const rising: ReadonlyArray<Row> = [
    [10, 20, 10, 20, 100],
    [20, 30, 10, 10, 200],
    [10, 50, 10, 40, 400],
  ]

  it("stand in the order of the bars, filled where they fall, with volume below", async () => {
    expect(await draw(bars(rising), 30, 12)).toMatchInlineSnapshot(`
      [
        "SPX 1d · 3 bars",
        "last 40 (+100.0%)",
        "2024-01-02 to 2024-01-04",
        "      │                    │",
        "      ╽                    ┤40",
        "      ┃                    │",
        "   ╷  ┃                    │",
        "   │  ┃                    │",
        "┃  █  ┃                    ┤20",
        "┃  █  ┃                    │",
        "▂  ▄  █",
        "2024-01-02",
      ]
    `)
  })

  it("are ASCII where the terminal shows no more", async () => {
    const lines = await draw(bars(rising), 30, 12, false)
    expect(lines.join("\n")).toMatch(/^[\x20-\x7e\n]*$/)
    expect(lines[8]).toBe("o  #  o                    +20")
  })

  it("of one bar, and of a flat price", async () => {
    expect(await draw(bars([[7, 7, 7, 7]]), 40, 8)).toMatchInlineSnapshot(`
      [
        "SPX 1d · 1 bar · last 7 · 2024-01-02",
        "low 7 (2024-01-02) · high 7 (2024-01-02)",
        "                                      │",
        "                                      │",
        "╻                                     ┤7",
        "                                      │",
        "                                      │",
        "2024-01-02",
      ]
    `)
    expect(
      await draw(
        bars([
          [7, 7, 7, 7],
          [7, 7, 7, 7],
        ]),
        40,
        8,
      ),
    ).toMatchInlineSnapshot(`
      [
        "SPX 1d · 2 bars · last 7 (+0.0%)",
        "2024-01-02 to 2024-01-03 · low 7",
        "                                      │",
        "                                      │",
        "╻  ╻                                  ┤7",
        "                                      │",
        "                                      │",
        "2024-01-02",
      ]
    `)
  })
})

describe("the line of closes", () => {
  const ramp = bars(Array.from({ length: 400 }, (_, index): Row => [index, index, index, index]))

  it("goes from corner to corner", async () => {
    expect(await draw(ramp, 40, 12)).toMatchInlineSnapshot(`
      [
        "SPX 1d · 400 bars · last 399",
        "2024-01-02 to 2025-02-04 · low 0",
        "high 399",
        "                               ⣀⡤⠖⠋ │",
        "                          ⢀⣠⠴⠒⠉     │",
        "                      ⣀⡤⠖⠋⠉         │",
        "                 ⢀⣠⠴⠚⠉              ┤200",
        "             ⣀⡤⠖⠋⠁                  │",
        "        ⢀⣠⠴⠚⠉⠁                      │",
        "    ⣀⡤⠖⠋⠁                           │",
        "⣠⠴⠚⠉⠁                               ┤0",
        "2024-01-02      2024-07",
      ]
    `)
    const ascii = await draw(ramp, 40, 12, false)
    expect(ascii.join("\n")).toMatch(/^[\x20-\x7e\n]*$/)
    expect(ascii.join("")).toContain("***")
  })

  it("leaves bars without a price out", async () => {
    const holed = bars([
      ...Array.from({ length: 50 }, (): Row => [1, 1, 1, 1]),
      ...Array.from({ length: 50 }, (): Row => [Number.NaN, Number.NaN, Number.NaN, Number.NaN]),
      ...Array.from({ length: 50 }, (): Row => [2, 2, 2, 2]),
    ])
    const lines = await draw(holed, 40, 10)
    expect(lines.find((line) => line.includes("⠤") || line.includes("⣀") || line.includes("⠉"))).toBeDefined()
    expect(lines.join("\n")).not.toContain("NaN")
    const none = bars([[Number.NaN, 1, 1, 1]])
    expect(await draw(none, 40, 10)).toEqual(["SPX 1d · 1 bar · 2024-01-02"])
  })
})

describe("laws", () => {
  const price = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ min: 1, max: 100, noNaN: true }),
    fc.constantFrom(0, 5e-324, 1e-9, 1e300, -1e308, 1.7e308, Number.NaN, Number.POSITIVE_INFINITY),
  )
  const row = fc.tuple(price, price, price, price, fc.oneof(price, fc.constant(0)))
  const candles = fc
    .tuple(
      fc.array(row, { maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 3_000_000_000_000 }), { minLength: 60, maxLength: 60 }),
    )
    .map(([rows, gaps]) => {
      let start = -2e13
      return Candle.fromRows(
        rows.map(([open, high, low, close, volume], index) => {
          start += gaps[index]!
          return { start, open, high, low, close, volume }
        }),
      )
    })

  it.effect.prop(
    "every line fits, whatever the bars",
    {
      candles,
      width: fc.integer({ min: 20, max: 130 }),
      height: fc.integer({ min: 8, max: 50 }),
      unicode: fc.boolean(),
      intraday: fc.boolean(),
    },
    ({ candles, width, height, unicode, intraday }) =>
      Effect.gen(function* () {
        const lines = yield* PriceChart.draw(
          candles,
          { title: "BRK.B 1h", intraday },
          frame(width, height, unicode),
        )
        expect(lines.length).toBeLessThanOrEqual(height)
        for (const line of lines) {
          expect(line.length).toBeLessThanOrEqual(width)
          expect(line).not.toMatch(/NaN|undefined|Infinity/)
          if (!unicode) expect(line).toMatch(/^[\x20-\x7e]*$/)
        }
      }),
    { fastCheck: { numRuns: 60 } },
  )

  it("runs hold every bar once, in pieces as at once", () => {
    fc.assert(
      fc.property(
        candles,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        (all, wanted, piece) => {
          const total = Math.min(wanted, Candle.size(all))
          const [whole, cut] = [PriceChart.allocate(total), PriceChart.allocate(total)]
          PriceChart.gather(whole, all, 0, total)
          for (let from = 0; from < total; from += piece) PriceChart.gather(cut, all, from, from + piece)
          expect(cut).toEqual(whole)
          const extremes = PriceChart.extend(PriceChart.nothing, all, 0, Candle.size(all))
          if (total === 0 || extremes.low === -1) return
          expect(whole.lowest.reduce((a, b) => Math.min(a, b))).toBe(all.close[extremes.lowestClose])
          expect(whole.highest.reduce((a, b) => Math.max(a, b))).toBe(all.close[extremes.highestClose])
        },
      ),
      { numRuns: 200 },
    )
  })

  it("rows keep the order of prices", () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 1, max: 60 }),
        (a, b, c, rows) => {
          const [bottom, price, top] = [a, b, c].sort((x, y) => x - y) as [number, number, number]
          const scale = { bottom, top, rows }
          const [low, at, high] = [bottom, price, top].map((_) => ChartCells.row(scale, _, 4)) as [
            number,
            number,
            number,
          ]
          expect(low).toBeGreaterThanOrEqual(at)
          expect(at).toBeGreaterThanOrEqual(high)
          expect(low).toBeLessThan(rows * 4)
          expect(high).toBeGreaterThanOrEqual(0)
          if (bottom < top) expect([low, high]).toEqual([rows * 4 - 1, 0])
        },
      ),
      { numRuns: 300 },
    )
  })
})
