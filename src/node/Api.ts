/**
 * ktrdr's own API as one value: server, typed client and OpenAPI document come from it.
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as OpenApi from "@effect/platform/OpenApi"
import * as DataApi from "./api/DataApi.js"
import * as Document from "./api/Document.js"
import * as ErrorBody from "./api/ErrorBody.js"
import * as HealthApi from "./api/HealthApi.js"
import * as HostsApi from "./api/HostsApi.js"
import * as ModelsApi from "./api/ModelsApi.js"
import * as OperationsApi from "./api/OperationsApi.js"
import * as TrainingsApi from "./api/TrainingsApi.js"

/** All routes but those of event streams (`api/Events`), which no derived client could read. */
export class Api extends HttpApi.make("ktrdr")
  .add(HealthApi.group)
  .add(HostsApi.group)
  .add(OperationsApi.group)
  .add(DataApi.group)
  .add(TrainingsApi.group)
  .add(ModelsApi.group)
  .prefix("/api/v1")
  .addError(ErrorBody.withStatus(401))
  .addError(ErrorBody.withStatus(403))
  .addError(ErrorBody.withStatus(413))
  .addError(ErrorBody.withStatus(422))
  .addError(ErrorBody.withStatus(429))
  .addError(ErrorBody.withStatus(500))
  .addError(ErrorBody.withStatus(503))
  .annotate(OpenApi.Title, "ktrdr")
  .annotate(OpenApi.Transform, Document.complete) {}
