/**
 * Whose operations a command looks at: those of this home, or those of a server.
 */
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { HostError } from "../../HostError.js"
import type * as Operations from "../../Operations.js"
import * as Main from "../Main.js"

/** Those of the server at the URL, where there is one. */
export const over = (
  server: string | undefined,
): Layer.Layer<Operations.Operations, ConfigError | HostError> =>
  server === undefined
    ? Main.layerOperations
    : Layer.unwrapEffect(
        Effect.map(
          Effect.promise(() => import("../api/RemoteOperations.js")),
          (remote) => remote.layer(server),
        ),
      )
