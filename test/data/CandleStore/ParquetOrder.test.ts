/**
 * Any order of loads, broken-off loads, imports and compactions over the same bars gives the same files.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as fc from "fast-check"
import * as Candle from "../../../src/data/Candle.js"
import * as Parquet from "../../../src/data/CandleStore/Parquet.js"
import { CandleStore } from "../../../src/data/CandleStore.js"
import * as TimeRange from "../../../src/data/TimeRange.js"
import { series } from "../../contract/CandleStore.js"
import * as FaultCampaign from "../../utils/FaultCampaign.js"
import * as FaultyFiles from "../../utils/FaultyFiles.js"
import { hashes } from "../../utils/files.js"
import * as MemoryFiles from "../../utils/MemoryFiles.js"
import * as StoreWorks from "../../utils/StoreWorks.js"

const { directory, loaded, loadOf, managed, offered, opened } = StoreWorks

/** What is done to the store, by a process of its own that may end at one of its changes. */
type Step = { readonly range: TimeRange.TimeRange; readonly endsAt: number | undefined } & (
  | { readonly _tag: "Load"; readonly interruptedAt: number | undefined }
  | { readonly _tag: "Import" }
  | { readonly _tag: "Compact" }
)

const day = 86_400_000
const days = (loaded.end - loaded.start) / day

const part = fc
  .tuple(fc.nat(days), fc.nat(days))
  .map(([a, b]) =>
    TimeRange.make(loaded.start + Math.min(a, b) * day, loaded.start + (Math.max(a, b) + 1) * day),
  )
  .map((_) => TimeRange.intersect(_, loaded))
const range = fc.oneof({ weight: 4, arbitrary: part }, fc.constant(loaded))
const endsAt = fc.option(fc.nat(40), { nil: undefined })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ _tag: fc.constant("Import" as const), range, endsAt }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Compact" as const), range, endsAt }) },
  {
    weight: 4,
    arbitrary: fc.record({
      _tag: fc.constant("Load" as const),
      range,
      endsAt,
      interruptedAt: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    }),
  },
)

const perform = (one: Step): Effect.Effect<unknown, unknown, CandleStore> => {
  switch (one._tag) {
    case "Load":
      return managed(
        (manager) => manager.load(loadOf(one.range)),
        (_, answer, count) => (count === one.interruptedAt ? Effect.interrupt : answer),
      )
    case "Import":
      return managed((manager) => manager.importCandles(series(), Candle.within(offered, one.range)))
    case "Compact":
      return Effect.flatMap(CandleStore, (store) => store.compact())
  }
}

const complete = managed((manager) => manager.load(loadOf(loaded)))

const filesOf = (fs: FileSystem.FileSystem, { endsAt }: Step): FileSystem.FileSystem =>
  endsAt === undefined ? fs : FaultyFiles.make(fs, { at: endsAt, code: "crash", lasting: true }).fs

const quietly = Effect.provide(Logger.remove(Logger.defaultLogger))

const truth = (() => {
  const files = MemoryFiles.make()
  FaultCampaign.succeed(complete.pipe(opened(files, { journalBytes: 10_000 })))
  return files.hashes(directory)
})()

it.prop(
  "any order of loads, interruptions, imports and compactions gives the same files",
  [fc.array(step, { minLength: 1, maxLength: 6 }), fc.constantFrom(1, 5000, 1_000_000)],
  ([steps, journalBytes]) => {
    const files = MemoryFiles.make()
    for (const one of steps) {
      FaultCampaign.run(perform(one).pipe(opened(files, { journalBytes, fs: filesOf(files.fs, one) })))
    }
    FaultCampaign.succeed(complete.pipe(opened(files, { journalBytes })))
    expect(files.hashes(directory)).toEqual(truth)
  },
  { fastCheck: { numRuns: 30 } },
)

it.scopedLive("the same of real Parquet files", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const root = yield* fs.makeTempDirectoryScoped()
    const real = (directory: string, files = fs) =>
      Effect.provide(
        Parquet.layer({ directory, journalBytes: 5000 }).pipe(
          Layer.provide([Layer.succeed(FileSystem.FileSystem, files), Path.layer]),
        ),
      )
    yield* complete.pipe(real(`${root}/whole`))
    const whole = yield* hashes(`${root}/whole`)
    expect(Object.keys(whole)).toEqual(Object.keys(truth))
    let runs = 0
    const check = fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 5 }), (steps) =>
      Effect.gen(function* () {
        const directory = `${root}/${runs++}`
        for (const one of steps) {
          yield* Effect.exit(perform(one).pipe(real(directory, filesOf(fs, one))))
        }
        yield* complete.pipe(real(directory))
        expect(yield* hashes(directory)).toEqual(whole)
      }).pipe(Effect.provideService(FileSystem.FileSystem, fs), quietly, Effect.runPromise),
    )
    yield* Effect.promise(() => fc.assert(check, { numRuns: 3 }))
  }).pipe(Effect.provide(NodeFileSystem.layer), quietly),
)
