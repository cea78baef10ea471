/**
 * Runs fibers so that one may be interrupted between any two of its operations: a scheduler whose tasks wait
 * until they are asked for, and a fiber that yields every so many operations.
 */
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import type { Scheduler } from "effect/Scheduler"

export class Turnwise implements Scheduler {
  /** Operations between two yields; a yield takes ten of them itself. */
  every = 2048
  #tasks: Array<() => void> = []

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return "currentOpCount" in fiber && Number(fiber.currentOpCount) > this.every ? 0 : false
  }

  scheduleTask(task: () => void): void {
    this.#tasks.push(task)
  }

  /** Takes so many turns, or as many as there are until all fibers wait. */
  turns(count = 10_000): void {
    for (let turn = 0; turn < count && this.#tasks.length > 0; turn++) {
      const tasks = this.#tasks
      this.#tasks = []
      for (const task of tasks) task()
    }
  }

  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    return Runtime.runFork(Runtime.defaultRuntime)(effect, { scheduler: this })
  }

  /** Starts the effect, interrupts it after `turn` turns of `every` operations, and sees it end. */
  interrupted<A, E>(effect: Effect.Effect<A, E>, every: number, turn: number): void {
    this.every = every
    const fiber = this.fork(effect)
    this.turns(turn)
    fiber.unsafeInterruptAsFork(FiberId.none)
    this.every = 2048
    this.turns()
  }
}
