/**
 * HTTP servers of this process.
 */
import * as NodeHttp from "node:http"
import * as HttpServer from "@effect/platform/HttpServer"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DataError } from "../data/DataError.js"

export interface Address {
  /** 127.0.0.1 unless others are to be let in. */
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
}

/**
 * A server whose release does not wait for clients that keep their connections open, and whose answers are over
 * once their client has left. It upgrades nothing: where somebody listens for that, Node takes the body away from
 * requests that merely offer to go on with HTTP/2. Requests that come before somebody serves them wait for that.
 */
export const createServer = (): NodeHttp.Server => {
  const server = NodeHttp.createServer({ ServerResponse: Response })
  const close = server.close.bind(server)
  const on = server.on.bind(server)
  const early: Array<Array<unknown>> = []
  const hold = (...given: Array<unknown>) => void early.push(given)
  on("request", hold)
  const serve = (listener: Listener) => {
    server.off("request", hold)
    on("request", listener)
    for (const given of early.splice(0)) listener(...given)
    return server
  }
  return Object.assign(server, {
    on: (name: string, listener: Listener) =>
      name === "upgrade" ? server : name === "request" ? serve(listener) : on(name, listener),
    close: (done?: (error?: Error) => void) => {
      close(done)
      server.closeAllConnections()
      return server
    },
  })
}

/** A server that listens. Fails with `Refused` when it cannot, because the port is taken for instance. */
export const layer = (address: Address): Layer.Layer<HttpServer.HttpServer, DataError> =>
  Layer.mapError(
    Layer.suspend(() => NodeHttpServer.layerServer(createServer, address)),
    ({ cause }) =>
      new DataError({
        reason: "Refused",
        place: `${address.host}:${address.port}`,
        expected: "an address to listen on",
        found: cause instanceof Error ? cause.message : String(cause),
        advice: isPortTaken(cause)
          ? "Choose another with --port, or end the program that holds it"
          : "Choose another with --host or --port",
      }),
  )

/** `http://127.0.0.1:5001`, `http://[::1]:5001` */
export const url: Effect.Effect<string, never, HttpServer.HttpServer> = Effect.map(
  HttpServer.HttpServer,
  ({ address }) => {
    if (address._tag === "UnixAddress") return address.path
    const { hostname, port } = address
    return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`
  },
)

// ---------------------------------------------------------------------------------------------------------

type Listener = (...given: Array<unknown>) => void

/** Node calls back only when the answer is sent: whoever waits for that would wait for ever once the client left. */
class Response extends NodeHttp.ServerResponse {
  override end(...given: Array<unknown>): this {
    const done = given.find((one) => typeof one === "function") as (() => void) | undefined
    if (done !== undefined) {
      if (this.closed) queueMicrotask(done)
      else this.once("close", done)
    }
    return super.end(...(given as [unknown, BufferEncoding]))
  }
}

const isPortTaken = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE"
