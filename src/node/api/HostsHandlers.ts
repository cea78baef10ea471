/**
 * What the routes of `HostsApi` do.
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Hosts from "../../Hosts.js"
import { Api } from "../Api.js"
import { iso, isoOrNull } from "../Instants.js"
import type * as HostsApi from "./HostsApi.js"

export const layer = HttpApiBuilder.group(Api, "hosts", (handlers) =>
  Effect.map(Effect.serviceOption(Hosts.Hosts), (hosts) => {
    const views = Option.match(hosts, { onNone: () => Effect.succeed([]), onSome: ({ list }) => list })
    return handlers.handle("list", () =>
      Effect.map(views, (found) => ({ success: true as const, data: found.map(hostOf) })),
    )
  }),
)

// ---------------------------------------------------------------------------------------------------------

const hostOf = ({ next_try, last_error, health, ...view }: Hosts.View): typeof HostsApi.Host.Type => ({
  ...view,
  next_try: isoOrNull(next_try),
  last_error: last_error === null ? null : { ...last_error, at: iso(last_error.at) },
  health: { ...health, at: isoOrNull(health.at) },
})
