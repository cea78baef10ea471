import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Candle from "../../src/data/Candle.js"
import * as ClockShift from "../../src/data/Quality/ClockShift.js"
import * as Repair from "../../src/data/Repair.js"
import { hour } from "../utils/Calendars.js"
import * as Markets from "../utils/ClockMarkets.js"
import * as Shifts from "../utils/ClockShifts.js"
import { outcome } from "../utils/Turns.js"
import * as Walk from "../utils/Walk.js"

const find = (candles: Candle.Candles, { grid }: Markets.Market) =>
  outcome(ClockShift.find(candles.start, grid))
const repair = (candles: Candle.Candles, market: Markets.Market) =>
  outcome(Repair.undo(candles, find(candles, market)))

const damaged = fc
  .record({
    market: Markets.any,
    times: fc.constantFrom(-3, -2, -1, 1, 2, 3),
    share: fc.constantFrom(0.5, 0.9, 1),
    seed: fc.nat(1_000_000),
  })
  .map(({ market, seed, share, times }) => {
    const next = Markets.chance(seed)
    const starts = Markets.thinned(market, 0.05, seed)
    const { stamps } = Shifts.shift(starts, market.grid.timeZone, { times }, () => next() < share)
    return { market, candles: Walk.candles(stamps) }
  })

const values = ({ close, open, volume }: Candle.Candle) => `${open} ${close} ${volume}`
const candlesOf = (starts: ReadonlyArray<number>) => Walk.candles(Float64Array.from(starts))
const foundOf = (starts: ReadonlyArray<number>, ruleOf: ReadonlyArray<number>): ClockShift.Found => ({
  rules: [1, 2].map((times) => ({
    rule: { kind: "zone", zone: "UTC", times },
    words: `rule ${times}`,
    undecided: 0,
  })),
  ruleOf: Uint8Array.from(ruleOf),
  starts: Float64Array.from(starts),
  fit: new Uint8Array(starts.length),
})
const both = (volume: number | null) => {
  const row = { open: 1, high: 2, low: 1, close: 2 }
  return Candle.fromRows([
    { ...row, start: hour, volume: null },
    { ...row, start: 2 * hour, volume },
  ])
}

/** Whether the second bar, of that volume, and the first, of an unknown one, are taken to be equal. */
const equal = (volume: number | null) =>
  outcome(Repair.undo(both(volume), foundOf([hour, hour], [0, 1]))).collisions.map((one) => one.equal)

describe("undo", () => {
  it("keeps every bar: rows in are rows out and collisions, each with what was kept and what was lost", () => {
    fc.assert(
      fc.property(damaged, ({ candles, market }) => {
        const { candles: out, collisions } = repair(candles, market)
        expect(Candle.size(candles)).toBe(Candle.size(out) + collisions.length)
        expect(out.start.every((start, index) => index === 0 || start > out.start[index - 1]!)).toBe(true)
        const before = Candle.toRows(candles).map(values).sort()
        const after = [...Candle.toRows(out), ...collisions.map(({ lost }) => lost)].map(values).sort()
        expect(after.join()).toBe(before.join())
        for (const { kept, lost, start } of collisions) {
          const at = Candle.lowerBound(out.start, start)
          expect([out.start[at], values(Candle.at(out, at))]).toEqual([start, values(kept)])
          expect(lost.at).not.toBe(kept.at)
        }
      }),
      { numRuns: 15 },
    )
  })

  it("says every move, in runs that follow each other", () => {
    fc.assert(
      fc.property(damaged, ({ candles, market }) => {
        const found = find(candles, market)
        const { moved, moves } = outcome(Repair.undo(candles, found))
        expect(moves.reduce((sum, { bars }) => sum + bars, 0)).toBe(moved)
        const told = candles.start.map((start) => {
          const move = moves.find(({ first, last }) => first <= start && start <= last)
          return start + (move?.millis ?? 0)
        })
        expect(told.every((start, index) => start === found.starts[index])).toBe(true)
      }),
      { numRuns: 10 },
    )
  })

  it("changes nothing the second time", () => {
    fc.assert(
      fc.property(damaged, ({ candles, market }) => {
        const once = repair(candles, market).candles
        const twice = repair(once, market)
        expect(twice).toMatchObject({ moved: 0, moves: [], collisions: [] })
        expect(Candle.size(twice.candles)).toBe(Candle.size(once))
      }),
      { numRuns: 15 },
    )
  })

  it("lets the bar that was right win, wherever the other came from, then the rule found first", () => {
    const candles = candlesOf([1, 2, 3, 4, 5].map((_) => _ * hour))
    const found = foundOf(
      [2, 2, 2, 9, 9].map((_) => _ * hour),
      [1, 0, 2, 2, 1],
    )
    const { candles: out, collisions } = outcome(Repair.undo(candles, found))
    expect(Array.from(out.start)).toEqual([2 * hour, 9 * hour])
    expect(collisions.map(({ kept, lost, start }) => [start, kept.at, lost.at].map((_) => _ / hour))).toEqual(
      [
        [2, 2, 1],
        [2, 2, 3],
        [9, 5, 4],
      ],
    )
    expect(collisions.map(({ equal }) => equal)).toEqual([false, false, false])
  })

  it("tells bars that agree, unknown volumes too, from such as do not", () => {
    expect(equal(null)).toEqual([true])
    expect(equal(7)).toEqual([false])
  })
})
