/**
 * One direction of a proxied connection: what passes of the bytes, and when.
 */
import type * as Net from "node:net"
import { clearTimeout, setTimeout } from "node:timers"
import type { PCGRandom } from "effect/Utils"
import type { Fault, Side } from "./FaultPlan.js"

/** What every byte suffers, whatever else happens. */
export interface Line {
  /** From one end to the other and back, in milliseconds. */
  readonly roundTripMillis?: number
  /** So much longer at most, drawn for each piece; pieces stay in order. */
  readonly jitterMillis?: number
  /** Of each direction. */
  readonly bytesPerSecond?: number
  /** A new connection takes so many round trips before its first byte passes. */
  readonly roundTripsToConnect?: number
}

export interface Options {
  readonly side: Side
  readonly from: Net.Socket
  readonly to: Net.Socket
  readonly line: Line
  readonly random: PCGRandom
  /** What the bytes that come now suffer; asked for each piece. */
  readonly fault: () => Fault
  /** A fault has befallen the bytes. */
  readonly befell: (fault: Fault) => void
  /** Both ends are to be reset. */
  readonly reset: () => void
  /** Called for each piece that passes. */
  readonly passed: (bytes: number) => void
}

interface Piece {
  readonly bytes: Buffer
  readonly due: number
}

/** Pieces that wait may be so many bytes before no more are read. */
const most = 1 << 20

export class Pipe {
  readonly #options: Options
  /** Bytes that came since the connection or the exchange began. */
  #position = 0
  #struck: Fault | undefined
  /** What is done once everything that waits has passed; what comes meanwhile and after that is lost. */
  #last: (() => void) | undefined
  #isOver = false
  #waiting: Array<Piece> = []
  #size = 0
  #timer: NodeJS.Timeout | undefined
  /** When the line is free again, and when the last piece is due (milliseconds of `performance`). */
  #free: number
  #due = 0

  constructor(options: Options) {
    this.#options = options
    const { from, line, reset, side, to } = options
    const trips = side === "request" ? (line.roundTripsToConnect ?? 0) : 0
    this.#free = performance.now() + trips * (line.roundTripMillis ?? 0)
    from.on("data", (bytes: Buffer) => this.#take(bytes))
    from.once("end", () => {
      this.#finish(() => to.end())
      if (to.destroyed) from.destroy()
    })
    from.on("error", () => this.#finish(reset))
    from.once("close", () => {
      if (to.readableEnded) to.destroy()
    })
    to.on("drain", () => from.resume())
  }

  /** Bytes are counted from here on. */
  begin(): void {
    this.#position = 0
    this.#struck = undefined
  }

  /** Nothing passes any more, neither bytes nor an end. */
  stop(): void {
    this.#isOver = true
    this.#last = undefined
    this.#waiting = []
    this.#size = 0
    clearTimeout(this.#timer)
  }

  /** Nothing passes after what waits, which is followed by `last`. */
  #finish(last: () => void): void {
    if (this.#isOver || this.#last !== undefined) return
    this.#last = last
    if (this.#waiting.length === 0) this.#end()
  }

  #end(): void {
    const last = this.#last
    this.stop()
    last?.()
  }

  #take(bytes: Buffer): void {
    const fault = this.#options.fault()
    const isHere = "side" in fault && fault.side === this.#options.side
    const reached = isHere ? fault.at - this.#position : Number.POSITIVE_INFINITY
    this.#position += bytes.length
    if (this.#isOver || this.#last !== undefined) return
    if (!isHere || reached > bytes.length) return this.#pass(bytes)
    const isNew = this.#struck !== fault
    if (isNew) this.#options.befell(fault)
    this.#struck = fault
    const before = bytes.subarray(0, Math.max(0, reached))
    const after = bytes.subarray(before.length)
    this.#pass(before)
    switch (fault._tag) {
      case "Reset":
        return this.#finish(() => this.#options.reset())
      case "Truncate":
        return this.#finish(() => {
          this.#options.to.end()
          this.#options.from.destroy()
        })
      case "HalfOpen":
        return this.#finish(() => {})
      case "Stall":
        return
      case "Duplicate":
        if (isNew) this.#pass(after.subarray(0, fault.length))
        return this.#pass(after)
      case "Drip":
        for (let from = 0; from < after.length; from += fault.bytes) {
          this.#free = Math.max(this.#free, performance.now()) + fault.everyMillis
          this.#pass(after.subarray(from, from + fault.bytes))
        }
    }
  }

  #pass(bytes: Buffer): void {
    if (bytes.length === 0) return
    const { bytesPerSecond, jitterMillis = 0, roundTripMillis = 0 } = this.#options.line
    const now = performance.now()
    this.#free = Math.max(this.#free, now)
    if (bytesPerSecond !== undefined) this.#free += (bytes.length / bytesPerSecond) * 1000
    const jitter = jitterMillis === 0 ? 0 : this.#options.random.number() * jitterMillis
    this.#due = Math.max(this.#due, this.#free + roundTripMillis / 2 + jitter)
    if (this.#due <= now && this.#waiting.length === 0) return this.#write(bytes)
    this.#waiting.push({ bytes, due: this.#due })
    this.#size += bytes.length
    if (this.#size > most) this.#options.from.pause()
    this.#timer ??= this.#wake()
  }

  #wake(): NodeJS.Timeout {
    return setTimeout(
      () => {
        this.#timer = undefined
        const now = performance.now()
        const wait = this.#waiting.findIndex(({ due }) => due > now)
        for (const { bytes } of this.#waiting.splice(0, wait < 0 ? this.#waiting.length : wait)) {
          this.#size -= bytes.length
          this.#write(bytes)
        }
        const { from, to } = this.#options
        if (this.#waiting.length > 0) this.#timer = this.#wake()
        else if (this.#last !== undefined) this.#end()
        else if (!to.writableNeedDrain) from.resume()
      },
      Math.max(0, this.#waiting[0]!.due - performance.now()),
    )
  }

  #write(bytes: Buffer): void {
    const { from, passed, to } = this.#options
    if (!to.writable) return
    passed(bytes.length)
    if (!to.write(bytes)) from.pause()
  }
}
