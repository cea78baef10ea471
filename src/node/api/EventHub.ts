/**
 * Who watches which operation: however many watch one, its changes are listened to once.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberMap from "effect/FiberMap"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Service } from "../../Operations.js"
import { EventWatcher, type Frame, failure, frameOf } from "./EventWatcher.js"
import * as Refusal from "./Refusal.js"

export interface EventHub {
  /**
   * A reader of what becomes of an operation, behind the snapshot `after`, as far as that is remembered. It ends
   * with the operation, or once all have to; `first` goes before everything else.
   */
  readonly watch: (id: string, after: number, first?: Frame) => Effect.Effect<EventWatcher>
  /** How many read. */
  readonly size: () => number
}

/** Readers end when `over` is done, or the scope closes. */
export const make = (
  operations: Pick<Service, "changes">,
  over: Deferred.Deferred<void>,
): Effect.Effect<EventHub, never, Scope.Scope> =>
  Effect.gen(function* () {
    const topics = new Map<string, Topic>()
    const fibers = yield* FiberMap.make<string>()

    const remove = (id: string, topic: Topic): void => {
      if (topics.get(id) === topic) topics.delete(id)
    }

    const listen = (id: string, topic: Topic): Effect.Effect<void> =>
      operations.changes(id, 0).pipe(
        Stream.runForEach((change) => Effect.sync(() => topic.publish(frameOf(change)))),
        Effect.catchAll((error) => Effect.sync(() => topic.finish(failure(Refusal.of(error))))),
        Effect.ensuring(
          Effect.sync(() => {
            topic.finish()
            remove(id, topic)
          }),
        ),
      )

    const beat = Effect.sync(() => {
      for (const topic of topics.values()) topic.beat()
    })
    const endAll = Effect.sync(() => {
      for (const topic of topics.values()) topic.finish()
    })
    yield* Effect.addFinalizer(() => endAll)
    yield* Effect.repeat(beat, Schedule.spaced("15 seconds")).pipe(Effect.interruptible, Effect.forkScoped)
    yield* Effect.zipRight(Deferred.await(over), endAll).pipe(Effect.interruptible, Effect.forkScoped)

    return {
      watch: (id, after, first) =>
        Effect.gen(function* () {
          const known = topics.get(id)
          const topic = known ?? new Topic((gone) => remove(id, gone))
          const watcher = topic.join(after, first)
          if (known === undefined) {
            topics.set(id, topic)
            topic.fiber = yield* FiberMap.run(fibers, id, listen(id, topic))
          }
          return watcher
        }).pipe(Effect.uninterruptible),
      size: () => [...topics.values()].reduce((sum, { watchers }) => sum + watchers.size, 0),
    }
  })

// ---------------------------------------------------------------------------------------------------------

/** Frames kept for those who come later. */
const remembered = 64

class Topic {
  readonly watchers = new Set<EventWatcher>()
  readonly #past: Array<Frame> = []
  readonly #onEmpty: (topic: Topic) => void
  fiber: Fiber.RuntimeFiber<void> | undefined

  constructor(onEmpty: (topic: Topic) => void) {
    this.#onEmpty = onEmpty
  }

  join(after: number, first: Frame | undefined): EventWatcher {
    const replay = first === undefined ? this.#past : [first, ...this.#past]
    const watcher = new EventWatcher(after, replay, (gone) => this.#leave(gone))
    this.watchers.add(watcher)
    return watcher
  }

  publish(frame: Frame): void {
    this.#past.push(frame)
    if (this.#past.length > remembered) this.#past.shift()
    for (const watcher of this.watchers) watcher.offer(frame)
  }

  beat(): void {
    for (const watcher of this.watchers) watcher.beat()
  }

  finish(last?: Uint8Array): void {
    for (const watcher of this.watchers) watcher.finish(last)
  }

  #leave(watcher: EventWatcher): void {
    this.watchers.delete(watcher)
    if (this.watchers.size > 0) return
    this.#onEmpty(this)
    this.fiber?.unsafeInterruptAsFork(FiberId.none)
  }
}
