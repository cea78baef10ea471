/**
 * Whether the server answers.
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"

export const Health = Schema.Struct({ status: Schema.Literal("ok"), version: Schema.String }).annotations({
  identifier: "Health",
})
export type Health = typeof Health.Type

export const group = HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("health", "/health")
      .addSuccess(Health)
      .annotate(OpenApi.Summary, "Whether the server answers, and its version"),
  )
  .annotate(OpenApi.Description, "The server itself")
