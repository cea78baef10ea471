import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Candle from "../../../src/data/Candle.js"
import type { Watcher } from "../../../src/data/Quality/Issue.js"
import * as WindowRules from "../../../src/data/Quality/WindowRules.js"
import * as Quality from "../../../src/data/Quality.js"

const monday = Date.parse("2025-01-06T00:00Z")
const minute = 60_000
const hour = 60 * minute
const at = (index: number, step = minute) => monday + index * step

/** Bars of one price each, of the closes given. */
const closes = (all: ReadonlyArray<number>, step = minute): ReadonlyArray<Candle.Candle> =>
  all.map((close, index) => {
    const open = all[index - 1] ?? close
    return {
      start: at(index, step),
      open,
      high: Math.max(open, close),
      low: Math.min(open, close),
      close,
      volume: 100,
    }
  })

const volumes = (all: ReadonlyArray<number | null>, step = minute): ReadonlyArray<Candle.Candle> =>
  all.map((volume, index) => ({
    start: at(index, step),
    open: 10,
    high: 12,
    low: 9,
    close: 10 + (index % 2),
    volume,
  }))

const found = (watcher: Watcher, rows: ReadonlyArray<Candle.Candle>) => {
  watcher.add(Candle.fromRows(rows))
  return watcher.issues().map(({ count, places }) => ({
    count,
    places: places.map((place) => (Date.parse(place) - monday) / minute),
  }))
}

/** Prices that move by exactly `move` up and down. */
const calm = (size: number, move = 0.001) =>
  Array.from({ length: size }, (_, index) => (index % 2 === 0 ? 100 : 100 * (1 + move)))

const silent = (length: number) => [5, ...Array.from({ length }, () => 0), 5]
const zeros = (all: ReadonlyArray<number | null>) => found(WindowRules.zeroVolumeRun(), volumes(all))
const stale = (length: number, step?: number) => [
  { ...closes([9], step)[0]!, high: 11, close: 10 },
  ...closes(
    Array.from({ length: length + 1 }, () => 10),
    step,
  ).slice(1),
]
const runs = (rows: ReadonlyArray<Candle.Candle>) => found(WindowRules.stalePriceRun(), rows)
const jumps = (rows: ReadonlyArray<Candle.Candle>) => found(WindowRules.priceJump(), rows)
const spike = (times: number) => [...calm(31), 100 * (1 + 0.001 * times), ...calm(10)]
const level = (ratio: number) => [...calm(31), ...calm(20).map((price) => price * ratio)]
const wild = (size: number) => [...calm(31, 0.02), ...calm(20, 0.02).map((price) => price * (1 + size))]
const steady = (size: number, volume = 100) => Array.from({ length: size }, () => volume)
const spikes = (all: ReadonlyArray<number | null>, step = hour) =>
  found(WindowRules.volumeSpike(), volumes(all, step)).map(({ count, places }) => ({
    count,
    places: places.map((place) => (place * minute) / step),
  }))
const withPeers = (before: number, after: number) =>
  spikes([...steady(50), ...steady(before, 150), 1500, ...steady(after, 150), ...steady(50)])
const sparse = (known: number) =>
  Array.from({ length: known }).flatMap((_, index) => [
    index === 5 ? 5000 : 100,
    ...Array.from({ length: 300 }, () => null),
  ])

describe("zeroVolumeRun", () => {
  it("begins at ten bars", () => {
    expect(zeros(silent(9))).toEqual([])
    expect(zeros(silent(10))).toEqual([{ count: 10, places: [1] }])
    expect(zeros([...silent(11), ...silent(10)])).toEqual([{ count: 21, places: [1, 14] }])
  })

  it("counts a run that the series begins or ends with", () => {
    expect(zeros(silent(10).slice(1))).toEqual([{ count: 10, places: [0] }])
    expect(zeros(silent(10).slice(0, -1))).toEqual([{ count: 10, places: [1] }])
  })

  it("says nothing where a venue has no volumes, or they are unknown", () => {
    expect(zeros(Array.from({ length: 50 }, () => 0))).toEqual([])
    expect(zeros([5, ...Array.from({ length: 50 }, () => null)])).toEqual([])
    expect(zeros([5, ...Array.from({ length: 50 }, () => -1)])).toEqual([])
  })
})

describe("stalePriceRun", () => {
  it("begins at ten bars that last a quarter of an hour", () => {
    expect(runs(stale(9, 5 * minute))).toEqual([])
    expect(runs(stale(10, 5 * minute))).toEqual([{ count: 10, places: [5] }])
    expect(runs(stale(15))).toEqual([])
    expect(runs(stale(16))).toEqual([{ count: 16, places: [1] }])
  })

  it("is broken by a bar of which one price differs", () => {
    for (const column of ["open", "high", "low", "close"] as const) {
      const rows = stale(18, 5 * minute).map((bar, index) => (index === 9 ? { ...bar, [column]: 10.5 } : bar))
      expect(runs(rows)).toEqual([])
    }
  })
})

describe("priceJump", () => {
  it("takes a close more than sixteen medians away from both neighbours for a spike", () => {
    expect(jumps(closes(spike(15.9)))).toEqual([])
    expect(jumps(closes(spike(16.1)))).toEqual([{ count: 1, places: [31] }])
    expect(jumps(closes([...calm(31), 100 * (1 - 0.0155), ...calm(10)]))).toEqual([])
    expect(jumps(closes([...calm(31), 100 * (1 - 0.0165), ...calm(10)]))).toEqual([
      { count: 1, places: [31] },
    ])
  })

  it("takes a move that stays for none, up to a fifth", () => {
    expect(jumps(closes(level(1.199)))).toEqual([])
    expect(jumps(closes(level(1.201)))).toEqual([{ count: 1, places: [31] }])
    expect(jumps(closes(level(1 / 1.199)))).toEqual([])
    expect(jumps(closes(level(1 / 1.201)))).toEqual([{ count: 1, places: [31] }])
  })

  it("takes no move under 25 medians for a jump: some markets are wild", () => {
    expect(jumps(closes(wild(0.49)))).toEqual([])
    expect(jumps(closes(wild(0.51)))).toEqual([{ count: 1, places: [31] }])
  })

  it("looks at highs and lows as well, and counts a bar once", () => {
    const rows = closes(calm(40))
    const high = rows.map((bar, index) => (index === 30 ? { ...bar, high: 121 } : bar))
    const low = rows.map((bar, index) => (index === 30 ? { ...bar, low: 83 } : bar))
    expect(jumps(high)).toEqual([{ count: 1, places: [30] }])
    expect(jumps(low)).toEqual([{ count: 1, places: [30] }])
    expect(jumps(closes([...calm(31), 200, ...calm(10)]))).toEqual([{ count: 1, places: [31] }])
  })

  it("knows no neighbourhood before twenty moves", () => {
    expect(jumps(closes([...calm(20), 200, 200, 200]))).toEqual([])
    expect(jumps(closes([...calm(21), 200, 200, 200]))).toEqual([{ count: 1, places: [21] }])
  })

  it("finds a jump in the last bar", () => {
    expect(jumps(closes([...calm(31), 150]))).toEqual([{ count: 1, places: [31] }])
  })

  it("is not blinded by one wild bar, as a deviation from the mean would be", () => {
    const two = [...calm(31), 200, ...calm(10), 130, ...calm(10)]
    expect(jumps(closes(two))).toEqual([{ count: 2, places: [31, 42] }])
  })
})

describe("volumeSpike", () => {
  it("is more than ten times all others", () => {
    expect(spikes([...steady(50), 1000, ...steady(50)])).toEqual([])
    expect(spikes([...steady(50), 1001, ...steady(50)])).toEqual([{ count: 1, places: [50] }])
  })

  it("allows for two peers, before or after", () => {
    expect(withPeers(1, 1)).toEqual([{ count: 1, places: [51] }])
    expect(withPeers(3, 0)).toEqual([])
    expect(withPeers(0, 3)).toEqual([])
    expect(withPeers(1, 2)).toEqual([])
  })

  it("looks 250 bars far both ways", () => {
    const peers = steady(3, 200)
    expect(spikes([...peers, ...steady(246), 1500, ...steady(300)])).toEqual([])
    expect(spikes([...peers, ...steady(400), 1500, ...steady(300)])).toEqual([{ count: 1, places: [403] }])
    expect(spikes([...steady(6), ...peers, ...steady(247), 1500, ...steady(300)])).toEqual([])
    expect(spikes([...steady(300), 1500, ...steady(246), ...peers])).toEqual([])
    expect(spikes([...steady(300), 1500, ...steady(250), ...peers])).toEqual([{ count: 1, places: [300] }])
  })

  it("looks four days far both ways where bars are short", () => {
    const day = 24 * 60
    const auctions = (days: number) =>
      Array.from({ length: days * day }, (_, index) => (index % day === 900 ? 5000 : 100))
    expect(spikes(auctions(9), minute)).toEqual([])
  })

  it("says nothing of twenty volumes or fewer, however far apart", () => {
    expect(spikes(sparse(19))).toEqual([])
    expect(spikes(sparse(20))).toEqual([{ count: 1, places: [5 * 301] }])
  })

  it("takes an infinite volume for none", () => {
    expect(spikes([...steady(50), Number.POSITIVE_INFINITY, ...steady(50)])).toEqual([])
  })
})

describe("watchAll", () => {
  it("finds in the parts of a series what it finds in the whole, wherever it is cut", () => {
    const bar = fc.record({
      price: fc.oneof(
        { weight: 8, arbitrary: fc.constant(100) },
        fc.double({ min: 99, max: 101, noNaN: true }),
        fc.constantFrom(50, 103, 130, Number.NaN, 0),
      ),
      volume: fc.oneof(
        { weight: 6, arbitrary: fc.constant(0) },
        { weight: 6, arbitrary: fc.constant(100) },
        fc.constantFrom(1, 900, 5000, null, Number.POSITIVE_INFINITY),
      ),
    })
    const series = fc.array(bar, { minLength: 60, maxLength: 400, size: "max" })
    const cuts = fc.array(fc.nat(400), { maxLength: 5 })
    fc.assert(
      fc.property(series, cuts, (all, places) => {
        const rows = closes(
          all.map(({ price }) => price),
          5 * minute,
        )
        const candles = Candle.fromRows(rows.map((row, index) => ({ ...row, volume: all[index]!.volume })))
        const watcher = Quality.watch()
        const edges = [0, ...places.sort((a, b) => a - b), 400]
        edges.slice(1).forEach((to, index) => watcher.add(Candle.slice(candles, edges[index]!, to)))
        expect(watcher.issues()).toEqual(Quality.check(candles))
      }),
      { numRuns: 60 },
    )
  })
})
