/** A host that many clients left in the middle of an answer still ends. */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { adapter, ask, serve } from "./Hosts.js"

it.live("after 150 requests that were aborted at different moments", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const baseUrl = yield* serve().pipe(Scope.extend(scope))
    yield* Effect.scoped(
      Effect.gen(function* () {
        const source = yield* adapter({ baseUrl })
        const request = ask("AAPL", "1m", "2024-03-01T14:30:00Z", "2024-03-01T21:00:00Z")
        yield* Effect.forEach(
          Array.from({ length: 150 }, (_, index) => index),
          (index) =>
            Effect.fork(source.fetch(request)).pipe(
              Effect.delay(index % 7),
              Effect.flatMap((fiber) => Effect.delay(Fiber.interrupt(fiber), (index * 7) % 60)),
            ),
          { concurrency: 10 },
        )
      }),
    )
    const closed = yield* Scope.close(scope, Exit.void).pipe(Effect.timeoutOption("5 seconds"))
    expect(closed._tag).toBe("Some")
  }),
)
