/**
 * One connection to a database file.
 *
 * The file is attached to a database in memory instead of being opened as the main one: to detach it gives its
 * descriptors back at once, whereas a connection that is closed keeps them until the last of its statements is
 * collected.
 */
import { closeSync, openSync, statSync } from "node:fs"
import type { LibsqlClient } from "@effect/sql-libsql/LibsqlClient"
import type { Client, ResultSet } from "@libsql/client"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { fromCause, type SqlFault } from "./SqlFault.js"
import type { Turns } from "./SqlTurns.js"

export type Parameter = string | number | boolean | null
export type Row = Readonly<Record<string, unknown>>

export interface Statement {
  readonly sql: string
  readonly params: ReadonlyArray<Parameter>
}

export interface Connection {
  readonly execute: (
    sql: string,
    params: ReadonlyArray<Parameter>,
  ) => Effect.Effect<ReadonlyArray<Row>, SqlFault>
  /** All of the statements or none, in a transaction that writes. */
  readonly batch: (
    statements: ReadonlyArray<Statement>,
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Row>>, SqlFault>
}

/** How long a statement may hold up the event loop while somebody else writes, in milliseconds. */
const busyMillis = 20

/**
 * Attaches a file, or what a `file:` URI names, as `schema` until the scope closes; made where it is missing.
 * Statements go to the SDK itself, which takes half the time of the client's own; they run before it returns.
 */
export const attach = (
  file: string,
  schema: string,
  turns: Turns,
): Effect.Effect<Connection, SqlFault, Scope.Scope> =>
  Effect.gen(function* () {
    const { client, sdk } = yield* inMemory
    const setUp = (sql: string, params: ReadonlyArray<Parameter> = []) =>
      Effect.mapError(client.unsafe(sql, params), fromCause)
    yield* setUp(`PRAGMA busy_timeout = ${busyMillis}`)
    yield* Effect.acquireRelease(setUp(`ATTACH DATABASE ? AS ${schema}`, [file]), () =>
      Effect.ignore(setUp(`DETACH DATABASE ${schema}`)),
    )
    const connection: Connection = {
      execute: (sql, params) =>
        Effect.tryPromise({
          try: () => turns.timed(() => sdk.execute({ sql, args: [...params] })),
          catch: fromCause,
        }).pipe(Effect.map(rowsOf), Effect.uninterruptible),
      batch: (statements) =>
        Effect.tryPromise({
          try: () => turns.timed(() => sdk.batch(statements.map(toSdk), "write")),
          catch: fromCause,
        }).pipe(
          Effect.map((results) => results.map(rowsOf)),
          Effect.uninterruptible,
        ),
    }
    return connection
  }).pipe(Effect.withTracerEnabled(false))

/**
 * Makes a file that only its user can read, unless there is one. To open and close one that is there would drop
 * the locks that this process has on it.
 */
export const makeFile = (file: string): Effect.Effect<void, SqlFault> =>
  Effect.try({
    try: () => {
      if (!exists(file)) closeSync(openSync(file, "ax", 0o600))
    },
    catch: fromCause,
  }).pipe(
    Effect.catchIf(
      () => exists(file),
      () => Effect.void,
    ),
  )

// ---------------------------------------------------------------------------------------------------------

const rowsOf = ({ rows }: ResultSet): ReadonlyArray<Row> => rows

const toSdk = ({ params, sql }: Statement) => ({ sql, args: [...params] })

const inMemory: Effect.Effect<{ readonly client: LibsqlClient; readonly sdk: Client }, never, Scope.Scope> =
  Effect.gen(function* () {
    const { createClient, Libsql } = yield* Effect.promise(load)
    const sdk = yield* Effect.acquireRelease(
      Effect.sync(() => createClient({ url: ":memory:" })),
      (opened) => Effect.sync(() => opened.close()),
    )
    const context = yield* Layer.build(Libsql.layer({ liveClient: sdk }))
    return { client: Context.get(context, Libsql.LibsqlClient), sdk }
  })

const load = async () => {
  const [{ createClient }, Libsql] = await Promise.all([
    import("@libsql/client"),
    import("@effect/sql-libsql/LibsqlClient"),
  ])
  return { createClient, Libsql }
}

const exists = (file: string): boolean => statSync(file, { throwIfNoEntry: false }) !== undefined
