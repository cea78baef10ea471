/** The server of a host that a benchmark runs as a process of its own, over http or https. */
import { createServer } from "node:https"
import * as HttpServer from "@effect/platform/HttpServer"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Http from "../../src/node/Http.js"
import * as SelfSigned from "../utils/SelfSigned.js"

const address = { host: "127.0.0.1", port: 0 }

/** A server on a free port, which once it is there prints `{port, ca}` as a line; `ca` is what a client must trust. */
export const layer = (tls: boolean): Layer.Layer<HttpServer.HttpServer, unknown> => {
  const pair = tls ? SelfSigned.make() : undefined
  const server: Layer.Layer<HttpServer.HttpServer, unknown> =
    pair === undefined ? Http.layer(address) : NodeHttpServer.layerServer(() => createServer(pair), address)
  const announce = HttpServer.addressWith((address) =>
    address._tag === "TcpAddress"
      ? Console.log(JSON.stringify({ port: address.port, ca: pair?.cert }))
      : Effect.void,
  )
  return Layer.provideMerge(Layer.effectDiscard(announce), server)
}
