import * as Fs from "node:fs"
import * as Path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Csv from "../../src/data/Csv.js"
import * as Causality from "../../src/training/Causality.js"
import * as Dataset from "../../src/training/Dataset.js"
import * as Split from "../../src/training/Split.js"
import * as StrategyFile from "../../src/training/StrategyFile.js"
import { bars } from "../utils/Strategies.js"

const src = Path.resolve(import.meta.dirname, "../../src")
const folder = Path.join(src, "training/examples")

const sample = Effect.sync(() => {
  const decoder = Csv.decoder("SPX_1d.csv")
  decoder.push(Fs.readFileSync(Path.join(src, "hosts/ib/sample/SPX_1d.csv"), "utf8"))
  return bars({ "1d": Either.getOrThrow(decoder.finish()) }, "SPX")
})

describe("the example strategies", () => {
  const files = Fs.readdirSync(folder)

  it("are two", () => {
    expect(files.sort()).toEqual(["mean_reversion.yaml", "trend_following.yaml"])
  })

  for (const file of files) {
    it.effect(`${file} can be trained on the sample as it is`, () =>
      Effect.gen(function* () {
        const text = Fs.readFileSync(Path.join(folder, file), "utf8")
        const { strategy, warnings } = Either.getOrThrow(StrategyFile.parse(file, text))
        expect(warnings).toEqual([])
        expect(`${strategy.name}.yaml`).toBe(file)
        const given = [yield* sample]
        const made = yield* Dataset.make(strategy, given)
        expect(made.parts.train.to).toBeGreaterThan(3400)
        for (const part of Split.parts) expect(Math.min(...made.balance[part])).toBeGreaterThan(100)
        expect(made.x.every(Number.isFinite)).toBe(true)
        expect(yield* Causality.audit(strategy, given, 7)).toMatchObject({ prefixes: 16 })
      }),
    )
  }
})
