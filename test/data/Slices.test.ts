import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Candle from "../../src/data/Candle.js"
import * as Slices from "../../src/data/Slices.js"
import * as Stretches from "../utils/Stretches.js"

/** `count` bars from `from` on, `step` apart. */
const bars = (from: number, count: number, step: number, price: number): Candle.Candles => {
  const candles = Candle.allocate(count)
  for (let index = 0; index < count; index++) candles.start[index] = from + index * step
  for (const column of ["open", "high", "low", "close"] as const) candles[column].fill(price)
  return candles
}

const some = fc.record({
  from: fc.nat(40_000),
  count: fc.oneof(fc.nat(3), fc.nat(30_000)),
  step: fc.integer({ min: 1, max: 4 }),
})

describe("merge", () => {
  it.live("is the merge law, however many bars there are", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(some, { maxLength: 4 }), async (all) => {
          const parts = all.map(({ count, from, step }, price) => bars(from, count, step, price))
          const merged = await Effect.runPromise(Slices.mergeAll(parts))
          const law = parts.reduce(Candle.merge, Candle.empty)
          for (const column of Candle.columns) {
            expect(
              Buffer.from(merged[column].slice().buffer).equals(Buffer.from(law[column].slice().buffer)),
            ).toBe(true)
          }
        }),
        { numRuns: 30 },
      ),
    ),
  )

  it.live("of a million bars with those of a journal lets others run meanwhile", () =>
    Effect.gen(function* () {
      const stored = bars(0, 1_000_000, 2, 1)
      const records = Array.from({ length: 40 }, (_, index) => bars(500_001 + index * 16_384, 8192, 2, 2))
      const newer = yield* Slices.mergeAll(records)
      const { value, turns } = yield* Stretches.count(Slices.merge(stored, newer))
      expect(Candle.size(value)).toBe(1_000_000 + 40 * 8192)
      expect(turns).toBeGreaterThan(100)
    }),
  )
})
