import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as OperationFence from "../../../src/OperationFence.js"
import * as Files from "../../../src/training/ModelStore/Files.js"
import type { ModelId, Service } from "../../../src/training/ModelStore.js"
import type { TrainingError } from "../../../src/training/TrainingError.js"
import { contract } from "../../contract/ModelStore.js"
import * as FaultyFiles from "../../utils/FaultyFiles.js"
import * as MemoryFiles from "../../utils/MemoryFiles.js"
import * as Models from "../../utils/Models.js"

const inFolder = Layer.unwrapScoped(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return Files.layer(yield* fs.makeTempDirectoryScoped({ prefix: "ktrdr-test-" }))
  }),
).pipe(Layer.provide(NodeContext.layer), Layer.orDie)

const folder = "/data/models/mean_reversion/AAPL_1h"

const storeOn = (fs: FileSystem.FileSystem): Effect.Effect<Service> =>
  Files.make("/data").pipe(Effect.provideService(FileSystem.FileSystem, fs), Effect.provide(Path.layer))

const names = (files: MemoryFiles.MemoryFiles) => files.list(folder)

const id = (version: number): ModelId.ModelId => ({ strategy: "mean_reversion", data: "AAPL_1h", version })

/** Files with so many versions, each of the seed that is its number. */
const withVersions = Effect.fnUntraced(function* (count: number) {
  const files = MemoryFiles.make()
  const store = yield* storeOn(files.fs)
  for (let seed = 1; seed <= count; seed++) yield* store.save(yield* Models.make({ seed }))
  return files
})

/** Every version that is there is whole and the one that was saved; which ones there are. */
const judge = (files: MemoryFiles.MemoryFiles, judged = new Map<string, ReadonlyArray<number>>()) =>
  Effect.gen(function* () {
    const key = JSON.stringify(files.hashes("/data"))
    const there = judged.get(key) ?? (yield* wholeIn(files))
    judged.set(key, there)
    return there
  })

const wholeIn = Effect.fnUntraced(function* (files: MemoryFiles.MemoryFiles) {
  const store = yield* storeOn(files.fs)
  const { models, damaged } = yield* store.list
  expect(damaged).toEqual([])
  for (const { id } of models) {
    expect(yield* store.read(id)).toEqual(yield* Models.make({ seed: id.version }))
  }
  return models.map(({ id }) => id.version)
})

const text = (files: MemoryFiles.MemoryFiles, name: string) =>
  new TextDecoder().decode(files.read(`${folder}/${name}`))

/** A failure that says what the disk said, where, and what to do. */
const expectTyped = (exit: Exit.Exit<unknown, TrainingError>) => {
  if (Exit.isSuccess(exit)) return
  const error = Option.getOrThrow(Cause.failureOption(exit.cause))
  expect(error.reason).toBe("StoreUnwritable")
  expect(error.place).toMatch(/^models\//)
  expect(error.advice).toMatch(/^(Free space|Give yourself permission)/)
}

const faults = [
  { code: "ENOSPC", lasting: false },
  { code: "ENOSPC", lasting: true },
  { code: "EACCES", lasting: false },
  { code: "crash", lasting: true },
] as const

const lucks = [
  { bytes: false, names: false },
  { bytes: false, names: true },
  { bytes: true, names: false },
]

describe("ModelStore in files", () => {
  contract("files", inFolder)

  it.effect("lays a version out in files that have their names", () =>
    Effect.gen(function* () {
      const files = yield* withVersions(2)
      const version = [
        "architecture.json",
        "features.json",
        "history.json",
        "manifest.json",
        "metrics.json",
        "receipt.json",
        "strategy.json",
        "strategy.yaml",
        "weights.bin",
      ]
      expect(names(files)).toEqual([
        "latest",
        ...[1, 2].flatMap((n) => version.map((name) => `v${n}/${name}`)),
      ])
      expect(text(files, "latest")).toBe("v2\n")
      expect(text(files, "v2/strategy.yaml")).toContain("über 2")
      const store = yield* storeOn(files.fs)
      yield* store.remove(id(2))
      expect(text(files, "latest")).toBe("v1\n")
      yield* store.remove(id(1))
      expect(names(files)).toEqual([])
      const { place } = yield* store.save(yield* Models.make({ seed: 3 }))
      expect(place).toBe("models/mean_reversion/AAPL_1h/v3")
    }),
  )

  it.effect(
    "whatever goes wrong at whichever change of a save, the version is there whole or not at all",
    () =>
      Effect.gen(function* () {
        const origin = yield* withVersions(1)
        const model = yield* Models.make({ seed: 2 })
        const judged = new Map<string, ReadonlyArray<number>>()
        let seen = 0
        for (const { code, lasting } of faults) {
          for (let at = 0; ; at++) {
            const files = origin.copy()
            const faulty = FaultyFiles.make(files.fs, { at, code, lasting })
            const store = yield* storeOn(faulty.fs)
            const exit = yield* Effect.exit(store.save(model))
            if (!faulty.struck()) {
              expect(Exit.isSuccess(exit)).toBe(true)
              break
            }
            seen++
            const there = yield* judge(files, judged)
            expect(there.filter((version) => version > 2 || version < 1)).toEqual([])
            expect(there).toContain(1)
            if (Exit.isSuccess(exit)) expect(there).toEqual([1, 2])
            if (code === "crash") {
              for (const luck of lucks) {
                const left = yield* judge(files.afterPowerCut(luck), judged)
                expect(left).toContain(1)
              }
            } else {
              expectTyped(exit)
              if (!lasting) expect(names(files).filter((name) => name.includes(".tmp"))).toEqual([])
            }
          }
        }
        expect(seen).toBeGreaterThan(4 * 35)
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger))),
  )

  it.effect("what was saved survives the power, and is flushed before it has its name", () =>
    Effect.gen(function* () {
      const origin = yield* withVersions(1)
      const faulty = FaultyFiles.make(origin.fs)
      yield* (yield* storeOn(faulty.fs)).save(yield* Models.make({ seed: 2 }))
      for (const luck of lucks) expect(yield* judge(origin.afterPowerCut(luck))).toEqual([1, 2])
      const renamed = faulty.calls.findIndex(({ name, to }) => name === "rename" && to === `${folder}/v2`)
      const before = faulty.calls.slice(0, renamed)
      const flushed = new Set(before.flatMap(({ name, path }) => (name === "sync" ? [path] : [])))
      for (const { name, path } of before) if (name === "write") expect(flushed).toContain(path)
      expect(flushed).toContain(faulty.calls[renamed]!.path)
      expect(faulty.calls[renamed + 1]).toMatchObject({ name: "sync", path: folder })
    }),
  )

  it.effect(
    "whatever goes wrong at whichever change of a removal, the version is there whole or not at all",
    () =>
      Effect.gen(function* () {
        const origin = yield* withVersions(2)
        const judged = new Map<string, ReadonlyArray<number>>()
        let seen = 0
        for (const { code, lasting } of faults) {
          for (let at = 0; ; at++) {
            const files = origin.copy()
            const faulty = FaultyFiles.make(files.fs, { at, code, lasting })
            const exit = yield* Effect.exit((yield* storeOn(faulty.fs)).remove(id(2)))
            if (!faulty.struck()) {
              expect(Exit.isSuccess(exit)).toBe(true)
              expect(yield* judge(files, judged)).toEqual([1])
              for (const luck of lucks) expect(yield* judge(files.afterPowerCut(luck), judged)).toEqual([1])
              break
            }
            seen++
            const there = yield* judge(files, judged)
            expect(there).toContain(1)
            if (Exit.isSuccess(exit)) expect(there).toEqual([1])
            if (code === "crash") {
              for (const luck of lucks) expect(yield* judge(files.afterPowerCut(luck), judged)).toContain(1)
            } else expectTyped(exit)
            const again = yield* storeOn(files.fs)
            expect((yield* again.save(yield* Models.make({ seed: 3 }))).id.version).toBe(3)
            expect(text(files, "latest")).toBe("v3\n")
            const rest = names(files).filter((name) => name.includes("removed"))
            expect(rest).toEqual([])
          }
        }
        expect(seen).toBeGreaterThan(4 * 8)
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger))),
  )

  it.effect("removes what a writer left that was killed, once it is old", () =>
    Effect.gen(function* () {
      const files = yield* withVersions(1)
      const faulty = FaultyFiles.make(files.fs, { at: 12, code: "crash", lasting: true })
      yield* Effect.exit((yield* storeOn(faulty.fs)).save(yield* Models.make({ seed: 2 })))
      const left = () => names(files).filter((name) => name.includes(".tmp"))
      expect(left().length).toBeGreaterThan(0)
      const store = yield* storeOn(files.fs)
      yield* store.save(yield* Models.make({ seed: 2 }))
      expect(left().length).toBeGreaterThan(0)
      yield* TestClock.adjust("11 minutes")
      yield* store.save(yield* Models.make({ seed: 3 }))
      expect(left()).toEqual([])
      expect(yield* judge(files)).toEqual([1, 2, 3])
    }),
  )

  it.effect("names the file that is damaged, whichever it is, and holds others not up", () =>
    Effect.gen(function* () {
      const origin = yield* withVersions(2)
      const all = names(origin).filter((name) => name.startsWith("v2/"))
      const damages: ReadonlyArray<(bytes: Uint8Array) => Uint8Array> = [
        (bytes) => bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 1),
        (bytes) => bytes.slice(0, -1),
        () => new Uint8Array(0),
      ]
      for (const name of all) {
        for (const damage of [...damages, undefined]) {
          const files = origin.copy()
          const store = yield* storeOn(files.fs)
          const path = `${folder}/${name}`
          if (damage === undefined) yield* files.fs.remove(path)
          else files.write(path, damage(files.read(path)))
          const place = path.replace("/data/", "")
          expect(yield* Effect.flip(Effect.asVoid(store.read(id(2))))).toMatchObject({
            reason: "DamagedModel",
            place,
          })
          expect(yield* store.read(id(1))).toEqual(yield* Models.make({ seed: 1 }))
          const { models, damaged } = yield* store.list
          const isManifest = name === "v2/manifest.json"
          expect(models.map(({ id }) => id.version)).toEqual(isManifest ? [1] : [1, 2])
          expect(damaged.map(({ place }) => place)).toEqual(isManifest ? [place] : [])
          const inspected = yield* Effect.either(store.inspect(id(2)))
          if (Either.isLeft(inspected)) expect(inspected.left.place).toBe(place)
          else {
            const { files, strategy } = inspected.right
            const changed = files.filter(({ written, found }) => written !== found)
            expect(changed.map((file) => file.place)).toEqual([place])
            if (Either.isLeft(strategy)) expect(strategy.left.place).toBe(place)
          }
        }
      }
    }),
  )

  it.effect("tells a later version's model from a damaged one", () =>
    Effect.gen(function* () {
      const files = yield* withVersions(1)
      const path = `${folder}/v1/manifest.json`
      files.write(
        path,
        new TextEncoder().encode(text(files, "v1/manifest.json").replace('"model": 1', '"model": 2')),
      )
      const store = yield* storeOn(files.fs)
      const error = yield* Effect.flip(Effect.asVoid(store.read(id(1))))
      expect(error).toMatchObject({ reason: "NewerVersion", found: "version 2" })
      expect((yield* store.list).damaged).toEqual([error])
      expect((yield* store.save(yield* Models.make({ seed: 2 }))).id.version).toBe(2)
    }),
  )

  it.effect("passes over what it did not put there", () =>
    Effect.gen(function* () {
      const files = yield* withVersions(1)
      yield* files.fs.makeDirectory(`${folder}/v01`)
      yield* files.fs.makeDirectory(`${folder}/v2.tmp`)
      for (const path of [".DS_Store", "mean_reversion/notes.txt", "mean_reversion/AAPL_1h/v1.txt"]) {
        files.write(`/data/models/${path}`, Uint8Array.of(1))
      }
      expect(yield* judge(files)).toEqual([1])
    }),
  )

  it.effect("a save that is interrupted before its version has a number leaves nothing", () =>
    Effect.gen(function* () {
      const origin = yield* withVersions(1)
      const model = yield* Models.make({ seed: 2 })
      const judged = new Map<string, ReadonlyArray<number>>()
      const left = { nothing: 0, version: 0 }
      for (let at = 0; ; at++) {
        const files = origin.copy()
        let seen = 0
        const fiber: { current?: Fiber.RuntimeFiber<unknown, unknown> } = {}
        const faulty = FaultyFiles.make(files.fs, undefined, () => {
          if (seen++ === at) fiber.current?.unsafeInterruptAsFork(fiber.current.id())
        })
        fiber.current = yield* Effect.fork((yield* storeOn(faulty.fs)).save(model))
        const exit = yield* Fiber.await(fiber.current)
        const there = yield* judge(files, judged)
        const rest = names(files).filter((name) => name.includes(".tmp"))
        expect(rest).toEqual([])
        if (there.includes(2)) expect(text(files, "latest")).toBe("v2\n")
        if (seen <= at) {
          expect(Exit.isSuccess(exit)).toBe(true)
          expect(there).toEqual([1, 2])
          break
        }
        expect(Exit.isInterrupted(exit)).toBe(true)
        left[there.includes(2) ? "version" : "nothing"]++
      }
      expect(left.nothing).toBeGreaterThan(25)
      expect(left.version).toBeGreaterThan(1)
    }),
  )

  it.effect("writes no version for an operation that is no longer owned", () =>
    Effect.gen(function* () {
      const files = yield* withVersions(1)
      const store = yield* storeOn(files.fs)
      const exit = yield* store
        .save(yield* Models.make({ seed: 2 }))
        .pipe(Effect.provideService(OperationFence.OperationFence, { check: Effect.interrupt }), Effect.exit)
      expect(Exit.isInterrupted(exit)).toBe(true)
      expect(yield* judge(files)).toEqual([1])
      expect(names(files).filter((name) => name.includes(".tmp"))).toEqual([])
    }),
  )

  it.effect("points at the newest version although another store saved one at the worst moment", () =>
    Effect.gen(function* () {
      const files = yield* withVersions(1)
      const others = yield* storeOn(files.fs)
      const third = yield* Models.make({ seed: 3 })
      let saved = false
      const store = yield* storeOn({
        ...files.fs,
        rename: (from, to) => {
          if (saved || !to.endsWith("/latest")) return files.fs.rename(from, to)
          saved = true
          return Effect.zipRight(Effect.orDie(others.save(third)), files.fs.rename(from, to))
        },
      })
      yield* store.save(yield* Models.make({ seed: 2 }))
      expect(yield* judge(files)).toEqual([1, 2, 3])
      expect(text(files, "latest")).toBe("v3\n")
    }),
  )

  it.live("stores that know nothing of each other number their versions without a clash", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped({ prefix: "ktrdr-test-" })
      const stores = yield* Effect.replicateEffect(Files.make(directory), 4)
      const saved = yield* Effect.forEach(
        Array.from({ length: 16 }, (_, seed) => seed),
        (seed) =>
          Effect.flatMap(Models.make({ seed }), (model) =>
            Effect.map(stores[seed % 4]!.save(model), ({ id }) => ({ id, text: model.text })),
          ),
        { concurrency: "unbounded" },
      )
      const versions = saved.map(({ id }) => id.version).sort((a, b) => a - b)
      expect(versions).toEqual(Array.from({ length: 16 }, (_, index) => index + 1))
      for (const { id, text } of saved) expect((yield* stores[0]!.read(id)).text).toBe(text)
      const latest = yield* fs.readFileString(`${directory}/models/mean_reversion/AAPL_1h/latest`)
      expect(latest).toBe("v16\n")
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer)),
  )
})
