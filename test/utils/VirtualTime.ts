/**
 * A clock and a scheduler for programs that only wait: they run to their end at once, each sleep ending at
 * exactly its instant. Unlike `TestClock` the time that programs read may be set apart from that of sleeps.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import type { Scheduler } from "effect/Scheduler"

interface Sleeper {
  readonly at: number
  readonly order: number
  readonly wake: () => void
}

export class VirtualTime implements Clock.Clock, Scheduler {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  /** Milliseconds since the beginning, whatever the clock shows. */
  elapsed = 0
  /** What the clock shows at the beginning; lessened, it is set back. */
  shift = 0
  #order = 0
  #tasks: Array<() => void> = []
  /** A heap: no sleeper ends before the one at half its index. */
  readonly #sleepers: Array<Sleeper> = []

  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis(): number {
    return this.elapsed + this.shift
  }

  unsafeCurrentTimeNanos(): bigint {
    const millis = this.unsafeCurrentTimeMillis()
    const whole = Math.floor(millis)
    return BigInt(whole) * 1_000_000n + BigInt(Math.round((millis - whole) * 1e6))
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const at = this.elapsed + Duration.toMillis(duration)
      let awake = false
      this.#push({ at, order: this.#order++, wake: () => awake || resume(Effect.void) })
      return Effect.sync(() => {
        awake = true
      })
    })
  }

  shouldYield(): false {
    return false
  }

  scheduleTask(task: () => void): void {
    this.#tasks.push(task)
  }

  /** Runs a program that waits for nothing but time and its own fibers. */
  run<A, E>(program: Effect.Effect<A, E>): Exit.Exit<A, E> {
    return this.#drive(this.#fork(program))
  }

  /** Runs a program that also waits for promises: time goes on once none of them is about to be settled. */
  async runAsync<A, E>(program: Effect.Effect<A, E>): Promise<Exit.Exit<A, E>> {
    const fiber = this.#fork(program)
    for (let busy = performance.now(); ; ) {
      this.#work()
      const exit = fiber.unsafePoll()
      if (exit !== null) return exit
      await new Promise((resolve) => setImmediate(resolve))
      const isIdle = performance.now() - busy > longMillis
      if (this.#tasks.length === 0 && (this.#sleepers.length > 0 || isIdle)) this.#goOn()
      if (this.#tasks.length > 0) busy = performance.now()
    }
  }

  #fork<A, E>(program: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    const clocked = Effect.withClock(program, this)
    return Runtime.runFork(Runtime.defaultRuntime)(clocked, { scheduler: this })
  }

  #drive<A, E>(fiber: Fiber.RuntimeFiber<A, E>): Exit.Exit<A, E> {
    for (;;) {
      this.#work()
      const exit = fiber.unsafePoll()
      if (exit !== null) return exit
      this.#goOn()
    }
  }

  #work(): void {
    while (this.#tasks.length > 0) {
      const tasks = this.#tasks
      this.#tasks = []
      for (const task of tasks) task()
    }
  }

  #goOn(): void {
    const next = this.#pop()
    if (next === undefined) throw new Error("The program waits for something that no time brings")
    this.elapsed = next.at
    next.wake()
  }

  #push(sleeper: Sleeper): void {
    const heap = this.#sleepers
    let index = heap.push(sleeper) - 1
    for (
      let parent = (index - 1) >> 1;
      index > 0 && before(sleeper, heap[parent]!);
      parent = (index - 1) >> 1
    ) {
      heap[index] = heap[parent]!
      heap[parent] = sleeper
      index = parent
    }
  }

  #pop(): Sleeper | undefined {
    const heap = this.#sleepers
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || last === first) return first
    heap[0] = last
    for (let index = 0; ; ) {
      const left = 2 * index + 1
      const right = left + 1
      let least = index
      if (left < heap.length && before(heap[left]!, heap[least]!)) least = left
      if (right < heap.length && before(heap[right]!, heap[least]!)) least = right
      if (least === index) return first
      const child = heap[least]!
      heap[least] = last
      heap[index] = child
      index = least
    }
  }
}

/** No promise takes longer to be settled, in real milliseconds. */
const longMillis = 10_000

const before = (a: Sleeper, b: Sleeper): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
