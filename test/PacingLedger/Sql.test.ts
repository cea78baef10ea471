import { rmSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { createClient } from "@libsql/client"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as fc from "fast-check"
import type { Machine } from "../../src/internal/LocalMachine.js"
import * as SqlDatabase from "../../src/OperationStore/SqlDatabase.js"
import * as Sql from "../../src/PacingLedger/Sql.js"
import { type Entry, type Log, PacingLedger, type Written } from "../../src/PacingLedger.js"
import { contract } from "../contract/PacingLedger.js"
import { violations } from "../utils/PacingChecker.js"
import * as Shared from "../utils/SharedPacing.js"
import * as SqlStores from "../utils/SqlStores.js"
import * as TestMachine from "../utils/TestMachine.js"
import { VirtualTime } from "../utils/VirtualTime.js"

const layerFile = (file: string, machine: Partial<Machine> = {}) =>
  Layer.provide(Sql.layer, SqlDatabase.layer({ file })).pipe(Layer.provide(TestMachine.layer(machine)))

const layer = Layer.unwrapScoped(
  Effect.map(SqlStores.folder, (path) => layerFile(join(path, "operations.sqlite"))),
)

contract("sql", layer)

/** Runs what waits for virtual time alone, which is the machine's time too, whatever the wall clock shows. */
const run = async <A, E>(
  program: (open: (file: string) => Layer.Layer<PacingLedger>, folder: string) => Effect.Effect<A, E>,
  time = new VirtualTime(),
): Promise<A> => {
  const machine = { now: Effect.sync(() => time.elapsed) }
  const scoped = Effect.scoped(
    Effect.flatMap(SqlStores.folder, (folder) => program((file) => layerFile(file, machine), folder)),
  )
  return Exit.getOrElse(await time.runAsync(scoped), (cause) => {
    throw new Error(String(cause))
  })
}

const entryAt = (at: number, more: Partial<Entry> = {}): Entry => ({
  at,
  until: at + 600_000,
  takes: [{ rule: "60 requests in 10 minutes", key: "", cost: 1 }],
  waits: null,
  pausedUntil: null,
  ...more,
})

/** A log on a connection of its own. */
const opened = (ledger: Layer.Layer<PacingLedger>) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(ledger)
    const { open } = yield* Effect.provide(PacingLedger, context)
    return yield* Effect.fromNullable(yield* open("ib"))
  })

const readAll = (log: Log) =>
  Effect.suspend(() => {
    const all: Array<Written> = []
    return Effect.as(
      log.read((written) => all.push(...written)),
      all,
    )
  })

/** A connection that is none of ktrdr's. */
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

const warned = (warnings: Array<string>) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => {
      if (logLevel.label === "WARN") warnings.push(String(message))
    }),
  )

describe("limiters that share a database", () => {
  it("keep every rule together, whatever comes in between, and also when the clock is set back", () =>
    fc.assert(
      fc.asyncProperty(
        Shared.someRules,
        Shared.someArrivals(3),
        fc.constantFrom([0], [0, 0, 0, 30]),
        fc.constantFrom(0, 60_000),
        async (windows, arrivals, delays, setBack) => {
          const time = new VirtualTime()
          let turn = 0
          const { starts } = await run(
            (open, folder) =>
              Effect.gen(function* () {
                const ledger = yield* PacingLedger
                const back = Effect.sync(() => {
                  time.shift -= setBack
                })
                yield* Effect.fork(Effect.delay(back, 50))
                return yield* Shared.together(time, ledger, windows, arrivals, {
                  through: (log) => Shared.slow(log, () => delays[turn++ % delays.length]!),
                })
              }).pipe(Effect.provide(open(join(folder, "operations.sqlite")))),
            time,
          )
          expect(violations(Shared.withMargin(windows), starts)).toEqual([])
          const started = starts.map(({ request }) => request.id)
          for (const { id, patience } of arrivals) if (patience === undefined) expect(started).toContain(id)
        },
      ),
      { numRuns: 10 },
    ))

  it("keep the rules over databases of their own connections, and drop what is over", () =>
    run((open, folder) =>
      Effect.gen(function* () {
        const file = join(folder, "operations.sqlite")
        const windows = [Shared.rule(5, 100)]
        const time = yield* Effect.clock
        const starts: Array<Shared.Start> = []
        const work = Effect.gen(function* () {
          const limiter = yield* Shared.limiter(yield* PacingLedger, windows)
          const use = Effect.sync(() => {
            starts.push({ at: time.unsafeCurrentTimeMillis(), request: Shared.blank })
          })
          const once = limiter.run(Shared.blank, () => use)
          yield* Effect.all(
            Array.from({ length: 50 }, () => once),
            { concurrency: "unbounded" },
          )
        }).pipe(Effect.scoped, Effect.provide(open(file)))
        yield* Effect.all([work, work], { concurrency: 2 })
        expect(starts.length).toBe(100)
        expect(violations(windows, starts)).toEqual([])
        const database = yield* SqlDatabase.make({ file })
        const [row] = yield* database.query("SELECT min(at) AS oldest FROM pacing")
        expect(row?.["oldest"]).toBeGreaterThan(300)
      }).pipe(Effect.scoped),
    ))

  it("go on by their own rules while somebody else holds the database, and name it", () => {
    const warnings: Array<string> = []
    return run((open, folder) =>
      Effect.gen(function* () {
        const file = join(folder, "operations.sqlite")
        const time = yield* Effect.clock
        const windows = [Shared.rule(2, 1000)]
        const limiter = yield* Shared.limiter(yield* PacingLedger, windows)
        const starts: Array<Shared.Start> = []
        const once = limiter.run(Shared.blank, () =>
          Effect.sync(() => {
            starts.push({ at: time.unsafeCurrentTimeMillis(), request: Shared.blank })
          }),
        )
        yield* once
        const other = yield* foreign(file)
        yield* Effect.promise(() => other.execute("BEGIN IMMEDIATE"))
        yield* Effect.all([once, once, once], { concurrency: "unbounded" })
        yield* Effect.promise(() => other.execute("ROLLBACK"))
        expect(warnings).toEqual([expect.stringContaining(`${file}: expected a database that is free`)])
        expect(violations(windows, starts)).toEqual([])
        expect(starts.length).toBe(4)
        expect(starts[1]!.at).toBeGreaterThan(4000)
        expect(starts[3]!.at).toBeLessThan(8000)
      }).pipe(
        Effect.scoped,
        Effect.provide(open(join(folder, "operations.sqlite"))),
        Effect.provide(warned(warnings)),
      ),
    )
  })

  it("meet again in the database that takes the place of one that was removed", () =>
    run((open, folder) =>
      Effect.gen(function* () {
        const file = join(folder, "operations.sqlite")
        const [one, two] = [yield* opened(open(file)), yield* opened(open(file))]
        expect(yield* one.append(entryAt(1))).toBe(true)
        expect((yield* readAll(two)).length).toBe(1)
        for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true })
        yield* Effect.sleep(1000)
        expect(yield* one.append(entryAt(2))).toBe(true)
        expect(yield* two.append(entryAt(3))).toBe(false)
        expect((yield* readAll(two)).map(({ entry }) => entry.at)).toEqual([2])
        expect(yield* two.append(entryAt(3))).toBe(true)
        expect(yield* one.append(entryAt(4))).toBe(false)
      }).pipe(Effect.scoped),
    ))
})

describe("what was written before the machine started", () => {
  const hour = 3_600_000
  const written = entryAt(5 * hour, {
    waits: { since: 5 * hour - 1000, takes: [] },
    pausedUntil: 5 * hour + 60_000,
  })

  /** Reads it on a machine that has been up for a minute, `later` by the wall clock. */
  const readLater = (later: number, machine: Partial<Machine> = { boot: "another" }) => {
    const time = new VirtualTime()
    time.shift = 1_700_000_000_000
    return run(
      (_, folder) =>
        Effect.gen(function* () {
          const file = join(folder, "operations.sqlite")
          const before = yield* opened(layerFile(file, { now: Effect.succeed(5 * hour) }))
          expect(yield* before.append(written)).toBe(true)
          time.shift += later
          const up = { now: Effect.succeed(60_000), ...machine }
          const [first, second] = [yield* opened(layerFile(file, up)), yield* opened(layerFile(file, up))]
          const [read] = yield* readAll(first)
          expect(yield* first.append(entryAt(60_000))).toBe(true)
          return { entry: read?.entry, left: (yield* readAll(second)).map(({ entry }) => entry.at) }
        }).pipe(Effect.scoped),
      time,
    )
  }

  it("is as long ago as the wall clock says", async () => {
    const { entry, left } = await readLater(240_000)
    const at = 60_000 - 240_000
    expect(entry).toEqual({
      ...written,
      at,
      until: at + 600_000,
      waits: { since: at - 1000, takes: [] },
      pausedUntil: at + 60_000,
    })
    expect(left).toEqual([at, 60_000])
  })

  it("is known as such by its time where starts of the machine have no name", async () => {
    const { entry, left } = await readLater(240_000, {})
    expect(entry?.at).toBe(60_000 - 240_000)
    expect(left).toEqual([60_000 - 240_000, 60_000])
  })

  it("is now, at worst, if the wall clock was set back", async () => {
    const { entry } = await readLater(-86_400_000)
    expect(entry).toMatchObject({ at: 60_000, until: 660_000 })
  })

  it("is dropped once it is over", async () => {
    expect((await readLater(86_400_000)).left).toEqual([60_000])
    expect((await readLater(86_400_000, {})).left).toEqual([60_000])
  })
})

it("an entry that nobody understands is warned of once, and left out", () => {
  const warnings: Array<string> = []
  return run((open, folder) =>
    Effect.gen(function* () {
      const file = join(folder, "operations.sqlite")
      const [one, two] = [yield* opened(open(file)), yield* opened(open(file))]
      expect(yield* one.append(entryAt(1))).toBe(true)
      const other = yield* foreign(file)
      const insert =
        "INSERT INTO pacing (scope, owner, at, entry) VALUES ('ib', 'x', 2, '{}'), ('ib', 'x', 3, '{')"
      yield* Effect.promise(() => other.execute(insert))
      expect((yield* readAll(two)).map(({ entry }) => entry.at)).toEqual([1])
      expect(yield* two.append(entryAt(4))).toBe(true)
      expect((yield* readAll(one)).map(({ entry }) => entry.at)).toEqual([4])
      yield* Effect.promise(() => other.execute(insert))
      expect(yield* readAll(two)).toEqual([])
      expect(warnings.length).toBe(2)
      for (const warning of warnings)
        expect(warning).toContain(`${file}: an entry of the pacing log is left out`)
    }).pipe(Effect.scoped, Effect.provide(warned(warnings))),
  )
})
