/** What the commands that look at operations, and end them, say: of operations that another process runs. */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Failure from "../../../src/node/cli/Failure.js"
import * as OperationsCancel from "../../../src/node/cli/OperationsCancel.js"
import * as OperationsFind from "../../../src/node/cli/OperationsFind.js"
import * as OperationsList from "../../../src/node/cli/OperationsList.js"
import * as OperationsShow from "../../../src/node/cli/OperationsShow.js"
import * as OperationsWatch from "../../../src/node/cli/OperationsWatch.js"
import type * as Output from "../../../src/node/Output.js"
import * as Operation from "../../../src/Operation.js"
import { OperationStore } from "../../../src/OperationStore.js"
import * as Operations from "../../../src/Operations.js"
import { ProgressSnapshot } from "../../../src/ProgressSnapshot.js"
import * as Jobs from "../../utils/Jobs.js"
import * as Records from "../../utils/OperationRecords.js"
import * as TestOutput from "../../utils/TestOutput.js"
import { VirtualTime } from "../../utils/VirtualTime.js"

const began = Date.UTC(2026, 10, 25, 11, 14, 5)

type Fate = (typeof Jobs.Job.definition.payload.Type)["fate"]

const start = (id: string, pieces: number, fate: Fate = "succeeds") =>
  Effect.flatMap(Operations.Operations, (operations) => operations.start(Jobs.Job, { pieces, fate }, { id }))

const pass = (seconds: number) => Effect.sleep(seconds * 1000)

/** While the seconds pass. */
const during = <A, E, R>(seconds: number, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* pass(seconds)
    return yield* Fiber.join(fiber)
  })

type Command = Effect.Effect<
  void,
  Failure.Failure | Output.OutputError,
  Output.Output | Operations.Operations
>

const codeOf = (exit: Exit.Exit<void, Failure.Failure | Output.OutputError>): number | string =>
  Exit.match(exit, {
    onSuccess: () => 0,
    onFailure: (cause) =>
      cause._tag === "Fail" && cause.error._tag !== "OutputError"
        ? Failure.exitCode(cause.error)
        : cause._tag,
  })

/** Runs a command as a process of its own: beside the registry, over the same records. */
const run = (command: Command, output = TestOutput.make()) =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(Effect.provide(command, output.layerAtOnce))
    const error = exit._tag === "Failure" && exit.cause._tag === "Fail" ? exit.cause.error : undefined
    return {
      code: codeOf(exit),
      said: error === undefined || error._tag === "OutputError" ? undefined : Failure.message(error),
      out: output.out(),
      err: output.err(),
    }
  }).pipe(Effect.provide(Layer.provide(Operations.layer(Jobs.group), Jobs.handler)))

/** In virtual time, from 11:14:05 on. */
const test = (
  name: string,
  effect: () => Effect.Effect<unknown, unknown, Operations.Operations | OperationStore>,
) =>
  it(name, () => {
    const time = new VirtualTime()
    time.shift = began
    const exit = time.run(Effect.provide(Effect.scoped(effect()), Jobs.layer))
    if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  })

const everything: OperationsList.Options = {
  statuses: undefined,
  kind: undefined,
  active: false,
  limit: undefined,
  offset: undefined,
  json: false,
}
const list = (given: Partial<OperationsList.Options> = {}) =>
  run(OperationsList.run({ ...everything, ...given }))
const show = (id: string, json = false) => run(OperationsShow.run({ id, json }))
const cancel = (given: Partial<OperationsCancel.Options>) =>
  run(OperationsCancel.run({ id: undefined, all: false, reason: undefined, json: false, ...given }))

const watch = (id: string, given: Partial<OperationsWatch.Options> = {}, output?: TestOutput.TestOutput) =>
  run(OperationsWatch.run({ id, json: false, noProgress: false, ...given }), output)

describe("operations list", () => {
  test("says where there is nothing yet how to start something", () =>
    Effect.gen(function* () {
      const nothing = "No operation is recorded yet. Start one: ktrdr data load SPX 1d\n"
      expect(yield* list()).toEqual({ code: 0, said: undefined, out: "", err: nothing })
      expect(yield* list({ json: true })).toEqual({ code: 0, said: undefined, out: "", err: nothing })
      expect((yield* list({ kind: "job" })).err).toBe("No operation fits; 0 active\n")
    }))

  test("has the newest first, how far they are, and why they ended as they did", () =>
    Effect.gen(function* () {
      yield* start("op_a", 4)
      yield* pass(5)
      yield* start("op_b", 1, "fails")
      yield* pass(2)
      const { id } = yield* start("op_c", 10)
      yield* pass(1.25)
      yield* Effect.flatMap(Operations.Operations, (_) => _.cancel(id, { reason: "not wanted" }))
      yield* start("op_d", 10)
      yield* pass(5.25)
      const { code, err, out } = yield* list()
      expect([code, err]).toEqual([0, "4 of 4 operations, 1 active\n"])
      expect(out).toBe(
        [
          "id    kind  status     done  started (UTC)        duration  message",
          "op_d  job   running     50%  2026-11-25 11:14:13        5s  Working on 5 of 10 pieces",
          "op_c  job   cancelled   10%  2026-11-25 11:14:12        1s  not wanted",
          "op_b  job   failed      99%  2026-11-25 11:14:10        1s  Broken: it broke",
          "op_a  job   completed  100%  2026-11-25 11:14:05        4s  Working on 4 of 4 pieces",
          "",
        ].join("\n"),
      )
      const ids = (given: Partial<OperationsList.Options>) =>
        Effect.map(list({ ...given, json: true }), (answer) =>
          answer.out
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line).id),
        )
      expect(yield* ids({ active: true })).toEqual(["op_d"])
      expect(yield* ids({ statuses: ["failed", "cancelled"] })).toEqual(["op_c", "op_b"])
      expect(yield* ids({ limit: 1, offset: 1 })).toEqual(["op_c"])
      expect((yield* list({ limit: 2 })).err).toBe("2 of 4 operations, 1 active; more: --offset 2\n")
      expect((yield* list({ offset: 9 })).err).toBe("There are no more: 4 operations in all\n")
      expect((yield* list({ statuses: ["pending"] })).err).toBe("No operation fits; 1 active\n")
      expect(yield* list({ active: true, statuses: ["failed"] })).toMatchObject({
        code: 2,
        said: "--active and --status: expected one of the two",
      })
    }))

  test("as JSON has a line each, with instants in ISO, and nothing else", () =>
    Effect.gen(function* () {
      yield* start("op_a", 2)
      yield* pass(3)
      const { err, out } = yield* list({ json: true })
      expect(err).toBe("")
      expect(JSON.parse(out)).toEqual({
        id: "op_a",
        kind: "job",
        status: "completed",
        created: "2026-11-25T11:14:05.000Z",
        started: "2026-11-25T11:14:05.000Z",
        completed: "2026-11-25T11:14:07.000Z",
        fraction: 1,
        message: "Working on 2 of 2 pieces",
        payload: { pieces: 2, fate: "succeeds" },
        parent: null,
        resumedFrom: null,
        attempt: 1,
        owner: { token: 1, pid: 0, host: "memory" },
        failure: null,
        cancellation: null,
      })
    }))

  test("asks for the list alone, however many have failed", () =>
    Effect.gen(function* () {
      for (const id of ["op_a", "op_b"]) yield* start(id, 1, "fails")
      yield* pass(2)
      const operations = yield* Operations.Operations
      const output = TestOutput.make()
      yield* OperationsList.run(everything).pipe(
        Effect.provideService(Operations.Operations, {
          ...operations,
          get: () => Effect.die("it was asked"),
        }),
        Effect.provide(output.layerAtOnce),
      )
      expect(output.out().match(/Broken: it broke/g)).toHaveLength(2)
      const { out } = yield* list({ json: true })
      expect(
        out
          .split("\n")
          .slice(0, 2)
          .map((line) => JSON.parse(line).failure.message),
      ).toEqual(["it broke", "it broke"])
    }))
})

describe("operations show", () => {
  test("says all of one, whichever part of its id is typed, and what can be done with it", () =>
    Effect.gen(function* () {
      yield* start("op_job_20261125_111405_1a2b3c4d", 4)
      yield* pass(2.25)
      const running = yield* show("1a2b3c4d")
      expect(running.out).toMatch(/^op_job_20261125_111405_1a2b3c4d\n {2}status +running\n/)
      expect(running.out).toContain("  running for  2s\n")
      expect(running.out).toContain("  payload      pieces 4, fate succeeds\n")
      expect(running.out).toContain("  progress     50%  Working on 2 of 4 pieces\n")
      expect(running.out).toContain("\n    job: running 50%\n")
      expect(running.out).toContain("\n    ktrdr operations cancel op_job_20261125_111405_1a2b3c4d\n")
      yield* during(0.5, cancel({ id: "op_job_2026", reason: "why not" }))
      const cancelled = yield* show("op_job")
      expect(cancelled.out).toMatch(
        / {2}cancelled {4}"why not", asked for by process \d+ on \S+ at 2026-11-25 11:14:07 UTC\n/,
      )
      expect(cancelled.out).toContain("  kept         2 pieces kept\n")
      expect(cancelled.out).not.toContain("operations cancel")
      const operations = yield* Operations.Operations
      const { id } = yield* operations.resume("op_job_20261125_111405_1a2b3c4d", { id: "op_next" })
      yield* pass(5)
      expect((yield* show("1a2b3c4d")).out).toContain(`  continued by ${id}\n`)
      const next = yield* show("op_next")
      expect(next.out).toContain("  kind         job, attempt 2\n")
      expect(next.out).toContain("  goes on with op_job_20261125_111405_1a2b3c4d\n")
      expect(next.out).toMatch(/ {2}ended +2026-11-25 11:14:11 UTC, after 4s\n/)
      expect(next.out).toMatch(/ {2}result\n {4}\{"done":4\}\n$/)
      const json = JSON.parse((yield* show("1a2b3c4d", true)).out)
      expect(json).toMatchObject({ status: "cancelled", kept: "2 pieces kept", result: null })
      expect(json.cancellation).toMatchObject({ reason: "why not", requested: "2026-11-25T11:14:07.250Z" })
    }))

  test("of an id that is none says which may be meant, of one that fits several which", () =>
    Effect.gen(function* () {
      expect((yield* show("x")).said).toBe(
        'operation id: expected the id of an operation, or enough of its beginning or end, found "x". ' +
          "No operation is recorded here: start one, or name its home by KTRDR_HOME.",
      )
      yield* start("op_job_20261125_111405_1a2b3c4d", 1)
      yield* start("op_job_20261125_111405_5e6f7a8b", 1)
      yield* pass(2)
      const ambiguous = yield* show("op_job")
      expect(ambiguous.code).toBe(2)
      expect(ambiguous.said).toContain(
        '"op_job", which fits op_job_20261125_111405_5e6f7a8b, op_job_20261125_111405_1a2b3c4d. Give more',
      )
      expect(yield* show("zzzzzzzz")).toMatchObject({
        code: 1,
        said: expect.stringMatching(
          /found "zzzzzzzz"\. The latest: op_job_\S+5e6f7a8b, op_job_\S+1a2b3c4d\.$/,
        ),
      })
      for (const typed of ["1a2b3c4e", "op_jab_20261125_111405_1a2b3c4d"]) {
        expect((yield* show(typed)).said).toContain("Did you mean op_job_20261125_111405_1a2b3c4d.")
      }
    }))

  test("finds what stands behind a thousand others", () =>
    Effect.gen(function* () {
      yield* start("op_first_11111111", 1)
      yield* pass(2)
      const store = yield* OperationStore
      const owner = yield* store.acquire
      for (let index = 0; index < 1001; index++) {
        yield* store.insert(Records.record(`op_other_${index}`, owner, { created: began + 5000 }))
      }
      const output = TestOutput.make()
      const found = yield* Effect.provide(OperationsFind.find("11111111"), output.layerAtOnce)
      expect(found.id).toBe("op_first_11111111")
    }))
})

describe("operations watch", () => {
  test("shows the progress until the end, says how it ended, and exits accordingly", () =>
    Effect.gen(function* () {
      yield* start("op_a", 8)
      const { code, err, out } = yield* during(9, watch("op_a"))
      expect([code, out]).toEqual([0, 'op_a: completed after 8s\n  {"done":8}\n'])
      expect(err).toMatch(/^2\d% Working on 2 of 8 pieces.*\n8\d% .*\n100% Working on 8 of 8 pieces\n$/)

      yield* start("op_b", 2, "fails")
      expect(yield* during(3, watch("op_b"))).toEqual({
        code: 1,
        said: undefined,
        err: expect.any(String),
        out:
          "op_b: failed after 2s: Broken: it broke\n  2 pieces kept\n" +
          "  go on with it: ktrdr operations resume op_b\n",
      })
      expect((yield* watch("op_b")).code).toBe(1)

      yield* start("op_c", 9)
      const ended = yield* Effect.fork(watch("op_c"))
      yield* pass(1)
      yield* during(1, cancel({ id: "op_c", reason: "enough" }))
      const { code: cancelled, out: said } = yield* Fiber.join(ended)
      expect([cancelled, said]).toEqual([130, expect.stringMatching(/^op_c: cancelled after 1s: enough\n/)])
    }))

  test("draws the same tree as its owner's terminal, and says that it is being cancelled", () =>
    Effect.gen(function* () {
      const output = TestOutput.make({ columns: 80, rows: 24 }, { NO_COLOR: "1", LANG: "C.UTF-8" })
      yield* start("op_a", 8, "stubborn")
      const fiber = yield* Effect.fork(watch("op_a", {}, output))
      yield* pass(3)
      expect(output.err()).toMatch(/━+─+ +25% 2s/)
      expect(output.err()).toContain("Working on 2 of 8 pieces")
      const asked = yield* Effect.fork(cancel({ id: "op_a" }))
      yield* pass(2)
      expect(output.err()).toContain("Cancelling · Working on 3 of 8 pieces")
      yield* pass(7)
      expect((yield* Fiber.join(fiber)).code).toBe(130)
      expect((yield* Fiber.join(asked)).code).toBe(1)
      expect(output.err().trimEnd().endsWith("\u001b[?25h")).toBe(true)
    }))

  test("as JSON has snapshots on standard error, and the record as one line", () =>
    Effect.gen(function* () {
      yield* start("op_a", 3)
      const { err, out } = yield* during(4, watch("op_a", { json: true }))
      const decode = Schema.decodeUnknownSync(Schema.parseJson(ProgressSnapshot))
      const snapshots = err
        .trim()
        .split("\n")
        .map((line) => decode(line))
      expect(snapshots.length).toBeGreaterThan(3)
      expect(snapshots.at(-1)).toMatchObject({ operationId: "op_a", status: "completed", fraction: 1 })
      expect(JSON.parse(out)).toMatchObject({ id: "op_a", status: "completed", result: { done: 3 } })
    }))

  test("interrupted ends nothing but the watching", () =>
    Effect.gen(function* () {
      yield* start("op_a", 8)
      const output = TestOutput.make()
      const fiber = yield* Effect.fork(
        OperationsWatch.run({ id: "op_a", json: false, noProgress: true }).pipe(
          Effect.provide(output.layerAtOnce),
          Effect.provide(Operations.layer(Operation.group())),
        ),
      )
      yield* pass(2)
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      expect(output.err()).toBe(
        "Watching ended; the operation goes on\nEnd it with: ktrdr operations cancel op_a\n",
      )
      yield* pass(8)
      expect((yield* show("op_a", true)).out).toContain('"status":"completed"')
    }))
})

describe("operations cancel", () => {
  test("says what became of it, and of whoever asked before", () =>
    Effect.gen(function* () {
      yield* start("op_a", 8)
      yield* pass(3)
      expect(yield* during(1, cancel({ id: "op_a", reason: "first" }))).toEqual({
        code: 0,
        said: undefined,
        err: "",
        out:
          "op_a: cancelled after 3s: first\n  3 pieces kept\n" +
          "  go on with it: ktrdr operations resume op_a\n",
      })
      expect(yield* cancel({ id: "op_a", reason: "second" })).toMatchObject({
        code: 1,
        out: "",
        said: "op_a: expected an operation that runs or waits, found one that is cancelled since 2026-11-25T11:14:08.000Z. There is nothing to cancel.",
      })
      expect(yield* cancel({ id: "nothing" })).toMatchObject({ code: 1, out: "" })
      expect((yield* cancel({})).said).toBe("missing ID: expected one, or --all")
      expect((yield* cancel({ id: "op_a", all: true })).code).toBe(2)
    }))

  test("says that it takes longer, and whose reason counts", () =>
    Effect.gen(function* () {
      yield* start("op_a", 8, "stubborn")
      yield* pass(1)
      const first = yield* Effect.fork(cancel({ id: "op_a", reason: "first" }))
      yield* pass(1)
      const second = yield* Effect.fork(cancel({ id: "op_a", reason: "second", json: true }))
      yield* pass(6)
      const slow = yield* Fiber.join(first)
      expect(slow.code).toBe(1)
      expect(slow.out).toMatch(/^op_a: cancelling: first\n {2}12% {2}Working on 1 of 8 pieces\n$/)
      expect(slow.err).toMatch(/takes longer .* See it end: ktrdr operations watch op_a\n$/)
      const late = JSON.parse((yield* Fiber.join(second)).out)
      expect(late).toMatchObject({ status: "cancelling", first: false, cancellation: { reason: "first" } })
      expect(yield* during(3, cancel({ id: "op_a", reason: "third" }))).toMatchObject({
        code: 0,
        err: expect.stringMatching(/^It was being cancelled already: "first", asked for by process /),
      })
    }))

  test("ends all that have not ended", () =>
    Effect.gen(function* () {
      yield* start("op_a", 1)
      yield* pass(2)
      for (const id of ["op_b", "op_c", "op_d"]) yield* start(id, 8)
      yield* pass(1)
      const { code, out } = yield* during(1, cancel({ all: true, reason: "home" }))
      expect(code).toBe(0)
      expect(out.match(/^op_\w: cancelled after 1s: home$/gm)).toHaveLength(3)
      expect((yield* list({ active: true })).err).toBe("No operation fits; 0 active\n")
      expect(yield* cancel({ all: true })).toEqual({
        code: 0,
        said: undefined,
        out: "",
        err: "No operation is active: there is nothing to cancel\n",
      })
    }))
})
