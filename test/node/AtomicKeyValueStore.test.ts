import * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as AtomicKeyValueStore from "../../src/node/AtomicKeyValueStore.js"
import * as FaultyFiles from "../utils/FaultyFiles.js"

const inFolder = <A, E>(
  use: (folder: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, NodeContext.NodeContext>,
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return yield* use(yield* fs.makeTempDirectoryScoped({ prefix: "ktrdr-test-" }), fs)
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const warnings = (log: Array<string>) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ message }) => void log.push(String([message].flat()[0]))),
  )

describe("AtomicKeyValueStore", () => {
  it.live("keeps texts and bytes under any key, in a folder that the first of them makes", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const directory = `${folder}/deep/kept`
        const store = yield* AtomicKeyValueStore.make(directory)
        expect(yield* store.get("nothing")).toEqual(Option.none())
        expect(yield* store.size).toBe(0)
        expect(yield* fs.exists(directory)).toBe(false)
        const keys = ["a", "data_load 1h tail", "../up", "a/b", ".", "..", "*", "é", "A.tmp", "%2E"]
        for (const key of keys) yield* store.set(key, `of ${key}`)
        yield* store.set("bytes", new Uint8Array([0, 255, 10]))
        for (const key of keys) expect(yield* store.get(key)).toEqual(Option.some(`of ${key}`))
        expect([...Option.getOrThrow(yield* store.getUint8Array("bytes"))]).toEqual([0, 255, 10])
        expect(yield* store.size).toBe(keys.length + 1)
        expect(yield* fs.readDirectory(folder)).toEqual(["deep"])
        yield* store.remove("a")
        expect(yield* store.has("a")).toBe(false)
        yield* store.clear
        expect(yield* fs.readDirectory(directory)).toEqual([])
      }),
    ),
  )

  it.live("refuses a key that no file name holds", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const store = yield* AtomicKeyValueStore.make(folder)
        for (const key of ["", "x".repeat(201), "é".repeat(40), "\ud800"]) {
          expect(Exit.isFailure(yield* Effect.exit(store.set(key, "")))).toBe(true)
          expect(yield* Effect.flip(store.get(key))).toMatchObject({ _tag: "BadArgument" })
        }
      }),
    ),
  )

  it.live("whatever goes wrong at whichever change, the old value or the new one is there", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const codes = ["ENOSPC", "EACCES", "EIO", "crash"] as const
        let seen = 0
        for (const code of codes) {
          for (let at = 0; ; at++) {
            const directory = `${folder}/${code} ${at}`
            const whole = yield* AtomicKeyValueStore.make(directory)
            yield* whole.set("k", "old")
            const faulty = FaultyFiles.make(fs, { at, code, lasting: false })
            const store = yield* AtomicKeyValueStore.make(directory).pipe(
              Effect.provideService(FileSystem.FileSystem, faulty.fs),
            )
            const exit = yield* Effect.exit(store.set("k", "new one"))
            if (!faulty.struck()) {
              expect(Exit.isSuccess(exit)).toBe(true)
              break
            }
            seen++
            expect(Option.getOrThrow(yield* whole.get("k"))).toMatch(/^(old|new one)$/)
            if (Exit.isSuccess(exit)) expect(yield* whole.get("k")).toEqual(Option.some("new one"))
            expect(yield* whole.size).toBe(1)
            if (code !== "crash") expect(yield* fs.readDirectory(directory)).toEqual(["k"])
          }
        }
        expect(seen).toBeGreaterThanOrEqual(4 * 4)
      }),
    ),
  )

  it.live("a value is on the disk before it takes the place of the old one, and so is its name after", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const files = FaultyFiles.make(fs)
        const store = yield* AtomicKeyValueStore.make(folder).pipe(
          Effect.provideService(FileSystem.FileSystem, files.fs),
        )
        yield* store.set("k", "v")
        const names = files.calls.map(({ name }) => name)
        expect(names).toEqual(["makeDirectory", "open", "write", "sync", "rename", "sync"])
        expect(files.calls[3]!.path).toBe(files.calls[4]!.path)
        expect(files.calls[5]!.path).toBe(folder)
      }),
    ),
  )

  it.live("what a writer left that was killed is no value, and goes once it is old", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const store = yield* AtomicKeyValueStore.make(folder)
        yield* fs.writeFileString(`${folder}/k.1.tmp`, "ha")
        yield* fs.writeFileString(`${folder}/k.2.tmp`, "ha")
        yield* fs.writeFileString(`${folder}/other.3.tmp`, "ha")
        yield* fs.utimes(`${folder}/k.1.tmp`, 1e9, 1e9)
        yield* fs.utimes(`${folder}/other.3.tmp`, 1e9, 1e9)
        expect(yield* store.size).toBe(0)
        yield* store.set("k", "v")
        expect((yield* fs.readDirectory(folder)).sort()).toEqual(["k", "k.2.tmp", "other.3.tmp"])
      }),
    ),
  )

  it.live("a file that cannot be read is set aside with a warning and counts as missing", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const store = yield* AtomicKeyValueStore.make(folder)
        yield* fs.makeDirectory(`${folder}/k`)
        yield* Effect.gen(function* () {
          expect(yield* store.get("k")).toEqual(Option.none())
          expect(yield* store.get("k")).toEqual(Option.none())
        }).pipe(Effect.provide(warnings(log)))
        expect(log).toEqual([`${folder}/k cannot be read: set aside as k.damaged`])
        yield* store.set("k", "v")
        expect(yield* store.get("k")).toEqual(Option.some("v"))
        expect((yield* fs.readDirectory(folder)).sort()).toEqual(["k", "k.damaged"])
      }),
    ),
  )

  it.live("a machine without descriptors damages nothing: reading fails, and the value stays", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const error = new PlatformError.SystemError({
          module: "FileSystem",
          method: "readFile",
          reason: "Unknown",
          syscall: "open",
          description: "EMFILE: too many open files",
        })
        const store = yield* AtomicKeyValueStore.make(folder).pipe(
          Effect.provideService(FileSystem.FileSystem, { ...fs, readFileString: () => Effect.fail(error) }),
        )
        yield* store.set("k", "v")
        expect(yield* Effect.flip(store.get("k"))).toBe(error)
        expect(yield* fs.readDirectory(folder)).toEqual(["k"])
      }),
    ),
  )

  it.live("many writers and readers at once: every value that is read was written whole", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const values = FastCheck.sample(FastCheck.string({ minLength: 1, maxLength: 5000 }), {
          numRuns: 24,
          seed: 7,
        })
        const store = yield* AtomicKeyValueStore.make(folder)
        const read = Effect.repeatN(
          Effect.flatMap(store.get("k"), (value) =>
            Effect.sync(() => {
              if (Option.isSome(value)) expect(values).toContain(value.value)
            }),
          ),
          20,
        )
        const write = (value: string) =>
          Effect.flatMap(AtomicKeyValueStore.make(folder), (other) => other.set("k", value))
        yield* Effect.all([Effect.forEach(values, write, { concurrency: 6 }), read, read], {
          concurrency: "unbounded",
          discard: true,
        })
        expect(values).toContain(Option.getOrThrow(yield* store.get("k")))
        expect(yield* store.size).toBe(1)
      }),
    ),
  )
})
