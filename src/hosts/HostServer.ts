/**
 * A host service as a server: who may ask, what is logged, and how it ends.
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as HostAccess from "./HostAccess.js"
import * as HostHttp from "./HostHttp.js"

export interface Options {
  /** What everybody must show, if anything. */
  readonly token?: HostAccess.Token
  /** Put around everything that is served: an `AccessLog`, say. */
  readonly around?: (app: HttpApp.Default) => HttpApp.Default
}

/**
 * Serves the app until the scope closes: then `closing` is run, and requests that are still being answered get a
 * second before they are interrupted.
 */
export const serve = (
  app: HttpApp.Default,
  { around = identity, token }: Options,
  closing: Effect.Effect<void> = Effect.void,
): Effect.Effect<void, never, HttpServer.HttpServer | Scope.Scope> =>
  Effect.gen(function* () {
    const { drain, watched } = yield* HostHttp.drained("1 second")
    yield* HttpServer.serveEffect(watched(around(HostAccess.guard(token, app))))
    yield* Effect.addFinalizer(() => Effect.zipRight(closing, drain))
  })
