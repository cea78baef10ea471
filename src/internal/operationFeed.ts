/**
 * What the watchers of one operation are told, each in his own time: a slow one misses changes that are not the
 * last, and holds up nobody.
 */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { OperationError } from "../OperationError.js"
import { isTerminal, type Status } from "../OperationRecord.js"
import type { Change } from "../Operations.js"
import { ProgressSnapshot } from "../ProgressSnapshot.js"

export class Feed {
  readonly #hub = Effect.runSync(PubSub.sliding<Change>(held))
  readonly #failed = Deferred.unsafeMake<never, OperationError>(FiberId.none)
  #past: Array<Change> = []

  get last(): Change | undefined {
    return this.#past.at(-1)
  }

  publish(change: Change): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#past = [...this.#past.slice(1 - remembered), change]
      return this.#hub.publish(change)
    })
  }

  /** Ends all that watch: the changes cannot be had any more. */
  fail(cause: Cause.Cause<OperationError>): Effect.Effect<void> {
    return Deferred.failCause(this.#failed, cause)
  }

  /**
   * From after `sequence`, as far as that is remembered; without it from the newest one on. The terminal one is
   * told in any case, for it has no sequence of its own where the owner did not live to give it one.
   */
  changes(sequence?: number): Stream.Stream<Change, OperationError> {
    const isNew = (one: Change) => sequence === undefined || one.sequence > sequence || isTerminal(one)
    return Stream.unwrapScoped(
      Effect.map(this.#hub.subscribe, (queue) => {
        const told = this.#past
        const past = sequence === undefined ? told.slice(-1) : told.filter(isNew)
        return Stream.concat(
          Stream.fromIterable(past),
          Stream.filter(Stream.fromQueue(queue), (one) => isNew(one) && !told.includes(one)),
        )
      }),
    ).pipe(Stream.takeUntil(isTerminal), Stream.interruptWhenDeferred(this.#failed))
  }
}

export const fromSnapshot = (
  id: string,
  sequence: number,
  status: Status,
  snapshot: ProgressSnapshot,
): Change => ({ id, sequence, status, encoded: encode(snapshot), snapshot: () => snapshot })

export const fromEncoded = (id: string, sequence: number, status: Status, encoded: string): Change => ({
  id,
  sequence,
  status,
  encoded,
  snapshot: () => decode(encoded),
})

// ---------------------------------------------------------------------------------------------------------

/** Changes kept for those who come back, and for one who is slow. */
const remembered = 64
const held = 16

/** Without the facts of the domain where those are nothing that JSON can say. */
const encode = (snapshot: ProgressSnapshot): string => {
  try {
    return JSON.stringify(snapshot)
  } catch {
    return JSON.stringify({ ...snapshot, context: {} })
  }
}

const decode = Schema.decodeUnknownSync(Schema.parseJson(ProgressSnapshot))
