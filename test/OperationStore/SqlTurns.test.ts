import { expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as fc from "fast-check"
import { Turns } from "../../src/OperationStore/SqlTurns.js"

it.effect("one at a time, in the order in which they came, whatever becomes of them", () =>
  Effect.gen(function* () {
    const turns = yield* Turns.make
    const log: Array<string> = []
    const note = (name: string) =>
      turns.take(
        Effect.gen(function* () {
          log.push(`${name} begins`)
          yield* Effect.yieldNow()
          log.push(`${name} ends`)
          if (name === "b") return yield* Effect.fail("no")
        }),
      )
    const exits = yield* Effect.forEach(["a", "b", "c"], (name) => Effect.exit(note(name)), {
      concurrency: 3,
    })
    expect(exits.map(Exit.isSuccess)).toEqual([true, false, true])
    expect(log).toEqual(["a", "b", "c"].flatMap((name) => [`${name} begins`, `${name} ends`]))
  }),
)

it.effect("who waits can be interrupted, who has his turn cannot", () =>
  Effect.gen(function* () {
    const turns = yield* Turns.make
    const begun = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    let isDone = false
    const first = yield* Effect.fork(
      turns.take(
        Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(goOn)).pipe(
          Effect.tap(() => Effect.sync(() => (isDone = true))),
        ),
      ),
    )
    yield* Deferred.await(begun)
    const second = yield* Effect.fork(turns.take(Effect.dieMessage("it was interrupted before")))
    yield* Effect.yieldNow()
    expect(Exit.isInterrupted(yield* Fiber.interrupt(second))).toBe(true)
    const interrupting = yield* Effect.fork(Fiber.interrupt(first))
    yield* Effect.yieldNow()
    expect(isDone).toBe(false)
    yield* Deferred.succeed(goOn, undefined)
    yield* Fiber.join(interrupting)
    expect(isDone).toBe(true)
  }),
)

it.effect("no turn is lost, whenever those who wait are interrupted", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { minLength: 1, maxLength: 12 }), (delays) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const turns = yield* Turns.make
            let isInside = false
            const one = Effect.gen(function* () {
              expect(isInside).toBe(false)
              isInside = true
              yield* Effect.yieldNow()
              isInside = false
            })
            const fibers = yield* Effect.forEach(delays, () => Effect.fork(turns.take(one)))
            yield* Effect.forEach(
              fibers,
              (fiber, index) =>
                (delays[index] ?? 0) === 0
                  ? Effect.void
                  : Effect.zipRight(
                      Effect.yieldNow().pipe(Effect.repeatN(delays[index] ?? 0)),
                      Fiber.interrupt(fiber),
                    ),
              { concurrency: "unbounded" },
            )
            const exits = yield* Effect.forEach(fibers, Fiber.await)
            expect(exits.every((exit) => Exit.isSuccess(exit) || Exit.isInterrupted(exit))).toBe(true)
            yield* turns.take(one)
          }),
        ),
      ),
      { numRuns: 300 },
    ),
  ),
)
