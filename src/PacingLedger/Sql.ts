/**
 * Logs in the database that the processes of a user share. Instants are those of the machine, which no setting
 * of a clock moves; what another start of it wrote is as long ago as the wall clock says.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { LocalMachine } from "../internal/LocalMachine.js"
import { SqlDatabase } from "../OperationStore/SqlDatabase.js"
import { Entry, type Log, PacingLedger, type Service, type Written } from "../PacingLedger.js"

/** An entry, and when it was written by the wall clock (epoch milliseconds). */
const Kept = Schema.Struct({ wall: Schema.Number, entry: Entry })
type Kept = typeof Kept.Type

const Row = Schema.Struct({ owner: Schema.String, entry: Schema.parseJson(Kept) })

const decode = Schema.decodeUnknownEither(Row)

export const make: Effect.Effect<Service, never, SqlDatabase> = Effect.gen(function* () {
  const { file, query, write } = yield* SqlDatabase
  const machine = yield* LocalMachine
  const runtime = yield* Effect.runtime<never>()
  const now = () => Runtime.runSync(runtime, machine.now)
  const boot = `${machine.boot}/`

  const open = Effect.fn("PacingLedger.open")(function* (scope: string) {
    const owner = `${boot}${machine.pid}/${yield* Random.nextInt}/${yield* Random.nextInt}`
    let read = 0
    let written = 0
    let isWarned = false

    const sweep = Effect.gen(function* () {
      const at = now()
      const wall = yield* Clock.currentTimeMillis
      yield* write(sweeping, [scope, read, boot, at + aheadMillis, at, wall])
    })

    const warn = (reason: string) =>
      Effect.suspend(() => {
        if (isWarned) return Effect.void
        isWarned = true
        return Effect.logWarning(`${file}: an entry of the pacing log is left out: ${reason}`)
      })

    return {
      now,
      append: Effect.fnUntraced(function* (entry) {
        const kept: Kept = { wall: yield* Clock.currentTimeMillis, entry }
        const values = [scope, owner, entry.at, JSON.stringify(kept), scope, read]
        const [row] = yield* write(appending, values)
        if (row === undefined) return false
        read = Number(row["id"])
        if (written++ % sweepEvery === 0) yield* Effect.ignore(sweep)
        return true
      }),
      read: Effect.fnUntraced(function* (observe) {
        const wall = yield* Clock.currentTimeMillis
        const rows = yield* query(reading, [scope, read])
        const decoded = rows.map((row) => decode(row))
        const at = now()
        read = Number(rows.at(-1)?.["id"] ?? read)
        observe(
          decoded.filter(Either.isRight).map(({ right: { entry: kept, owner } }): Written => {
            const isOfNow = owner.startsWith(boot) && kept.entry.at <= at + aheadMillis
            const ago = Math.max(0, wall - kept.wall)
            return { owner, entry: isOfNow ? kept.entry : moved(kept.entry, at - ago) }
          }),
        )
        const strange = decoded.find(Either.isLeft)
        if (strange !== undefined) yield* warn(strange.left.message.split("\n")[0] ?? "")
      }),
    } satisfies Log
  })

  return { open }
})

export const layer: Layer.Layer<PacingLedger, never, SqlDatabase> = Layer.effect(PacingLedger, make)

// ---------------------------------------------------------------------------------------------------------

/** With the first of so many entries, those that are over are dropped. */
const sweepEvery = 64

/** An entry that is said to be written so much later than now was written before the machine started. */
const aheadMillis = 600_000

/** Row numbers only grow, also over those that were dropped, and over a file that was set aside. */
const appending = `INSERT INTO pacing (scope, owner, at, entry) SELECT ?, ?, ?, ?
  WHERE NOT EXISTS (SELECT 1 FROM pacing WHERE scope = ? AND id > ?) RETURNING id`

const reading = "SELECT id, owner, entry FROM pacing WHERE scope = ? AND id > ? ORDER BY id"

const sweeping = `DELETE FROM pacing WHERE scope = ? AND id < ? AND CASE
  WHEN instr(owner, ?) = 1 AND at <= ? THEN entry ->> '$.entry.until' <= ?
  ELSE (entry ->> '$.wall') + (entry ->> '$.entry.until') - at <= ? END`

/** As if written at `at`, with all of its instants. */
const moved = (entry: Entry, at: number): Entry => {
  const later = Math.ceil(at - entry.at)
  return {
    ...entry,
    at: entry.at + later,
    until: entry.until + later,
    waits: entry.waits === null ? null : { ...entry.waits, since: entry.waits.since + later },
    pausedUntil: entry.pausedUntil === null ? null : entry.pausedUntil + later,
  }
}
