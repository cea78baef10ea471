/** The database file against the world: other connections, damage, a full disk, permissions. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { basename, dirname, join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { type Client, createClient } from "@libsql/client"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as SqlDatabase from "../../src/OperationStore/SqlDatabase.js"
import * as SqlFile from "../../src/OperationStore/SqlFile.js"
import { version } from "../../src/OperationStore/SqlTables.js"
import { Turns } from "../../src/OperationStore/SqlTurns.js"
import * as HurriedClock from "../utils/HurriedClock.js"
import * as SqlStores from "../utils/SqlStores.js"

const place = Effect.map(SqlStores.folder, (folder) => join(folder, "operations.sqlite"))

const open = (file: string) => SqlDatabase.make({ file })

/** Opens a database for one use, and closes it. */
const using = <A, E>(file: string, use: (database: SqlDatabase.Service) => Effect.Effect<A, E>) =>
  Effect.scoped(Effect.flatMap(open(file), use))

const add = (database: SqlDatabase.Service, entry = "entry") =>
  Effect.map(
    database.write("INSERT INTO pacing (scope, owner, at, entry) VALUES ('s', 'o', 1, ?) RETURNING id", [
      entry,
    ]),
    ([row]) => Number(row?.["id"]),
  )

const count = (database: SqlDatabase.Service) =>
  Effect.map(database.query("SELECT count(*) AS count FROM pacing"), ([row]) => row?.["count"])

/** A connection that is none of ours, to a file that it calls `store`. */
const foreign = (file: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = createClient({ url: ":memory:" })
      await client.execute({ sql: "ATTACH DATABASE ? AS store", args: [file] })
      return client
    }),
    (client) =>
      Effect.promise(async () => {
        await client.execute("DETACH DATABASE store")
        client.close()
      }),
  )

const run = (client: Client, sql: string) => Effect.promise(() => client.execute(sql))

const names = (file: string) => readdirSync(dirname(file)).filter((name) => !name.endsWith(".lock"))

/** Collects what is logged. */
const logged = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel.label} ${message}`))
  return { lines, layer: Logger.replace(Logger.defaultLogger, logger) }
}

describe("a new file", () => {
  it.scoped("is made with its folder when it is used first, for its user alone", () =>
    Effect.gen(function* () {
      const file = join(yield* SqlStores.folder, "deep er%20", "a?b#c", "operations.sqlite")
      const database = yield* open(file)
      expect(existsSync(dirname(file))).toBe(false)
      expect(yield* database.query("SELECT 1 AS one")).toEqual([{ one: 1 }])
      expect(database.file).toBe(file)
      for (const name of names(file)) expect(statSync(join(dirname(file), name)).mode & 0o777).toBe(0o600)
      expect(names(file)).toContain("operations.sqlite")
    }),
  )

  it.scopedLive("is made by one of many who open it at once", () =>
    Effect.gen(function* () {
      const file = yield* place
      const databases = yield* Effect.all(Array.from({ length: 8 }, () => open(file)))
      const ids = yield* Effect.forEach(databases, (database) => add(database), { concurrency: "unbounded" })
      expect(new Set(ids).size).toBe(8)
      expect(yield* Effect.forEach(databases, count)).toEqual(Array(8).fill(8))
    }),
  )
})

describe("statements", () => {
  it.scoped("take and give text, numbers, nothing and yes or no", () =>
    Effect.gen(function* () {
      const database = yield* open(yield* place)
      const rows = yield* database.query("SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e", [
        "größer 🙂",
        2 ** 53 - 1,
        0.1,
        null,
        true,
      ])
      expect(rows).toEqual([{ a: "größer 🙂", b: 2 ** 53 - 1, c: 0.1, d: null, e: 1 }])
    }),
  )

  it.scoped("of a batch are done all or none", () =>
    Effect.gen(function* () {
      const database = yield* open(yield* place)
      const sql = "INSERT INTO pacing (id, scope, owner, at, entry) VALUES (?, 's', 'o', 1, 'e') RETURNING id"
      const one = { sql, params: [7] }
      expect(yield* database.batch([one, { sql: "SELECT count(*) AS c FROM pacing", params: [] }])).toEqual([
        [{ id: 7 }],
        [{ c: 1 }],
      ])
      const error = yield* Effect.flip(database.batch([{ sql, params: [8] }, one]))
      expect(error).toMatchObject({ reason: "StoreUnreadable", place: database.file })
      expect(yield* count(database)).toBe(1)
      yield* add(database)
      expect(yield* count(database)).toBe(2)
    }),
  )

  it.scoped("that make no sense fail, and leave the file alone", () =>
    Effect.gen(function* () {
      const database = yield* open(yield* place)
      yield* add(database)
      for (const sql of ["SELECT nothing FROM pacing", "DROP TABLE missing", "not a statement"]) {
        expect(yield* Effect.flip(database.write(sql))).toMatchObject({ reason: "StoreUnreadable" })
      }
      expect(yield* count(database)).toBe(1)
      expect(names(database.file).some((name) => name.includes("damaged"))).toBe(false)
    }),
  )

  it.scopedLive("let the event loop turn when there are many", () =>
    Effect.gen(function* () {
      const database = yield* open(yield* place)
      yield* add(database)
      yield* Effect.sleep(0)
      let turns = 0
      let isOver = false
      const turn = () => {
        turns++
        if (!isOver) setImmediate(turn)
      }
      setImmediate(turn)
      yield* Effect.all(
        Array.from({ length: 500 }, () => add(database)),
        { concurrency: "unbounded" },
      )
      isOver = true
      expect(turns).toBeGreaterThan(3)
    }),
  )

  it.effect("are refused after the scope of the database, and open nothing", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const file = yield* Scope.extend(place, scope)
      const context = yield* Layer.buildWithScope(SqlDatabase.layer({ file }), scope)
      const database = Context.get(context, SqlDatabase.SqlDatabase)
      yield* add(database)
      yield* Scope.close(scope, Exit.void)
      expect(yield* Effect.flip(add(database))).toMatchObject({ reason: "StoreUnreadable" })
      expect(existsSync(dirname(file))).toBe(false)
    }),
  )
})

describe("a file that somebody else has locked", () => {
  it.scoped("is waited for, and every statement after that counts", () =>
    Effect.gen(function* () {
      const database = yield* open(yield* place)
      yield* add(database)
      const other = yield* foreign(database.file)
      yield* run(other, "BEGIN IMMEDIATE")
      const waiting = yield* Effect.fork(Effect.all([add(database), add(database)], { concurrency: 2 }))
      expect(yield* count(database)).toBe(1)
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.poll(waiting)).toEqual(expect.objectContaining({ _tag: "None" }))
      yield* run(other, "COMMIT")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waiting)
      yield* add(database)
      yield* database.batch([{ sql: "DELETE FROM pacing WHERE owner = 'nobody'", params: [] }])
      expect((yield* run(other, "SELECT count(*) AS count FROM pacing")).rows[0]?.["count"]).toBe(4)
      yield* run(other, "BEGIN IMMEDIATE")
      yield* run(other, "ROLLBACK")
    }),
  )

  it.scoped("is given up after five seconds, or by whoever is interrupted", () =>
    Effect.gen(function* () {
      const database = yield* open(yield* place)
      yield* add(database)
      const other = yield* foreign(database.file)
      yield* run(other, "BEGIN IMMEDIATE")
      const waiting = yield* Effect.fork(add(database))
      yield* TestClock.adjust("100 millis")
      expect(Exit.isInterrupted(yield* Fiber.interrupt(waiting))).toBe(true)

      const clock = HurriedClock.make()
      const error = yield* Effect.flip(Effect.withClock(add(database), clock))
      expect(error).toMatchObject({ reason: "StoreLocked", place: database.file })
      expect(clock.unsafeCurrentTimeMillis()).toBeGreaterThanOrEqual(5_000)
      expect(clock.unsafeCurrentTimeMillis()).toBeLessThan(5_300)
      yield* run(other, "COMMIT")
      yield* add(database)
      expect(yield* count(database)).toBe(2)
    }),
  )

  it.scoped("is not opened while another process opens it", () =>
    Effect.gen(function* () {
      const file = yield* place
      const other = yield* foreign(`${file}.lock`)
      yield* run(other, "BEGIN EXCLUSIVE")
      const database = yield* open(file)
      const error = yield* Effect.flip(Effect.withClock(add(database), HurriedClock.make()))
      expect(error).toMatchObject({ reason: "StoreLocked" })
      expect(existsSync(file)).toBe(false)
      yield* run(other, "ROLLBACK")
      yield* add(database)
    }),
  )
})

describe("a file of a newer version", () => {
  it.scoped("is left as it is", () =>
    Effect.gen(function* () {
      const file = yield* place
      yield* using(file, (database) => add(database))
      yield* Effect.scoped(
        Effect.flatMap(foreign(file), (other) => run(other, `PRAGMA store.user_version = ${version + 1}`)),
      )
      const before = readFileSync(file)
      const database = yield* open(file)
      for (const use of [count(database), add(database)]) {
        expect(yield* Effect.flip(use)).toMatchObject({ reason: "StoreNewer", place: file })
      }
      expect(readFileSync(file).equals(before)).toBe(true)
      expect(names(file)).toEqual([basename(file)])
    }),
  )
})

describe("a damaged file", () => {
  const garbage = "this is no database, whatever its name says. ".repeat(300)

  it.scoped("is set aside with what belongs to it, and a new one takes its place", () =>
    Effect.gen(function* () {
      const { layer, lines } = logged()
      yield* TestClock.setTime(Date.UTC(2026, 10, 25, 9, 5, 7))
      const file = yield* place
      for (const suffix of ["", "-wal", "-shm"]) writeFileSync(file + suffix, garbage)
      yield* using(file, (database) => Effect.zipRight(add(database), count(database))).pipe(
        Effect.tap((held) => expect(held).toBe(1)),
        Effect.provide(layer),
      )
      const aside = `${file}.damaged-20261125090507`
      expect(readFileSync(aside, "utf8")).toBe(garbage)
      expect(names(file).filter((name) => !name.includes("damaged"))).toEqual([basename(file)])
      expect(lines).toHaveLength(1)
      expect(lines[0]).toContain(`WARN ${file} is damaged`)
      expect(lines[0]).toContain(basename(aside))

      writeFileSync(`${file}2`, garbage)
      renameSync(`${file}2`, file)
      yield* using(file, count)
      expect(readFileSync(`${aside}-2`, "utf8")).toBe(garbage)
      expect(readFileSync(aside, "utf8")).toBe(garbage)
    }),
  )

  /** A file whose first page is whole, so that it opens, and whose tables are not. */
  const spoiled = Effect.gen(function* () {
    const file = yield* place
    const last = yield* using(file, (database) =>
      Effect.zipRight(
        Effect.forEach(Array.from({ length: 40 }), () => add(database, "e".repeat(2_000))),
        add(database),
      ),
    )
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0xa5, 4096))
    return { file, last }
  })

  it.scoped("is set aside when a statement finds it, and numbers go on from those it had", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      const { file, last } = yield* spoiled
      yield* TestClock.setTime(100_000)
      const { layer, lines } = logged()
      const database = yield* open(file)
      expect(yield* count(database).pipe(Effect.provide(layer))).toBe(0)
      expect(lines).toHaveLength(1)
      expect(yield* add(database)).toBeGreaterThan(last)
      expect(names(file)).toContain(`${basename(file)}.damaged-19700101000140`)
    }),
  )

  it.scopedLive("is set aside once by all who find it, and they go on with one new file", () =>
    Effect.gen(function* () {
      const { file } = yield* spoiled
      const databases = yield* Effect.all([open(file), open(file), open(file)])
      for (const database of databases) yield* database.query("SELECT 1")
      const { layer, lines } = logged()
      yield* Effect.forEach(databases, (database) => add(database), { concurrency: "unbounded" }).pipe(
        Effect.provide(layer),
      )
      expect(lines).toHaveLength(1)
      expect(yield* Effect.forEach(databases, count)).toEqual([3, 3, 3])
      expect(names(file).filter((name) => /damaged-\d+(-\d+)?$/.test(name))).toHaveLength(1)
      expect(yield* using(file, count)).toBe(3)
    }),
  )

  it.scoped("that another process has replaced meanwhile is not set aside again", () =>
    Effect.gen(function* () {
      const { file } = yield* spoiled
      const turns = yield* Turns.make
      const [one, two] = yield* Effect.all([SqlFile.open(file, turns), SqlFile.open(file, turns)])
      const first = yield* Effect.provide(SqlFile.open(file, turns, one), logged().layer)
      yield* first.execute("INSERT INTO pacing (scope, owner, at, entry) VALUES ('s', 'o', 1, 'e')", [])
      const second = yield* SqlFile.open(file, turns, two)
      expect([one, two, first, second].map((opened) => opened.isCurrent())).toEqual([
        false,
        false,
        true,
        true,
      ])
      expect(yield* second.execute("SELECT count(*) AS count FROM pacing", [])).toEqual([{ count: 1 }])
      for (const opened of [first, second]) yield* opened.close
      expect(yield* using(file, count)).toBe(1)
      expect(names(file).filter((name) => !/-(wal|shm)$/.test(name))).toEqual([
        basename(file),
        `${basename(file)}.damaged-19700101000000`,
      ])
    }),
  )

  it.scoped("that was cut short or emptied is replaced, and one that was removed is made anew", () =>
    Effect.gen(function* () {
      const file = yield* place
      yield* using(file, (database) => add(database))
      truncateSync(file, 5_000)
      expect(yield* using(file, count).pipe(Effect.provide(logged().layer))).toBe(0)
      truncateSync(file, 0)
      expect(yield* using(file, count)).toBe(0)

      const database = yield* open(file)
      const other = yield* open(file)
      yield* add(database)
      yield* add(other)
      for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix)
      yield* add(database)
      expect(yield* count(other)).toBe(1)
    }),
  )
})

describe("a disk that takes no more", () => {
  it.scoped("fails what writes, and nothing else; with room again all goes on", () =>
    Effect.gen(function* () {
      const database = yield* open(yield* place)
      yield* add(database)
      yield* database.query("PRAGMA store.max_page_count = 20")
      const fill = Effect.forever(add(database, "e".repeat(20_000)))
      const error = yield* Effect.flip(fill)
      expect(error).toMatchObject({ reason: "StoreUnwritable", place: database.file })
      const held = Number(yield* count(database))
      expect(held).toBeGreaterThan(0)
      yield* database.query("PRAGMA store.max_page_count = 100000")
      yield* add(database)
      expect(yield* count(database)).toBe(held + 1)
    }),
  )

  /** As a user whom permissions bind. */
  const bound = Effect.acquireRelease(
    Effect.sync(() => {
      if (process.getuid?.() === 0) process.seteuid?.(65_534)
    }),
    () =>
      Effect.sync(() => {
        if (process.getuid?.() === 0) process.seteuid?.(0)
      }),
  )

  it.scoped("a folder and a file that may only be read are read", () =>
    Effect.gen(function* () {
      const file = yield* place
      yield* using(file, (database) => add(database))
      chmodSync(file, 0o444)
      chmodSync(dirname(file), 0o555)
      yield* Effect.addFinalizer(() => Effect.sync(() => chmodSync(dirname(file), 0o755)))
      yield* Effect.gen(function* () {
        yield* bound
        const database = yield* open(file)
        expect(yield* count(database)).toBe(1)
        expect(yield* Effect.flip(add(database))).toMatchObject({ reason: "StoreUnwritable", place: file })
        expect(yield* count(database)).toBe(1)
      }).pipe(Effect.scoped)
      expect(names(file)).toEqual([basename(file)])
    }),
  )

  it.scoped("a folder that cannot be made and a file that may not be read say so", () =>
    Effect.gen(function* () {
      const file = yield* place
      yield* using(file, (database) => add(database))
      chmodSync(file, 0o000)
      chmodSync(dirname(file), 0o555)
      yield* Effect.addFinalizer(() => Effect.sync(() => chmodSync(dirname(file), 0o755)))
      yield* Effect.gen(function* () {
        yield* bound
        expect(yield* Effect.flip(using(file, count))).toMatchObject({ reason: "StoreUnreadable" })
        const missing = join(dirname(file), "sub", "operations.sqlite")
        expect(yield* Effect.flip(using(missing, count))).toMatchObject({
          reason: "StoreUnwritable",
          place: missing,
        })
        const beside = join(dirname(file), "other.sqlite")
        expect(yield* Effect.flip(using(beside, count))).toMatchObject({ reason: "StoreUnwritable" })
      }).pipe(Effect.scoped)
      mkdirSync(`${file}.folder`)
      expect(yield* Effect.flip(using(`${file}.folder`, count))).toMatchObject({ reason: "StoreUnreadable" })
    }),
  )
})

describe("descriptors", () => {
  it.scoped("are as many after 400 writes and 30 openings as before, and none when it is closed", () =>
    Effect.gen(function* () {
      const file = yield* place
      const opened = () =>
        readdirSync("/proc/self/fd").filter((name) => {
          try {
            return readlinkSync(`/proc/self/fd/${name}`).startsWith(dirname(file))
          } catch {
            return false
          }
        }).length
      yield* Effect.gen(function* () {
        const database = yield* open(file)
        yield* add(database)
        const before = opened()
        expect(before).toBeGreaterThan(0)
        for (let index = 0; index < 400; index++) {
          yield* index % 4 === 0
            ? database.batch([{ sql: "DELETE FROM pacing WHERE id < 0", params: [] }])
            : add(database)
        }
        expect(opened()).toBe(before)
        const other = yield* foreign(file)
        yield* run(other, "BEGIN IMMEDIATE")
        yield* Effect.ignore(Effect.withClock(add(database), HurriedClock.make()))
        yield* run(other, "COMMIT")
      }).pipe(Effect.scoped)
      for (let index = 0; index < 30; index++) yield* using(file, (database) => add(database))
      expect(opened()).toBe(0)
    }),
  )
})
