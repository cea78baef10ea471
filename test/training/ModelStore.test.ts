import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { Symbol } from "../../src/data/Symbol.js"
import { layerMemory, ModelId } from "../../src/training/ModelStore.js"
import { contract } from "../contract/ModelStore.js"

const symbol = fc.stringMatching(/^[A-Z0-9][A-Z0-9._-]{0,19}$/).filter(Schema.is(Symbol))

const named = (symbols: ReadonlyArray<Symbol>) => ModelId.dataName({ symbols, timeframes: ["1h", "1d"] })

describe("ModelStore in memory", () => contract("memory", layerMemory))

describe("ModelId", () => {
  it.effect("names the same symbols alike and others otherwise, with names that fit into a path", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.array(symbol, { minLength: 1, maxLength: 60 }),
          fc.array(symbol, { minLength: 1, maxLength: 3 }),
          (one, other) =>
            Effect.gen(function* () {
              const data = yield* named(one)
              expect(Schema.is(ModelId.ModelId)({ strategy: "s", data, version: 1 })).toBe(true)
              expect(data.length).toBeLessThanOrEqual(140)
              expect(yield* named(one.toReversed())).toBe(data)
              const more = [...one, ...other]
              if (new Set(more).size > new Set(one).size) expect(yield* named(more)).not.toBe(data)
            }).pipe(Effect.runPromise),
        ),
        { numRuns: 100 },
      ),
    ),
  )

  it.effect("tells the first of many symbols, how many more there are, and a hash of all", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 100 }, (_, index) => Symbol.make(`S${100 + index}`))
      expect(yield* named(many)).toMatch(/^S100\+S101\+(S1\d\d\+)+9[12]more-[0-9a-f]{12}_1h\+1d$/)
      expect(yield* named(many.slice(0, 2))).toBe("S100+S101_1h+1d")
    }),
  )

  const ids = (
    ["a/AAPL_1h/v1", "a/AAPL_1h/v10", "a/AAPL_1h/v9", "b/AAPL_1h/v2", "b/MSFT_1d/v1"] as const
  ).map((text): ModelId.ModelId => {
    const [strategy, data, version] = text.split("/") as [string, string, string]
    return { strategy, data, version: Number(version.slice(1)) }
  })

  it.each([
    ["a", "a/AAPL_1h/v10"],
    ["a/AAPL_1h/", "a/AAPL_1h/v10"],
    ["a/AAPL_1h/latest", "a/AAPL_1h/v10"],
    ["a/AAPL_1h/v9", "a/AAPL_1h/v9"],
    ["b/MSFT_1d", "b/MSFT_1d/v1"],
  ])("%s means %s", (text, wanted) => {
    expect(Either.map(ModelId.find(text, ids), ModelId.format)).toEqual(Either.right(wanted))
  })

  it.each([
    ["b", "InvalidInput", "b/AAPL_1h, b/MSFT_1d"],
    ["a/AAPL_1h/v9/x", "InvalidInput", "leave its end out"],
    ["a/AAPL_1h/9", "InvalidInput", "leave its end out"],
    ["a/AAPL_1h/v8", "NotFound", "Did you mean a/AAPL_1h/v"],
    ["b/MSFD_1d", "NotFound", "Did you mean b/MSFT_1d"],
    ["", "NotFound", "List the models"],
  ])("%s is refused: %s", (text, reason, advice) => {
    const error = Either.getOrThrow(Either.flip(ModelId.find(text, ids)))
    expect(error).toMatchObject({ reason, advice: expect.stringContaining(advice) })
  })

  it("sorts numbers by their value", () => {
    const sorted = [...ids].sort(ModelId.order).map(ModelId.format)
    expect(sorted.slice(0, 3)).toEqual(["a/AAPL_1h/v1", "a/AAPL_1h/v9", "a/AAPL_1h/v10"])
  })
})
