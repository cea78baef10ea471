import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Candle from "../../src/data/Candle.js"
import * as Labels from "../../src/training/Labels.js"
import * as Stretches from "../../src/training/Stretches.js"
import { walk } from "../utils/Strategies.js"

const [buy, hold, sell] = [0, 1, 2]

const make = (labels: unknown, candles: Candle.Candles): ReadonlyArray<number> => {
  const work = Labels.start(Schema.decodeUnknownSync(Labels.Labels)(labels), candles)
  Stretches.now(work)
  return [...work.values]
}

/** Closes, or highs, lows and closes. */
type Rows = ReadonlyArray<number | readonly [number, number, number]>

const bars = (...rows: Rows): Candle.Candles =>
  Candle.fromRows(
    rows.map((row, start) => {
      const [high, low, close] = typeof row === "number" ? [row, row, row] : row
      return { start, open: close, high, low, close, volume: null }
    }),
  )

const zigzag = (lookahead: number, ...closes: ReadonlyArray<number>) =>
  make({ type: "zigzag", threshold: 0.1, lookahead }, bars(...closes))[0]

describe("zigzag", () => {
  it("is BUY where the move up is there first, SELL where the move down is, else HOLD", () => {
    expect(zigzag(3, 100, 105, 110, 80)).toBe(buy)
    expect(zigzag(3, 100, 95, 90, 200)).toBe(sell)
    expect(zigzag(3, 100, 109, 91, 100)).toBe(hold)
  })

  it("does not look past its lookahead", () => {
    expect(zigzag(2, 100, 105, 109, 150)).toBe(hold)
  })

  it("goes by closes", () => {
    const [label] = make(
      { type: "zigzag", threshold: 0.1, lookahead: 1 },
      bars([100, 100, 100], [150, 50, 100]),
    )
    expect(label).toBe(hold)
  })
})

const barrier = (...rows: Rows) =>
  make(
    { type: "triple_barrier", take_profit: 0.1, stop_loss: 0.05, lookahead: rows.length },
    bars(100, ...rows),
  )[0]

describe("triple barrier", () => {
  it("is BUY at the profit, SELL at the stop, HOLD when the time is over", () => {
    expect(barrier([109, 99, 100], [110, 99, 100])).toBe(buy)
    expect(barrier([109, 96, 100], [100, 95, 100], [200, 100, 200])).toBe(sell)
    expect(barrier([109, 96, 100], [109, 96, 100])).toBe(hold)
  })

  it("is HOLD where one bar reaches both, whatever comes then", () => {
    expect(barrier([110, 95, 100], [200, 100, 200])).toBe(hold)
  })
})

describe("forward return", () => {
  it("is a class by its threshold", () => {
    const labels = { type: "forward_return", lookahead: 1, threshold: 0.1 }
    expect(make(labels, bars(100, 110, 100, 90, 91))).toEqual([buy, hold, sell, hold])
  })

  it("is the return itself where that is asked for", () => {
    const labels = { type: "forward_return", lookahead: 2, regression: true }
    expect(make(labels, bars(100, 1, 125, 2))).toEqual([0.25, 1])
  })
})

const anyLabels = fc.oneof(
  fc.record({
    type: fc.constant("zigzag"),
    threshold: fc.constantFrom(0.001, 0.003, 0.1),
    lookahead: fc.integer({ min: 1, max: 30 }),
  }),
  fc.record({
    type: fc.constant("triple_barrier"),
    take_profit: fc.constantFrom(0.001, 0.003),
    stop_loss: fc.constantFrom(0.001, 0.003),
    lookahead: fc.integer({ min: 1, max: 30 }),
  }),
  fc.record({
    type: fc.constant("forward_return"),
    threshold: fc.constant(0.001),
    lookahead: fc.integer({ min: 1, max: 30 }),
  }),
  fc.record({
    type: fc.constant("forward_return"),
    regression: fc.constant(true),
    lookahead: fc.integer({ min: 1, max: 30 }),
  }),
)

describe("every label", () => {
  it("is there for each bar with lookahead bars after it, and is made of these alone", () => {
    fc.assert(
      fc.property(anyLabels, fc.integer({ min: 0, max: 100 }), fc.nat(99), (labels, count, seed) => {
        const candles = walk(count, 0, 1, seed)
        const all = make(labels, candles)
        expect(all).toHaveLength(Math.max(0, count - labels.lookahead))
        all.forEach((label, row) => {
          const [alone] = make(labels, Candle.slice(candles, row, row + labels.lookahead + 1))
          expect(alone).toBe(label)
        })
      }),
      { numRuns: 100 },
    )
  })
})

const leaked = (labels: Uint8Array | Float32Array, of: (label: number, row: number) => number, from = 0) =>
  Labels.isLeaked(Float32Array.from(labels, of), from, labels)

describe("isLeaked", () => {
  const classes = Uint8Array.from({ length: 60 }, (_, row) => (row * 7) % 3)
  const returns = Float32Array.from({ length: 60 }, (_, row) => Math.sin(row))
  it("knows classes by any other numbers", () => {
    expect(leaked(classes, (label) => label)).toBe(true)
    expect(leaked(classes, (label) => [0.2, 0.7, 0.1][label]!)).toBe(true)
    expect(leaked(classes, (label, row) => (row < 5 ? row : label), 5)).toBe(true)
  })

  it("knows returns on any straight line", () => {
    expect(leaked(returns, (label) => label)).toBe(true)
    expect(leaked(returns, (label) => 3 - 0.01 * label)).toBe(true)
  })

  it("lets pass what is only like them", () => {
    expect(leaked(classes, (label, row) => (row === 40 ? 1 - label : label))).toBe(false)
    expect(leaked(classes, (label) => Math.min(label, 1))).toBe(false)
    expect(leaked(classes, () => 1)).toBe(false)
    expect(leaked(returns, (label) => label ** 3)).toBe(false)
    expect(leaked(returns, (label, row) => (row === 40 ? label + 0.01 : label))).toBe(false)
    expect(leaked(returns, () => 1)).toBe(false)
    expect(leaked(classes.subarray(0, 10), (label) => label)).toBe(false)
  })
})
