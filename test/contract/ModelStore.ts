/**
 * What every store of models keeps to. One call for each implementation, whose store is empty each time.
 */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { find, ModelId, ModelStore } from "../../src/training/ModelStore.js"
import * as Strategy from "../../src/training/Strategy.js"
import * as Models from "../utils/Models.js"

const ids = Effect.flatMap(ModelStore, (store) => Effect.map(store.ids, (all) => all.map(ModelId.format)))

const save = (options: Models.Options = {}) =>
  Effect.flatMap(ModelStore, (store) =>
    Effect.flatMap(Models.make(options), (model) => Effect.map(store.save(model), ({ id }) => id)),
  )

/** What is done to one of two models: saved, or its version `n` of those that are there removed. */
const step = fc.record({
  name: fc.constantFrom("one", "two"),
  symbols: fc.constantFrom(["AAPL"], ["AAPL", "MSFT"]),
  removes: fc.option(fc.nat({ max: 3 }), { nil: undefined, freq: 2 }),
})

export const contract = (name: string, layer: Layer.Layer<ModelStore>): void => {
  it.effect(`${name}: gives back to the bit what it was given, and tells of it`, () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2024, 5, 1))
      const store = yield* ModelStore
      expect(yield* store.list).toEqual({ models: [], damaged: [] })
      const model = yield* Models.make({ symbols: ["MSFT", "AAPL"] })
      const { id, place } = yield* store.save(model)
      expect(ModelId.format(id)).toBe("mean_reversion/AAPL+MSFT_1h/v1")
      expect(place).toMatch(/mean_reversion\/AAPL\+MSFT_1h\/v1$/)
      const read = yield* store.read(id)
      expect(read).toEqual(model)
      expect([...read.weights.parameters]).toEqual([...model.weights.parameters])
      expect(Object.keys(read.strategy.fuzzy_sets)).toEqual(Object.keys(model.strategy.fuzzy_sets))
      expect(yield* Strategy.hash(read.strategy)).toBe(yield* Strategy.hash(model.strategy))
      const told = yield* store.describe(id)
      expect(told).toMatchObject({
        id,
        isLatest: true,
        symbols: ["MSFT", "AAPL"],
        timeframes: ["1h"],
        created: Date.UTC(2024, 5, 1),
        features: 3,
        parameters: 31,
        epochs: 1,
        test: { accuracy: 1 },
      })
      expect(yield* store.list).toEqual({ models: [told], damaged: [] })
      const { files, receipt, strategy } = yield* store.inspect(id)
      expect(receipt).toEqual(model.receipt)
      expect(strategy).toMatchObject({ _tag: "Right", right: model.strategy })
      expect(files.map(({ name }) => name)).toContain("strategy.yaml")
      expect(files.filter(({ written, found }) => written !== found)).toEqual([])
      expect(files.find(({ name }) => name === "weights.bin")?.found).toBe(receipt.weights)
    }).pipe(Effect.provide(layer)),
  )

  it.effect(
    `${name}: counts versions for each strategy, symbols and timeframes, and uses no number twice`,
    () =>
      Effect.gen(function* () {
        const store = yield* ModelStore
        for (const options of [{}, { seed: 2 }, { symbols: ["MSFT"] }, { name: "a_first" }])
          yield* save(options)
        const all = [
          "a_first/AAPL_1h/v1",
          "mean_reversion/AAPL_1h/v1",
          "mean_reversion/AAPL_1h/v2",
          "mean_reversion/MSFT_1h/v1",
        ]
        expect(yield* ids).toEqual(all)
        const { models } = yield* store.list
        expect(models.map(({ id, isLatest }) => [ModelId.format(id), isLatest])).toEqual(
          all.map((id) => [id, id !== all[1]]),
        )
        const second = yield* find("mean_reversion/AAPL_1h")
        expect(ModelId.format(second)).toBe(all[2])
        yield* store.remove(second)
        expect(ModelId.format(yield* find("mean_reversion/AAPL_1h/latest"))).toBe(all[1])
        for (const gone of [
          store.read(second),
          store.describe(second),
          store.inspect(second),
          store.remove(second),
        ]) {
          const error = yield* Effect.flip(gone as Effect.Effect<unknown, { readonly reason: string }>)
          expect(error.reason).toBe("NotFound")
        }
        expect(ModelId.format(yield* save({ seed: 3 }))).toBe("mean_reversion/AAPL_1h/v3")
      }).pipe(Effect.provide(layer)),
  )

  it.effect(`${name}: those who save at the same time each get a version of their own`, () =>
    Effect.gen(function* () {
      const store = yield* ModelStore
      const seeds = Array.from({ length: 12 }, (_, seed) => seed)
      const saved = yield* Effect.forEach(seeds, (seed) => save({ seed }), { concurrency: "unbounded" })
      expect(saved.map(({ version }) => version).sort((a, b) => a - b)).toEqual(seeds.map((seed) => seed + 1))
      for (const [index, id] of saved.entries()) {
        expect((yield* store.read(id)).text).toBe((yield* Models.make({ seed: seeds[index]! })).text)
      }
    }).pipe(Effect.provide(layer)),
  )

  it.effect(`${name}: keeps no model whose parts do not belong together`, () =>
    Effect.gen(function* () {
      const store = yield* ModelStore
      const model = yield* Models.make()
      const other = yield* Models.make({ seed: 2, name: "other" })
      const wrong = [
        [{ ...model, scaling: model.scaling.slice(1) }, "features"],
        [{ ...model, weights: other.weights }, "weights of the receipt"],
        [{ ...model, strategy: other.strategy }, "strategy of the receipt"],
        [
          { ...model, history: [{ ...model.history[0]!, train: { loss: Number.NaN, accuracy: 1 } }] },
          "history.json",
        ],
      ] as const
      for (const [one, place] of wrong) {
        const error = yield* Effect.flip(store.save(one))
        expect(error).toMatchObject({ reason: "InvalidInput", place: expect.stringContaining(place) })
      }
      expect(yield* store.ids).toEqual([])
    }).pipe(Effect.provide(layer)),
  )

  it.effect(`${name}: no name leads out of it`, () =>
    Effect.gen(function* () {
      const store = yield* ModelStore
      for (const [strategy, data] of [
        ["..", "AAPL_1h"],
        ["mean_reversion", "../../x_1h"],
        ["a/b", "AAPL_1h"],
        ["", "AAPL_1h"],
        ["mean_reversion", ".."],
      ] as const) {
        for (const use of [store.read, store.describe, store.inspect, store.remove]) {
          const done: Effect.Effect<unknown, { readonly reason: string }> = use({
            strategy,
            data,
            version: 1,
          })
          expect((yield* Effect.flip(done)).reason).toBe("NotFound")
        }
      }
    }).pipe(Effect.provide(layer)),
  )

  it.effect(`${name}: whatever is saved and removed, what is there is what was saved and not removed`, () =>
    Effect.gen(function* () {
      const runtime = yield* Effect.runtime()
      const law = fc.asyncProperty(fc.array(step, { maxLength: 8 }), (steps) =>
        Effect.gen(function* () {
          const store = yield* ModelStore
          const kept = new Map<string, string>()
          const last = new Map<string, number>()
          for (const [seed, { name, symbols, removes }] of steps.entries()) {
            const all = yield* store.ids
            if (removes !== undefined && all.length > 0) {
              const id = all[removes % all.length]!
              yield* store.remove(id)
              kept.delete(ModelId.format(id))
              continue
            }
            const model = yield* Models.make({ seed, name, symbols })
            const { id } = yield* store.save(model)
            const folder = `${id.strategy}/${id.data}`
            expect(id.version).toBe((last.get(folder) ?? 0) + 1)
            last.set(folder, id.version)
            kept.set(ModelId.format(id), model.receipt.weights)
          }
          const found = yield* Effect.forEach(yield* store.ids, (id) =>
            Effect.map(store.read(id), ({ receipt }) => [ModelId.format(id), receipt.weights] as const),
          )
          expect(new Map(found)).toEqual(kept)
          const { models, damaged } = yield* store.list
          expect(damaged).toEqual([])
          for (const { id, isLatest } of models) {
            const newest = Math.max(
              ...models
                .filter((one) => one.id.strategy === id.strategy && one.id.data === id.data)
                .map((one) => one.id.version),
            )
            expect(isLatest).toBe(id.version === newest)
          }
        }).pipe(Effect.provide(layer), Runtime.runPromise(runtime)),
      )
      yield* Effect.promise(() => fc.assert(law, { numRuns: 8 }))
    }),
  )
}
