import * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AtomicKeyValueStore from "../src/node/AtomicKeyValueStore.js"
import * as TimeEstimator from "../src/TimeEstimator.js"

const run = (units: number, millis: number): TimeEstimator.Run => ({ units, millis })

/** Records the runs, each written before the next; the layer is closed behind them. */
const learn = (key: string, runs: ReadonlyArray<TimeEstimator.Run>) =>
  Effect.flatMap(TimeEstimator.TimeEstimator, ({ record }) =>
    Effect.forEach(runs, (one) => record(key, one), { discard: true }),
  ).pipe(Effect.provide(TimeEstimator.layer))

const known = (key: string) =>
  Effect.flatMap(TimeEstimator.TimeEstimator, ({ runs }) => runs(key)).pipe(
    Effect.provide(TimeEstimator.layer),
  )

/** The effect's value with the warnings that it logged. */
const warned = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const warnings: Array<string> = []
    const logger = Logger.make(({ message }) => void warnings.push(String([message].flat()[0])))
    return Effect.map(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)), (value) => ({
      value,
      warnings,
    }))
  })

const later = <A, E>(effect: Effect.Effect<A, E>) => Effect.zipRight(Effect.yieldNow(), effect)

/** A store in memory that lets others go first, as files do. */
const inTurns = Layer.map(KeyValueStore.layerMemory, (context) => {
  const store = Context.get(context, KeyValueStore.KeyValueStore)
  return Context.make(KeyValueStore.KeyValueStore, {
    ...store,
    get: (key) => later(store.get(key)),
    set: (key, value) => later(store.set(key, value)),
    remove: (key) => later(store.remove(key)),
  })
})

const inFolder = <A, E>(use: (folder: string) => Effect.Effect<A, E, NodeContext.NodeContext>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return yield* use(yield* fs.makeTempDirectoryScoped({ prefix: "ktrdr-test-" }))
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const failure = new PlatformError.SystemError({ module: "KeyValueStore", method: "get", reason: "Busy" })

/** A store in memory that fails as told, and counts what is written. */
const failing = (fails: { readonly get?: boolean; readonly set?: boolean }) => {
  const written: Array<string> = []
  const store = KeyValueStore.makeStringOnly({
    get: () => (fails.get === true ? Effect.fail(failure) : Effect.succeedNone),
    set: (key) => (fails.set === true ? Effect.fail(failure) : Effect.sync(() => void written.push(key))),
    remove: () => Effect.void,
    clear: Effect.void,
    size: Effect.succeed(0),
  })
  return { layer: Layer.succeed(KeyValueStore.KeyValueStore, store), written }
}

describe("TimeEstimator", () => {
  it.effect("knows nothing and learns nothing without a layer", () =>
    Effect.gen(function* () {
      const { learns, record, runs } = yield* TimeEstimator.TimeEstimator
      yield* record("copy", run(1, 10))
      expect(learns).toBe(false)
      expect(yield* runs("copy")).toEqual([])
    }),
  )

  it.effect("keeps the last 20 runs of a key, oldest first, and each key apart", () =>
    Effect.gen(function* () {
      const { record, runs } = yield* TimeEstimator.TimeEstimator
      for (let index = 1; index <= 30; index++) yield* record("copy", run(index, 10 * index))
      yield* record("move", run(7, 7))
      const numbers = (yield* runs("copy")).map(({ units }) => units)
      expect(numbers).toEqual(Array.from({ length: 20 }, (_, index) => index + 11))
      expect(yield* runs("move")).toEqual([run(7, 7)])
    }).pipe(Effect.provide(TimeEstimator.layerMemory)),
  )

  it.effect("leaves out a run without work or time, as a clock that was set back makes one", () =>
    Effect.gen(function* () {
      const { record, runs } = yield* TimeEstimator.TimeEstimator
      for (const one of [run(0, 10), run(3, 0), run(3, -5), run(Number.NaN, 10)]) yield* record("copy", one)
      expect(yield* runs("copy")).toEqual([])
    }).pipe(Effect.provide(TimeEstimator.layerMemory)),
  )

  it.effect("writes at the latest when the layer closes", () =>
    Effect.gen(function* () {
      const store = yield* KeyValueStore.KeyValueStore
      const runs = Array.from({ length: 25 }, (_, index) => run(index + 1, 5))
      yield* learn("copy", runs)
      const entry = Schema.decodeSync(TimeEstimator.Entry)(Option.getOrThrow(yield* store.get("copy")))
      expect(entry.runs).toEqual(runs.slice(5))
    }).pipe(Effect.provide(KeyValueStore.layerMemory)),
  )

  it.effect.each([
    "",
    "{",
    "[]",
    '{"version":2,"runs":[]}',
    '{"version":1,"runs":[{"units":-1,"millis":5}]}',
    '{"version":1,"runs":[{"units":1,"millis":null}]}',
  ])("sets an entry aside that reads %j, with one warning, and learns again", (text) =>
    Effect.gen(function* () {
      const store = yield* KeyValueStore.KeyValueStore
      yield* store.set("copy", text)
      const { value, warnings } = yield* warned(
        Effect.gen(function* () {
          const { record, runs } = yield* TimeEstimator.TimeEstimator
          const before = yield* Effect.all([runs("copy"), runs("copy"), runs("copy")], {
            concurrency: "unbounded",
          })
          yield* record("copy", run(2, 8))
          return [...before, yield* runs("copy")]
        }).pipe(Effect.provide(TimeEstimator.layer)),
      )
      expect(value).toEqual([[], [], [], [run(2, 8)]])
      expect(warnings).toEqual([
        "The estimates of copy cannot be read: set aside, and learned anew from here on",
      ])
      expect(yield* store.get("copy damaged")).toEqual(Option.some(text))
      expect(yield* known("copy")).toEqual([run(2, 8)])
    }).pipe(Effect.provide(inTurns)),
  )

  it.effect("a store that cannot be written costs one warning, whatever is learned", () =>
    Effect.gen(function* () {
      const { layer } = failing({ set: true })
      const { warnings } = yield* warned(
        Effect.zipRight(learn("copy", [run(1, 1), run(1, 2)]), learn("copy", [])).pipe(Effect.provide(layer)),
      )
      expect(warnings).toEqual(["Estimates of how long things take cannot be kept"])
    }),
  )

  it.effect("does not write over what cannot be read just now", () =>
    Effect.gen(function* () {
      const { layer, written } = failing({ get: true })
      const { value, warnings } = yield* warned(
        Effect.gen(function* () {
          const { record, runs } = yield* TimeEstimator.TimeEstimator
          const before = [yield* runs("copy"), yield* runs("copy")]
          yield* record("copy", run(1, 1))
          return before
        }).pipe(Effect.provide(Layer.provide(TimeEstimator.layer, layer))),
      )
      expect(value).toEqual([[], []])
      expect(written).toEqual([])
      expect(warnings).toEqual([
        "The estimates of copy cannot be read",
        "Estimates of how long things take cannot be kept",
      ])
    }),
  )
})

describe("over files", () => {
  it.live("what one process learned the next one knows", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const store = AtomicKeyValueStore.layer(`${folder}/estimates`)
        yield* learn("data_load 1h tail", [run(3, 30)]).pipe(Effect.provide(store))
        yield* learn("data_load 1h tail", [run(4, 44)]).pipe(Effect.provide(store))
        const runs = yield* known("data_load 1h tail").pipe(Effect.provide(store))
        expect(runs).toEqual([run(3, 30), run(4, 44)])
      }),
    ),
  )

  it.live("of several that learn at once each entry stays whole, and the last of each is there", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const process = (name: number) =>
          Effect.gen(function* () {
            const { record, runs } = yield* TimeEstimator.TimeEstimator
            for (let index = 1; index <= 10; index++) {
              yield* record(`own ${name}`, run(index, name))
              yield* record("common", run(index, name))
              yield* runs("common")
            }
          }).pipe(Effect.provide(TimeEstimator.layer), Effect.provide(AtomicKeyValueStore.layer(folder)))
        const { warnings } = yield* warned(
          Effect.forEach([1, 2, 3, 4], process, { concurrency: "unbounded", discard: true }),
        )
        expect(warnings).toEqual([])
        expect((yield* fs.readDirectory(folder)).sort()).toEqual([
          "common",
          "own%201",
          "own%202",
          "own%203",
          "own%204",
        ])
        const entry = Schema.decodeEither(TimeEstimator.Entry)(yield* fs.readFileString(`${folder}/common`))
        expect(Either.map(entry, ({ runs }) => runs.length > 0)).toEqual(Either.right(true))
        const store = AtomicKeyValueStore.layer(folder)
        for (const name of [1, 2, 3, 4]) {
          const own = yield* known(`own ${name}`).pipe(Effect.provide(store))
          expect(own).toEqual(Array.from({ length: 10 }, (_, index) => run(index + 1, name)))
        }
      }),
    ),
  )
})
