/**
 * Does each work of a store with a fault at every change in turn, and judges what is left of the store each
 * time. Files lie in memory and time is virtual; between two cases the event loop goes round.
 */
import { expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import type { Batch } from "../../src/data/CandleStore.js"
import type { DataError } from "../../src/data/DataError.js"
import * as FaultyFiles from "./FaultyFiles.js"
import * as MemoryFiles from "./MemoryFiles.js"
import * as PlainEngine from "./PlainEngine.js"
import { directory, faults, opened, rows, type Work } from "./StoreWorks.js"
import { VirtualTime } from "./VirtualTime.js"

/** Runs a program on files in memory to its end at once: none of its sleeps takes time. */
export const run = <A, E>(program: Effect.Effect<A, E>): Exit.Exit<A, E> => {
  const time = new VirtualTime()
  time.shift = Date.UTC(2025, 0, 1)
  return time.run(
    program.pipe(Effect.provide(Logger.remove(Logger.defaultLogger)), Effect.withTracerEnabled(false)),
  )
}

export const succeed = <A, E>(program: Effect.Effect<A, E>): A =>
  Exit.getOrElse(run(program), (cause) => {
    throw Cause.squash(cause)
  })

/** The store as the work finds it, and what the work makes of it where nothing happens. */
export interface Origin {
  readonly files: MemoryFiles.MemoryFiles
  readonly truth: Readonly<Record<string, string>>
  /** How many changes the work makes. */
  readonly changes: number
  /** What was judged already: many faults leave the same. */
  readonly judged: Set<string>
}

export const originOf = (work: Work): Origin => {
  const files = MemoryFiles.make()
  succeed(work.begin.pipe(opened(files)))
  const whole = files.copy()
  const { calls, fs } = FaultyFiles.make(whole.fs)
  succeed(work.run([]).pipe(opened(whole, { fs })))
  return { files, truth: whole.hashes(directory), changes: calls.length, judged: new Set() }
}

export interface Broken {
  readonly files: MemoryFiles.MemoryFiles
  readonly kept: ReadonlyArray<Batch>
  readonly exit: Exit.Exit<void, DataError>
}

/** The work, broken by faults, the later ones at changes that the earlier ones let happen. */
export const broken = (
  work: Work,
  { files }: Origin,
  faults: ReadonlyArray<FaultyFiles.Fault>,
  again = false,
): Broken => {
  const copy = files.copy()
  const fs = faults.reduce((under, fault) => FaultyFiles.make(under, fault).fs, copy.fs)
  const kept: Array<Batch> = []
  const program = again ? Effect.zipRight(Effect.ignore(work.run([])), work.run(kept)) : work.run(kept)
  return { files: copy, kept, exit: run(opened(copy, { fs })(program)) }
}

/** The work, with a disk that is full in the middle of the `at`-th year file. */
export const full = (work: Work, { files }: Origin, fault: { at: number }): Broken => {
  const copy = files.copy()
  const kept: Array<Batch> = []
  const exit = run(opened(copy, { engine: PlainEngine.make(copy, fault) })(work.run(kept)))
  return { files: copy, kept, exit }
}

/** All that was said to be kept is there and nothing is damaged; the work done again completes the store. */
export const judge = (
  work: Work,
  { truth, judged }: Origin,
  files: MemoryFiles.MemoryFiles,
  kept: Broken["kept"],
): void => {
  const before = files.hashes(directory)
  const key = JSON.stringify([before, files.list(directory), kept.length])
  if (judged.has(key)) return
  judged.add(key)
  const program = Effect.gen(function* () {
    expect(yield* faults).toEqual([])
    expect(files.hashes(directory)).toEqual(before)
    expect(work.possible(yield* rows, kept)).toBe(true)
    yield* work.run([])
    expect(files.hashes(directory)).toEqual(truth)
  })
  succeed(program.pipe(opened(files)))
}

/** The reason of a failure, which must be a typed one that says what to do; none where there was no failure. */
export const reasonOf = (exit: Exit.Exit<unknown, DataError>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  expect(exit.cause._tag).toBe("Fail")
  const error = Cause.failureOption(exit.cause).pipe(Option.getOrThrow)
  expect(error.advice.length).toBeGreaterThan(10)
  expect(error.place).toMatch(/^(candles|data directory|\/)/)
  return error.reason
}

/** What is left of the files under a temporary name. */
export const unfinished = (files: MemoryFiles.MemoryFiles): ReadonlyArray<string> =>
  Object.keys(files.hashes(directory)).filter((name) => name.endsWith(".tmp"))

/** Runs the case of each change, one after another. */
export const everywhere = async ({ changes }: Origin, each: (at: number) => void): Promise<void> => {
  for (let at = 0; at < changes; at++) {
    each(at)
    await new Promise((resume) => setImmediate(resume))
  }
}
