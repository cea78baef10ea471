import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { forEachAtOnce } from "../../src/internal/forEachAtOnce.js"

const elements = fc.array(fc.record({ millis: fc.nat(20), fails: fc.boolean(), isHeld: fc.boolean() }), {
  maxLength: 12,
})

describe("forEachAtOnce", () => {
  it.effect.prop(
    "is over when all that it began is, with the results in order, whatever fails or interrupts it",
    [elements, fc.integer({ min: 1, max: 5 }), fc.option(fc.nat(60), { nil: undefined })],
    ([given, most, interruptedAfter]) =>
      Effect.gen(function* () {
        let [atWork, busiest, left] = [0, 0, -1]
        const all = yield* Effect.fork(
          forEachAtOnce(
            given,
            ({ fails, isHeld, millis }, index) =>
              Effect.acquireUseRelease(
                Effect.sync(() => {
                  busiest = Math.max(busiest, ++atWork)
                }),
                () =>
                  Effect.zipRight(Effect.sleep(millis), fails ? Effect.fail(index) : Effect.succeed(index)),
                () => Effect.sync(() => atWork--),
              ).pipe(isHeld ? Effect.uninterruptible : Effect.interruptible),
            most,
          ).pipe(Effect.onExit(() => Effect.sync(() => void (left = atWork)))),
        )
        if (interruptedAfter !== undefined) {
          yield* TestClock.adjust(interruptedAfter)
          yield* Fiber.interruptFork(all)
        }
        yield* TestClock.adjust(1000)
        const exit = yield* Fiber.await(all)
        expect(left).toBe(0)
        expect(busiest).toBeLessThanOrEqual(most)
        if (Exit.isSuccess(exit)) expect(exit.value).toEqual(given.map((_, index) => index))
        else if (interruptedAfter === undefined) expect(given.some(({ fails }) => fails)).toBe(true)
      }),
    { fastCheck: { numRuns: 100 } },
  )

  it.scopedLive("waits for one that cannot be interrupted where another fails and more are left", () =>
    Effect.gen(function* () {
      const failed = yield* Deferred.make<void>()
      let isOver = false
      const held = Deferred.await(failed).pipe(
        Effect.zipRight(Effect.sleep(20)),
        Effect.zipRight(Effect.sync(() => void (isOver = true))),
        Effect.uninterruptible,
      )
      const work = forEachAtOnce(
        ["fails", "is held", "never begins"],
        (what) =>
          what === "is held" ? held : Effect.zipRight(Deferred.succeed(failed, undefined), Effect.fail(what)),
        2,
      )
      expect(yield* Effect.flip(work)).toBe("fails")
      expect(isOver).toBe(true)
    }),
  )
})
