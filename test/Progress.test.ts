import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import * as fc from "fast-check"
import * as Progress from "../src/Progress.js"
import type { ProgressSnapshot } from "../src/ProgressSnapshot.js"

/** Runs a program under a tree of its own and hands out every snapshot that an observer was told. */
const told = <A, E>(effect: Effect.Effect<A, E>, options: { interval?: number } = {}) =>
  Effect.gen(function* () {
    const snapshots: Array<ProgressSnapshot> = []
    const observer = (snapshot: ProgressSnapshot) => Effect.sync(() => snapshots.push(snapshot))
    const exit = yield* Effect.exit(
      Progress.observe(effect, { observer: (_) => Effect.asVoid(observer(_)), ...options }),
    )
    return { exit, snapshots, last: snapshots.at(-1)! }
  })

type Action =
  | { readonly _tag: "Advance"; readonly n: number }
  | { readonly _tag: "Skip"; readonly n: number }
  | { readonly _tag: "SetTotal"; readonly n: number }
  | { readonly _tag: "Plan"; readonly weights: ReadonlyArray<number> }
  | { readonly _tag: "Fail" }
  | {
      readonly _tag: "Step"
      readonly name: string
      readonly weight: number
      readonly total: number | undefined
      readonly body: ReadonlyArray<Action>
    }
  | { readonly _tag: "Concurrent"; readonly bodies: ReadonlyArray<ReadonlyArray<Action>> }

const { program: anyProgram } = fc.letrec<{ program: ReadonlyArray<Action>; action: Action }>((tie) => ({
  program: fc.array(tie("action"), { maxLength: 6 }),
  action: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ _tag: fc.constant("Advance" as const), n: fc.integer({ min: -1, max: 9 }) }),
    fc.record({ _tag: fc.constant("Skip" as const), n: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ _tag: fc.constant("SetTotal" as const), n: fc.integer({ min: 0, max: 40 }) }),
    fc.record({
      _tag: fc.constant("Plan" as const),
      weights: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
    }),
    fc.constant({ _tag: "Fail" as const }),
    fc.record({
      _tag: fc.constant("Step" as const),
      name: fc.constantFrom("p0", "p1", "p2", "other"),
      weight: fc.integer({ min: 0, max: 9 }),
      total: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
      body: tie("program"),
    }),
    fc.record({
      _tag: fc.constant("Concurrent" as const),
      bodies: fc.array(tie("program"), { minLength: 2, maxLength: 3 }),
    }),
  ) as fc.Arbitrary<Action>,
}))

/** Interprets a generated program, looking at the tree after every action. Failures inside a step are caught. */
const interpret = (
  actions: ReadonlyArray<Action>,
  look: Effect.Effect<void>,
): Effect.Effect<void, "failed"> =>
  Effect.forEach(
    actions,
    (action) => Effect.zipRight(Effect.yieldNow(), Effect.zipRight(perform(action, look), look)),
    { discard: true },
  )

const perform = (action: Action, look: Effect.Effect<void>): Effect.Effect<void, "failed"> => {
  switch (action._tag) {
    case "Advance":
      return Progress.advance(action.n)
    case "Skip":
      return Progress.skip(action.n)
    case "SetTotal":
      return Progress.setTotal(action.n)
    case "Plan":
      return Progress.plan(action.weights.map((weight, index) => ({ name: `p${index}`, weight })))
    case "Fail":
      return Effect.fail("failed")
    case "Step": {
      const { name, weight, total, body } = action
      return interpret(body, look).pipe(
        Progress.step(name, { weight, ...(total === undefined ? {} : { total }) }),
        Effect.ignore,
      )
    }
    case "Concurrent":
      return Effect.forEach(action.bodies, (body) => Effect.ignore(interpret(body, look)), {
        concurrency: "unbounded",
        discard: true,
      })
  }
}

describe("laws", () => {
  it.effect.prop(
    "the fraction stays in [0, 1], never falls, and is 1 only after success",
    [anyProgram],
    ([actions]) =>
      Effect.gen(function* () {
        const recorder = yield* Progress.Recorder
        const seen: Array<number> = []
        const look = Effect.map(recorder.snapshot, ({ fraction, steps }) => {
          if (fraction !== null) seen.push(fraction)
          for (const step of steps) {
            if (step.fraction !== null) expect(step.fraction).toSatisfy((f: number) => f >= 0 && f <= 1)
          }
        })
        yield* Effect.ignore(interpret(actions, look))
        yield* look
        seen.forEach((fraction, index) => {
          expect(fraction).toBeGreaterThanOrEqual(seen[index - 1] ?? 0)
          expect(fraction).toBeLessThan(1)
        })
      }).pipe(Effect.provide(Progress.layerTest)),
    { fastCheck: { numRuns: 150 } },
  )

  it.effect.prop(
    "observe ends at 1 exactly when the program succeeds, whatever it did before",
    [anyProgram],
    ([actions]) =>
      Effect.gen(function* () {
        const { exit, snapshots, last } = yield* told(interpret(actions, Effect.void))
        expect(last.status).toBe(Exit.isSuccess(exit) ? "completed" : "failed")
        expect(last.fraction === 1).toBe(Exit.isSuccess(exit))
        expect(snapshots.filter((_) => _.status !== "running")).toHaveLength(1)
      }),
    { fastCheck: { numRuns: 100 } },
  )

  it.effect.prop(
    "concurrent children lose no tick",
    [fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 50 })],
    ([fibers, ticks]) =>
      Effect.gen(function* () {
        const one = Effect.repeatN(Effect.zipRight(Progress.advance(), Effect.yieldNow()), ticks)
        yield* Effect.replicateEffect(one, fibers, { concurrency: "unbounded", discard: true }).pipe(
          Effect.zipRight(
            Effect.flatMap(Progress.Recorder, (_) =>
              Effect.map(_.snapshot, ({ steps }) => expect(steps[1]?.items?.done).toBe(fibers * (ticks + 1))),
            ),
          ),
          Progress.step("work", { total: fibers * (ticks + 1) }),
        )
      }).pipe(Effect.provide(Progress.layerTest)),
    { fastCheck: { numRuns: 50 } },
  )

  it.effect(
    "a parent is the weighted mean of its planned children, and a step counts when it succeeded",
    () =>
      Effect.gen(function* () {
        const { snapshot } = yield* Progress.Recorder
        const fraction = Effect.map(snapshot, (_) => _.fraction)
        yield* Progress.plan([
          { name: "read", weight: 1 },
          { name: "fetch", weight: 3 },
        ])
        expect(yield* fraction).toBe(0)
        yield* Effect.flatMap(fraction, (f) => Effect.sync(() => expect(f).toBe(0))).pipe(
          Progress.step("read"),
        )
        expect(yield* fraction).toBe(0.25)
        yield* Progress.advance(5).pipe(
          Effect.zipRight(Effect.flatMap(fraction, (f) => Effect.sync(() => expect(f).toBe(0.625)))),
          Progress.step("fetch", { total: 10 }),
        )
        expect(yield* fraction).toBe(0.999)
      }).pipe(Effect.provide(Progress.layerTest)),
  )

  it.effect("a failed child keeps its value until the step around it goes on", () =>
    Effect.gen(function* () {
      const { snapshot } = yield* Progress.Recorder
      yield* Progress.plan(["a", "b"])
      yield* Effect.ignore(
        Effect.zipRight(Progress.advance(3), Effect.fail("no")).pipe(Progress.step("a", { total: 10 })),
      )
      const failed = yield* snapshot
      expect(failed.fraction).toBeCloseTo(0.15)
      expect(failed.steps.find((_) => _.name === "a")?.state).toBe("failed")
      yield* Effect.void.pipe(Progress.step("b"))
      const recovered = yield* snapshot
      expect(recovered.fraction).toBe(0.999)
      expect(recovered.steps.find((_) => _.name === "a")?.state).toBe("recovered")
    }).pipe(Effect.provide(Progress.layerTest)),
  )

  it.effect("failure and cancellation keep the last value and mark the path", () =>
    Effect.gen(function* () {
      const half = Effect.zipRight(Progress.setTotal(2), Progress.advance())
      const failed = yield* told(Effect.zipRight(half, Effect.fail("no")).pipe(Progress.step("work")))
      expect(failed.last).toMatchObject({ status: "failed", fraction: 0.5, path: ["work"] })
      const started = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        told(
          half.pipe(
            Effect.zipRight(Deferred.succeed(started, undefined)),
            Effect.zipRight(Effect.never),
            Progress.step("work"),
          ),
        ),
      )
      const seen: Array<ProgressSnapshot> = []
      yield* Fiber.interrupt(fiber)
      const cancelled = yield* Effect.fork(
        Progress.observe(Effect.zipRight(half, Effect.never).pipe(Progress.step("work")), {
          observer: (snapshot) => Effect.sync(() => void seen.push(snapshot)),
        }),
      )
      yield* TestClock.adjust(150)
      yield* Fiber.interrupt(cancelled)
      expect(seen.at(-1)).toMatchObject({ status: "cancelled", fraction: 0.5, path: ["work"] })
    }),
  )

  it.effect("a failure that interrupts its siblings is a failure, not a cancellation", () =>
    Effect.gen(function* () {
      const siblings = [Effect.never, Effect.delay(Effect.fail("no"), 1), Effect.never]
      const work = Effect.all(siblings, { concurrency: "unbounded" }).pipe(Progress.step("work"))
      const fiber = yield* Effect.fork(told(work))
      yield* TestClock.adjust(1)
      expect((yield* Fiber.join(fiber)).last).toMatchObject({ status: "failed", path: ["work"] })
    }),
  )

  it.effect("without a total there are items and a rate, and no percentage", () =>
    Effect.gen(function* () {
      const { snapshot } = yield* Progress.Recorder
      yield* Effect.gen(function* () {
        yield* TestClock.adjust(2000)
        yield* Progress.advance(500)
        const { fraction, items, eta } = yield* snapshot
        expect({ fraction, items, eta }).toEqual({
          fraction: null,
          items: { done: 500, total: null, unit: "row", rate: 250 },
          eta: null,
        })
      }).pipe(Progress.step("read", { unit: "row" }))
    }).pipe(Effect.provide(Progress.layerTest)),
  )

  it.effect("skipped items are progress, but neither speed nor a reason to expect the rest as fast", () =>
    Effect.gen(function* () {
      const { snapshot } = yield* Progress.Recorder
      yield* Effect.gen(function* () {
        yield* Progress.skip(50)
        expect((yield* snapshot).eta).toBeNull()
        yield* TestClock.adjust(1000)
        yield* Progress.advance(10)
        const { fraction, items, eta } = yield* snapshot
        expect(fraction).toBe(0.6)
        expect(items).toMatchObject({ done: 60, rate: 10 })
        expect(eta?.p50).toBeCloseTo(4000)
      }).pipe(Progress.step("read", { total: 100 }))
    }).pipe(Effect.provide(Progress.layerTest)),
  )
})

describe("observers", () => {
  it.effect("are told the newest state an interval apart, and the terminal one exactly once, last", () =>
    Effect.gen(function* () {
      const work = Effect.zipRight(Effect.sleep(10), Progress.advance()).pipe(
        Effect.repeatN(99),
        Progress.step("work", { total: 100 }),
      )
      const fiber = yield* Effect.fork(told(work))
      yield* Effect.repeatN(TestClock.adjust(10), 110)
      const { snapshots } = yield* Fiber.join(fiber)
      const times = snapshots.map((_) => _.elapsed)
      expect(snapshots.length).toBeGreaterThanOrEqual(10)
      expect(snapshots.length).toBeLessThanOrEqual(13)
      times.forEach((time, index) => expect(time - (times[index - 1] ?? 0)).toBeLessThanOrEqual(100))
      expect(snapshots.map((_) => _.status).indexOf("completed")).toBe(snapshots.length - 1)
      expect(snapshots.at(-1)).toMatchObject({ fraction: 1, status: "completed", elapsed: 1000 })
    }),
  )

  it.effect("that are slow or stuck do not hold the work up", () =>
    Effect.gen(function* () {
      const work = Effect.repeatN(Effect.zipRight(Effect.sleep(10), Progress.advance()), 99)
      const fiber = yield* Effect.fork(
        Progress.observe(Effect.zipRight(work, Clock.currentTimeMillis), { observer: () => Effect.never }),
      )
      yield* Effect.fork(Effect.forever(TestClock.adjust(10)))
      expect(yield* Fiber.join(fiber)).toBeLessThanOrEqual(1100)
    }),
  )

  it.effect("and renderers that throw cost one warning", () =>
    Effect.gen(function* () {
      const warnings: Array<string> = []
      const logger = Logger.make(({ message }) => void warnings.push(String(message)))
      const layer = Logger.replace(Logger.defaultLogger, logger)
      const work = Effect.repeatN(Effect.zipRight(Effect.sleep(150), Progress.advance()), 5)
      const thrown = yield* Effect.fork(
        Progress.observe(Effect.as(work, "done"), {
          observer: () => Effect.void,
          render: () => {
            throw new Error("broken renderer")
          },
        }).pipe(Effect.provide(layer)),
      )
      yield* TestClock.adjust(2000)
      expect(yield* Fiber.join(thrown)).toBe("done")
      expect(warnings).toHaveLength(1)
      const died = yield* Effect.fork(
        Progress.observe(Effect.as(work, "done"), { observer: () => Effect.die("broken observer") }).pipe(
          Effect.provide(layer),
        ),
      )
      yield* TestClock.adjust(2000)
      expect(yield* Fiber.join(died)).toBe("done")
    }),
  )

  it.effect("keep at most 64 steps, live ones first, and count the rest", () =>
    Effect.gen(function* () {
      const { snapshot } = yield* Progress.Recorder
      const gate = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 100 }, (_, index) => index),
          (index) => (index < 50 ? Effect.void : Deferred.await(gate)).pipe(Progress.step(`s${index}`)),
          { concurrency: "unbounded" },
        ),
      )
      const live = Effect.map(snapshot, (_) => _.steps.filter(({ state }) => state === "running").length)
      yield* Effect.repeat(Effect.zipRight(Effect.yieldNow(), live), { until: (n) => n === 51 })
      const { steps, omitted } = yield* snapshot
      expect(steps.filter((_) => _.state === "running")).toHaveLength(51)
      expect(steps.length + omitted).toBe(101)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(Progress.layerTest)),
  )
})

const done = (name: string) =>
  Effect.flatMap(Progress.Recorder, (_) =>
    Effect.map(_.snapshot, ({ steps }) => steps.find((step) => step.name === name)?.items?.done ?? 0),
  )
const outer = <A, E, R>(body: Effect.Effect<A, E, R>) => body.pipe(Progress.step("outer", { total: 10 }))

describe("the current step is not lost", () => {
  it.effect("by forks, forEach and buffered streams", () =>
    Effect.gen(function* () {
      yield* outer(
        Effect.gen(function* () {
          yield* Effect.flatMap(Effect.fork(Progress.advance()), Fiber.join)
          yield* Effect.flatMap(Effect.forkDaemon(Progress.advance()), Fiber.join)
          yield* Effect.forEach([1, 2, 3], () => Progress.advance(), { concurrency: 3 })
          yield* Stream.range(1, 3).pipe(
            Stream.mapEffect(() => Progress.advance(), { concurrency: 2 }),
            Stream.buffer({ capacity: 2 }),
            Stream.runDrain,
          )
          yield* Stream.runDrain(Progress.stream(Stream.range(1, 2)))
          expect(yield* done("outer")).toBe(10)
        }),
      )
    }).pipe(Effect.provide(Progress.layerTest)),
  )

  it.effect("by a runtime that was captured inside one step and used in another", () =>
    Effect.gen(function* () {
      const captured = yield* Effect.context<never>().pipe(Progress.step("first"))
      const kept = Progress.omit(captured)
      yield* outer(
        Effect.gen(function* () {
          const inherit = Effect.mapInputContext(Progress.advance(), (caller: Context.Context<never>) =>
            Context.merge(caller, kept),
          )
          yield* inherit
          expect(yield* done("outer")).toBe(1)
          yield* Effect.provide(Progress.advance(), captured)
          expect(yield* done("outer")).toBe(1)
        }),
      )
      expect((yield* (yield* Progress.Recorder).snapshot).late).toBe(1)
    }).pipe(Effect.provide(Progress.layerTest)),
  )

  it.effect("by a layer that was built inside one step and used in another", () =>
    Effect.gen(function* () {
      class Service extends Context.Tag("Service")<Service, { readonly work: Effect.Effect<void> }>() {}
      const layer = Layer.effect(
        Service,
        Effect.map(Effect.context<never>(), (context) => ({
          work: Effect.mapInputContext(Progress.advance(), (caller: Context.Context<never>) =>
            Context.merge(caller, Progress.omit(context)),
          ),
        })),
      )
      const built = yield* Effect.scoped(Layer.build(layer)).pipe(Progress.step("build"))
      yield* outer(
        Effect.gen(function* () {
          yield* Context.get(built, Service).work
          expect(yield* done("outer")).toBe(1)
        }),
      )
    }).pipe(Effect.provide(Progress.layerTest)),
  )

  it.effect("by callbacks and async iterables, which get the step passed in", () =>
    Effect.gen(function* () {
      yield* outer(
        Effect.gen(function* () {
          const step = yield* Progress.current
          yield* Effect.async<void>((resume) => {
            queueMicrotask(() => {
              step.advance(2)
              resume(Effect.void)
            })
          })
          const fresh = Runtime.runPromise(Runtime.defaultRuntime)
          yield* Effect.promise(() => fresh(Progress.provideStep(Progress.advance(), step)))
          yield* Effect.promise(async () => {
            for await (const n of Stream.toAsyncIterable(Stream.range(1, 3))) step.advance(n > 0 ? 1 : 0)
          })
          expect(yield* done("outer")).toBe(6)
        }),
      )
    }).pipe(Effect.provide(Progress.layerTest)),
  )

  it.effect("by a cached effect: it reports to the step that ran it first, and never to a closed one", () =>
    Effect.gen(function* () {
      const cached = yield* Effect.cached(Progress.advance())
      yield* cached.pipe(Progress.step("first", { total: 1 }))
      yield* outer(
        Effect.zipRight(
          cached,
          Effect.map(done("outer"), (n) => expect(n).toBe(0)),
        ),
      )
    }).pipe(Effect.provide(Progress.layerTest)),
  )

  it.effect("and a tick after the step closed is counted as late and changes nothing", () =>
    Effect.gen(function* () {
      const step = yield* Progress.current.pipe(Progress.step("short", { total: 5 }))
      step.advance(3)
      const { late, fraction } = yield* (yield* Progress.Recorder).snapshot
      expect({ late, fraction }).toEqual({ late: 3, fraction: 0.999 })
    }).pipe(Effect.provide(Progress.layerTest)),
  )
})

describe("with nobody listening", () => {
  it.effect("everything works and nothing is kept", () =>
    Effect.gen(function* () {
      const result = yield* Progress.forEach([1, 2, 3], (n) => Effect.succeed(n * 2), {
        concurrency: 2,
      }).pipe(Progress.step("double"))
      yield* Progress.plan(["a"])
      yield* Progress.detail("x")
      yield* Progress.waiting("nothing", 1)
      yield* Progress.annotate({ a: 1 })
      expect(result).toEqual([2, 4, 6])
    }),
  )

  it.effect("a failing step fails with its own cause", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.fail("no").pipe(Progress.step("work")))
      expect(Exit.isFailure(exit) && Cause.failureOption(exit.cause)).toEqual(Option.some("no"))
    }),
  )
})

it.effect(
  "a step opens a span of the same name where a tracer listens, so that a trace mirrors the tree",
  () =>
    Effect.gen(function* () {
      const spans: Array<string> = []
      const native = yield* Effect.tracer
      const tracer = Tracer.make({
        span: (name, parent, ...rest) => {
          spans.push(
            `${Option.match(parent, { onNone: () => "", onSome: (_) => (_._tag === "Span" ? _.name : "") })}>${name}`,
          )
          return native.span(name, parent, ...rest)
        },
        context: (f) => f(),
      })
      yield* Effect.void.pipe(Progress.step("inner"), Progress.step("outer"), Effect.withTracer(tracer))
      expect(spans).toEqual([">outer", "outer>inner"])
    }),
)

it.effect("waiting shows until the next tick", () =>
  Effect.gen(function* () {
    const { snapshot } = yield* Progress.Recorder
    yield* Effect.gen(function* () {
      yield* Progress.waiting("60 requests in 10 minutes", 42_000)
      expect((yield* snapshot).message).toBe("fetch 0/2 items · waiting 42s: 60 requests in 10 minutes")
      yield* Progress.advance()
      expect((yield* snapshot).waiting).toBeNull()
    }).pipe(Progress.step("fetch", { total: 2 }))
  }).pipe(Effect.provide(Progress.layerTest)),
)

it.effect("path, step index, detail and context of an operation", () =>
  Effect.gen(function* () {
    const { snapshot } = yield* Progress.Recorder
    yield* Effect.gen(function* () {
      yield* Progress.plan(["read", "fetch"])
      yield* Effect.void.pipe(Progress.step("read"))
      yield* Effect.gen(function* () {
        yield* Progress.annotate({ bars: 3 })
        yield* Progress.detail("page 2")
        expect(yield* snapshot).toMatchObject({
          path: ["load", "fetch"],
          stepIndex: 2,
          stepCount: 2,
          detail: "page 2",
          context: { bars: 3 },
          message: "rendered",
        })
      }).pipe(Progress.step("fetch"))
    }).pipe(Progress.step("load", { render: () => "rendered" }))
  }).pipe(Effect.provide(Progress.layerTest)),
)
