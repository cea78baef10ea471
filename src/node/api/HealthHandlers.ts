/**
 * What the routes of `HealthApi` do.
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import { Api } from "../Api.js"
import * as Package from "../Package.js"

export const layer = HttpApiBuilder.group(Api, "health", (handlers) =>
  handlers.handle("health", () => Effect.sync(() => ({ status: "ok" as const, version: Package.version() }))),
)
