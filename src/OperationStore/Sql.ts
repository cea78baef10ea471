/**
 * `OperationStore` in a SQLite file, for the processes of a user. A lease is held in machine time, which no
 * setting of the clock moves; that of a process which is gone, or of an earlier start of the machine, is gone.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import { turn } from "../internal/breathe.js"
import { LocalMachine } from "../internal/LocalMachine.js"
import { checkQuery } from "../internal/operationQuery.js"
import { superseded } from "../internal/operationRefusal.js"
import { idTaken, leaseGone } from "../internal/operationStored.js"
import { OperationError } from "../OperationError.js"
import * as Record from "../OperationRecord.js"
import { leaseMillis, OperationStore, type Query, type Reported, type Service } from "../OperationStore.js"
import * as SqlDatabase from "./SqlDatabase.js"
import * as SqlLoss from "./SqlLoss.js"
import * as SqlRecord from "./SqlRecord.js"

export const make: Effect.Effect<Service, never, SqlDatabase.SqlDatabase> = Effect.gen(function* () {
  const { batch, file, query, write } = yield* SqlDatabase.SqlDatabase
  const machine = yield* LocalMachine
  const told = new Set<string>()
  /** What became of owners that are gone, where that could not be written down. */
  const unwritten = new Map<number, SqlLoss.Loss>()

  /** Alters an operation that its owner may still alter, and says whether he may. */
  const alter = (
    assignments: string,
    values: ReadonlyArray<SqlDatabase.Parameter>,
    id: string,
    token: number,
  ): Effect.Effect<boolean, OperationError> =>
    Effect.flatMap(machine.now, (now) =>
      Effect.map(
        write(`UPDATE operations SET ${assignments} WHERE ${owned} RETURNING 1`, [...values, id, token, now]),
        isSome,
      ),
    )

  const unreadable = (id: string, error: ParseResult.ParseError): OperationError =>
    new OperationError({
      reason: "StoreUnreadable",
      place: `${id} in ${file}`,
      expected: "a record that this version can read",
      found: ParseResult.ArrayFormatter.formatErrorSync(error)
        .map(({ message, path }) => `${path.map(String).join(".")}: ${message}`)
        .join("; "),
      advice: "Update ktrdr if a later version wrote it",
      cause: error,
    })

  const decode = (id: string, row: SqlDatabase.Row): Effect.Effect<Record.OperationRecord, OperationError> =>
    Either.match(SqlRecord.decodeRecord(row), {
      onLeft: (error) => Effect.fail(unreadable(id, error)),
      onRight: (decoded) => Effect.succeed(decoded.toRecord()),
    })

  /** The rows that can be read; of each other one a warning is logged once. */
  const summaries = Effect.fnUntraced(function* (rows: ReadonlyArray<SqlDatabase.Row>) {
    const read: Array<Record.Summary> = []
    for (const row of rows) {
      const decoded = SqlRecord.decodeSummary(row)
      if (Either.isRight(decoded)) read.push(decoded.right.toSummary())
      else yield* tell(String(row["id"]), decoded.left)
    }
    return read
  })

  const tell = (id: string, error: ParseResult.ParseError): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (told.has(id)) return Effect.void
      told.add(id)
      return Effect.logWarning(unreadable(id, error).message)
    })

  /** Removes slice after slice, lest a statement take long. */
  const remove = (choice: string, params: ReadonlyArray<SqlDatabase.Parameter>) =>
    Effect.gen(function* () {
      let removed = 0
      while (true) {
        const rows = yield* write(
          `DELETE FROM operations WHERE id IN (SELECT id FROM operations WHERE ${ended} ${choice}) RETURNING 1`,
          params,
        )
        removed += rows.length
        if (rows.length < slice) return removed
      }
    })

  const get: Service["get"] = (id) =>
    Effect.flatMap(query(`SELECT * FROM ${SqlLoss.table(unwritten)} WHERE id = ?`, [plain(id)]), ([row]) =>
      row === undefined ? Effect.succeedNone : Effect.asSome(decode(id, row)),
    )

  return {
    acquire: Effect.flatMap(machine.now, (now) => {
      const { boot, host, pid, space } = machine
      return Effect.map(
        write("INSERT INTO leases (boot, space, pid, host, expires) VALUES (?, ?, ?, ?, ?) RETURNING token", [
          boot,
          space,
          pid,
          host,
          now + leaseMillis,
        ]),
        ([row]) => ({ token: Number(row?.["token"]), pid, host }),
      )
    }),
    renew: (token) =>
      Effect.flatMap(machine.now, (now) =>
        Effect.map(
          write("UPDATE leases SET expires = ? WHERE token = ? AND expires > ? RETURNING 1", [
            now + leaseMillis,
            token,
            now,
          ]),
          isSome,
        ),
      ),
    release: (token) => Effect.asVoid(write("DELETE FROM leases WHERE token = ?", [token])),

    insert: Effect.fn("OperationStore.insert")(function* (record) {
      const { id, owner, resumedFrom } = record
      const values = SqlRecord.valuesOf(record)
      const inserted = yield* write(insertion, [...values, owner.token, yield* machine.now, resumedFrom])
      if (isSome(inserted)) return
      if (isSome(yield* query("SELECT 1 FROM operations WHERE id = ?", [id]))) return yield* idTaken(id)
      const [successor] = yield* query(`SELECT id FROM operations WHERE ${succeeding}`, [resumedFrom])
      return yield* resumedFrom === null || successor === undefined
        ? leaseGone(record)
        : superseded(resumedFrom, String(successor["id"]))
    }),
    begin: (id, token, at) =>
      alter(
        "status = CASE status WHEN 'pending' THEN 'running' ELSE status END, started = max(?, created)",
        [at],
        id,
        token,
      ),
    report: (id, token, reported, warnings) =>
      alter(`${progress}, warnings = ?`, [...progressOf(reported), JSON.stringify(warnings)], id, token),
    finish: (id, token, ending, at, last, warnings) =>
      alter(
        [
          ...(last === undefined ? [] : [progress]),
          "warnings = ?",
          completed,
          ...Object.keys(SqlRecord.endingOf(ending)).map(assigned),
        ].join(", "),
        [
          ...(last === undefined ? [] : progressOf(last)),
          JSON.stringify(warnings),
          at,
          ...Object.values(SqlRecord.endingOf(ending)),
        ],
        id,
        token,
      ),

    requestCancel: Effect.fn("OperationStore.requestCancel")(function* (id, cancellation) {
      const [row] = yield* write(
        `UPDATE operations SET status = 'cancelling', cancellation = ?
         WHERE id = ? AND status IN ('pending', 'running') RETURNING *`,
        [JSON.stringify(cancellation), plain(id)],
      )
      return row === undefined ? yield* get(id) : Option.some(yield* decode(id, row))
    }),
    requested: (token) =>
      Effect.map(
        query(
          `SELECT id, cancellation FROM operations WHERE token = ? AND ${active} AND status = 'cancelling'`,
          [token],
        ),
        (rows) => rows.flatMap((row) => Option.toArray(SqlRecord.decodeRequested(row))),
      ),

    get,
    list: Effect.fn("OperationStore.list")(function* (asked) {
      const { limit, offset } = yield* checkQuery(asked)
      const { condition, params } = filterOf(asked)
      const table = SqlLoss.table(unwritten)
      const [counts] = yield* query(
        `SELECT (SELECT count(*) FROM ${table} WHERE ${condition}) AS total,
                (SELECT count(*) FROM ${table} WHERE ${active}) AS active`,
        params,
      )
      const operations: Array<Record.Summary> = []
      for (let start = 0, after: SqlDatabase.Row | undefined; start < limit; start += slice) {
        const rows: ReadonlyArray<SqlDatabase.Row> = yield* query(
          `SELECT ${SqlRecord.summaryColumns} FROM ${table}
           WHERE ${condition} ${after === undefined ? "" : "AND (created, id) < (?, ?)"}
           ORDER BY created DESC, id DESC LIMIT ? OFFSET ?`,
          [
            ...params,
            ...(after === undefined ? [] : [Number(after["created"]), String(after["id"])]),
            Math.min(slice, limit - start),
            after === undefined ? offset : 0,
          ],
        )
        operations.push(...(yield* summaries(rows)))
        if (rows.length < slice) break
        if (operations.length < limit) yield* turn
        after = rows.at(-1)
      }
      return { operations, total: Number(counts?.["total"]), active: Number(counts?.["active"]) }
    }),
    watch: (id, sequence) =>
      Effect.map(
        query(
          `SELECT status, sequence, CASE WHEN sequence > ? THEN progress END AS encoded
           FROM ${SqlLoss.table(unwritten)} WHERE id = ?`,
          [sequence, plain(id)],
        ),
        ([row]) =>
          Option.map(SqlRecord.decodeSeen(row), (seen) => ({ ...seen, encoded: seen.encoded ?? undefined })),
      ),

    sweep: Effect.gen(function* () {
      const owners = yield* query(owning)
      const now = yield* machine.now
      const at = yield* Clock.currentTimeMillis
      const gone = owners.flatMap((owner) => Option.toArray(SqlLoss.of(machine, now, owner, at)))
      if (gone.length === 0) {
        unwritten.clear()
        return 0
      }
      const swept = yield* Effect.tapError(batch(gone.flatMap(loss)), () =>
        Effect.sync(() => {
          for (const one of gone) if (!unwritten.has(one.token)) unwritten.set(one.token, one)
        }),
      )
      unwritten.clear()
      return swept.reduce((sum, rows) => sum + rows.length, 0)
    }).pipe(Effect.withSpan("OperationStore.sweep")),

    prune: Effect.fn("OperationStore.prune")(function* ({ before, keep }) {
      const [counts] = yield* query(
        `SELECT count(*) AS ended, count(*) FILTER (WHERE completed < ?) AS old FROM operations WHERE ${ended}`,
        [before],
      )
      const old = Number(counts?.["old"])
      const tooOld =
        old === 0 ? 0 : yield* remove(`AND completed < ? ORDER BY completed, id LIMIT ${slice}`, [before])
      if (Number(counts?.["ended"]) - old <= keep) return tooOld
      const excess = `(SELECT count(*) FROM operations WHERE ${ended}) - ?`
      return tooOld + (yield* remove(`ORDER BY completed, id LIMIT max(0, min(${slice}, ${excess}))`, [keep]))
    }),
  }
})

/** Needs the database that its records are kept in. */
export const layer: Layer.Layer<OperationStore, never, SqlDatabase.SqlDatabase> = Layer.effect(
  OperationStore,
  make,
)

export const layerFile = (options: SqlDatabase.Options): Layer.Layer<OperationStore> =>
  Layer.provide(layer, SqlDatabase.layer(options))

// ---------------------------------------------------------------------------------------------------------

/** Rows that are read, or removed, at once. */
const slice = 100

/** As the partial indexes say it. */
const active = SqlRecord.isOneOf(Record.active)
const ended = SqlRecord.isOneOf(Record.terminal)

const owned = `id = ? AND token = ? AND ${active}
  AND EXISTS (SELECT 1 FROM leases WHERE leases.token = operations.token AND expires > ?)`

/** What goes on with an operation. */
const succeeding = `resumedFrom = ? AND ${active}`

const insertion = `INSERT INTO operations (${SqlRecord.columns.join(", ")})
  SELECT ${SqlRecord.columns.map(() => "?").join(", ")}
  WHERE EXISTS (SELECT 1 FROM leases WHERE token = ? AND expires > ?)
    AND NOT EXISTS (SELECT 1 FROM operations WHERE ${succeeding})
  ON CONFLICT (id) DO NOTHING RETURNING 1`

/** Of the requests to cancel the first counts, wherever the ending comes from. */
const assigned = (column: string): string =>
  column === "cancellation" ? "cancellation = coalesce(cancellation, ?)" : `${column} = ?`

/** No earlier than it began. */
const completed = "completed = max(?, created, coalesce(started, created))"

const progress = "sequence = ?, fraction = ?, message = ?, progress = ?"

const progressOf = ({
  encoded,
  fraction,
  message,
  sequence,
}: Reported): ReadonlyArray<SqlDatabase.Parameter> => [sequence, fraction, JSON.stringify(message), encoded]

/** Every lease, and what stands for the lease of operations that have none any more. */
const owning = `SELECT token, boot, space, pid, host, expires FROM leases
  UNION ALL SELECT DISTINCT token, NULL, NULL, pid, host, NULL FROM operations
  WHERE ${active} AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.token = operations.token)`

/** Takes the lease away and fails what it was for, unless it was renewed since it was read. */
const loss = ({ at, expires, failure, token }: SqlLoss.Loss): ReadonlyArray<SqlDatabase.Statement> => [
  {
    sql: `UPDATE operations SET status = 'failed', failure = ?, ${completed}
      WHERE token = ? AND ${active} AND (SELECT expires FROM leases WHERE token = ?) IS ? RETURNING 1`,
    params: [failure, at, token, token, expires],
  },
  { sql: "DELETE FROM leases WHERE token = ? AND expires = ?", params: [token, expires] },
]

const filterOf = ({ kind, parent, statuses }: Query) => {
  const parts: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ["1", []],
    ...(statuses === undefined
      ? []
      : [[`status IN (${statuses.map(() => "?").join(", ")})`, statuses] as const]),
    ...(kind === undefined ? [] : [["kind = ?", [plain(kind)]] as const]),
    ...(parent === undefined ? [] : [["parent = ?", [plain(parent)]] as const]),
  ]
  return {
    condition: parts.map(([condition]) => condition).join(" AND "),
    params: parts.flatMap(([, params]) => params),
  }
}

/** Text ends at a NUL for SQLite: what has one is no id and no kind. */
const plain = (text: string): string => (text.includes("\0") ? "" : text)

const isSome = (rows: ReadonlyArray<SqlDatabase.Row>): boolean => rows.length > 0
