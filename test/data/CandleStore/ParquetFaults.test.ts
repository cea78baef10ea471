/**
 * Whatever fails while the store writes, and at whichever call: what was said to be kept is kept, the failure
 * is a typed one, and what completes the work leaves the bytes of a store that nothing happened to.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import { NodeContext } from "@effect/platform-node"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Candle from "../../../src/data/Candle.js"
import * as Parquet from "../../../src/data/CandleStore/Parquet.js"
import { type Batch, CandleStore } from "../../../src/data/CandleStore.js"
import type { DataError } from "../../../src/data/DataError.js"
import { batch, identity, model, series, span, write } from "../../contract/CandleStore.js"
import * as FaultyFiles from "../../utils/FaultyFiles.js"
import { hashes } from "../../utils/files.js"
import * as PlainEngine from "../../utils/PlainEngine.js"

const live = <A, E>(
  title: string,
  effect: (directory: string) => Effect.Effect<A, E, NodeContext.NodeContext>,
): void =>
  it.scopedLive(
    title,
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        return yield* effect(yield* fs.makeTempDirectoryScoped())
      }).pipe(Effect.provide(NodeContext.layer)),
    60_000,
  )

/** A store of its own, as another process would have it. */
const opened =
  (directory: string, files?: FileSystem.FileSystem, engine = PlainEngine.make()) =>
  <A, E, R>(effect: Effect.Effect<A, E, R | CandleStore>) =>
    Effect.gen(function* () {
      const fs = files ?? (yield* FileSystem.FileSystem)
      const store = Layer.scoped(
        CandleStore,
        Parquet.make({ directory, lockWait: Duration.zero, journalBytes: 800 }, () => engine),
      ).pipe(Layer.provide(Layer.succeed(FileSystem.FileSystem, fs)))
      return yield* Effect.provide(effect, store)
    })

const stored: ReadonlyArray<Batch> = [
  batch(0, 3),
  { ...batch(3, 6), noData: [span(6, 8)], range: span(3, 8) },
]
const added: ReadonlyArray<Batch> = [batch(2, 5, 50), batch(7, 9, 60)]

/** A store with two years of bars, and a journal that a process left behind. */
const begin = (directory: string) =>
  opened(directory)(
    Effect.zipRight(write(identity(), stored.slice(0, 1)), write(identity(), stored.slice(1), false)),
  )

/** Everything that writes: folds what was left over, appends, folds on the way and at the end, compacts. */
const work = (kept: Array<Batch>) =>
  Effect.gen(function* () {
    const store = yield* CandleStore
    yield* Effect.scoped(
      Effect.gen(function* () {
        const writer = yield* store.writer(identity())
        for (const one of added) {
          yield* writer.append(one)
          kept.push(one)
        }
        yield* writer.fold
      }),
    )
    const [only] = yield* store.compact()
    if (only?.failure !== undefined) return yield* only.failure
  })

const rows = Effect.flatMap(CandleStore, (_) => Effect.map(_.read(series()), Candle.toRows))
const faults = Effect.flatMap(CandleStore, (_) =>
  Effect.map(_.verify(), (all) => all.flatMap((one) => one.faults)),
)

/** Runs the work with a fault at every change in turn, and has each case judged. */
const everywhere = (
  directory: string,
  faultAt: (at: number) => { readonly code: FaultyFiles.Fault["code"]; readonly lasting: boolean },
  judge: (exit: Exit.Exit<void, DataError>) => void,
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const truth = yield* origin(directory)
    for (let at = 0; ; at++) {
      const copy = `${directory}/${at}`
      yield* fs.copy(`${directory}/origin`, copy)
      const faulty = FaultyFiles.make(fs, { at, ...faultAt(at) })
      const kept: Array<Batch> = []
      judge(yield* Effect.exit(opened(copy, faulty.fs)(work(kept))))
      yield* checkKept(copy, kept, truth)
      if (!faulty.struck()) return at
    }
  })

/** What the store begins as, and the hashes of what it is to become. */
const origin = (directory: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* begin(`${directory}/origin`)
    yield* fs.copy(`${directory}/origin`, `${directory}/whole`)
    yield* opened(`${directory}/whole`)(work([]))
    return yield* hashes(`${directory}/whole`)
  })

/** All that was said to be kept is there and nothing is damaged; the work done again completes the store. */
const checkKept = (directory: string, kept: ReadonlyArray<Batch>, truth: Record<string, string>) =>
  Effect.gen(function* () {
    const possible = [kept.length, Math.min(kept.length + 1, added.length)].map(
      (count) => model([...stored, ...added.slice(0, count)]).rows,
    )
    const [found, wrong] = yield* opened(directory)(Effect.all([rows, faults, write(identity(), added)]))
    expect(possible).toContainEqual(found)
    expect(wrong).toEqual([])
    expect(yield* hashes(directory)).toEqual(truth)
    const fs = yield* FileSystem.FileSystem
    yield* fs.remove(directory, { recursive: true })
  })

/** The reason of a failure, which must be a typed one that says what to do; none where there was no failure. */
const reasonOf = (exit: Exit.Exit<void, DataError>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  expect(exit.cause._tag).toBe("Fail")
  const error = Cause.failureOption(exit.cause).pipe(Option.getOrThrow)
  expect(error.advice.length).toBeGreaterThan(10)
  expect(error.place).toMatch(/^candles/)
  return error.reason
}

const codes = ["ENOSPC", "EACCES", "EROFS", "EIO"] as const

for (const lasting of [false, true]) {
  live(`a change that fails${lasting ? " with all that come after it" : ""} loses nothing`, (directory) =>
    Effect.gen(function* () {
      const reasons = new Set<string | undefined>()
      const changes = yield* everywhere(
        directory,
        (at) => ({ code: codes[(at + Number(lasting)) % codes.length] ?? "EIO", lasting }),
        (exit) => reasons.add(reasonOf(exit)),
      )
      expect(changes).toBeGreaterThan(50)
      expect(reasons).toEqual(new Set(["StoreUnwritable", undefined]))
    }),
  )
}

live("a process that ends at any change loses nothing that it was told is kept", (directory) =>
  Effect.gen(function* () {
    const ended = yield* everywhere(
      directory,
      () => ({ code: "crash", lasting: true }),
      () => {},
    )
    expect(ended).toBeGreaterThan(50)
  }),
)

live(
  "a disk that is full while a year's file is written costs nothing and leaves no part of it",
  (directory) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const truth = yield* origin(directory)
      for (let at = 0, done = false; !done; at++) {
        const copy = `${directory}/${at}`
        yield* fs.copy(`${directory}/origin`, copy)
        const fault = { at }
        const kept: Array<Batch> = []
        const exit = yield* Effect.exit(opened(copy, fs, PlainEngine.make(fault))(work(kept)))
        done = fault.at >= 0
        expect(reasonOf(exit)).toBe(done ? undefined : "StoreUnwritable")
        const names = yield* fs.readDirectory(copy, { recursive: true })
        expect(names.filter((name) => name.endsWith(".tmp"))).toEqual([])
        yield* checkKept(copy, kept, truth)
      }
    }),
)
