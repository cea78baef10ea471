/**
 * One run of an effect for all who ask at the same time, and for those who ask shortly after.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

interface Run<A, E> {
  readonly fiber: Fiber.RuntimeFiber<A, E>
  askers: number
}

/**
 * Whoever asks gets the last outcome if it is younger than `ttlMillis`, or that of the run under way, or
 * starts one. Failures are kept like successes. A run whose last asker is interrupted is interrupted.
 */
export const make = <A, E>(
  probe: Effect.Effect<A, E>,
  ttlMillis: number,
): Effect.Effect<Effect.Effect<A, E>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    let running: Run<A, E> | undefined
    let last: { readonly exit: Exit.Exit<A, E>; readonly until: number } | undefined

    const start = Effect.interruptible(probe).pipe(
      Effect.onExit((exit) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          running = undefined
          if (!Exit.isInterrupted(exit)) last = { exit, until: now + ttlMillis }
        }),
      ),
      Effect.forkIn(scope),
      Effect.map((fiber): Run<A, E> => (running = { fiber, askers: 0 })),
    )

    const leave = (run: Run<A, E>) =>
      Effect.suspend(() => {
        run.askers -= 1
        if (run.askers > 0 || running !== run) return Effect.void
        running = undefined
        return Fiber.interrupt(run.fiber)
      })

    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const left = (last?.until ?? now) - now
        if (last !== undefined && left > 0 && left <= ttlMillis) return last.exit
        return Effect.flatMap(running === undefined ? start : Effect.succeed(running), (run) => {
          run.askers += 1
          return Effect.ensuring(restore(Effect.flatten(Fiber.await(run.fiber))), leave(run))
        })
      }),
    )
  })
