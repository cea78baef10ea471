/**
 * A few of the cases that the benchmark `faults` has a thousand of, and that those are seen which go wrong.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { none } from "effect/FiberId"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import { HostError } from "../src/HostError.js"
import * as Command from "./utils/Command.js"
import * as FaultCases from "./utils/FaultCases.js"
import * as FaultyLoads from "./utils/FaultyLoads.js"
import * as FaultyTrainings from "./utils/FaultyTrainings.js"

/** The program of a host's threads as the command has it. */
const program = new URL("../dist/Worker.js", import.meta.url)
beforeAll(Command.prepare)

const quietly = Logger.withMinimumLogLevel(LogLevel.None)

const of = (seed: number, count: number) => Array.from({ length: count }, (_, index) => seed + index)

const flawsOf = ({ flaws }: Pick<FaultCases.Verdict, "flaws">) => flaws.map(({ flaw }) => flaw)

const sound = { lost: 0, doubled: 0, hung: 0, untyped: 0, double_starts: 0 }

describe("FaultCases", () => {
  it.scopedLive(
    "loads through faults lose nothing, double nothing, and end in time with a typed error",
    () =>
      Effect.gen(function* () {
        const { one } = yield* FaultyLoads.make
        const verdicts = yield* Effect.forEach(of(17, 8), one, { concurrency: 8 })
        expect(verdicts.filter(({ flaws }) => flaws.length > 0)).toEqual([])
        expect(FaultCases.tally(verdicts)).toEqual(sound)
        expect(verdicts.flatMap(({ befell }) => befell).length).toBeGreaterThan(5)
      }).pipe(Effect.provide(NodeContext.layer), quietly),
    60_000,
  )

  it.scopedLive(
    "trainings through faults lose nothing, double nothing, and are started once",
    () =>
      Effect.gen(function* () {
        const { doubleStarts, one } = yield* FaultyTrainings.make(program)
        const verdicts = yield* Effect.forEach(of(17, 8), one, { concurrency: 8 })
        expect(verdicts.filter(({ flaws }) => flaws.length > 0)).toEqual([])
        expect(yield* doubleStarts).toEqual([])
        expect(verdicts.flatMap(({ befell }) => befell).length).toBeGreaterThan(5)
      }).pipe(Effect.provide(NodeContext.layer), quietly),
    60_000,
  )

  it.scoped("sees what goes wrong", () =>
    Effect.gen(function* () {
      const plain = {
        ...(yield* FaultCases.make(1, [{ port: 1 }], { longest: 1 })),
        interruptMillis: undefined,
      }
      const ended = (exit: Exit.Exit<number, unknown>) => FaultCases.judge(plain, Option.some(exit))
      const error = new HostError({
        reason: "Truncated",
        host: "ib",
        method: "GET",
        path: "/",
        expected: "the whole answer",
        found: "half of it",
        advice: "Try again",
        attempts: 1,
      })
      expect(ended(Exit.succeed(1))).toEqual({ ended: "complete", said: "", flaws: [] })
      expect(ended(Exit.fail(error))).toMatchObject({ ended: "Truncated", said: error.message, flaws: [] })
      expect(flawsOf(FaultCases.judge(plain, Option.none()))).toEqual(["hung"])
      for (const exit of [Exit.die(new Error("a defect")), Exit.fail("a text"), Exit.interrupt(none)]) {
        expect(flawsOf(ended(exit))).toEqual(["untyped"])
      }
      const interrupted = FaultCases.judge(
        { ...plain, interruptMillis: 1 },
        Option.some(Exit.interrupt(none)),
      )
      expect(interrupted).toEqual({ ended: "cancelled", said: "", flaws: [] })
    }),
  )

  it.scopedLive("runs work to its end, to its interruption, or until its time is up", () =>
    Effect.gen(function* () {
      const it = yield* FaultCases.make(1, [{ port: 1 }], { longest: 1 })
      const never = Effect.never
      expect(yield* FaultCases.run({ ...it, interruptMillis: undefined }, 20, never)).toEqual(Option.none())
      const cut = Option.getOrThrow(yield* FaultCases.run({ ...it, interruptMillis: 5 }, 1000, never))
      expect(Exit.isInterrupted(cut)).toBe(true)
      const done = yield* FaultCases.run({ ...it, interruptMillis: 500 }, 1000, Effect.succeed(3))
      expect(done).toEqual(Option.some(Exit.succeed(3)))
    }),
  )
})
