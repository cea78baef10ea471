/**
 * One reader of an event stream, as a stream of Node: a frame goes straight from whoever publishes it into the
 * response, without a fiber of its own.
 */
import { Readable } from "node:stream"
import { isTerminal } from "../../OperationRecord.js"
import type { Change } from "../../Operations.js"

/** A change as it is sent: made once for all who watch. */
export interface Frame {
  readonly sequence: number
  readonly isLast: boolean
  readonly bytes: Uint8Array
}

const encoder = new TextEncoder()
const frames = new WeakMap<Change, Frame>()

/** The id of the last event is the number of the last snapshot and one more. */
export const frameOf = (change: Change): Frame => {
  const known = frames.get(change)
  if (known !== undefined) return known
  const { encoded, sequence, status } = change
  const isLast = isTerminal(change)
  const [id, name] = isLast ? [sequence + 1, status] : [sequence, "progress"]
  const frame = {
    sequence,
    isLast,
    bytes: encoder.encode(`id: ${id}\nevent: ${name}\ndata: ${encoded}\n\n`),
  }
  frames.set(change, frame)
  return frame
}

/** Says that there will be no more, and why. */
export const failure = (error: object): Uint8Array =>
  encoder.encode(`event: error\ndata: ${JSON.stringify(error)}\n\n`)

/** It is sent at once, lest the client wait for the headers. */
const beginning = encoder.encode(":\n\n")
export const alive = encoder.encode(": alive\n\n")

/**
 * Sends frames behind `after`, `replay` first. For a reader that takes none it keeps the newest, in the place of
 * those before it; the last frame ends the stream.
 */
export class EventWatcher extends Readable {
  readonly #after: number
  readonly #replay: Array<Frame>
  readonly #leave: (watcher: EventWatcher) => void
  #newest: Frame | undefined
  #isWanted = false
  #isOver = false

  constructor(after: number, replay: ReadonlyArray<Frame>, leave: (watcher: EventWatcher) => void) {
    super({ highWaterMark: 1 })
    this.#after = after
    this.#replay = replay.filter((frame) => this.#isNew(frame))
    this.#leave = leave
    this.push(beginning)
  }

  offer(frame: Frame): void {
    if (!this.#isNew(frame)) return
    this.#newest = frame
    this.#send()
  }

  /** A reader that takes nothing needs no sign of life. */
  beat(): void {
    if (this.#isWanted && !this.#isOver) this.#isWanted = this.push(alive)
  }

  /** Ends it after what is still to be sent. */
  finish(last?: Uint8Array): void {
    if (this.#isOver) return
    this.#isOver = true
    if (last !== undefined) this.push(last)
    this.push(null)
  }

  override _read(): void {
    this.#isWanted = true
    this.#send()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#isOver = true
    this.#leave(this)
    done(error)
  }

  #isNew({ isLast, sequence }: Frame): boolean {
    return isLast || sequence > this.#after
  }

  #send(): void {
    while (this.#isWanted && !this.#isOver) {
      const frame = this.#replay.shift() ?? this.#newest
      if (frame === undefined) return
      if (frame === this.#newest) this.#newest = undefined
      if (frame.isLast) this.finish(frame.bytes)
      else this.#isWanted = this.push(frame.bytes)
    }
  }
}
