/**
 * Processes that share a store of operations, in virtual time. Each has a scheduler of its own, so that it can be
 * suspended, as by SIGSTOP: time goes on, its fibers do not; and killed: they never do again.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type { Scheduler } from "effect/Scheduler"
import * as Scope from "effect/Scope"
import type * as Operation from "../../src/Operation.js"
import * as OperationStore from "../../src/OperationStore.js"
import * as Operations from "../../src/Operations.js"
import { LiveFibers } from "./LiveFibers.js"

/** Lets its fibers do so many operations at a time, and none while it stands still. */
class StandingScheduler implements Scheduler {
  isStill = false
  #held: Array<() => void> = []

  constructor(
    readonly beneath: Scheduler,
    readonly every: number,
  ) {}

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return this.isStill || ("currentOpCount" in fiber && Number(fiber.currentOpCount) > this.every)
      ? 0
      : false
  }

  scheduleTask(task: () => void, priority: number): void {
    if (this.isStill) this.#held.push(task)
    else this.beneath.scheduleTask(() => this.#run(task), priority)
  }

  wake(): void {
    this.isStill = false
    for (const task of this.#held.splice(0)) this.scheduleTask(task, 0)
  }

  #run(task: () => void): void {
    if (this.isStill) this.#held.push(task)
    else task()
  }
}

export class OperationProcess {
  isKilled = false
  isClosed = false
  readonly #live = new LiveFibers()
  readonly #scope = Effect.runSync(Scope.make())

  private constructor(
    readonly scheduler: StandingScheduler,
    readonly store: OperationStore.Service,
  ) {}

  operations!: Operations.Service

  /** Starts a process on the scheduler that is the current one, with a registry of the group. */
  static readonly make = <Member extends Operation.Any>(
    group: Operation.Group<Member>,
    handlers: Layer.Layer<Operation.HandlersOf<Member>>,
    given: {
      readonly store: OperationStore.Service
      readonly options?: Operations.Options
      /** Operations of a fiber between two yields. */
      readonly every?: number
    },
  ): Effect.Effect<OperationProcess> =>
    Effect.withFiberRuntime((fiber) => {
      const made = new OperationProcess(
        new StandingScheduler(fiber.currentScheduler, given.every ?? 2048),
        given.store,
      )
      const layer = Layer.provide(
        Operations.layer(group, given.options),
        Layer.merge(handlers, Layer.succeed(OperationStore.OperationStore, given.store)),
      )
      return made.#fork(Scope.extend(Layer.build(layer), made.#scope)).pipe(
        Effect.flatten,
        Effect.map((context) => {
          made.operations = Context.get(context, Operations.Operations)
          return made
        }),
      )
    })

  /** How many of its fibers are at work or wait. */
  get fibers(): number {
    return this.#live.fibers.size
  }

  /** Runs the effect in the process. */
  fork<A, E>(effect: Effect.Effect<A, E, Operations.Operations>): Effect.Effect<Fiber.RuntimeFiber<A, E>> {
    return this.#fork(Effect.provideService(effect, Operations.Operations, this.operations))
  }

  suspend(): void {
    this.scheduler.isStill = true
  }

  wake(): void {
    if (!this.isKilled) this.scheduler.wake()
  }

  kill(): void {
    this.isKilled = true
    this.scheduler.isStill = true
  }

  /** Ends it as it should be ended. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.isClosed = true
    return Effect.flatten(this.#fork(Scope.close(this.#scope, Exit.void)))
  })

  /** Frees what a killed one held, once nobody looks at it any more. */
  readonly bury: Effect.Effect<void> = Effect.suspend(() => {
    this.scheduler.wake()
    return Effect.zipRight(Scope.close(this.#scope, Exit.void), Fiber.interruptAll(this.#live.fibers))
  })

  #fork<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<Fiber.RuntimeFiber<A, E>> {
    return Effect.withScheduler(effect, this.scheduler).pipe(Effect.forkDaemon, Effect.supervised(this.#live))
  }
}
