/** So many at once: handed over in order, and never lost. */
import { expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Permits } from "../../src/internal/Permits.js"

const settled = Effect.forEach(Array.from({ length: 5 }), () => Effect.yieldNow(), { discard: true })

it.effect("lets so many in, and the others in their order", () =>
  Effect.gen(function* () {
    const permits = new Permits(2)
    const doors = yield* Effect.forEach([0, 1, 2, 3, 4], () => Deferred.make<void>())
    const inside: Array<number> = []
    const fibers = yield* Effect.forEach(doors, (door, index) =>
      Effect.fork(
        permits.hold(
          Effect.zipRight(
            Effect.sync(() => inside.push(index)),
            Deferred.await(door),
          ),
        ),
      ),
    )
    yield* settled
    expect(inside).toEqual([0, 1])
    yield* Deferred.succeed(doors[1]!, undefined)
    yield* settled
    expect(inside).toEqual([0, 1, 2])
    yield* Fiber.interrupt(fibers[3]!)
    yield* Deferred.succeed(doors[0]!, undefined)
    yield* settled
    expect(inside).toEqual([0, 1, 2, 4])
    for (const door of doors) yield* Deferred.succeed(door, undefined)
    yield* Fiber.awaitAll(fibers)
  }),
)

it.effect("loses none, whoever is interrupted at whichever moment", () =>
  Effect.gen(function* () {
    for (let moment = 0; moment < 12; moment++) {
      const permits = new Permits(1)
      yield* permits.take
      const fibers = yield* Effect.forEach([0, 1], () => Effect.fork(permits.hold(Effect.yieldNow())))
      yield* settled
      const ending = yield* Effect.fork(permits.release)
      for (let wait = 0; wait < moment; wait++) yield* Effect.yieldNow()
      yield* Fiber.interrupt(fibers[0]!)
      yield* Fiber.join(ending)
      yield* Fiber.await(fibers[1]!)
      const last = yield* Effect.fork(permits.take)
      yield* settled
      expect(yield* Fiber.poll(last)).toMatchObject({ _tag: "Some" })
    }
  }),
)

it.effect("gives back what a failure held", () =>
  Effect.gen(function* () {
    const permits = new Permits(1)
    yield* Effect.exit(permits.hold(Effect.fail("no")))
    expect(yield* permits.hold(Effect.succeed(7))).toBe(7)
  }),
)
