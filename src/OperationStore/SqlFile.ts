/**
 * Opening the database file: one process at a time makes it, brings it to this version, or sets it aside.
 */
import { mkdirSync, renameSync, type Stats, statSync } from "node:fs"
import { basename, dirname } from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Connection from "./SqlConnection.js"
import { fromCause, SqlFault } from "./SqlFault.js"
import { migration, version } from "./SqlTables.js"
import type { Turns } from "./SqlTurns.js"

/** A database file that is open. */
export interface Open extends Connection.Connection {
  /** False once the name stands for another file, or for none: somebody set this one aside, or removed it. */
  readonly isCurrent: () => boolean
  /** True once it was busy. */
  readonly isSpent: () => boolean
  readonly close: Effect.Effect<void>
}

/**
 * Opens the file, in a folder that is made where it is missing. A file that is damaged is set aside and
 * replaced, as is the one that was `found` to be so, unless it is another one by now.
 */
export const open = (file: string, turns: Turns, found?: Open): Effect.Effect<Open, SqlFault> => {
  const attached = Effect.gen(function* () {
    yield* Connection.makeFile(file)
    return yield* attach(file, turns, file, prepare)
  })

  /** In a folder where the files that go with writing cannot be made, it is read as one that nobody writes. */
  const opened = Effect.catchIf(
    attached,
    ({ kind }) => kind !== "damaged" && kind !== "newer" && kind !== "busy" && isAtRest(file),
    (fault) => Effect.mapError(attach(file, turns, `${uri(file)}?immutable=1`, migrate), () => fault),
  )

  return Effect.gen(function* () {
    yield* Effect.try({ try: () => mkdirSync(dirname(file), { recursive: true }), catch: fromCause })
    yield* alone(`${file}.lock`, turns)
    if (found !== undefined) {
      const isDamaged = found.isCurrent()
      yield* found.close
      if (isDamaged) yield* setAside(file, "a statement found it malformed")
    }
    return yield* Effect.catchIf(
      opened,
      ({ kind }) => kind === "damaged",
      (fault) => Effect.zipRight(setAside(file, fault.found), opened),
    )
  }).pipe(Effect.scoped)
}

/**
 * The same file once more, after it was busy. A statement of libsql that found it so is not over until it is
 * collected, and until then its connection commits nothing of what it seems to write.
 */
export const reopen = (file: string, turns: Turns, spent: Open): Effect.Effect<Open, SqlFault> =>
  Effect.gen(function* () {
    yield* spent.close
    const opened = yield* attach(file, turns, `${uri(file)}?mode=rw`, tune)
    if (spent.isCurrent()) return opened
    yield* opened.close
    return yield* new SqlFault({ kind: "unreadable", found: "that it is another file by now" })
  }).pipe(
    Effect.catchIf(
      ({ kind }) => kind !== "busy",
      () => open(file, turns),
    ),
  )

// ---------------------------------------------------------------------------------------------------------

/**
 * Until the scope closes no other process opens the database. The lock is one of SQLite on a file of its own,
 * which the system releases when its holder dies. A folder in which it cannot be made has nobody to keep out.
 */
const alone = (lock: string, turns: Turns): Effect.Effect<void, SqlFault, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Connection.makeFile(lock)
    const connection = yield* Connection.attach(lock, "gate", turns)
    yield* Effect.acquireRelease(connection.execute("BEGIN EXCLUSIVE", []), () =>
      Effect.ignore(connection.execute("ROLLBACK", [])),
    )
  }).pipe(
    Effect.catchIf(
      ({ kind }) => kind !== "busy",
      () => Effect.void,
    ),
  )

/** Attaches the file by a name that SQLite knows it under. */
const attach = (
  file: string,
  turns: Turns,
  name: string,
  setUp: (connection: Connection.Connection) => Effect.Effect<void, SqlFault>,
): Effect.Effect<Open, SqlFault> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    return yield* Effect.gen(function* () {
      const connection = yield* Connection.attach(name, "store", turns)
      const isAsFound = name.endsWith("immutable=1")
      const stamp = stampOf(file, isAsFound)
      yield* setUp(connection)
      let isSpent = false
      const noted = <A>(effect: Effect.Effect<A, SqlFault>) =>
        Effect.tapError(effect, ({ kind }) => Effect.sync(() => (isSpent ||= kind === "busy")))
      return {
        execute: (sql: string, params: ReadonlyArray<Connection.Parameter>) =>
          noted(connection.execute(sql, params)),
        batch: (statements: ReadonlyArray<Connection.Statement>) => noted(connection.batch(statements)),
        isCurrent: () => stampOf(file, isAsFound) === stamp,
        isSpent: () => isSpent,
        close: Scope.close(scope, Exit.void),
      }
    }).pipe(
      Scope.extend(scope),
      Effect.onError(() => Scope.close(scope, Exit.void)),
    )
  })

const prepare = (connection: Connection.Connection): Effect.Effect<void, SqlFault> =>
  Effect.gen(function* () {
    yield* migrate(connection)
    yield* connection.execute("PRAGMA store.journal_mode = WAL", [])
    yield* tune(connection)
  })

const tune = (connection: Connection.Connection): Effect.Effect<void, SqlFault> =>
  Effect.asVoid(connection.execute("PRAGMA store.synchronous = NORMAL", []))

const migrate = Effect.fnUntraced(function* (connection: Connection.Connection) {
  const [row] = yield* connection.execute("PRAGMA store.user_version", [])
  const from = Number(row?.["user_version"])
  if (from > version) return yield* newer(from)
  if (from === version) return
  const first = yield* Clock.currentTimeMillis
  yield* connection.batch(migration(from, first).map((sql) => ({ sql, params: [] })))
})

const setAside = Effect.fnUntraced(function* (file: string, found: string) {
  const now = new Date(yield* Clock.currentTimeMillis).toISOString()
  const wanted = `${file}.damaged-${now.slice(0, 19).replace(/[-:T]/g, "")}`
  const names = [wanted, ...Array.from({ length: 99 }, (_, index) => `${wanted}-${index + 2}`)]
  const aside = names.find((name) => !exists(name)) ?? wanted
  yield* Effect.try({
    try: () => {
      for (const suffix of ["-shm", "-wal", ""]) {
        if (exists(file + suffix)) renameSync(file + suffix, aside + suffix)
      }
    },
    catch: fromCause,
  })
  yield* Effect.logWarning(
    `${file} is damaged (${found}): it is set aside as ${basename(aside)}, and a new one takes its place`,
  )
})

const newer = (found: number): SqlFault =>
  new SqlFault({ kind: "newer", found: `version ${found}, where this one knows ${version}` })

const uri = (file: string): string => `file:${encodeURI(file).replace(/[?#]/g, encodeURIComponent)}`

const stat = (file: string): Stats | undefined => {
  try {
    return statSync(file, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

const exists = (file: string): boolean => stat(file) !== undefined

/** Nobody writes it, as far as that can be seen. */
const isAtRest = (file: string): boolean => exists(file) && (stat(`${file}-wal`)?.size ?? 0) === 0

/** Which file stands under the name; for one that is at rest, also what can be seen of its being so. */
const stampOf = (file: string, isAsFound: boolean): string => {
  const seen = stat(file)
  const which = `${seen?.dev} ${seen?.ino}`
  return isAsFound ? `${which} ${seen?.mtimeMs} ${seen?.size} ${isAtRest(file)}` : which
}
