import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Seeded from "../../src/training/Seeded.js"

const take = (generator: Seeded.Seeded, count: number) =>
  Array.from({ length: count }, () => Seeded.next(generator))

/** Pearson's statistic of counts that should all be alike. */
const chiSquared = (counts: ReadonlyArray<number>): number => {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

describe("Seeded", () => {
  it("gives xoshiro128**'s numbers", () => {
    expect(take({ state: Uint32Array.of(1, 2, 3, 4) }, 10)).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ])
  })

  it("goes on from its state", () => {
    const generator = Seeded.make(7)
    take(generator, 5)
    const copy = { state: generator.state.slice() }
    expect(take(copy, 20)).toEqual(take(generator, 20))
  })

  it("has a sequence of its own for each seed and stream", () => {
    const seeds = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1].flatMap((seed) => [
      Seeded.make(seed),
      Seeded.make(seed, 0),
      Seeded.make(seed, 1),
      Seeded.make(seed, 1, 1),
      Seeded.make(seed, 2, 1),
    ])
    expect(new Set(seeds.map((generator) => take(generator, 2).join())).size).toBe(seeds.length)
    expect(take(Seeded.make(5, 2), 5)).toEqual(take(Seeded.make(5, 2), 5))
  })

  it("draws each number below a bound alike, and none that is not", () => {
    for (const bound of [2, 3, 7, 10]) {
      const generator = Seeded.make(1, bound)
      const counts = Array.from({ length: bound }, () => 0)
      for (let i = 0; i < 20_000; i++) counts[Seeded.below(generator, bound)]!++
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20_000)
      expect(chiSquared(counts)).toBeLessThan(30)
    }
    expect(Seeded.below(Seeded.make(1), 1)).toBe(0)
    expect(Seeded.below({ state: Uint32Array.of(1, 2, 3, 4) }, 2 ** 32)).toBe(11520)
  })

  it("draws from 0 to below 1", () => {
    const generator = Seeded.make(3)
    const drawn = Array.from({ length: 10_000 }, () => Seeded.uniform(generator))
    const counts = Array.from({ length: 10 }, (_, tenth) => drawn.filter((x) => Math.floor(x * 10) === tenth))
    expect(chiSquared(counts.map(({ length }) => length))).toBeLessThan(35)
  })

  it("shuffles into every order alike", () => {
    const generator = Seeded.make(11)
    const counts = new Map<string, number>()
    for (let i = 0; i < 12_000; i++) {
      const numbers = Uint32Array.of(0, 1, 2, 3)
      Seeded.shuffle(generator, numbers)
      counts.set(numbers.join(""), (counts.get(numbers.join("")) ?? 0) + 1)
    }
    expect(counts.size).toBe(24)
    expect(chiSquared([...counts.values()])).toBeLessThan(55)
  })

  it("keeps every number when it shuffles", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 50 }), fc.nat(), (numbers, seed) => {
        const shuffled = Uint32Array.from(numbers)
        Seeded.shuffle(Seeded.make(seed), shuffled)
        expect([...shuffled].sort()).toEqual([...numbers].sort())
      }),
      { numRuns: 50 },
    )
  })
})
