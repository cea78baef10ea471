/** Turns of the event loop: one stretch in each, whoever waits and whoever leaves. */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { breathe, turn } from "../../src/internal/breathe.js"

const fibers = 30

/** The most stretches that there were between two turns of the event loop, and all of them. */
const counted = Effect.gen(function* () {
  let [now, most, all] = [0, 0, 0]
  let isOpen = true
  const watch = () => {
    now = 0
    if (isOpen) setImmediate(watch)
  }
  watch()
  yield* Effect.forEach(
    Array.from({ length: fibers }),
    () =>
      breathe(() => {
        all++
        most = Math.max(most, ++now)
      }),
    { concurrency: "unbounded", discard: true },
  )
  isOpen = false
  return { most, all }
})

/** Waits for a turn and leaves before it comes. */
const leaves = Effect.gen(function* () {
  const fiber = yield* Effect.fork(turn)
  yield* Effect.yieldNow()
  yield* Fiber.interrupt(fiber)
})

it.live("a turn has one stretch, of however many fibers", () =>
  Effect.map(counted, (found) => expect(found).toEqual({ most: 1, all: fibers })),
)

it.live("a turn has one stretch, however many have left before theirs", () =>
  Effect.gen(function* () {
    for (let left = 0; left < 20; left++) yield* leaves
    expect(yield* counted).toEqual({ most: 1, all: fibers })
    expect(yield* counted).toEqual({ most: 1, all: fibers })
  }),
)

it.live("comes in the order in which it was waited for", () =>
  Effect.gen(function* () {
    const order: Array<number> = []
    yield* Effect.forEach([1, 2, 3], (number) => breathe(() => order.push(number)), {
      concurrency: "unbounded",
    })
    expect(order).toEqual([1, 2, 3])
  }),
)

it.effect("takes no time where time is simulated", () =>
  Effect.map(
    breathe(() => 7),
    (seven) => expect(seven).toBe(7),
  ),
)
