/**
 * The end of a server, in order: it takes nothing new, its operations end while their event streams still are
 * served, the streams end with what became of those, and whatever is still under way is interrupted.
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as HostHttp from "../../hosts/HostHttp.js"

export interface Service {
  readonly isClosing: () => boolean
  /** From now on new requests are refused; those of a moment ago may finish. */
  readonly begin: Effect.Effect<void>
  /** Done once every stream has to end. */
  readonly over: Deferred.Deferred<void>
  /** Of what is needed until the last stream has ended. */
  readonly scope: Scope.Scope
  /** Takes part in the count of what is under way. */
  readonly watched: <E, R>(app: HttpApp.Default<E, R>) => HttpApp.Default<E, R>
}

export class Closing extends Context.Tag("ktrdr/node/api/Closing")<Closing, Service>() {}

/**
 * To be built before the operations that are served, and after the server: so it is released in between. Streams
 * that have not ended by themselves then are ended after 300 ms, all else is interrupted after another 500 ms.
 */
export const layer: Layer.Layer<Closing> = Layer.scoped(
  Closing,
  Effect.gen(function* () {
    let isClosing = false
    const over = yield* Deferred.make<void>()
    const scope = yield* Scope.make()
    const { drain, watched } = yield* HostHttp.drained("800 millis")
    const endStreams = Effect.delay(Deferred.succeed(over, undefined), "300 millis")
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(Effect.fork(Effect.interruptible(endStreams)), (ending) =>
        drain.pipe(Effect.zipRight(Fiber.interrupt(ending)), Effect.zipRight(Scope.close(scope, Exit.void))),
      ),
    )
    return {
      isClosing: () => isClosing,
      begin: Effect.zipRight(
        Effect.sync(() => {
          isClosing = true
        }),
        Effect.sleep("50 millis"),
      ),
      over,
      scope,
      watched,
    }
  }),
)
