/** Tests of programs that wait: in virtual time, so that they run at once. */
import { it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { VirtualTime } from "./VirtualTime.js"

/** Runs the program to its end, within an hour of virtual time that begins at 0 unless told. Nothing is logged. */
export const play = <A, E>(program: Effect.Effect<A, E, Scope.Scope>, time = new VirtualTime()): A => {
  const exit = time.run(
    Effect.scoped(program).pipe(
      Effect.timeout("1 hour"),
      Effect.withRandom(Random.make("at once")),
      Effect.provide(Logger.remove(Logger.defaultLogger)),
    ),
  )
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  return exit.value
}

/** As `it.scoped`. */
export const atOnce = <A, E>(
  title: string,
  test: () => Effect.Effect<A, E, Scope.Scope>,
  beginning = 0,
): void =>
  it(title, () => {
    const time = new VirtualTime()
    time.shift = beginning
    play(Effect.suspend(test), time)
  })
