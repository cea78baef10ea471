/** What may stand beside `--resume`, and what is said of a training that was cut short. */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Trains from "../../../src/node/cli/Trains.js"
import { Cancelled } from "../../../src/node/Loading.js"
import { Operations } from "../../../src/Operations.js"
import * as ModelStore from "../../../src/training/ModelStore.js"
import * as CommandLine from "../../utils/CommandLine.js"
import * as Jobs from "../../utils/Jobs.js"
import * as TestOutput from "../../utils/TestOutput.js"
import { VirtualTime } from "../../utils/VirtualTime.js"

describe("train --resume", () => {
  it.scopedLive("takes no option that says what is trained where no strategy is named", () =>
    Effect.gen(function* () {
      const { run } = yield* CommandLine.make
      for (const [option, ...value] of [
        ["--symbols", "AAPL"],
        ["--timeframes", "1h"],
        ["--epochs", "3"],
        ["--seed", "1"],
        ["--start", "2020-01-01"],
        ["--end", "2020-01-01"],
        ["--allow-gaps"],
      ] as const) {
        const { err, out, result } = yield* run("train", "--resume", "1a2b3c4d", option, ...value)
        expect([option, result, out]).toEqual([option, 2, ""])
        expect(err).toContain(`ktrdr: ${option} and --resume: a training goes on as it was started`)
      }
      const allowed = yield* run("train", "--resume", "1a2b3c4d", "--no-progress")
      expect(allowed.err).toMatch(/^ktrdr: operation id: /)
    }),
  )

  it.scopedLive("compares all of what was started with what a named strategy and its options come to", () =>
    Effect.gen(function* () {
      const { run } = yield* CommandLine.make
      const given = ["train", "trend_following", "--no-progress"]
      expect((yield* run(...given)).result).toBe(1)
      const { id } = JSON.parse((yield* run("operations", "list", "--json")).out)
      const again = (...options: ReadonlyArray<string>) =>
        Effect.map(run(...given, "--resume", id, ...options), ({ err }) => err)
      expect(yield* again("--allow-gaps")).toContain(", found gaps allowed.")
      expect(yield* again("--end", "2020-01-01")).toContain(", found another span.")
      expect(yield* again("--seed", "8")).toContain(", found a strategy that says something else.")
      expect(yield* again()).not.toContain("the strategy, the options and the span")
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
  )
})

/** What is said of one that is cancelled after two pieces. */
const said = (stays: boolean) => {
  const output = TestOutput.make()
  const program = Effect.gen(function* () {
    const operations = yield* Operations
    const fiber = yield* Effect.fork(
      Trains.follow((given) => operations.startKind(Jobs.Job.kind, { pieces: 8 }, given), {
        id: "op_a",
        json: false,
        noProgress: true,
        stays,
      }),
    )
    yield* Effect.sleep("2250 millis")
    yield* operations.cancel("op_a", { reason: "not wanted" })
    expect(yield* Effect.flip(Fiber.join(fiber))).toBeInstanceOf(Cancelled)
  })
  const layer = Layer.mergeAll(Jobs.layer, ModelStore.layerMemory, output.layerAtOnce)
  const exit = new VirtualTime().run(Effect.provide(program, layer))
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  return output.err()
}

describe("a training that somebody cancels", () => {
  it("says what it kept and the command that goes on", () => {
    expect(said(true)).toBe(
      "Cancelled, not wanted; 2 pieces kept\nContinue with: ktrdr operations resume op_a\n",
    )
  })

  it("names no command where nothing stays that it could go on with", () => {
    expect(said(false)).toBe("Cancelled, not wanted\n")
  })
})
