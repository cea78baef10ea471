/**
 * Progress as tracing does it: an effect says what it is doing, whoever runs it decides who listens. With
 * nobody listening it costs next to nothing and needs no set-up.
 *
 * The current step is the value of the `Progress` reference, so it is right under `forEach`, `fork` and
 * buffered streams. A service that keeps its environment (a captured Context or Runtime, an effect that is
 * cached) should leave the step out of what it keeps: see `omit`.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { forEachAtOnce } from "./internal/forEachAtOnce.js"
import { toSnapshot } from "./internal/progressSnapshot.js"
import * as Tree from "./internal/progressTree.js"
import type { ProgressRenderer } from "./ProgressRenderer.js"
import type { ProgressSnapshot } from "./ProgressSnapshot.js"

export type StepOptions = Tree.StepOptions
export type PlannedStep = Tree.PlannedStep

/** A step, for code that cannot be an effect: a callback, a hot loop. */
export interface Step {
  readonly name: string
  /** Counts items as done: synchronous, no allocation, a counted no-op once the step is closed. */
  readonly advance: (n?: number) => void
}

/** The current step; silent unless somebody observes. */
export class Progress extends Context.Reference<Progress>()("ktrdr/Progress", {
  defaultValue: (): Step => Tree.silent,
}) {}

/** Who looks on, and under which name. */
export interface ObserveOptions<E, R> {
  /** Told the newest state, at most once an `interval`, and the final one exactly once, last. */
  readonly observer: (snapshot: ProgressSnapshot) => Effect.Effect<void, E, R>
  /** Milliseconds between two snapshots, by Clock; 100 by default. */
  readonly interval?: number
  readonly operationId?: string
  readonly kind?: string
  /** The first name of every path; without one, paths begin with the first step. */
  readonly name?: string
  readonly render?: ProgressRenderer
}

// ---------------------------------------------------------------------------------------------------------
// saying what is done
// ---------------------------------------------------------------------------------------------------------

/**
 * Makes the effect a step of the current one: it closes with the effect's exit and holds everything the
 * effect does, concurrent children included. Where a tracer is provided, opens a span of the same name.
 */
export const step: {
  (name: string, options?: StepOptions): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(effect: Effect.Effect<A, E, R>, name: string, options?: StepOptions): Effect.Effect<A, E, R>
} = dual(
  (args) => Effect.isEffect(args[0]),
  <A, E, R>(effect: Effect.Effect<A, E, R>, name: string, options: StepOptions = {}) => {
    const spanned = Effect.withSpan(effect, name, { captureStackTrace: false }) as Effect.Effect<A, E, R>
    return Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime<A, E, R>((fiber) => {
        const traced = fiber.currentTracer === untraced ? effect : spanned
        const parent = currentOf(fiber)
        if (parent.state !== "running") return restore(traced)
        const opened = parent.open(name, options)
        const before = fiber.currentContext
        const inside = FiberRef.set(FiberRef.currentContext, Context.add(before, Progress, opened))
        const leave = <V>(value: V) => FiberRef.modify(FiberRef.currentContext, () => [value, before])
        return Effect.matchCauseEffect(Effect.zipRight(inside, restore(traced)), {
          onSuccess: (value) => {
            opened.close("succeeded")
            return leave(value)
          },
          onFailure: (cause) => {
            opened.close(stateOf(cause))
            return Effect.flatMap(leave(cause), Effect.failCause)
          },
        })
      }),
    )
  },
)

/** Declares, before work starts, the steps that this one will consist of, with their weights. */
export const plan = (steps: ReadonlyArray<PlannedStep>): Effect.Effect<void> =>
  onCurrent((_) => _.plan(steps))

/** Counts `n` items of the current step as done. */
export const advance = (n = 1): Effect.Effect<void> => (n === 1 ? tick : onCurrent((_) => _.advance(n)))

/** Counts `n` items that were found already done: progress, but not speed. */
export const skip = (n: number): Effect.Effect<void> => onCurrent((_) => _.skip(n))

/** Says how many items the current step has, once that is known; `unit` is singular. */
export const setTotal = (total: number, unit?: string): Effect.Effect<void> =>
  onCurrent((_) =>
    _.update((open) => {
      open.total = total
      if (unit !== undefined) open.unit = unit
    }),
  )

/** A few words on what the current step is at. */
export const detail = (text: string): Effect.Effect<void> =>
  onCurrent((_) =>
    _.update((open) => {
      open.detail = text
    }),
  )

/** Adds domain facts to the operation that the current step belongs to. */
export const annotate = (facts: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
  onCurrent((_) => _.annotate(facts))

/** Says that nothing moves before `until` (epoch ms) and why; the next tick ends it. */
export const waiting = (reason: string, until: number): Effect.Effect<void> =>
  onCurrent((_) =>
    _.update((open) => {
      open.waiting = { reason, until }
    }),
  )

/** The current step, to be passed to callbacks and hot loops. */
export const current: Effect.Effect<Step> = Progress

/** Runs the effect inside a step that was passed along by hand. */
export const provideStep: {
  (step: Step): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(effect: Effect.Effect<A, E, R>, step: Step): Effect.Effect<A, E, R>
} = dual(2, <A, E, R>(effect: Effect.Effect<A, E, R>, at: Step) =>
  Effect.provideService(effect, Progress, at),
)

/** The context without the current step and span, for a service that keeps what it was built with. */
export const omit = <R>(context: Context.Context<R>): Context.Context<R> =>
  Context.omit(
    Progress,
    Tracer.ParentSpan,
  )(context as Context.Context<R | Progress | Tracer.ParentSpan>) as Context.Context<R>

/**
 * `Effect.forEach` that gives the current step the elements as its total and ticks as each one finishes.
 */
export const forEach: {
  <A, B, E, R>(
    f: (a: A, index: number) => Effect.Effect<B, E, R>,
    options?: { readonly concurrency?: number | "unbounded"; readonly unit?: string },
  ): (elements: Iterable<A>) => Effect.Effect<Array<B>, E, R>
  <A, B, E, R>(
    elements: Iterable<A>,
    f: (a: A, index: number) => Effect.Effect<B, E, R>,
    options?: { readonly concurrency?: number | "unbounded"; readonly unit?: string },
  ): Effect.Effect<Array<B>, E, R>
} = dual(
  (args) => typeof args[0] !== "function",
  <A, B, E, R>(
    elements: Iterable<A>,
    f: (a: A, index: number) => Effect.Effect<B, E, R>,
    options: { readonly concurrency?: number | "unbounded"; readonly unit?: string } = {},
  ) =>
    Effect.suspend(() => {
      const all = Array.from(elements)
      return Effect.zipRight(
        setTotal(all.length, options.unit),
        forEachAtOnce(all, (a, index) => Effect.zipLeft(f(a, index), tick), options.concurrency ?? 1),
      )
    }),
)

/** Ticks the step that is current where the stream runs, once for each element that passes. */
export const stream = <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.mapChunksEffect(self, (chunk) => Effect.as(advance(chunk.length), chunk))

// ---------------------------------------------------------------------------------------------------------
// listening
// ---------------------------------------------------------------------------------------------------------

/**
 * Runs the effect as the root of a progress tree of its own. The observer runs beside it and never holds it
 * up; a slow one is told less often, one that fails or dies costs a warning. When the effect has ended the
 * observer is told once more, within 200 ms, and `observe` ends as the effect did.
 */
export const observe: {
  <E2, R2>(
    options: ObserveOptions<E2, R2>,
  ): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R | R2>
  <A, E, R, E2, R2>(
    effect: Effect.Effect<A, E, R>,
    options: ObserveOptions<E2, R2>,
  ): Effect.Effect<A, E, R | R2>
} = dual(2, <A, E, R, E2, R2>(effect: Effect.Effect<A, E, R>, options: ObserveOptions<E2, R2>) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const root = makeRoot(yield* Effect.clock, options)
      const ended = yield* Deferred.make<void>()
      const tell = Effect.suspend(() => {
        const told = options.observer(toSnapshot(root))
        return Effect.zipRight(warnOfRenderer(root), told)
      }).pipe(Effect.catchAllCause(warn))
      const reporter = yield* Effect.forkDaemon(report(root, tell, ended, options.interval ?? 100))
      const exit = yield* Effect.exit(restore(Effect.provideService(effect, Progress, root.step)))
      root.step.close(Exit.isSuccess(exit) ? "succeeded" : stateOf(exit.cause))
      yield* Deferred.succeed(ended, undefined)
      yield* Fiber.await(reporter)
      return yield* exit
    }),
  ),
)

/** What a test reads of the progress that was reported under `layerTest`. */
export class Recorder extends Context.Tag("ktrdr/Progress/Recorder")<
  Recorder,
  {
    /** The state now. */
    readonly snapshot: Effect.Effect<ProgressSnapshot>
    /** The state at every opening and closing of a step, oldest first. */
    readonly snapshots: Effect.Effect<ReadonlyArray<ProgressSnapshot>>
  }
>() {}

/** Records what the program under test reports, without an observer, an interval or a clock to adjust. */
export const layerTest: Layer.Layer<Recorder> = Layer.effectContext(
  Effect.gen(function* () {
    const root = makeRoot(yield* Effect.clock, {})
    const snapshots: Array<ProgressSnapshot> = []
    root.onChange = () => snapshots.push(toSnapshot(root))
    return Context.make(Recorder, {
      snapshot: Effect.sync(() => toSnapshot(root)),
      snapshots: Effect.sync(() => snapshots.slice()),
    }).pipe(Context.add(Progress, root.step)) as Context.Context<Recorder>
  }),
)

// ---------------------------------------------------------------------------------------------------------

const grace = 200

/** Effect's own tracer keeps nothing: spans are opened only where another one listens. */
const untraced = Effect.runSync(Effect.tracer)

const makeRoot = (clock: Clock.Clock, options: Omit<ObserveOptions<never, never>, "observer">): Tree.Root =>
  new Tree.Root(options.operationId, options.kind ?? "program", options.name ?? "", options.render, () =>
    clock.unsafeCurrentTimeMillis(),
  )

/** Ends within `grace` of the operation, even where the observer is stuck. */
const report = <R>(
  root: Tree.Root,
  tell: Effect.Effect<void, never, R>,
  ended: Deferred.Deferred<void>,
  interval: number,
): Effect.Effect<void, never, R> => {
  const over = Effect.zipRight(Deferred.await(ended), Effect.sleep(grace))
  const tellWhile = (running: boolean) =>
    Effect.raceFirst(
      Effect.interruptible(Effect.suspend(() => (isRunning(root) === running ? tell : Effect.void))),
      Effect.interruptible(over),
    )
  const pause = Effect.raceFirst(
    Effect.interruptible(Effect.sleep(interval)),
    Effect.interruptible(Deferred.await(ended)),
  )
  return Effect.gen(function* () {
    let seen = -1
    let quiet = 0
    while (isRunning(root)) {
      quiet += interval
      if (root.version !== seen || quiet >= 1000) {
        seen = root.version
        quiet = 0
        yield* tellWhile(true)
      }
      yield* pause
    }
    yield* tellWhile(false)
  })
}

const isRunning = (root: Tree.Root): boolean => root.step.state === "running"

const warn = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.logWarning("A progress observer failed; the operation goes on", cause)

const warnOfRenderer = (root: Tree.Root): Effect.Effect<void> =>
  Effect.suspend(() => {
    const failure = root.rendererFailure
    if (failure === undefined || failure.reported) return Effect.void
    failure.reported = true
    return Effect.logWarning("A progress renderer threw; the standard one is used instead", failure.cause)
  })

const currentOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Tree.Step =>
  (fiber.currentContext.unsafeMap.get(Progress.key) as Tree.Step | undefined) ?? Tree.silent

const onCurrent = (f: (step: Tree.Step) => void): Effect.Effect<void> =>
  Effect.sync(() => {
    const fiber = Fiber.getCurrentFiber()
    if (fiber._tag === "Some") f(currentOf(fiber.value))
  })

const tick: Effect.Effect<void> = onCurrent((_) => _.advance(1))

const stateOf = (cause: Cause.Cause<unknown>): "failed" | "cancelled" =>
  Cause.isInterruptedOnly(cause) ? "cancelled" : "failed"
