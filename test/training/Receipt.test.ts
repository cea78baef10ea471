import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Symbol from "../../src/data/Symbol.js"
import * as Dataset from "../../src/training/Dataset.js"
import * as Receipt from "../../src/training/Receipt.js"
import * as Models from "../utils/Models.js"
import * as Strategies from "../utils/Strategies.js"

const receipt = Receipt.make(Models.facts)

/** Nothing is other than the receipt says. */
const same: Required<Receipt.Found> = {
  strategy: receipt.strategy.sha256,
  series: receipt.series,
  dataset: receipt.dataset,
  split: receipt.split,
  weights: receipt.weights,
  files: [{ name: "metrics.json", written: "a".repeat(64), found: "a".repeat(64) }],
}

const [aapl] = receipt.series
const others = (files: ReadonlyArray<Receipt.CandleFile>) => [{ series: aapl!.series, files }]
const [first, second] = aapl!.files
const flipped = "f".repeat(64)

const touched = <A extends Float32Array | Float64Array | Uint8Array | Uint16Array>(array: A): A => {
  const copy = array.slice() as A
  copy[copy.length - 1] = copy[copy.length - 1]! + 1
  return copy
}

describe("Receipt", () => {
  it("is a text that people read and that gives it back", () => {
    const text = Receipt.encode(receipt)
    expect(Receipt.decode(text, "receipt.json")).toEqual(Either.right(receipt))
    expect(text).toContain('\n  "gapsAllowed": true,\n')
    expect(text).toContain('"validation": "2024-01-08T00:00:00.000Z"')
    expect(text.endsWith("}\n")).toBe(true)
  })

  it.each([
    ["cut", (text: string) => text.slice(0, -20), "DamagedModel"],
    ["of another kind", () => "{}", "DamagedModel"],
    ["with a hash that is none", (text: string) => text.replace(/"[0-9a-f]{64}"/, '"abc"'), "DamagedModel"],
    ["of a later version", () => '{"receipt":2,"quantum":true}', "NewerVersion"],
  ])("one %s is refused, naming the file", (_, change, reason) => {
    const error = Either.getOrThrow(
      Either.flip(Receipt.decode(change(Receipt.encode(receipt)), "v3/receipt.json")),
    )
    expect(error).toMatchObject({ reason, place: "v3/receipt.json" })
  })

  it("has no differences from what it says, and says what was compared", () => {
    expect(Receipt.verify(receipt, same)).toEqual({
      compared: ["strategy", "candles of AAPL 1h", "dataset", "split", "weights", "files"],
      skipped: [],
      differences: [],
    })
    const nothing = Receipt.verify(receipt, {})
    expect(nothing.skipped).toEqual(Receipt.verify(receipt, same).compared)
    expect([nothing.compared, nothing.differences]).toEqual([[], []])
  })

  it("says that candles were not compared of which no file is known", () => {
    const without = { ...receipt, series: [{ ...aapl!, files: [] }] }
    expect(Receipt.verify(without, same).skipped).toEqual(["candles of AAPL 1h"])
  })

  it.each<[string, Receipt.Found, ReadonlyArray<Partial<Receipt.Difference>>]>([
    ["the strategy", { strategy: flipped }, [{ of: "strategy", place: "strategy mean_reversion" }]],
    ["the weights", { weights: flipped }, [{ of: "weights", expected: "SHA-256 444444444444" }]],
    ["the rows", { dataset: flipped }, [{ of: "dataset", found: "SHA-256 ffffffffffff" }]],
    [
      "one file of candles",
      { series: others([first!, { ...second!, rows: 8, sha256: flipped }]) },
      [
        {
          of: "candles",
          place: "AAPL 1h 2024.parquet",
          expected: "7 bars, SHA-256 222222222222",
          found: "8 bars, SHA-256 ffffffffffff",
        },
      ],
    ],
    [
      "a file that is gone",
      { series: others([second!]) },
      [{ place: "AAPL 1h 2023.parquet", found: "no such file" }],
    ],
    [
      "a series that is gone",
      { series: [] },
      [{ place: "AAPL 1h 2023.parquet" }, { place: "AAPL 1h 2024.parquet" }],
    ],
    ["a file that is new", { series: others([...aapl!.files, { ...first!, name: "2025.parquet" }]) }, []],
    [
      "a count of the split",
      { split: { ...receipt.split, purged: { train: 6, validation: 4 } } },
      [{ of: "split", place: "split purged.train", expected: "5", found: "6" }],
    ],
    [
      "files of the model",
      {
        files: [
          { name: "metrics.json", written: flipped, found: null },
          { name: "history.json", written: flipped, found: flipped },
        ],
      },
      [{ of: "file", place: "metrics.json", found: "no such file" }],
    ],
  ])("names %s", (_, change, differences) => {
    const verified = Receipt.verify(receipt, { ...same, ...change })
    expect(verified.differences).toMatchObject(differences)
    expect(verified.differences.length).toBe(differences.length)
  })

  it.effect("tells datasets apart by one number of any of their parts, and by nothing else", () =>
    Effect.gen(function* () {
      const strategy = Strategies.make()
      const dataset = yield* Dataset.make(strategy, [Strategies.bars({ "1h": Strategies.walk(600) })])
      const again = yield* Dataset.make(strategy, [Strategies.bars({ "1h": Strategies.walk(600) })])
      const hash = yield* Receipt.datasetHash(dataset)
      expect(yield* Receipt.datasetHash(again)).toBe(hash)
      const shared = new Float32Array(new SharedArrayBuffer(dataset.x.byteLength))
      shared.set(dataset.x)
      expect(yield* Receipt.datasetHash({ ...dataset, x: shared })).toBe(hash)
      const [{ feature, mean, deviation }] = dataset.scaling as [Dataset.Scaling[number]]
      const changes: ReadonlyArray<Partial<Dataset.Dataset>> = [
        { x: touched(dataset.x) },
        { y: touched(dataset.y) },
        { times: touched(dataset.times) },
        { symbol: touched(dataset.symbol) },
        { symbols: [Symbol.Symbol.make("MSFT")] },
        {
          parts: { ...dataset.parts, test: { from: dataset.parts.test.from, to: dataset.parts.test.to - 1 } },
        },
        { scaling: [{ feature, mean: mean + 1, deviation }, ...dataset.scaling.slice(1)] },
        { scaling: [{ feature: `${feature}x`, mean, deviation }, ...dataset.scaling.slice(1)] },
      ]
      const hashes = yield* Effect.forEach(changes, (change) =>
        Receipt.datasetHash({ ...dataset, ...change }),
      )
      expect(new Set([hash, ...hashes]).size).toBe(changes.length + 1)
    }),
  )
})
