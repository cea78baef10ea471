/**
 * What limiters of several processes tell one another, so that the rules hold for all of them together: a log
 * per scope that entries are only ever added to. Who adds one knows every other, so each limiter decides by
 * its own rules, and on complete knowledge.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SteadyClock } from "./internal/pacingClock.js"
import type { OperationError } from "./OperationError.js"

/** What a request takes of one rule, which goes by its name: that has to mean the same to all who share a log. */
export const Take = Schema.Struct({ rule: Schema.String, key: Schema.String, cost: Schema.Number })
export type Take = typeof Take.Type

/** Something that others have to know; instants are milliseconds of the log. */
export const Entry = Schema.Struct({
  /** When it was written. Of a start: no earlier than it. */
  at: Schema.Number,
  /** From then on it need not be kept. */
  until: Schema.Number,
  /** What the request takes that starts; nothing where none does. */
  takes: Schema.Array(Take),
  /** Of those who wait the one that came first, if it is the rules that hold it back, and what it would take. */
  waits: Schema.NullOr(Schema.Struct({ since: Schema.Number, takes: Schema.Array(Take) })),
  /** The host has asked that nothing start before. */
  pausedUntil: Schema.NullOr(Schema.Number),
})
export type Entry = typeof Entry.Type

/** An entry and the limiter that wrote it. */
export interface Written {
  readonly owner: string
  readonly entry: Entry
}

/** The log as one limiter has it open. */
export interface Log {
  /** Milliseconds that never fall, the same for all who share the log. */
  readonly now: () => number
  /**
   * Hands on what was written since it was read last, in the order of the log. What has been handed on once is
   * not handed on again, and nothing is lost to an interruption.
   */
  readonly read: (observe: (written: ReadonlyArray<Written>) => void) => Effect.Effect<void, OperationError>
  /** Writes an entry and is true, or is false where there is something that was not read yet. */
  readonly append: (entry: Entry) => Effect.Effect<boolean, OperationError>
}

export interface Service {
  /** Opens the log of a scope for one limiter; none where it is alone. */
  readonly open: (scope: string) => Effect.Effect<Log | undefined>
}

/** By default each limiter is alone. */
export class PacingLedger extends Context.Reference<PacingLedger>()("ktrdr/PacingLedger", {
  defaultValue: (): Service => ({ open: () => Effect.succeed(undefined) }),
}) {}

/** Logs for the limiters of this process, in the time of the clock that is current now. */
export const makeMemory: Effect.Effect<Service> = Effect.map(Effect.clock, (clock) => {
  const time = new SteadyClock(clock)
  const scopes = new Map<string, Memory>()
  return {
    open: (scope) =>
      Effect.sync(() => {
        const memory = scopes.get(scope) ?? { written: [], ids: 0, owners: 0 }
        scopes.set(scope, memory)
        return openMemory(memory, time)
      }),
  }
})

export const layerMemory: Layer.Layer<PacingLedger> = Layer.effect(PacingLedger, makeMemory)

// ---------------------------------------------------------------------------------------------------------

interface Memory {
  written: Array<Written & { readonly id: number }>
  ids: number
  owners: number
}

/** After so many entries those that are over are dropped. */
const sweepEvery = 64

const openMemory = (memory: Memory, time: SteadyClock): Log => {
  const owner = String(++memory.owners)
  let read = 0
  return {
    now: () => time.millis(),
    read: (observe) =>
      Effect.sync(() => {
        const unread = memory.written.filter(({ id }) => id > read)
        read = memory.ids
        observe(unread)
      }),
    append: (entry) =>
      Effect.sync(() => {
        if (read < memory.ids) return false
        read = ++memory.ids
        if (read % sweepEvery === 0) {
          const now = time.millis()
          memory.written = memory.written.filter(({ entry }) => entry.until > now)
        }
        memory.written.push({ id: read, owner, entry })
        return true
      }),
  }
}
