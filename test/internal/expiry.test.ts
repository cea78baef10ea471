import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { PCGRandom } from "effect/Utils"
import * as Expiry from "../../src/internal/expiry.js"

const now = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6)

describe("Expiry", () => {
  it.scopedLive("ends every wait that is too long, wherever the fibers yield that begin or end waits", () =>
    Effect.gen(function* () {
      const random = new PCGRandom(1)
      const round = (maxOps: number) =>
        Effect.gen(function* () {
          const expiry = yield* Expiry.make
          const one = Effect.gen(function* () {
            yield* Effect.sleep(random.integer(6))
            const over = yield* Deferred.make<void>()
            const until = (yield* now) + random.number() * 6 - 1
            const wait = { until, expire: () => Effect.asVoid(Deferred.succeed(over, undefined)) }
            yield* Effect.uninterruptible(expiry.watch(wait))
            if (random.number() < 0.3) return expiry.drop(wait)
            return yield* Effect.timeoutFail(Deferred.await(over), {
              duration: 10_000,
              onTimeout: () => "lost",
            })
          })
          yield* Effect.all(
            Array.from({ length: 40 }, () => one),
            { concurrency: "unbounded", discard: true },
          )
        }).pipe(Effect.scoped, Effect.withMaxOpsBeforeYield(maxOps))
      yield* Effect.forEach(
        Array.from({ length: 40 }, (_, index) => 10 + index),
        round,
        { concurrency: 8 },
      )
    }),
  )

  it.scopedLive("ends the others where one cannot be ended", () =>
    Effect.gen(function* () {
      const expiry = yield* Expiry.make
      const over = yield* Deferred.make<void>()
      const until = (yield* now) + 5
      yield* expiry.watch({ until, expire: () => Effect.die("cannot be ended") })
      yield* expiry.watch({ until, expire: () => Effect.asVoid(Deferred.succeed(over, undefined)) })
      expect(yield* Effect.timeoutOption(Deferred.await(over), 10_000)).toEqual(Option.some(undefined))
    }),
  )
})
