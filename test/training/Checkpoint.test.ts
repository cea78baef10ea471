import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { sha256 } from "../../src/internal/sha256.js"
import * as OperationFence from "../../src/OperationFence.js"
import * as Checkpoint from "../../src/training/Checkpoint.js"
import * as TrainingRun from "../../src/training/TrainingRun.js"
import * as FaultyFiles from "../utils/FaultyFiles.js"
import * as MemoryFiles from "../utils/MemoryFiles.js"
import * as TrainerJobs from "../utils/TrainerJobs.js"
import * as TrainingData from "../utils/TrainingData.js"

const operation = "op_training_20240101_000000_0123abcd"
const path = `/data/checkpoints/${operation}.checkpoint`
const [strategy, dataset] = ["a".repeat(64), "b".repeat(64)]

const make = (cursor: number, state = Uint8Array.from({ length: 300 }, (_, i) => i * cursor)) => ({
  operation,
  strategy,
  dataset,
  position: { epoch: 3, phase: "training" as const, cursor },
  durationMillis: 0.1 + 0.2,
  started: 5,
  interruptions: [],
  state,
})

const storeOn = (fs: FileSystem.FileSystem): Effect.Effect<Checkpoint.Service> =>
  Checkpoint.make("/data").pipe(Effect.provideService(FileSystem.FileSystem, fs), Effect.provide(Path.layer))

const inFolder = Layer.unwrapScoped(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return Checkpoint.layer(yield* fs.makeTempDirectoryScoped({ prefix: "ktrdr-test-" }))
  }),
).pipe(Layer.provide(NodeContext.layer), Layer.orDie)

const read = Effect.flatMap(Checkpoint.Checkpoints, (store) => Effect.flatten(store.find(operation)))

/** What the files have of the operation: none, or the cursor of a whole checkpoint. */
const cursorIn = (files: MemoryFiles.MemoryFiles) =>
  Effect.flatMap(storeOn(files.fs), (store) =>
    Effect.map(store.find(operation), (head) => Option.getOrNull(head)?.position.cursor),
  )

const contract = (name: string, layer: Layer.Layer<Checkpoint.Checkpoints>) => {
  it.effect(`${name}: gives back what it was given last, of each operation`, () =>
    Effect.gen(function* () {
      const store = yield* Checkpoint.Checkpoints
      expect(yield* store.find(operation)).toEqual(Option.none())
      yield* store.write(make(1))
      yield* TestClock.adjust(7000)
      const place = yield* store.write(make(2))
      expect(place).toContain(`${operation}.checkpoint`)
      yield* store.write({ ...make(9), operation: "op_other" })
      const found = yield* read
      expect(found).toEqual({ ...make(2), kept: 7000 })
      yield* store.remove(operation)
      yield* store.remove(operation)
      expect(yield* store.find(operation)).toEqual(Option.none())
      expect(Option.isSome(yield* store.find("op_other"))).toBe(true)
    }).pipe(Effect.provide(layer)),
  )

  it.effect(`${name}: is not resumed with another strategy, nor with other rows`, () =>
    Effect.gen(function* () {
      const store = yield* Checkpoint.Checkpoints
      yield* store.write(make(1))
      const other = "c".repeat(64)
      const found = yield* read
      yield* Checkpoint.fits(found, { strategy, dataset })
      const strategies = yield* Effect.flip(Checkpoint.fits(found, { strategy: other, dataset }))
      expect(strategies).toMatchObject({
        reason: "OtherStrategy",
        expected: "a training of this strategy (SHA-256 cccccccccccc)",
        found: "one of another (SHA-256 aaaaaaaaaaaa)",
      })
      const rows = yield* Effect.flip(Checkpoint.fits(found, { strategy, dataset: other }))
      expect(rows).toMatchObject({ reason: "OtherStrategy", expected: expect.stringContaining("dataset") })
    }).pipe(Effect.provide(layer)),
  )

  it.effect(`${name}: no id leads out of it`, () =>
    Effect.gen(function* () {
      const store = yield* Checkpoint.Checkpoints
      for (const id of ["", "..", "../x", "a/b", "a\\b", "x".repeat(151), "a\0"]) {
        const uses: ReadonlyArray<Effect.Effect<unknown, { readonly reason: string }>> = [
          store.find(id),
          store.remove(id),
          store.write({ ...make(1), operation: id }),
        ]
        for (const use of uses) expect((yield* Effect.flip(use)).reason).toBe("InvalidInput")
      }
    }).pipe(Effect.provide(layer)),
  )
}

const finish = (run: TrainingRun.TrainingRun) => {
  TrainerJobs.finish(run)
  return [...run.network.parameters]
}

const reasonOf = (changed: Uint8Array) =>
  Checkpoint.decode(changed, "c").pipe(
    Effect.map(() => "none"),
    Effect.catchAll(({ reason }) => Effect.succeed(reason as string)),
  )

describe("Checkpoint", () => {
  contract("memory", Checkpoint.layerMemory)
  contract("files", inFolder)

  it.effect("a training that goes on from one ends with the bytes of one that never stopped", () =>
    Effect.gen(function* () {
      const rows = TrainingData.rings({ rows: 200, features: 3, seed: 1 })
      const settings: TrainingRun.Settings = {
        model: { hidden_layers: [8], activation: "relu", dropout: 0.2 },
        training: { optimizer: "adam", epochs: 4, batch_size: 16, learning_rate: 0.01, seed: 5 },
      }
      const whole = finish(Either.getOrThrow(TrainingRun.make(rows, settings)))
      const store = yield* Checkpoint.Checkpoints
      for (const steps of [0, 1, 13, 30]) {
        const run = Either.getOrThrow(TrainingRun.make(rows, settings))
        for (let step = 0; step < steps; step++) run.step()
        const { epoch, phase, cursor } = run.position()
        yield* store.write({ ...make(0), position: { epoch, phase, cursor }, state: run.state() })
        const { state, position } = yield* read
        expect(position).toEqual({ epoch, phase, cursor })
        const resumed = yield* TrainingRun.resume(rows, settings, state, "checkpoint")
        expect(finish(resumed)).toEqual(whole)
      }
    }).pipe(Effect.provide(inFolder)),
  )

  it("adds the interruption that it tells of to those before", () => {
    const head: Checkpoint.Head = { ...make(4), kept: 10 }
    const first = Checkpoint.interruptions(head, 20)
    const position = { epoch: 3, phase: "training", cursor: 4 }
    expect(first).toEqual([{ operation, position, kept: 10, resumed: 20 }])
    const second = Checkpoint.interruptions({ ...head, operation: "op_2", interruptions: first }, 40)
    expect(second.map((one) => [one.operation, one.resumed])).toEqual([
      [operation, 20],
      ["op_2", 40],
    ])
  })

  it.effect("any byte that changes and any that is lost is seen", () =>
    Effect.gen(function* () {
      const bytes = yield* Checkpoint.encode({ ...make(1), kept: 1 })
      expect(yield* reasonOf(bytes)).toBe("none")
      const law = fc.asyncProperty(
        fc.nat({ max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, mask) => {
          const changed = bytes.with(at, bytes[at]! ^ mask)
          expect(await Effect.runPromise(reasonOf(changed))).toBe("DamagedCheckpoint")
          expect(await Effect.runPromise(reasonOf(bytes.slice(0, at)))).toBe("DamagedCheckpoint")
        },
      )
      yield* Effect.promise(() => fc.assert(law, { numRuns: 200 }))
    }),
  )

  it.effect("one of a later version is told from a damaged one, and so is that of another operation", () =>
    Effect.gen(function* () {
      const bytes = yield* Checkpoint.encode({ ...make(1), kept: 1 })
      bytes[40] = 2
      const hash = yield* sha256(bytes.subarray(40))
      bytes.set(Buffer.from(hash, "hex"), 8)
      const files = MemoryFiles.make()
      yield* files.fs.makeDirectory("/data/checkpoints", { recursive: true })
      const store = yield* storeOn(files.fs)
      files.write(path, bytes)
      const place = `checkpoints/${operation}.checkpoint`
      expect(yield* Effect.flip(store.find(operation))).toMatchObject({
        reason: "NewerVersion",
        place,
        found: "version 2",
      })
      files.write(path, yield* Checkpoint.encode({ ...make(1), kept: 1, operation: "op_other" }))
      expect(yield* Effect.flip(Effect.asVoid(store.find(operation)))).toMatchObject({
        reason: "DamagedCheckpoint",
        place,
        found: "that of op_other",
      })
    }),
  )

  it.effect("whatever goes wrong at whichever change, the one before or the new one is there", () =>
    Effect.gen(function* () {
      for (const before of [undefined, 1]) {
        let seen = 0
        for (const code of ["ENOSPC", "EACCES", "EIO", "crash"] as const) {
          for (let at = 0; ; at++) {
            const files = MemoryFiles.make()
            if (before !== undefined) yield* (yield* storeOn(files.fs)).write(make(before))
            const faulty = FaultyFiles.make(files.fs, { at, code, lasting: code === "crash" })
            const exit = yield* Effect.exit((yield* storeOn(faulty.fs)).write(make(2)))
            if (!faulty.struck()) {
              expect(yield* cursorIn(files)).toBe(2)
              for (const names of [true, false]) {
                expect(yield* cursorIn(files.afterPowerCut({ bytes: false, names }))).toBe(2)
              }
              break
            }
            seen++
            expect([before, 2]).toContain(yield* cursorIn(files))
            if (code === "crash") {
              for (const luck of [
                { bytes: false, names: true },
                { bytes: true, names: false },
                { bytes: false, names: false },
              ]) {
                expect([before, 2]).toContain(yield* cursorIn(files.afterPowerCut(luck)))
              }
              continue
            }
            if (Exit.isFailure(exit)) {
              const error = Option.getOrThrow(Cause.failureOption(exit.cause))
              expect(error.reason).toBe("StoreUnwritable")
              expect(error.place).toMatch(/^(\/$|data directory|checkpoints)/)
            }
            expect(files.list("/data/checkpoints").filter((name) => name.endsWith(".tmp"))).toEqual([])
          }
        }
        expect(seen).toBeGreaterThanOrEqual(4 * 5)
      }
    }),
  )

  it.effect("a full disk leaves the one before and says to free space", () =>
    Effect.gen(function* () {
      const files = MemoryFiles.make()
      yield* (yield* storeOn(files.fs)).write(make(1))
      const faulty = FaultyFiles.make(files.fs, { at: 1, code: "ENOSPC", lasting: true })
      const error = yield* Effect.flip((yield* storeOn(faulty.fs)).write(make(2)))
      expect(error.message).toContain("Free space on the disk of the data directory.")
      expect(yield* cursorIn(files)).toBe(1)
    }),
  )

  it.effect("removes what a writer left that was killed, once it is old", () =>
    Effect.gen(function* () {
      const files = MemoryFiles.make()
      const store = yield* storeOn(files.fs)
      yield* store.write(make(1))
      files.write(`${path}.1.tmp`, Uint8Array.of(1))
      yield* store.write(make(2))
      expect(files.list("/data/checkpoints").length).toBe(2)
      yield* TestClock.adjust("11 minutes")
      yield* store.write(make(3))
      expect(files.list("/data/checkpoints")).toEqual([`${operation}.checkpoint`])
    }),
  )

  it.effect("writes nothing for an operation that is no longer owned", () =>
    Effect.gen(function* () {
      const files = MemoryFiles.make()
      const store = yield* storeOn(files.fs)
      const exit = yield* store
        .write(make(1))
        .pipe(Effect.provideService(OperationFence.OperationFence, { check: Effect.interrupt }), Effect.exit)
      expect(Exit.isInterrupted(exit)).toBe(true)
      expect(yield* cursorIn(files)).toBeUndefined()
    }),
  )
})
