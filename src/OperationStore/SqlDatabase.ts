/**
 * One SQLite file, shared by the processes of a user: their operations, and what else they have to agree on.
 *
 * Statements run one after another on the event loop, which turns in between once they have taken some
 * milliseconds together. What somebody else has locked is tried again for five seconds, and only the waiting
 * can be interrupted, no statement. The file is opened when it is needed first. One that is damaged, whenever
 * that is found, is set aside as `NAME.damaged-yyyyMMddHHmmss` with a warning, and a new one takes its place;
 * the numbers of its rows go on from those of the old one.
 */
import { resolve } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { OperationError } from "../OperationError.js"
import type { Parameter, Row, Statement } from "./SqlConnection.js"
import { SqlFault, toError } from "./SqlFault.js"
import * as SqlFile from "./SqlFile.js"
import { Turns } from "./SqlTurns.js"

export type { Parameter, Row, Statement } from "./SqlConnection.js"

/**
 * All fail with `StoreLocked`, `StoreNewer`, `StoreUnreadable` or `StoreUnwritable`. Tables are those of
 * `SqlTables`. Rows come with the names of their columns.
 */
export interface Service {
  readonly file: string
  /** One statement that reads. */
  readonly query: (
    sql: string,
    params?: ReadonlyArray<Parameter>,
  ) => Effect.Effect<ReadonlyArray<Row>, OperationError>
  /** One statement that writes; its rows are those of a `RETURNING`. */
  readonly write: (
    sql: string,
    params?: ReadonlyArray<Parameter>,
  ) => Effect.Effect<ReadonlyArray<Row>, OperationError>
  /** All of the statements in one transaction, or none; the rows of each. */
  readonly batch: (
    statements: ReadonlyArray<Statement>,
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Row>>, OperationError>
}

export class SqlDatabase extends Context.Tag("ktrdr/SqlDatabase")<SqlDatabase, Service>() {}

export interface Options {
  readonly file: string
}

export const make = (options: Options): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    const file = resolve(options.file)
    const turns = yield* Turns.make
    let current: SqlFile.Open | undefined
    let isClosed = false

    /** A good connection, in place of one that `found` the file to be damaged where that is given. */
    const replace = (found?: SqlFile.Open): Effect.Effect<SqlFile.Open, SqlFault> =>
      Effect.gen(function* () {
        if (isClosed) return yield* new SqlFault({ kind: "refused", found: "that it was closed" })
        const last = current
        current = undefined
        current = yield* (
          found === undefined && last?.isCurrent()
            ? SqlFile.reopen(file, turns, last)
            : SqlFile.open(file, turns, found)
        ).pipe(Effect.ensuring(last?.close ?? Effect.void))
        return current
      })

    const once = <A>(statement: Use<A>): Effect.Effect<A, SqlFault> =>
      Effect.suspend(() =>
        current !== undefined && isGood(current) ? Effect.succeed(current) : replace(),
      ).pipe(
        Effect.flatMap((found) =>
          Effect.catchAll(statement(found), (fault) =>
            fault.kind === "damaged" ? Effect.flatMap(replace(found), statement) : Effect.fail(fault),
          ),
        ),
        (effect) => turns.take(effect),
      )

    const run = <A>(statement: Use<A>): Effect.Effect<A, OperationError> =>
      once(statement).pipe(
        Effect.catchAll((fault) =>
          fault.kind === "busy" ? Effect.retry(once(statement), patience) : Effect.fail(fault),
        ),
        Effect.mapError((fault) => toError(file, fault)),
      )

    yield* Effect.addFinalizer(() =>
      turns.take(
        Effect.suspend(() => {
          const last = current
          isClosed = true
          current = undefined
          return last?.close ?? Effect.void
        }),
      ),
    )

    return {
      file,
      query: (sql, params = []) => run((one) => one.execute(sql, params)),
      write: (sql, params = []) => run((one) => one.execute(sql, params)),
      batch: (statements) => run((one) => one.batch(statements)),
    }
  })

/** Opens its file when it is used first; closing gives every descriptor back. */
export const layer = (options: Options): Layer.Layer<SqlDatabase> => Layer.scoped(SqlDatabase, make(options))

// ---------------------------------------------------------------------------------------------------------

const isGood = (one: SqlFile.Open): boolean => !one.isSpent() && one.isCurrent()

type Use<A> = (connection: SqlFile.Open) => Effect.Effect<A, SqlFault>

const patience = {
  while: ({ kind }: SqlFault) => kind === "busy",
  schedule: Schedule.exponential("5 millis").pipe(
    Schedule.union(Schedule.spaced("200 millis")),
    Schedule.jittered,
    Schedule.upTo("5 seconds"),
  ),
}
