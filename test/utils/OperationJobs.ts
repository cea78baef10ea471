/** Operations of which each does what its payload says: for tests of all that may become of one. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Operation from "../../src/Operation.js"
import * as Operations from "../../src/Operations.js"

export class JobError extends Schema.TaggedError<JobError>()("JobError", { reason: Schema.String }) {}

export const Payload = Schema.Struct({
  /** How long it works, interruptibly, and then uninterruptibly. */
  works: Schema.Number,
  sealed: Schema.Number,
  ends: Schema.Literal("value", "error", "defect", "interrupt", "never"),
  /** How long its finalizer takes. */
  releases: Schema.Number,
  key: Schema.String,
  /** Whether it has a part that outlasts it. */
  hasPart: Schema.Boolean,
})
export type Payload = typeof Payload.Type

const definition = {
  version: 1,
  payload: Payload,
  success: Schema.Struct({ value: Schema.Number }),
  error: JobError,
  context: Schema.Struct({}),
  idempotencyKey: ({ key }: Payload) => key,
  resume: "again",
  estimate: () => ({ key: "job", units: 0 }),
  render: () => "working",
} as const

export const Job = Operation.make("job", definition)
export const Solo = Operation.make("solo", { ...definition, exclusive: ({ key }) => key })
const Part = Operation.make("part", definition)
export const group = Operation.group(Job, Solo, Part)
export const limit = 2

/** How many of each work at once in one process, and how many did at most. */
export class Crowd {
  readonly now = new Map<string, number>()
  readonly most = new Map<string, number>()

  readonly within =
    (name: string) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.acquireUseRelease(
        Effect.sync(() => this.#add(name, 1)),
        () => effect,
        () => Effect.sync(() => this.#add(name, -1)),
      )

  #add(name: string, by: number): void {
    const now = (this.now.get(name) ?? 0) + by
    this.now.set(name, now)
    this.most.set(name, Math.max(now, this.most.get(name) ?? 0))
  }
}

const handle =
  (crowd: Crowd, nameOf: (payload: Payload) => string) =>
  (payload: Payload): Effect.Effect<{ value: number }, JobError> =>
    Effect.gen(function* () {
      if (payload.hasPart) {
        const operations = Option.getOrThrow(yield* Effect.serviceOption(Operations.Operations))
        yield* Effect.ignore(
          operations.start(Part, { ...payload, works: payload.works + 50, hasPart: false }),
        )
      }
      yield* Effect.sleep(payload.works)
      yield* Effect.uninterruptible(Effect.sleep(payload.sealed))
      switch (payload.ends) {
        case "value":
          return { value: payload.works }
        case "error":
          return yield* new JobError({ reason: "Broken" })
        case "defect":
          return yield* Effect.die(new TypeError("no such thing"))
        case "interrupt":
          return yield* Effect.interrupt
        case "never":
          return yield* Effect.never
      }
    }).pipe(Effect.ensuring(Effect.sleep(payload.releases)), crowd.within(nameOf(payload)))

export const handlersOf = (crowd: Crowd) =>
  Layer.mergeAll(
    Job.toLayer(handle(crowd, () => "job")),
    Solo.toLayer(handle(crowd, ({ key }) => `solo ${key}`)),
    Part.toLayer(handle(crowd, () => "part")),
  )
