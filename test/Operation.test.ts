import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Operation from "../src/Operation.js"
import * as Progress from "../src/Progress.js"

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
