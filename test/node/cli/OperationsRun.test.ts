/** Operations of kinds that load nothing, as the commands run them. */
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Incomplete } from "../../../src/node/cli/Failure.js"
import * as OperationsRun from "../../../src/node/cli/OperationsRun.js"
import { KeptBars } from "../../../src/node/KeptBars.js"
import { Cancelled } from "../../../src/node/Loading.js"
import { Operations } from "../../../src/Operations.js"
import * as Jobs from "../../utils/Jobs.js"
import * as TestOutput from "../../utils/TestOutput.js"
import { VirtualTime } from "../../utils/VirtualTime.js"

const run = (payload: unknown, output: TestOutput.TestOutput, json = false) =>
  OperationsRun.follow({
    id: "op_a",
    kind: Jobs.Job.kind,
    payload,
    json,
    noProgress: !json,
    carried: [],
    load: () => Effect.dieMessage("it is no load"),
    start: (options) =>
      Effect.flatMap(Operations, (operations) =>
        operations.startKind(Jobs.Job.kind, payload, { ...options, id: "op_a" }),
      ),
  }).pipe(Effect.provide(output.layerAtOnce), Effect.provideService(KeptBars, { count: 0 }))

const test = (
  name: string,
  effect: (output: TestOutput.TestOutput) => Effect.Effect<unknown, unknown, Operations>,
) =>
  it(name, () => {
    const exit = new VirtualTime().run(Effect.provide(effect(TestOutput.make()), Jobs.layer))
    if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  })

test("one that succeeds is told as one that is watched", (output) =>
  Effect.gen(function* () {
    yield* run({ pieces: 3 }, output)
    expect([output.out(), output.err()]).toEqual(['op_a: completed after 3s\n  {"done":3}\n', ""])
  }))

test("as JSON it is one line, with progress on standard error", (output) =>
  Effect.gen(function* () {
    yield* run({ pieces: 3 }, output, true)
    expect(JSON.parse(output.out())).toMatchObject({ id: "op_a", result: { done: 3 } })
    expect(
      output
        .err()
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).status)
        .at(-1),
    ).toBe("completed")
  }))

test("one that fails says why, and how to go on", (output) =>
  Effect.gen(function* () {
    expect(yield* Effect.flip(run({ pieces: 2, fate: "fails" }, output))).toBeInstanceOf(Incomplete)
    expect(output.out()).toBe(
      "op_a: failed after 2s: Broken: it broke\n  2 pieces kept\n" +
        "  go on with it: ktrdr operations resume op_a\n",
    )
  }))

test("one whose payload does not fit starts nothing", (output) =>
  Effect.gen(function* () {
    expect(yield* Effect.flip(run({ pieces: "two" }, output))).toMatchObject({ reason: "InvalidPayload" })
    expect((yield* Effect.flatMap(Operations, (_) => _.list())).total).toBe(0)
  }))

test("interrupted it is cancelled, and says how to go on", (output) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(run({ pieces: 8 }, output))
    yield* Effect.sleep("3250 millis")
    expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
    expect([output.out(), output.err()]).toEqual([
      "",
      "op_a: cancelled after 3s: interrupted at the terminal that started it\n  3 pieces kept\n" +
        "  go on with it: ktrdr operations resume op_a\n",
    ])
    expect((yield* Effect.flatMap(Operations, (_) => _.get("op_a"))).status).toBe("cancelled")
  }))

test("cancelled by somebody else it says so", (output) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(run({ pieces: 8 }, output))
    yield* Effect.sleep("2250 millis")
    yield* Effect.flatMap(Operations, (_) => _.cancel("op_a", { reason: "not wanted" }))
    expect(yield* Effect.flip(Fiber.join(fiber))).toBeInstanceOf(Cancelled)
    expect(output.out()).toMatch(/^op_a: cancelled after 2s: not wanted\n/)
  }))
