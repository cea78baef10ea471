/**
 * An IB host inside this process, reached over HTTP like any other.
 */
import type * as HttpServer from "@effect/platform/HttpServer"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { CandleSource } from "../data/CandleSource.js"
import type { DataError } from "../data/DataError.js"
import type { HostError } from "../HostError.js"
import * as IbCandleSource from "../hosts/ib/IbCandleSource.js"
import * as IbServer from "../hosts/ib/IbServer.js"
import * as EmbeddedMarket from "./EmbeddedMarket.js"
import * as Http from "./Http.js"

export interface Options extends IbServer.Options {
  readonly seed: number
  /** Told where the host listens. */
  readonly onListen?: (url: string) => Effect.Effect<void>
}

/** The candles of a host that lives as long as the layer, on a free port of 127.0.0.1. */
export const layer = (options: Options): Layer.Layer<CandleSource, DataError | HostError> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const url = yield* Http.url
      yield* options.onListen?.(url) ?? Effect.void
      return IbCandleSource.layerHost({ baseUrl: url, backoff: "100 millis" })
    }),
  ).pipe(Layer.provide(served(options)))

// ---------------------------------------------------------------------------------------------------------

const served = (options: Options): Layer.Layer<HttpServer.HttpServer, DataError> =>
  IbServer.layer(options).pipe(
    Layer.provide(EmbeddedMarket.layer(options)),
    Layer.provide([NodeFileSystem.layer, NodePath.layer]),
    Layer.provideMerge(Http.layer({ host: "127.0.0.1", port: 0 })),
  )
