/**
 * A TCP proxy on 127.0.0.1, between any client and any host, which does to the bytes what its plan says. It knows
 * nothing of what they mean, so that http and https fare alike.
 *
 * An exchange begins with the first bytes of a client after those of the host: a request and its answer over http.
 */
import * as Net from "node:net"
import { clearTimeout, setTimeout } from "node:timers"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { PCGRandom } from "effect/Utils"
import { Connection, none, type Owner } from "./FaultConnection.js"
import type * as FaultPipe from "./FaultPipe.js"
import type { Fault } from "./FaultPlan.js"

export { script } from "./FaultPlan.js"

export interface Options {
  /** Where the host listens on 127.0.0.1; asked anew for each connection. */
  readonly port: number | (() => number)
  readonly plan?: ReadonlyArray<Fault> | undefined
  /** Whether each connection has a fault of the plan (the default), or each exchange. */
  readonly per?: "connection" | "exchange"
  readonly line?: FaultPipe.Line
  /** Of the jitter. */
  readonly seed?: number
}

/** A fault that befell a connection. */
export interface Entry {
  /** 1 is the first that came in. */
  readonly connection: number
  /** 1 is the first of all connections. */
  readonly exchange: number
  readonly fault: Fault
}

export interface FaultProxy {
  readonly port: number
  readonly journal: Array<Entry>
  readonly counts: {
    /** Connections that came in, and those of them that are not closed at both ends. */
    opened: number
    open: number
    /** Of both ends, those that are not closed. */
    sockets: number
    exchanges: number
    /** Bytes that passed. */
    request: number
    answer: number
  }
  /** Connections and exchanges from here on suffer nothing. */
  readonly heal: () => void
  /** Nobody can connect, and what is connected is reset, until it goes up again. */
  readonly down: Effect.Effect<void>
  readonly up: Effect.Effect<void>
  /** Waits until the condition holds; it is looked at whenever something happens to a connection. */
  readonly until: (condition: () => boolean) => Effect.Effect<void>
}

/** A proxy that is closed, with every connection, when the scope closes. */
export const make = (options: Options): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const proxy = new Proxy(options)
    yield* Effect.acquireRelease(
      Effect.promise(() => proxy.listen()),
      () => Effect.promise(() => proxy.close()),
    )
    return {
      port: proxy.port,
      journal: proxy.journal,
      counts: proxy.counts,
      heal: () => proxy.heal(),
      down: Effect.sync(() => proxy.down()),
      up: Effect.promise(() => proxy.listen()),
      until: (condition) =>
        Effect.async<void>((resume) => {
          const look = () => {
            if (!condition()) return
            proxy.listeners.delete(look)
            resume(Effect.void)
          }
          proxy.listeners.add(look)
          look()
          return Effect.sync(() => proxy.listeners.delete(look))
        }),
    } satisfies FaultProxy
  })

// ---------------------------------------------------------------------------------------------------------

class Proxy implements Owner {
  readonly counts = { opened: 0, open: 0, sockets: 0, exchanges: 0, request: 0, answer: 0 }
  readonly journal: Array<Entry> = []
  readonly listeners = new Set<() => void>()
  port = 0
  readonly #options: Options
  readonly #random: PCGRandom
  readonly #connections = new Set<Connection>()
  #plan: ReadonlyArray<Fault>
  #server: Net.Server | undefined
  #listening = Promise.resolve()
  #outage: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: Options) {
    this.#options = options
    this.#plan = options.plan ?? []
    this.#random = new PCGRandom(options.seed ?? 1)
  }

  changed(): void {
    for (const listener of this.listeners) listener()
  }

  heal(): void {
    this.#plan = []
  }

  /** The fault of the next connection or exchange, if it has one of its own. */
  next(what: "connection" | "exchange"): Fault | undefined {
    const { per = "connection" } = this.#options
    if (what !== per) return undefined
    const number = per === "connection" ? this.counts.opened : this.counts.exchanges
    return this.#plan[number - 1] ?? none
  }

  befell(connection: number, fault: Fault): void {
    this.journal.push({ connection, exchange: this.counts.exchanges, fault })
    this.changed()
  }

  listen(): Promise<void> {
    return (this.#listening = this.#listening.then(() => this.#listen()))
  }

  /** Connections that are there go on. */
  shut(): void {
    clearTimeout(this.#outage)
    this.#server?.close()
    this.#server = undefined
  }

  down(): void {
    this.shut()
    for (const connection of this.#connections) connection.reset()
  }

  /** Who connects is refused for some time. */
  refuse(millis: number): void {
    this.shut()
    this.#outage = setTimeout(() => void this.listen(), millis)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#listening
    this.down()
    if (this.counts.open === 0) return
    await new Promise<void>((resolve) => {
      this.listeners.add(() => {
        if (this.counts.open === 0) resolve()
      })
    })
  }

  leave(connection: Connection): void {
    this.#connections.delete(connection)
    this.counts.open -= 1
    this.changed()
  }

  #accept(client: Net.Socket): void {
    this.counts.opened += 1
    this.counts.open += 1
    const { line = {}, port } = this.#options
    const host = Net.connect({
      host: "127.0.0.1",
      port: typeof port === "function" ? port() : port,
      allowHalfOpen: true,
      noDelay: true,
    })
    this.#connections.add(new Connection(this, client, host, line, this.#random))
    this.changed()
  }

  /** Something else may have the port for a moment: it is tried again. */
  async #listen(): Promise<void> {
    clearTimeout(this.#outage)
    while (this.#server === undefined && !this.#isClosed) {
      const options = { allowHalfOpen: true, noDelay: true }
      const server = Net.createServer(options, (socket) => this.#accept(socket))
      const isListening = await new Promise<boolean>((resolve) => {
        server.once("error", () => resolve(false))
        server.listen(this.port, "127.0.0.1", () => resolve(true))
      })
      if (isListening) {
        this.port = (server.address() as Net.AddressInfo).port
        this.#server = server
      } else await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}
