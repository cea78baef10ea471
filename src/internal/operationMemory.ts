/**
 * The store behind `OperationStore.layerMemory`.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import * as Schema from "effect/Schema"
import * as Record from "../OperationRecord.js"
import type * as OperationStore from "../OperationStore.js"
import { ProgressSnapshot } from "../ProgressSnapshot.js"
import { leaseMillis } from "./operationLease.js"
import { checkQuery } from "./operationQuery.js"
import { superseded } from "./operationRefusal.js"
import { idTaken, leaseGone } from "./operationStored.js"

export const makeMemory: Effect.Effect<OperationStore.Service> = Effect.sync(() => {
  const leases = new Map<number, number>()
  const records = new Map<string, Record.OperationRecord>()
  let tokens = 0

  const isHeld = (token: number, now: number): boolean => (leases.get(token) ?? 0) > now

  /** Alters a record that its owner may still alter. */
  const alter = (
    id: string,
    token: number,
    change: (record: Record.OperationRecord) => Record.OperationRecord,
  ): Effect.Effect<boolean> =>
    Effect.map(steady, (now) => {
      const record = records.get(id)
      if (record === undefined || record.owner.token !== token) return false
      if (Record.isTerminal(record) || !isHeld(token, now)) return false
      records.set(id, change(record))
      return true
    })

  return {
    acquire: Effect.map(steady, (now) => {
      const token = ++tokens
      leases.set(token, now + leaseMillis)
      return { token, pid: 0, host: "memory" }
    }),
    renew: (token) =>
      Effect.map(steady, (now) => {
        const held = isHeld(token, now)
        if (held) leases.set(token, now + leaseMillis)
        return held
      }),
    release: (token) => Effect.sync(() => void leases.delete(token)),
    insert: (record) =>
      Effect.flatMap(steady, (now) => {
        if (records.has(record.id)) return Effect.fail(idTaken(record.id))
        if (!isHeld(record.owner.token, now)) return Effect.fail(leaseGone(record))
        const { resumedFrom } = record
        if (resumedFrom !== null) {
          const others = [...records.values()].filter((other) => other.resumedFrom === resumedFrom)
          const successor = others.find((other) => !Record.isTerminal(other))
          if (successor !== undefined) return Effect.fail(superseded(resumedFrom, successor.id))
        }
        records.set(record.id, record)
        return Effect.void
      }),
    begin: (id, token, at) =>
      alter(id, token, (record) => ({
        ...record,
        status: record.status === "pending" ? "running" : record.status,
        started: Math.max(at, record.created),
      })),
    report: (id, token, reported, warnings) =>
      alter(id, token, (record) => ({ ...record, ...progressOf(reported), warnings: [...warnings] })),
    finish: (id, token, ending, at, last, warnings) =>
      alter(id, token, (record) =>
        Record.end(
          { ...record, ...(last === undefined ? {} : progressOf(last)), warnings: [...warnings] },
          ending,
          at,
        ),
      ),
    requestCancel: (id, cancellation) =>
      Effect.sync(() => {
        const record = records.get(id)
        if (record === undefined) return Option.none()
        if (!Record.isTerminal(record) && record.status !== "cancelling") {
          records.set(id, { ...record, status: "cancelling", cancellation })
        }
        return Option.fromNullable(records.get(id))
      }),
    requested: (token) =>
      Effect.sync(() =>
        [...records.values()].flatMap(({ id, owner, status, cancellation }) =>
          owner.token === token && status === "cancelling" && cancellation !== null
            ? [{ id, cancellation }]
            : [],
        ),
      ),
    get: (id) => Effect.sync(() => Option.fromNullable(records.get(id))),
    list: (query) =>
      Effect.map(checkQuery(query), ({ limit, offset }) => {
        const all = [...records.values()]
        const fitting = all
          .filter(
            (record) =>
              (query.statuses === undefined || query.statuses.includes(record.status)) &&
              (query.kind === undefined || query.kind === record.kind) &&
              (query.parent === undefined || query.parent === record.parent),
          )
          .sort(newestFirst)
        return {
          operations: fitting
            .slice(offset, offset + limit)
            .map((record) => ({ ...record, failure: Record.brief(record.failure) })),
          total: fitting.length,
          active: all.filter((record) => !Record.isTerminal(record)).length,
        }
      }),
    watch: (id, sequence) =>
      Effect.sync(() =>
        Option.map(Option.fromNullable(records.get(id)), (record) => ({
          status: record.status,
          sequence: record.sequence,
          encoded:
            record.progress === null || record.sequence <= sequence
              ? undefined
              : JSON.stringify(record.progress),
        })),
      ),
    sweep: Effect.flatMap(steady, (now) =>
      Effect.map(Clock.currentTimeMillis, (at) => {
        const gone = [...records.values()].filter(
          (record) => !Record.isTerminal(record) && !isHeld(record.owner.token, now),
        )
        for (const record of gone) records.set(record.id, Record.end(record, Record.lost(record, silent), at))
        return gone.length
      }),
    ),
    prune: ({ before, keep }) =>
      Effect.sync(() => {
        const ended = [...records.values()].filter(Record.isTerminal).sort(lastEndedFirst)
        const old = ended.filter((record, index) => index >= keep || (record.completed ?? 0) < before)
        for (const { id } of old) records.delete(id)
        return old.length
      }),
  }
})

// ---------------------------------------------------------------------------------------------------------

/** A lease of this process ran out, or was given back. */
const silent = "let its lease go: it has ended, or was suspended for too long"

/** Milliseconds that no setting of the clock moves. */
const steady = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n))

const newestFirst = Order.reverse(
  Order.combine(
    Order.mapInput(Order.number, (record: Record.Summary) => record.created),
    Order.mapInput(Order.string, (record: Record.Summary) => record.id),
  ),
)

const lastEndedFirst = Order.reverse(
  Order.combine(
    Order.mapInput(Order.number, (record: Record.Summary) => record.completed ?? 0),
    Order.mapInput(Order.string, (record: Record.Summary) => record.id),
  ),
)

const progressOf = ({ sequence, encoded, fraction, message }: OperationStore.Reported) => ({
  sequence,
  fraction,
  message,
  progress: decode(encoded),
})

const decode = Schema.decodeUnknownSync(Schema.parseJson(ProgressSnapshot))
