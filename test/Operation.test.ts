import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Operation from "../src/Operation.js"
import * as Progress from "../src/Progress.js"
import type { ProgressSnapshot } from "../src/ProgressSnapshot.js"
import * as TimeEstimator from "../src/TimeEstimator.js"
import { VirtualTime } from "./utils/VirtualTime.js"

class CopyError extends Schema.TaggedError<CopyError>()("CopyError", { file: Schema.String }) {}

const Copy = Operation.make("copy", {
  version: 1,
  payload: Schema.Struct({
    files: Schema.Number,
    from: Schema.optionalWith(Schema.String, { default: () => "." }),
  }),
  success: Schema.Struct({ copied: Schema.Number }),
  error: CopyError,
  context: Schema.Struct({ folder: Schema.String }),
  idempotencyKey: ({ files, from }) => `${from} ${files}`,
  resume: "again",
  estimate: ({ files }) => ({ key: "copy", units: files }),
  render: (snapshot, { folder }) => `Copying ${folder} ${snapshot.items?.done}`,
})

class Disk extends Context.Tag("Disk")<Disk, { readonly write: Effect.Effect<void> }>() {}

const handler = Copy.toLayer(({ files }, execution) =>
  Effect.gen(function* () {
    const disk = yield* Disk
    yield* Copy.annotate({ folder: "photos" })
    yield* Progress.forEach(Array.from({ length: files }), () => disk.write, { unit: "file" })
    if (files > 10) return yield* new CopyError({ file: execution.operationId })
    return { copied: files }
  }),
)

const layer = Layer.provide(handler, Layer.succeed(Disk, { write: Effect.void }))

describe("Operation", () => {
  it.effect(
    "run is a plain program that becomes a step of the current tree, rendered by its definition",
    () =>
      Effect.gen(function* () {
        const recorder = yield* Progress.Recorder
        const result = yield* Copy.run({ files: 3, from: "." }).pipe(Progress.step("mine"))
        expect(result).toEqual({ copied: 3 })
        const messages = (yield* recorder.snapshots).map(
          ({ path, message }) => `${path.join("/")}: ${message}`,
        )
        expect(messages).toContain("mine/copy: Copying undefined undefined")
        expect((yield* recorder.snapshot).fraction).toBe(0.999)
      }).pipe(Effect.provide(Layer.merge(layer, Progress.layerTest))),
  )

  it.effect("run needs nobody who listens, and fails with the operation's own error", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Copy.run({ files: 11, from: "." }, { operationId: "op_1" }))
      expect(error).toEqual(new CopyError({ file: "op_1" }))
    }).pipe(Effect.provide(layer)),
  )

  it.effect("a handler built inside a step reports to the step that runs it", () =>
    Effect.gen(function* () {
      const built = yield* Layer.build(layer).pipe(Progress.step("build"))
      yield* Copy.run({ files: 2, from: "." }).pipe(Effect.provide(built), Progress.step("use"))
      const { late } = yield* (yield* Progress.Recorder).snapshot
      expect(late).toBe(0)
    }).pipe(Effect.scoped, Effect.provide(Progress.layerTest)),
  )

  it.effect("decode names the place in a payload that does not fit", () =>
    Effect.gen(function* () {
      expect(yield* Copy.decode({ files: 2 })).toEqual({ files: 2, from: "." })
      const wrong = yield* Effect.flip(Copy.decode({ files: "two" }))
      expect(wrong).toMatchObject({ reason: "InvalidPayload", place: "copy payload.files" })
      const excess = yield* Effect.flip(Copy.decode({ files: 2, force: true }))
      expect(excess.place).toBe("copy payload.force")
      const long = yield* Effect.flip(Copy.decode({ files: "x".repeat(100_000) }))
      expect(long.message.length).toBeLessThan(500)
    }),
  )

  it.effect("decode tells all words that would fit", () =>
    Effect.gen(function* () {
      const Sort = Operation.make("sort", {
        version: 1,
        payload: Schema.Struct({ by: Schema.Literal("name", "size", "date") }),
        success: Schema.Void,
        error: Schema.Never,
        context: Schema.Struct({}),
        idempotencyKey: ({ by }) => by,
        resume: "none",
        estimate: () => ({ key: "sort", units: 1 }),
        render: () => "",
      })
      expect(yield* Effect.flip(Sort.decode({ by: "shape" }))).toMatchObject({
        place: "sort payload.by",
        found: 'Expected "name" or "size" or "date", actual "shape"',
      })
    }),
  )

  it.effect("a group finds definitions by kind; an unknown kind is a typed error", () =>
    Effect.gen(function* () {
      const group = Operation.group(Copy)
      expect((yield* group.get("copy")).kind).toBe("copy")
      expect(yield* Effect.flip(group.get("move"))).toMatchObject({
        reason: "UnknownKind",
        expected: "one of copy",
        found: '"move"',
      })
    }),
  )

  it.effect("ids carry kind, UTC time by Clock and eight hex digits", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2025, 0, 2, 3, 4, 5))
      expect(yield* Operation.makeId("copy")).toMatch(/^op_copy_20250102_030405_[0-9a-f]{8}$/)
    }),
  )
})

/** Work whose items take a second each, of which some are found done; it may end badly, or consist of parts. */
const Dig = Operation.make("dig", {
  version: 1,
  payload: Schema.Struct({
    holes: Schema.Number,
    found: Schema.optionalWith(Schema.Number, { default: () => 0 }),
    end: Schema.optionalWith(Schema.Literal("success", "failure", "never"), { default: () => "success" }),
    parts: Schema.optionalWith(Schema.Number, { default: () => 0 }),
  }),
  success: Schema.Void,
  error: CopyError,
  context: Schema.Struct({}),
  idempotencyKey: ({ holes }) => String(holes),
  resume: "again",
  estimate: ({ holes, parts }) => ({
    key: parts === 0 ? "dig" : "dig many",
    units: holes * Math.max(1, parts),
    unit: "hole",
  }),
  render: () => "Digging",
})

const digging: Layer.Layer<Operation.Handler<"dig">> = Dig.toLayer(({ holes, found, end, parts }) => {
  const work = Effect.gen(function* () {
    yield* Progress.setTotal(holes, "hole")
    yield* Progress.skip(found)
    for (let hole = found; hole < holes; hole++) {
      yield* Effect.sleep(1000)
      yield* Progress.advance()
    }
    if (end === "failure") return yield* new CopyError({ file: "spade" })
    if (end === "never") return yield* Effect.never
  })
  return parts === 0
    ? Progress.step(work, "ground")
    : Effect.forEach(
        Array.from({ length: parts }),
        () =>
          Effect.provide(
            Dig.run({ holes, found, end, parts: 0 }),
            Layer.suspend(() => digging),
          ),
        { concurrency: 2, discard: true },
      )
})

const dig = (payload: Partial<typeof Dig.definition.payload.Type> & { readonly holes: number }) =>
  Dig.run({ found: 0, end: "success", parts: 0, ...payload })

/** Runs it for so many seconds, and tells how it ended. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>, seconds: number) =>
  Effect.flatMap(Effect.fork(effect), (fiber) =>
    Effect.zipRight(Effect.sleep(1000 * seconds + 500), Fiber.interrupt(fiber)),
  )

const learned = (key: string) => Effect.flatMap(TimeEstimator.TimeEstimator, ({ runs }) => runs(key))

/** Runs the program to its end at once, by a clock of its own. */
const play = <A, E>(program: Effect.Effect<A, E, Operation.Handler<"dig">>) => {
  const system = Layer.merge(digging, TimeEstimator.layerMemory)
  const exit = new VirtualTime().run(Effect.provide(program, system))
  expect(Exit.isSuccess(exit) ? undefined : exit.cause).toBeUndefined()
}

describe("Operation.run under a TimeEstimator", () => {
  it("records how long success took, watched or not", () =>
    play(
      Effect.gen(function* () {
        yield* timed(dig({ holes: 5 }), 5)
        yield* timed(Progress.observe(dig({ holes: 4 }), { observer: () => Effect.void }), 5)
        expect(yield* learned("dig")).toEqual([
          { units: 5, millis: 5000 },
          { units: 4, millis: 4000, habit: { firstHalf: 0.5, waiting: 0, counting: 1, besides: 0 } },
        ])
      }),
    ))

  it("leaves out of the rate what was found done, and a run that found nearly all done", () =>
    play(
      Effect.gen(function* () {
        yield* timed(dig({ holes: 20, found: 15 }), 6)
        yield* timed(dig({ holes: 20, found: 19 }), 3)
        yield* timed(dig({ holes: 20, found: 20 }), 3)
        expect(yield* learned("dig")).toEqual([{ units: 5, millis: 5000 }])
      }),
    ))

  it("records nothing of what failed or was cancelled", () =>
    play(
      Effect.gen(function* () {
        const failed = yield* timed(dig({ holes: 3, end: "failure" }), 5)
        const cancelled = yield* timed(dig({ holes: 3, end: "never" }), 5)
        expect([failed, cancelled].map(({ _tag }) => _tag)).toEqual(["Failure", "Failure"])
        expect(yield* learned("dig")).toEqual([])
      }),
    ))

  it("of an operation of parts learns the whole, not the parts that ran side by side", () =>
    play(
      Effect.gen(function* () {
        yield* timed(dig({ holes: 3, parts: 4 }), 8)
        expect(yield* learned("dig")).toEqual([])
        expect(yield* learned("dig many")).toEqual([{ units: 12, millis: 6000 }])
      }),
    ))

  it("observers are told the time left from the first snapshot, once it was learned", () =>
    play(
      Effect.gen(function* () {
        const told: Array<ProgressSnapshot> = []
        const watched = Progress.observe(dig({ holes: 20 }), {
          observer: (snapshot) => Effect.sync(() => void told.push(snapshot)),
        })
        yield* timed(watched, 21)
        expect(told[0]!.eta).toBeNull()
        expect(told.find(({ fraction }) => fraction === 0.5)!.eta!.p50 / 10_000).toBeCloseTo(1, 0)
        for (let run = 0; run < 3; run++) yield* timed(dig({ holes: 20 }), 21)
        told.length = 0
        yield* timed(watched, 21)
        const first = told.find(({ eta }) => eta !== null)!
        expect(first.elapsed).toBeLessThanOrEqual(500)
        expect(first.eta!.p50 / 20_000).toBeCloseTo(1, 1)
        expect(told.at(-1)).toMatchObject({ status: "completed", eta: null })
      }),
    ))
})
