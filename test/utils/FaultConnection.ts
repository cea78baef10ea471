/** A connection that a fault proxy passes on, and what befalls it. */
import type * as Net from "node:net"
import { clearTimeout, setTimeout } from "node:timers"
import type { PCGRandom } from "effect/Utils"
import * as FaultPipe from "./FaultPipe.js"
import { Fault } from "./FaultPlan.js"

/** The proxy, as its connections know it. */
export interface Owner {
  readonly counts: { opened: number; sockets: number; exchanges: number; request: number; answer: number }
  /** The fault of the next connection or exchange, if it has one of its own. */
  readonly next: (what: "connection" | "exchange") => Fault | undefined
  readonly befell: (connection: number, fault: Fault) => void
  /** Who connects is refused for some time. */
  readonly refuse: (millis: number) => void
  /** It is closed at both ends. */
  readonly leave: (connection: Connection) => void
}

export const none = Fault.None()

/** A client's socket and the one to the host. */
export class Connection {
  readonly #proxy: Owner
  readonly #client: Net.Socket
  readonly #host: Net.Socket
  readonly #number: number
  readonly #request: FaultPipe.Pipe
  readonly #answer: FaultPipe.Pipe
  #fault: Fault
  /** Whose bytes came last. */
  #turn: "request" | "answer" | undefined
  #idle: NodeJS.Timeout | undefined

  constructor(proxy: Owner, client: Net.Socket, host: Net.Socket, line: FaultPipe.Line, random: PCGRandom) {
    this.#proxy = proxy
    this.#client = client
    this.#host = host
    this.#number = proxy.counts.opened
    this.#fault = proxy.next("connection") ?? none
    const shared = {
      line,
      random,
      befell: (fault: Fault) => proxy.befell(this.#number, fault),
      reset: () => this.reset(),
    }
    this.#request = new FaultPipe.Pipe({
      ...shared,
      side: "request",
      from: client,
      to: host,
      fault: () => this.#asked(),
      passed: (bytes) => (proxy.counts.request += bytes),
    })
    this.#answer = new FaultPipe.Pipe({
      ...shared,
      side: "answer",
      from: host,
      to: client,
      fault: () => this.#answered(),
      passed: (bytes) => (proxy.counts.answer += bytes),
    })
    let open = 2
    proxy.counts.sockets += open
    for (const socket of [client, host]) {
      socket.once("close", () => {
        proxy.counts.sockets -= 1
        if (--open > 0) return
        clearTimeout(this.#idle)
        proxy.leave(this)
      })
    }
    if (this.#fault._tag === "Refuse") this.#refuse(this.#fault)
  }

  reset(): void {
    clearTimeout(this.#idle)
    this.#request.stop()
    this.#answer.stop()
    for (const socket of [this.#client, this.#host]) {
      // A socket that is being shut down cannot be reset: Node would never close it.
      if (socket.writableEnded) socket.destroy()
      else socket.resetAndDestroy()
    }
  }

  #refuse(fault: Extract<Fault, { readonly _tag: "Refuse" }>): void {
    this.#proxy.befell(this.#number, fault)
    this.reset()
    this.#proxy.refuse(fault.millis)
  }

  #asked(): Fault {
    clearTimeout(this.#idle)
    if (this.#turn !== "request") this.#begin()
    return this.#fault
  }

  #begin(): void {
    this.#turn = "request"
    this.#proxy.counts.exchanges += 1
    const own = this.#proxy.next("exchange")
    if (own === undefined) return
    this.#fault = own
    this.#request.begin()
    this.#answer.begin()
    if (own._tag === "Refuse") this.#refuse(own)
  }

  #answered(): Fault {
    this.#turn = "answer"
    clearTimeout(this.#idle)
    const fault = this.#fault
    if (fault._tag === "CloseIdle") {
      this.#idle = setTimeout(() => {
        this.#proxy.befell(this.#number, fault)
        this.#client.end()
        this.#host.end()
      }, fault.afterMillis)
    }
    return fault
  }
}
