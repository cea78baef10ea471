/**
 * The hosts that the server has clients of, over HTTP.
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { View } from "../../Hosts.js"

const { last_error: LastError, health: Health } = View.fields

/** `Hosts.View`, its instants in ISO. */
export const Host = Schema.Struct({
  ...View.fields,
  next_try: Schema.NullOr(Schema.String),
  last_error: Schema.NullOr(Schema.Struct({ ...LastError.members[0].fields, at: Schema.String })),
  health: Schema.Struct({ ...Health.fields, at: Schema.NullOr(Schema.String) }),
}).annotations({ identifier: "Host" })

export const group = HttpApiGroup.make("hosts")
  .add(
    HttpApiEndpoint.get("list", "/hosts")
      .addSuccess(
        Schema.Struct({ success: Schema.Literal(true), data: Schema.Array(Host) }).annotations({
          identifier: "HostList",
        }),
      )
      .annotate(OpenApi.Summary, "One entry for each URL: its circuit, connections, counts and last error"),
  )
  .annotate(OpenApi.Description, "Host services that this server asks")
