import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as TimeEstimate from "../../src/internal/timeEstimate.js"
import * as History from "../../src/internal/timeEstimateHistory.js"

const size = FastCheck.double({ min: 0, max: 1e12, noNaN: true })
const live = FastCheck.record({ active: size, waiting: size, doubt: size, chance: size })
const before = FastCheck.record({
  left: size,
  spread: FastCheck.double({ min: 0, max: 3, noNaN: true }),
})
const run = FastCheck.record({
  units: FastCheck.double({ min: 1e-3, max: 1e6, noNaN: true }),
  millis: FastCheck.double({ min: 1, max: 1e9, noNaN: true }),
  habit: FastCheck.option(
    FastCheck.record({
      firstHalf: FastCheck.double({ min: 0, max: 1, noNaN: true }),
      waiting: FastCheck.double({ min: 0, max: 100, noNaN: true }),
      counting: FastCheck.double({ min: 0, max: 1, noNaN: true }),
      besides: FastCheck.double({ min: 0, max: 100, noNaN: true }),
    }),
    { nil: undefined },
  ),
})

const steady = (left: number, doubt: number) => ({ active: left, waiting: 0, doubt, chance: 0 })

describe("blend", () => {
  it("tells nothing where nothing is known", () => {
    expect(TimeEstimate.blend(undefined, undefined, 0)).toBeNull()
    expect(TimeEstimate.blend(undefined, undefined, 5000)).toBeNull()
  })

  it.prop(
    "low <= p50 <= high, whole and finite, and never sooner than the present wait ends",
    [
      FastCheck.option(live, { nil: undefined }),
      FastCheck.option(before, { nil: undefined }),
      FastCheck.oneof(FastCheck.constant(0), FastCheck.integer({ min: 0, max: 1e9 })),
    ],
    ([own, earlier, held]) => {
      const eta = TimeEstimate.blend(own, earlier, held)
      expect(eta === null).toBe(own === undefined && earlier === undefined)
      if (eta === null) return
      expect([eta.low, eta.p50, eta.high].every(Number.isSafeInteger)).toBe(true)
      expect(eta.low).toBeGreaterThanOrEqual(held)
      expect(eta.p50).toBeGreaterThanOrEqual(eta.low)
      expect(eta.high).toBeGreaterThanOrEqual(eta.p50)
    },
    { fastCheck: { numRuns: 500 } },
  )

  it.prop(
    "lies between what the run's own pace and what earlier runs tell, nearer to the surer one",
    [FastCheck.integer({ min: 1000, max: 1e6 }), FastCheck.integer({ min: 1000, max: 1e6 })],
    ([own, earlier]) => {
      const middle = (doubt: number) =>
        TimeEstimate.blend(steady(own, doubt * own), { left: earlier, spread: 0.3 }, 0)!.p50
      const [sure, unsure] = [middle(0.05), middle(1)]
      for (const one of [sure, unsure]) {
        expect(one).toBeGreaterThanOrEqual(Math.min(own, earlier) - 1)
        expect(one).toBeLessThanOrEqual(Math.max(own, earlier) + 1)
      }
      expect(Math.abs(sure - own)).toBeLessThanOrEqual(Math.abs(unsure - own) + 1)
    },
  )

  it("believes earlier runs less where this one is quite unlike them", () => {
    const with10 = TimeEstimate.blend(steady(10_000, 2000), { left: 12_000, spread: 0.2 }, 0)!
    const with1000 = TimeEstimate.blend(steady(10_000, 2000), { left: 1_000_000, spread: 0.2 }, 0)!
    expect(with10.p50).toBeGreaterThan(10_500)
    expect(with1000.p50).toBeLessThan(20_000)
  })

  it("adds the rest of the present wait to what is worked afterwards", () => {
    const eta = TimeEstimate.blend(steady(10_000, 500), undefined, 60_000)!
    expect(eta.p50).toBe(70_000)
    expect(eta.low).toBeGreaterThanOrEqual(60_000)
  })

  it.prop(
    "what is outstanding of a likely time never ends before it ends: positive, and falling",
    [
      FastCheck.integer({ min: 1, max: 1e6 }),
      FastCheck.double({ min: 0.05, max: 3, noNaN: true }),
      FastCheck.double({ min: 0, max: 20, noNaN: true }),
    ],
    ([millis, spread, times]) => {
      const at = (elapsed: number) => TimeEstimate.outstanding({ millis, spread }, elapsed)
      const [now, later] = [at(times * millis), at((times + 0.1) * millis)]
      expect(now.left).toBeGreaterThanOrEqual(later.left)
      expect(now.left).toBeGreaterThanOrEqual(0)
      expect(later.spread).toBeGreaterThanOrEqual(now.spread - 1e-9)
    },
  )
})

const runs = (...perUnit: ReadonlyArray<number>): ReadonlyArray<History.Run> =>
  perUnit.map((each) => ({ units: 10, millis: 10 * each }))

const spreadOf = (...perUnit: ReadonlyArray<number>) => History.likely(runs(...perUnit), 10)!.spread

describe("likely", () => {
  it("is none without a run or with nothing to do", () => {
    expect(History.likely([], 5)).toBeUndefined()
    expect(History.likely(runs(1), 0)).toBeUndefined()
  })

  it("is what a unit took before, times the units", () => {
    expect(History.likely(runs(100, 100, 100), 10)!.millis).toBeCloseTo(1000)
    expect(History.likely(runs(100, 100, 100), 20)!.millis).toBeCloseTo(2000)
  })

  it("gives newer runs more weight, and is not carried off by one that went wild", () => {
    expect(History.likely(runs(1, 1, 1, 2, 2, 2), 10)!.millis).toBeCloseTo(20)
    expect(History.likely(runs(2, 2, 2, 1, 1, 1), 10)!.millis).toBeCloseTo(10)
    expect(History.likely(runs(1, 1, 1, 1, 500), 10)!.millis).toBeCloseTo(10)
  })

  it("gives runs of like size more weight", () => {
    const mixed = [
      { units: 1, millis: 10 },
      { units: 1000, millis: 1000 },
      { units: 1, millis: 10 },
      { units: 1000, millis: 1000 },
    ]
    expect(History.likely(mixed, 1)!.millis).toBeCloseTo(10)
    expect(History.likely(mixed, 1000)!.millis).toBeCloseTo(1000)
  })

  it("is surer the more runs agree", () => {
    expect(spreadOf(1, 1, 1, 1, 1, 1, 1, 1)).toBeLessThan(spreadOf(1))
    expect(spreadOf(1, 1, 1, 1)).toBeLessThan(spreadOf(1, 3, 1, 3))
  })

  it.prop(
    "is positive and finite, and within what units took before",
    [
      FastCheck.array(run, { minLength: 1, maxLength: 20 }),
      FastCheck.double({ min: 1e-3, max: 1e6, noNaN: true }),
    ],
    ([all, units]) => {
      const { millis, spread } = History.likely(all, units)!
      const each = all.map((one) => one.millis / one.units)
      expect(millis / units).toBeGreaterThanOrEqual(Math.min(...each) * (1 - 1e-9))
      expect(millis / units).toBeLessThanOrEqual(Math.max(...each) * (1 + 1e-9))
      expect(spread).toBeGreaterThan(0)
      expect(spread).toBeLessThanOrEqual(3)
      const { counting, trend, trendSpread } = History.usual(all)
      expect([counting, trend, trendSpread].every(Number.isFinite)).toBe(true)
      expect(counting).toBeLessThanOrEqual(1 + 1e-9)
    },
  )
})
