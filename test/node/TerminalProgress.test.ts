import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as TerminalProgress from "../../src/node/TerminalProgress.js"
import * as Progress from "../../src/Progress.js"
import { ProgressSnapshot } from "../../src/ProgressSnapshot.js"
import * as TestOutput from "../utils/TestOutput.js"

/** Ten steps of `millis` in all, told to the observer; the clock moves in steps of `pace` ms. */
const watched = (
  output: TestOutput.TestOutput,
  millis: number,
  options: Partial<TerminalProgress.Options> = {},
  pace = 100,
) =>
  Effect.gen(function* () {
    const work = Progress.forEach(Array.from({ length: 10 }), () => Effect.sleep(millis / 10), {
      unit: "file",
    })
    const fiber = yield* TerminalProgress.make({ json: false, silent: false, ...options }).pipe(
      Effect.flatMap((observer) => Progress.observe(work, { observer, name: "Copying" })),
      Effect.scoped,
      Effect.provide(output.layer),
      Effect.fork,
    )
    for (let passed = 0; passed <= millis + 500; passed += pace) yield* TestClock.adjust(pace)
    return yield* Fiber.await(fiber)
  })

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "")

describe("without a terminal", () => {
  it.effect("a plain line every few seconds, and a last one, but none for what is short", () =>
    Effect.gen(function* () {
      const short = TestOutput.make()
      yield* watched(short, 1900, {}, 500)
      expect(short.err()).toBe("")
      const long = TestOutput.make()
      yield* watched(long, 12_000, {}, 500)
      expect(linesOf(long.err()).map((line) => line.replace(/ · ETA \d+s$/, ""))).toEqual([
        expect.stringMatching(/^10% Copying 1\/10 files$/),
        expect.stringMatching(/^[56]0% Copying [56]\/10 files$/),
        "100% Copying 10/10 files",
      ])
      expect(long.out()).toBe("")
    }),
  )

  it.effect("no last line for what failed", () =>
    Effect.gen(function* () {
      const output = TestOutput.make()
      const fiber = yield* TerminalProgress.make({ json: false, silent: false }).pipe(
        Effect.flatMap((observer) =>
          Progress.observe(Effect.zipRight(Effect.sleep(3000), Effect.fail("gone")), {
            observer,
            name: "Asking",
          }),
        ),
        Effect.scoped,
        Effect.provide(output.layer),
        Effect.fork,
      )
      for (let passed = 0; passed <= 3500; passed += 500) yield* TestClock.adjust(500)
      yield* Fiber.await(fiber)
      expect(linesOf(output.err())).toEqual(["Asking"])
    }),
  )

  it.effect("nor on a terminal that cannot draw lines anew", () =>
    Effect.gen(function* () {
      const output = TestOutput.make({ columns: 50, rows: 10 }, { TERM: "dumb" })
      yield* watched(output, 12_000, {}, 500)
      expect(output.err()).not.toContain("\u001b")
      expect(linesOf(output.err()).at(-1)).toBe("100% Copying 10/10 files")
    }),
  )

  it.effect("JSON lines: at most four a second and the last one, all of them snapshots", () =>
    Effect.gen(function* () {
      const output = TestOutput.make()
      yield* watched(output, 3000, { json: true }, 50)
      const lines = linesOf(output.err())
      const snapshots = lines.map((line) => Schema.decodeUnknownSync(ProgressSnapshot)(JSON.parse(line)))
      expect(snapshots.at(-1)).toMatchObject({ status: "completed", fraction: 1 })
      expect(snapshots.filter(({ status }) => status === "completed")).toHaveLength(1)
      const times = snapshots.slice(0, -1).map(({ started, elapsed }) => started + elapsed)
      for (const [index, time] of times.entries()) {
        if (index > 0) expect(time - times[index - 1]!).toBeGreaterThanOrEqual(250)
      }
      expect(times.length).toBeGreaterThan(5)
    }),
  )

  it.effect("nothing when it is not wanted", () =>
    Effect.gen(function* () {
      const output = TestOutput.make()
      yield* watched(output, 12_000, { silent: true, json: true }, 500)
      expect(output.err()).toBe("")
    }),
  )
})

const hideCursor = "\u001b[?25l"
const showCursor = "\u001b[?25h"

describe("on a terminal", () => {
  it.effect("draws what lasts, at most ten times a second, and leaves the terminal as it was", () =>
    Effect.gen(function* () {
      const output = TestOutput.make({ columns: 50, rows: 10 }, { NO_COLOR: "1" })
      yield* watched(output, 3000, {}, 50)
      const text = output.err()
      expect(text).toContain("Copying 5/10 files")
      expect(text.split(hideCursor)).toHaveLength(2)
      expect(text.trimEnd().endsWith(showCursor)).toBe(true)
      expect(text).not.toContain("\u001b[36m")
      const draws = text.split("\u001b[?2026h").length - 1
      expect(draws).toBeGreaterThan(10)
      expect(draws).toBeLessThanOrEqual(32)
    }),
  )

  it.effect("draws in ASCII where the locale is not UTF-8", () =>
    Effect.gen(function* () {
      const [plain, full] = [{}, { LANG: "C.UTF-8" }].map((environment) =>
        TestOutput.make({ columns: 50, rows: 10 }, { NO_COLOR: "1", ...environment }),
      )
      for (const output of [plain!, full!]) yield* watched(output, 3000, {}, 50)
      expect(plain!.err()).toMatch(/^[\0-\x7f]*$/)
      expect(plain!.err()).toMatch(/[-\\|/] =+-+ +50%/)
      expect(full!.err()).toMatch(/━+─+ +50%/)
    }),
  )

  it.effect("shows nothing of what is short", () =>
    Effect.gen(function* () {
      const output = TestOutput.make({ columns: 50, rows: 10 })
      yield* watched(output, 300)
      expect(output.err()).toBe("")
    }),
  )

  it.effect("puts the cursor back when the work is interrupted", () =>
    Effect.gen(function* () {
      const output = TestOutput.make({ columns: 50, rows: 10 })
      const fiber = yield* TerminalProgress.make({ json: false, silent: false }).pipe(
        Effect.flatMap((observer) => Progress.observe(Effect.never, { observer, name: "Waiting" })),
        Effect.scoped,
        Effect.provide(output.layer),
        Effect.fork,
      )
      for (let passed = 0; passed < 1000; passed += 100) yield* TestClock.adjust(100)
      expect(output.err()).toContain(hideCursor)
      expect(output.err()).toContain("\u001b[36m")
      yield* Fiber.interrupt(fiber)
      expect(output.err().split(showCursor)).toHaveLength(2)
    }),
  )
})
