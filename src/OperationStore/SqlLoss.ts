/**
 * Owners that are gone, and how their operations are shown before that can be written down.
 */
import * as Option from "effect/Option"
import type { Machine } from "../internal/LocalMachine.js"
import * as Record from "../OperationRecord.js"
import { leaseMillis } from "../OperationStore.js"
import type { Row } from "./SqlConnection.js"
import * as SqlRecord from "./SqlRecord.js"

/** What became of an owner. It never owns anything again. */
export interface Loss {
  readonly token: number
  /** Of its lease when that was looked at; none where there was none. */
  readonly expires: number | null
  /** JSON. */
  readonly failure: string
  /** When it was noticed. */
  readonly at: number
}

/** Whether an owner is gone, by the row of its lease; `now` is no earlier than when that was read. */
export const of = (machine: Machine, now: number, row: Row, at: number): Option.Option<Loss> =>
  Option.map(Option.fromNullable(fate(machine, now, row)), (how) => {
    const owner = { token: Number(row["token"]), pid: Number(row["pid"]), host: String(row["host"]) }
    const expires = row["expires"] === null ? null : Number(row["expires"])
    const { failure } = Record.lost({ owner }, how)
    return { token: owner.token, expires, failure: JSON.stringify(failure), at }
  })

/** What stands for the table `operations`: those whose owner is gone have failed in it. */
export const table = (losses: ReadonlyMap<number, Loss>): string => {
  if (losses.size === 0) return "operations"
  const all = [...losses.values()]
  const told = (value: (loss: Loss) => string, otherwise: string): string =>
    `CASE WHEN ${isActive} THEN CASE token ${all.map((loss) => `WHEN ${loss.token} THEN ${value(loss)}`).join(" ")}
      ELSE ${otherwise} END ELSE ${otherwise} END AS ${otherwise}`
  const altered = {
    status: told(() => "'failed'", "status"),
    failure: told(({ failure }) => quoted(failure), "failure"),
    completed: told(({ at }) => `max(${at}, created, coalesce(started, created))`, "completed"),
  }
  const columns = SqlRecord.columns.map((column) => altered[column as keyof typeof altered] ?? column)
  return `(SELECT ${columns.join(", ")} FROM operations)`
}

// ---------------------------------------------------------------------------------------------------------

const isActive = SqlRecord.isOneOf(Record.active)

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** What became of a process that owns nothing any more; none of one that may. */
const fate = (machine: Machine, now: number, { boot, expires, pid, space }: Row): string | undefined => {
  if (expires === null) return "is gone"
  if (boot !== machine.boot) return "is gone: its machine has been started anew"
  const isNear = space === machine.space
  const isDead = isNear && Number(pid) !== machine.pid && !machine.isAlive(Number(pid))
  if (isDead) return "is gone"
  if (Number(expires) > now && Number(expires) <= now + leaseMillis) return undefined
  return isNear
    ? "did not renew its lease: it was suspended for too long, or could not write that down"
    : "did not renew its lease: it is gone, was suspended for too long, or could not write that down"
}
