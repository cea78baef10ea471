import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as OperationRecord from "../src/OperationRecord.js"
import { cancellation, record, snapshot } from "./utils/OperationRecords.js"

const owner = { token: 3, pid: 4711, host: "there" }
const canceller = FiberId.make(1, 1)
const closing = FiberId.make(2, 1)
const stranger = FiberId.make(3, 1)

const endingOf = (exit: Exit.Exit<number, unknown>) =>
  OperationRecord.endingOf(exit, {
    encode: (value) => `${value}`,
    cancellers: [
      [canceller, cancellation("asked")],
      [closing, cancellation("closed")],
    ],
    fromInside: cancellation("from inside"),
    kept: "half of it",
  })

const failing = Cause.fail(
  Object.assign(new Error("it broke\nin two"), { _tag: "WorkError", reason: "Broken" }),
)
const dying = Cause.die(new RangeError("out of it"))
const by = Cause.interrupt

const cancelled = (reason: string) => ({
  status: "cancelled",
  cancellation: cancellation(reason),
  kept: "half of it",
})
const failed = (tag: string) => ({
  status: "failed",
  failure: expect.objectContaining({ tag }),
  kept: "half of it",
})

describe("endingOf", () => {
  it("success is completed, with the result encoded", () => {
    expect(endingOf(Exit.succeed(7))).toEqual({ status: "completed", result: "7" })
  })

  it.each<[string, Cause.Cause<unknown>, unknown]>([
    ["interrupted by who was asked to", by(canceller), cancelled("asked")],
    ["by the end of the registry", by(closing), cancelled("closed")],
    ["by both: a request counts for more", Cause.parallel(by(closing), by(canceller)), cancelled("asked")],
    ["by one of several", by(FiberId.combine(stranger, closing)), cancelled("closed")],
    ["by itself", by(stranger), cancelled("from inside")],
    ["by nobody", Cause.empty, cancelled("from inside")],
    ["and then a finalizer died", Cause.sequential(by(canceller), dying), cancelled("asked")],
    ["while a part of it died", Cause.parallel(by(canceller), dying), cancelled("asked")],
    [
      "while it was cleaned up after its failure",
      Cause.sequential(failing, by(canceller)),
      failed("WorkError"),
    ],
    ["while it was cleaned up after a defect", Cause.sequential(dying, by(canceller)), failed("RangeError")],
    ["and failed at once", Cause.parallel(by(canceller), failing), failed("WorkError")],
    ["by itself, after a defect", Cause.sequential(dying, by(stranger)), failed("RangeError")],
    ["not at all: it failed", failing, failed("WorkError")],
    ["not at all: it died", dying, failed("RangeError")],
    ["not at all: it failed twice", Cause.parallel(dying, failing), failed("WorkError")],
  ])("%s", (_, cause, ending) => {
    expect(endingOf(Exit.failCause(cause))).toEqual(ending)
  })

  it("never contradicts the exit", () => {
    const someCause = fc.letrec<{ readonly cause: Cause.Cause<unknown> }>((tie) => ({
      cause: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(Cause.empty, failing, dying, by(canceller), by(closing), by(stranger)),
        fc.tuple(tie("cause"), tie("cause")).map(([left, right]) => Cause.sequential(left, right)),
        fc.tuple(tie("cause"), tie("cause")).map(([left, right]) => Cause.parallel(left, right)),
      ),
    })).cause
    fc.assert(
      fc.property(someCause, (cause) => {
        const ending = endingOf(Exit.failCause(cause))
        expect(ending.status).not.toBe("completed")
        if (Cause.isInterruptedOnly(cause)) expect(ending.status).toBe("cancelled")
        if (!Cause.isInterrupted(cause) && !Cause.isEmpty(cause)) expect(ending.status).toBe("failed")
        if (Cause.isFailure(cause)) expect(ending).toMatchObject(failed("WorkError"))
      }),
    )
  })
})

describe("failureOf", () => {
  class Broken extends Schema.TaggedError<Broken>()("Broken", {
    reason: Schema.String,
    parts: Schema.Unknown,
  }) {}
  const encode = (parts: unknown) =>
    OperationRecord.failureOf(
      Cause.fail(new Broken({ reason: "Rust", parts })),
      Schema.encodeUnknownOption(Broken),
    )

  it("takes what the error says of itself, in one line", () => {
    expect(OperationRecord.failureOf(failing)).toEqual({
      tag: "WorkError",
      reason: "Broken",
      message: "it broke",
    })
    expect(OperationRecord.failureOf(dying)).toEqual({
      tag: "RangeError",
      reason: null,
      message: "out of it",
    })
    expect(OperationRecord.failureOf(Cause.fail("a text"))).toEqual({
      tag: "Error",
      reason: null,
      message: "a text",
    })
  })

  it("keeps the error itself, unless that is too long or nothing that JSON can say", () => {
    expect(encode([1])).toEqual({
      tag: "Broken",
      reason: "Rust",
      message: expect.any(String),
      error: { _tag: "Broken", reason: "Rust", parts: [1] },
    })
    expect(encode("x".repeat(OperationRecord.longestError)).error).toBeUndefined()
    expect(encode(1n).error).toBeUndefined()
    expect(OperationRecord.brief(encode([1]))).toEqual({
      tag: "Broken",
      reason: "Rust",
      message: expect.any(String),
    })
    expect("error" in OperationRecord.failureOf(Cause.die(new TypeError("no")))).toBe(false)
  })
})

describe("end", () => {
  const running = record("a", owner, { status: "running", created: 1, started: 2 })
  const completed = { status: "completed", result: "7" } as const
  const cancelled = { status: "cancelled", cancellation: cancellation("late"), kept: null } as const

  it("is given once", () => {
    const ended = OperationRecord.end(running, completed, 5)
    expect(ended).toEqual({ ...running, ...completed, completed: 5 })
    expect(OperationRecord.end(ended, cancelled, 6)).toBe(ended)
    expect(OperationRecord.end(ended, OperationRecord.lost(ended, "is gone"), 6)).toBe(ended)
  })

  it("keeps the request that was recorded before", () => {
    const asked = { ...running, status: "cancelling" as const, cancellation: cancellation("early") }
    expect(OperationRecord.end(asked, cancelled, 5).cancellation).toEqual(cancellation("early"))
    expect(OperationRecord.end(asked, completed, 5).cancellation).toEqual(cancellation("early"))
    expect(OperationRecord.end(running, cancelled, 5).cancellation).toEqual(cancellation("late"))
  })

  it("is no earlier than the beginning, where the clock was set back", () => {
    const later = { ...running, created: 100, started: 120 }
    expect(OperationRecord.end(later, completed, 5).completed).toBe(120)
    expect(OperationRecord.end({ ...later, started: null }, completed, 5).completed).toBe(100)
  })

  it("of one whose owner is gone says which that was", () => {
    expect(OperationRecord.lost(running, "is gone")).toEqual({
      status: "failed",
      failure: {
        tag: "OperationError",
        reason: "OwnerLost",
        message: "process 4711 on there, which ran it, is gone",
      },
      kept: null,
    })
  })
})

describe("snapshotOf", () => {
  it("of one without progress says no more than its state", () => {
    const pending = record("a", owner, { created: 1000 })
    expect(OperationRecord.snapshotOf(pending, 4000)).toMatchObject({
      operationId: "a",
      kind: "work",
      status: "running",
      message: "work: pending",
      started: 1000,
      elapsed: 3000,
      fraction: null,
      steps: [],
    })
  })

  it("of one that has ended is in its state, and nothing is waited for any more", () => {
    const progress = { ...snapshot("counting"), waiting: { reason: "quota", until: 9 } }
    const running = record("a", owner, { status: "running", progress })
    expect(OperationRecord.snapshotOf(running, 4000)).toBe(progress)
    expect(OperationRecord.snapshotOf({ ...running, status: "cancelling" }, 4000)).toBe(progress)
    const failed = { ...running, ...OperationRecord.lost(running, "is gone"), completed: 5 }
    expect(OperationRecord.snapshotOf(failed, 4000)).toEqual({
      ...progress,
      status: "failed",
      waiting: null,
      eta: null,
    })
    const completed = { ...running, status: "completed" as const }
    expect(OperationRecord.snapshotOf(completed, 4000).fraction).toBe(1)
  })

  it("of a clock that was set back is not of negative length", () => {
    const done = record("a", owner, { status: "completed", started: 5000, completed: 1000 })
    expect(OperationRecord.snapshotOf(done, 0).elapsed).toBe(0)
  })
})
