/**
 * A real HTTP or HTTPS server on 127.0.0.1 with a journal of what it saw and a script of what goes wrong.
 */
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as SelfSigned from "./SelfSigned.js"

/** What becomes of a request. */
export type Reply = Data.TaggedEnum<{
  Answer: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: string | Uint8Array
  }
  /** What the function does with it. */
  Play: { readonly play: (response: Http.ServerResponse) => void }
  /** Nothing at all, for as long as the client likes. */
  Hang: {}
  /** Headers and half a body, then nothing. */
  Stall: {}
  /** Headers and a body without end. */
  Flood: {}
  /** The connection closed before any byte. */
  Reset: {}
  /** The connection closed inside the status line. */
  ResetInHeaders: {}
  /** The connection reset inside the body. */
  ResetInBody: {}
  /** The connection ended, as if properly, inside the body. */
  Truncated: {}
}>
export const Reply = Data.taggedEnum<Reply>()

export const json = (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Reply =>
  Reply.Answer({
    status,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(value),
  })

export const html = (status: number, body = "<!doctype html>\n<title>Oops</title>"): Reply =>
  Reply.Answer({ status, headers: { "content-type": "text/html" }, body })

/** A request as the host saw it. */
export interface Seen {
  readonly method: string
  /** With its query. */
  readonly url: string
  readonly headers: Http.IncomingHttpHeaders
  /** 1 for the first connection that came in. */
  readonly connection: number
  body: string
  /** `closed`: the connection closed before the answer was out. */
  state: "open" | "answered" | "closed"
}

export interface FakeHost {
  readonly port: number
  readonly url: string
  /** What a client must trust, over TLS. */
  readonly ca: string | undefined
  readonly requests: Array<Seen>
  /** Connections that ever came in, and those that are open. */
  readonly connections: { opened: number; open: number }
  /** What the next requests get, in order; after that, `otherwise`. */
  readonly script: Array<Reply>
  otherwise: (seen: Seen) => Reply
  /** Waits until the condition holds; it is looked at whenever something happens to the host. */
  readonly until: (condition: () => boolean) => Effect.Effect<void>
}

/**
 * A host that is closed, with every connection, when the scope closes. Unscripted requests are answered
 * `{"n":1}`, `{"n":2}` and so on. `port` is that of a host that was closed before, for one that starts again.
 */
export const make = (
  options: { readonly tls?: boolean; readonly port?: number; readonly keepAliveMillis?: number } = {},
): Effect.Effect<FakeHost, never, Scope.Scope> =>
  Effect.gen(function* () {
    const pair = options.tls === true ? SelfSigned.make() : undefined
    const server = pair === undefined ? Http.createServer() : Https.createServer(pair)
    server.keepAliveTimeout = options.keepAliveMillis ?? 60_000
    const { changed, connections, numberOf, port, reset, until } = yield* listen(server, options.port)
    const host: FakeHost = {
      port,
      url: `${pair === undefined ? "http" : "https"}://127.0.0.1:${port}`,
      ca: pair?.cert,
      requests: [],
      connections,
      script: [],
      otherwise: () => json({ n: host.requests.length }),
      until,
    }
    server.on("request", (request: Http.IncomingMessage, response: Http.ServerResponse) => {
      const seen: Seen = {
        method: request.method ?? "",
        url: request.url ?? "",
        headers: request.headers,
        connection: numberOf(request.socket),
        body: "",
        state: "open",
      }
      const chunks: Array<Buffer> = []
      response.on("close", () => {
        seen.state = response.writableFinished ? "answered" : "closed"
        changed()
      })
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        seen.body = Buffer.concat(chunks).toString()
        host.requests.push(seen)
        play(host.script.shift() ?? host.otherwise(seen), response, () => reset(request.socket))
        changed()
      })
    })
    return host
  })

/** A server that takes connections and does with them as it is told: nothing, by default. */
export const makeTcp = (
  onConnection: (socket: Net.Socket) => void = () => {},
): Effect.Effect<Pick<FakeHost, "connections" | "until"> & { readonly port: number }, never, Scope.Scope> =>
  listen(
    Net.createServer((socket) => {
      // Unread data would hide that the other side has closed.
      socket.resume()
      onConnection(socket)
    }),
  )

// -----------------------------------------------------------------------------

const play = (reply: Reply, response: Http.ServerResponse, reset: () => void): void => {
  const half = () => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "40" })
    response.write('{"half":"of a b')
  }
  Reply.$match(reply, {
    Answer: ({ body, headers, status }) => {
      response.writeHead(status, { ...headers, "content-length": String(Buffer.byteLength(body)) })
      response.end(body)
    },
    Play: ({ play }) => play(response),
    Hang: () => {},
    Stall: half,
    Flood: () => {
      response.writeHead(200, { "content-type": "application/json" })
      const pour = () => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      }
      response.on("drain", pour)
      pour()
    },
    Reset: reset,
    ResetInHeaders: () =>
      response.socket?.write("HTTP/1.1 200 OK\r\ncontent-", () => response.socket?.destroy()),
    ResetInBody: () => {
      half()
      setImmediate(reset)
    },
    Truncated: () => {
      half()
      setImmediate(() => response.socket?.end())
    },
  })
}

const listen = (server: Net.Server, port = 0) =>
  Effect.gen(function* () {
    const connections = { opened: 0, open: 0 }
    const sockets = new Map<number | undefined, { readonly socket: Net.Socket; readonly number: number }>()
    const listeners = new Set<() => void>()
    const changed = () => {
      for (const listener of listeners) listener()
    }
    server.on("connection", (socket) => {
      const port = socket.remotePort
      connections.opened += 1
      connections.open += 1
      sockets.set(port, { socket, number: connections.opened })
      socket.on("error", () => {})
      socket.on("close", () => {
        connections.open -= 1
        sockets.delete(port)
        changed()
      })
      changed()
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(port, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          for (const { socket } of sockets.values()) socket.destroy()
        }),
    )
    const until = (condition: () => boolean) =>
      Effect.async<void>((resume) => {
        const look = () => {
          if (condition()) {
            listeners.delete(look)
            resume(Effect.void)
          }
        }
        listeners.add(look)
        look()
        return Effect.sync(() => listeners.delete(look))
      })
    return {
      port: (server.address() as Net.AddressInfo).port,
      connections,
      changed,
      until,
      numberOf: (socket: Net.Socket) => sockets.get(socket.remotePort)?.number ?? 0,
      /** Under TLS the connection below is reset. */
      reset: (socket: Net.Socket) => sockets.get(socket.remotePort)?.socket.resetAndDestroy(),
    }
  })
