/**
 * ktrdr's own API as a server: the declared routes, event streams, the document and its page, metrics.
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { DataManager } from "../../data/DataManager.js"
import * as AccessLog from "../../hosts/AccessLog.js"
import * as HostHttp from "../../hosts/HostHttp.js"
import * as Operations from "../../Operations.js"
import { Api } from "../Api.js"
import * as Prometheus from "../http/Prometheus.js"
import * as Package from "../Package.js"
import type * as Access from "./Access.js"
import * as Closing from "./Closing.js"
import * as DataHandlers from "./DataHandlers.js"
import * as DocsPage from "./DocsPage.js"
import * as EventHub from "./EventHub.js"
import * as Events from "./Events.js"
import * as Front from "./Front.js"
import * as HealthHandlers from "./HealthHandlers.js"
import * as HostsHandlers from "./HostsHandlers.js"
import * as ModelsHandlers from "./ModelsHandlers.js"
import * as OperationsHandlers from "./OperationsHandlers.js"
import * as Routes from "./Routes.js"
import * as TrainingsHandlers from "./TrainingsHandlers.js"

/** Where the document, the page to try it and the metrics are; the first two where KTRDR has them as well. */
export const paths = {
  root: "/",
  document: ["/openapi.json", "/api/v1/openapi.json"],
  page: ["/docs", "/api/v1/docs"],
  metrics: "/metrics",
} as const

/**
 * Serves until its scope closes; `settings` are those of the registry. Models are served, and strategies trained by name,
 * where there are a `TrainingManager`, a `ModelStore` and `Strategies`; hosts are told where there is `Hosts`. Where the layer of `Closing` is built before that of the operations, and after the
 * server, event streams end with what became of their operations.
 */
export const layer = (
  access: Access.Access,
  settings?: Readonly<Record<string, string>>,
): Layer.Layer<never, never, HttpServer.HttpServer | Closing.Closing | Operations.Operations | DataManager> =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const closing = yield* Closing.Closing
      const middleware = yield* HttpApiBuilder.Middleware
      yield* middleware.add(Front.make({ access, routes, closing }))
      const app = yield* HttpApiBuilder.httpApp
      yield* Scope.extend(HttpServer.serveEffect(closing.watched(AccessLog.make(app))), closing.scope)
      yield* Effect.addFinalizer(() => closing.begin)
    }),
  ).pipe(
    Layer.provide(HttpApiBuilder.api(Api)),
    Layer.provide([
      HealthHandlers.layer,
      HostsHandlers.layer,
      OperationsHandlers.layer,
      DataHandlers.layer,
      TrainingsHandlers.layer,
      ModelsHandlers.layer,
      others,
    ]),
    Layer.provide(
      settings === undefined ? Layer.empty : Layer.succeed(OperationsHandlers.Settings, { settings }),
    ),
    Layer.provide([HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer, HttpServer.layerContext]),
  )

// ---------------------------------------------------------------------------------------------------------

const undeclared = [paths.root, ...paths.document, ...paths.page, paths.metrics]

const routes: ReadonlyArray<Routes.Route> = [
  ...Routes.ofApi(Api),
  ...undeclared.map((path) => Routes.get(path)),
  Routes.get(Events.path, Events.query),
]

/** The routes that the declaration does not have. */
const others = HttpApiBuilder.Router.use((router) =>
  Effect.gen(function* () {
    const closing = yield* Closing.Closing
    const operations = yield* Operations.Operations
    const hub = yield* Scope.extend(EventHub.make(operations, closing.over), closing.scope)
    const document = yield* Effect.cached(Effect.sync(documentText))
    yield* router.get(Events.path, Events.route(operations, hub))
    yield* router.get(paths.root, Effect.succeed(HostHttp.json(welcome)))
    for (const path of paths.document)
      yield* router.get(
        path,
        Effect.map(document, (text) => HostHttp.json(text)),
      )
    for (const path of paths.page) yield* router.get(path, Effect.sync(DocsPage.response))
    yield* router.get(
      paths.metrics,
      Effect.map(Prometheus.text, (text) =>
        HttpServerResponse.text(text, { contentType: Prometheus.contentType }),
      ),
    )
  }),
)

const documentText = (): string => {
  const document = OpenApi.fromApi(Api)
  return JSON.stringify({ ...document, info: { ...document.info, version: Package.version() } })
}

const welcome = JSON.stringify({
  message: `The ktrdr API is running. Visit ${paths.page[0]} for documentation`,
})
