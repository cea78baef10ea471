/**
 * ktrdr's own training host service: the wire of KTRDR's, and what ktrdr adds to it, over the trainer of this process.
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import type * as HttpServer from "@effect/platform/HttpServer"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HostHttp from "../HostHttp.js"
import * as HostServer from "../HostServer.js"
import * as DatasetRoutes from "./DatasetRoutes.js"
import * as EvaluationRoutes from "./EvaluationRoutes.js"
import * as HealthRoutes from "./HealthRoutes.js"
import * as ResultRoutes from "./ResultRoutes.js"
import * as SessionRoutes from "./SessionRoutes.js"
import * as Sessions from "./Sessions.js"

type Needed =
  | DatasetRoutes.Needed
  | EvaluationRoutes.Needed
  | HealthRoutes.Needed
  | ResultRoutes.Needed
  | SessionRoutes.Needed

/** The service as an app for any server. It answers every request and never fails. */
export const app: Effect.Effect<HttpApp.Default, never, Needed> = Effect.gen(function* () {
  const context = yield* Effect.context<Needed>()
  const begun = yield* Clock.currentTimeMillis
  const routes = HttpRouter.concatAll(
    HealthRoutes.make(begun),
    SessionRoutes.routes,
    ResultRoutes.routes,
    EvaluationRoutes.routes,
    DatasetRoutes.routes,
  )
  const served = yield* HostHttp.app(routes)
  return Effect.provide(served, context)
})

/**
 * Serves the app until the scope closes, as `HostServer.serve` does: sessions that still run are stopped then, their
 * checkpoints kept, and who follows them is told.
 */
export const layer = (
  options: HostServer.Options = {},
): Layer.Layer<never, never, HttpServer.HttpServer | Needed> =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const { close } = yield* Sessions.Sessions
      yield* HostServer.serve(yield* app, options, close)
    }),
  )
