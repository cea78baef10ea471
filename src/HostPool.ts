/**
 * The connection pool under a host client: one undici pool a host, closed with its scope.
 */
import * as Net from "node:net"
import * as HttpClient from "@effect/platform/HttpClient"
import { buildConnector, Client, type Dispatcher, errors, Pool } from "@effect/platform-node/Undici"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { asksForGzip, type HostConfig } from "./HostConfig.js"
import { Connections, type Counts, failed } from "./internal/connections.js"
import * as HostPoolClient from "./internal/HostPoolClient.js"
import * as HostMetrics from "./internal/hostMetrics.js"

/**
 * A dispatcher for the one origin of `config.baseUrl` that keeps at most `config.connections` connections, and
 * destroys every socket within a second when the scope closes. An aborted request closes its socket even while
 * that is still connecting. An idle connection is closed after `config.keepAlive`, or two seconds before the
 * time that the host has said by `Keep-Alive: timeout=`, whichever is sooner.
 */
export const make = (
  config: HostConfig,
): Effect.Effect<{ readonly dispatcher: Dispatcher; readonly connections: Counts }, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new HostDispatcher(config)),
      (pool) =>
        Effect.promise(() => pool.shutdown()).pipe(Effect.interruptible, Effect.timeoutOption("1 second")),
    ),
    (pool) => ({ dispatcher: pool, connections: pool.connections }),
  )

/**
 * An `HttpClient` for that host alone, over a pool of its own for each origin of `config.baseUrls`; it ends an
 * answer that is too long while it comes.
 */
export const layer = (config: HostConfig): Layer.Layer<HttpClient.HttpClient | Connections> =>
  Layer.unwrapScoped(
    Effect.map(
      Effect.forEach(originsOf(config), (origin) =>
        Effect.map(make({ ...config, baseUrl: origin }), (pool) => [origin, pool] as const),
      ),
      (list) => {
        const pools = new Map(list)
        const limits = { maxBodyBytes: config.maxBodyBytes, gzip: asksForGzip(config) }
        return Layer.merge(
          Layer.succeed(HttpClient.HttpClient, HostPoolClient.make(byOrigin(pools), limits)),
          Layer.succeed(Connections, new Map(list.map(([origin, pool]) => [origin, pool.connections]))),
        )
      },
    ),
  )

// -----------------------------------------------------------------------------

const originsOf = (config: HostConfig): ReadonlyArray<string> =>
  Arr.dedupe(config.baseUrls.map((baseUrl) => new URL(baseUrl).origin))

const byOrigin = (
  pools: ReadonlyMap<string, { readonly dispatcher: Dispatcher }>,
): Pick<Dispatcher, "dispatch"> => ({
  dispatch: (options, handler) => {
    const pool = pools.get(String(options.origin))
    if (pool === undefined) throw foreign([...pools.keys()].join(" and "), options.origin)
    return pool.dispatcher.dispatch(options, handler)
  },
})

const foreign = (own: string, origin: unknown) =>
  new errors.InvalidArgumentError(`this pool is for ${own}, not ${String(origin)}`)

class HostDispatcher extends Pool {
  readonly connections: { opened: number; open: number }
  readonly #origin: string
  readonly #connecting: Set<Net.Socket>

  constructor(config: HostConfig) {
    const connecting = new Set<Net.Socket>()
    const connector = buildConnector({
      timeout: 0,
      ...(config.ca === undefined ? {} : { ca: config.ca }),
    })
    const { origin } = new URL(config.baseUrl)
    super(origin, {
      connections: config.connections,
      keepAliveTimeout: Duration.toMillis(config.keepAlive),
      keepAliveMaxTimeout: Duration.toMillis(config.keepAlive),
      factory: (url, options) => new Connection(url, options, connector, connecting),
    })
    this.#origin = origin
    this.#connecting = connecting
    this.connections = { opened: 0, open: 0 }
    const opened = HostMetrics.connections(config.name)
    this.on("connect", () => {
      this.connections.opened += 1
      this.connections.open += 1
      opened()
    })
    this.on("disconnect", () => {
      this.connections.open -= 1
    })
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
    if (options.origin !== this.#origin) {
      throw foreign(this.#origin, options.origin)
    }
    return super.dispatch(options, handler)
  }

  shutdown(): Promise<void> {
    for (const socket of this.#connecting) socket.destroy(new errors.ClientDestroyedError())
    return this.destroy()
  }
}

/** One connection of the pool at a time, with one request at most, which says where it stood when it failed. */
class Connection extends Client {
  readonly #state: State

  constructor(url: URL, options: object, connector: buildConnector.connector, connecting: Set<Net.Socket>) {
    const state: State = { signal: undefined, connecting: undefined, open: undefined, read: 0, requests: 0 }
    super(url, {
      ...options,
      connect: (target, callback) => {
        // undici connects anew for a request that was aborted, only to find that out.
        if (state.signal?.aborted === true) {
          queueMicrotask(() => callback(new errors.RequestAbortedError(), null))
          return
        }
        const socket: unknown = connector(target, (...result) => {
          if (state.connecting !== undefined) connecting.delete(state.connecting)
          state.connecting = undefined
          if (result[0] === null) adopt(state, result[1])
          callback(...result)
        })
        if (socket instanceof Net.Socket) {
          state.connecting = socket
          connecting.add(socket)
          const abort = () => {
            if (state.connecting === socket) socket.destroy(new errors.RequestAbortedError())
          }
          state.signal?.addEventListener("abort", abort, { once: true })
        }
      },
    })
    this.#state = state
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
    const state = this.#state
    state.requests += 1
    state.signal = "signal" in options && options.signal instanceof AbortSignal ? options.signal : undefined
    if (state.open !== undefined) state.read = state.open.bytesRead
    return super.dispatch(options, handler)
  }
}

interface State {
  /** Aborts the latest request. */
  signal: AbortSignal | undefined
  connecting: Net.Socket | undefined
  open: Net.Socket | undefined
  /** Bytes that had been read from `open` when the latest request was handed in. */
  read: number
  /** Requests handed in since the last connection closed. */
  requests: number
}

const adopt = (state: State, socket: Net.Socket): void => {
  state.open = socket
  state.read = socket.bytesRead
  socket.on("error", (error) =>
    failed.set(error, { reused: state.requests > 1, answered: socket.bytesRead > state.read }),
  )
  socket.once("close", () => {
    state.open = undefined
    state.requests = 0
  })
}
