import { hostname } from "node:os"
import * as FileSystem from "@effect/platform/FileSystem"
import { NodeContext } from "@effect/platform-node"
import { expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as TestServices from "effect/TestServices"
import * as fc from "fast-check"
import * as Candle from "../../../src/data/Candle.js"
import * as Parquet from "../../../src/data/CandleStore/Parquet.js"
import { type Batch, CandleStore, type Writer } from "../../../src/data/CandleStore.js"
import type { DataError } from "../../../src/data/DataError.js"
import { bar, batch, identity, model, series, span, write } from "../../contract/CandleStore.js"
import * as FaultyFiles from "../../utils/FaultyFiles.js"
import { hashes } from "../../utils/files.js"

const scopedLive = <A, E>(
  title: string,
  effect: (directory: string) => Effect.Effect<A, E, NodeContext.NodeContext>,
): void =>
  it.scopedLive(
    title,
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        return yield* effect(yield* fs.makeTempDirectoryScoped())
      }).pipe(Effect.provide(NodeContext.layer)),
    60_000,
  )

/** Runs an effect with a store of its own, as another process would have it. */
const opened =
  (directory: string, options?: Omit<Parquet.Options, "directory">) =>
  <A, E, R>(effect: Effect.Effect<A, E, R | CandleStore>) =>
    Effect.provide(effect, Parquet.layer({ lockWait: 100, ...options, directory }))

const store = CandleStore
const rows = Effect.flatMap(store, (_) => Effect.map(_.read(series()), Candle.toRows))
const description = Effect.flatMap(store, (_) => Effect.flatten(_.describe(series())))
const folder = (directory: string) => `${directory}/candles/XNYS/AAPL/1h`

/** Nothing can be written, as where the user has no permission to. */
const denied = { at: 0, code: "EACCES", lasting: true } as const

/** The messages that were logged while the effect ran. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const messages: Array<string> = []
    const logger = Logger.make(({ message }) => void messages.push(String(message)))
    return Effect.map(
      Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)),
      (value) => [value, messages] as const,
    )
  })

const refused = <A, R>(effect: Effect.Effect<A, DataError, R>) => Effect.flip(effect)

const damage = (file: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Effect.flatMap(fs.readFile(file), (bytes) => fs.writeFile(file, bytes.subarray(0, bytes.length - 30))),
  )

scopedLive("files lie by venue, symbol, timeframe and year, and nothing else is left", (directory) =>
  Effect.gen(function* () {
    yield* write(identity(), [batch(0, 8)])
    yield* write(identity(series("BRK.B", "extended")), [batch(0, 1)])
    expect(Object.keys(yield* hashes(directory))).toEqual([
      "candles/XNYS/AAPL/1h/2023.parquet",
      "candles/XNYS/AAPL/1h/2024.parquet",
      "candles/XNYS/AAPL/1h/manifest.json",
      "candles/XNYS/BRK.B/1h-extended/2023.parquet",
      "candles/XNYS/BRK.B/1h-extended/manifest.json",
    ])
    const known = yield* description
    expect(known.files.map(({ name, rows }) => [name, rows])).toEqual([
      ["2023.parquet", 4],
      ["2024.parquet", 4],
    ])
    const found = yield* hashes(folder(directory))
    for (const file of known.files) expect(file.sha256).toBe(found[file.name])
  }).pipe(opened(directory)),
)

scopedLive("plain read_parquet shows names, types, UTC stamps and unknown volumes", (directory) =>
  Effect.gen(function* () {
    yield* opened(directory)(write(identity(), [batch(0, 2)]))
    const rows = yield* Effect.promise(async () => {
      const { DuckDBInstance } = await import("@duckdb/node-api")
      const database = await DuckDBInstance.create(":memory:")
      const connection = await database.connect()
      const types = await connection.runAndReadAll(`DESCRIBE SELECT * FROM '${folder(directory)}/*.parquet'`)
      const found = await connection.runAndReadAll(`SELECT * FROM '${folder(directory)}/*.parquet'`)
      const answer = [types.getRowsJson().map((row) => row.slice(0, 2)), found.getRowsJson()]
      connection.closeSync()
      database.closeSync()
      return answer
    })
    expect(rows).toEqual([
      [
        ["timestamp", "TIMESTAMP WITH TIME ZONE"],
        ...["open", "high", "low", "close", "volume"].map((name) => [name, "DOUBLE"]),
      ],
      [
        ["2023-12-31 20:00:00+00", 100, 102, 99, 101, null],
        ["2023-12-31 21:00:00+00", 100, 102, 99, 101, 10],
      ],
    ])
  }),
)

scopedLive("equal rows give equal bytes: any order, any folds between, any number of threads", (directory) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const parts = [
      batch(0, 2),
      batch(2, 3),
      { ...batch(3, 5), noData: [span(5, 6)], range: span(3, 6) },
      batch(6, 9),
    ]
    const plain = `${directory}/plain`
    yield* opened(plain)(write(identity(), parts))
    const expected = yield* hashes(plain)
    let run = 0
    const check = fc.asyncProperty(
      fc.shuffledSubarray([...parts], { minLength: parts.length }),
      fc.array(fc.boolean(), { minLength: parts.length, maxLength: parts.length }),
      fc.integer({ min: 1, max: 2 }),
      (shuffled, folds, threads) =>
        Effect.gen(function* () {
          const other = `${directory}/${run++}`
          yield* Effect.forEach(shuffled, (one, index) => write(identity(), [one], folds[index])).pipe(
            Effect.zipRight(write(identity(), [])),
            opened(other, { threads }),
          )
          expect(yield* hashes(other)).toEqual(expected)
          yield* fs.remove(other, { recursive: true })
        }).pipe(Effect.provide(NodeContext.layer), Effect.runPromise),
    )
    yield* Effect.promise(() => fc.assert(check, { numRuns: 4 }))
  }),
)

scopedLive("a year of many row groups has equal bytes at one and two threads, and reads back", (directory) =>
  Effect.gen(function* () {
    const size = 130_000
    const candles = Candle.allocate(size)
    for (let i = 0; i < size; i++) {
      candles.start[i] = span(5, 6).start + i * 60_000
      candles.open[i] = candles.low[i] = 100 + (i % 97)
      candles.high[i] = candles.close[i] = 101 + ((i * 7919) % 1013)
      candles.volume[i] = i % 5 === 0 ? Number.NaN : i
    }
    const all: Batch = { range: { start: 0, end: 4e12 }, candles, noData: [] }
    const ends: Batch = { ...all, candles: Candle.slice(candles, 50_000, size) }
    const begin: Batch = { ...all, candles: Candle.slice(candles, 0, 61_234) }
    yield* opened(`${directory}/one`, { threads: 1 })(write(identity(), [all]))
    yield* opened(`${directory}/two`, { threads: 2, journalBytes: 1 })(write(identity(), [ends, begin]))
    expect(yield* hashes(`${directory}/two`)).toEqual(yield* hashes(`${directory}/one`))
    const read = yield* opened(`${directory}/two`)(Effect.flatMap(store, (_) => _.read(series())))
    for (const column of Candle.columns) {
      expect(read[column].length).toBe(size)
      expect(read[column].findIndex((value, i) => !Object.is(value, candles[column][i]))).toBe(-1)
    }
  }),
)

scopedLive("what was appended survives a process that never folds", (directory) =>
  Effect.gen(function* () {
    yield* opened(directory)(write(identity(), [batch(0, 4), batch(6, 8)], false))
    expect(Object.keys(yield* hashes(directory))).toEqual(["candles/XNYS/AAPL/1h/journal-1.bin"])
    expect(yield* opened(directory)(rows)).toEqual(model([batch(0, 4), batch(6, 8)]).rows)
    expect(Object.keys(yield* hashes(directory))).toEqual([
      "candles/XNYS/AAPL/1h/2023.parquet",
      "candles/XNYS/AAPL/1h/2024.parquet",
      "candles/XNYS/AAPL/1h/manifest.json",
    ])
  }),
)

scopedLive("a torn journal keeps the records before the tear", (directory) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* opened(directory)(write(identity(), [batch(0, 4), batch(6, 8)], false))
    const journal = `${folder(directory)}/journal-1.bin`
    yield* damage(journal)
    expect(yield* opened(directory)(rows)).toEqual(Candle.toRows(batch(0, 4).candles))
    expect(yield* fs.exists(journal)).toBe(false)
  }),
)

scopedLive("batches that arrive while one is flushed share the next flush", (directory) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    let syncs = 0
    const counting: FileSystem.FileSystem = {
      ...fs,
      open: (path, options) =>
        Effect.map(fs.open(path, options), (file) =>
          path.endsWith(".bin")
            ? new Proxy(file, {
                get: (target, name) => {
                  if (name === "sync") syncs++
                  const value: unknown = Reflect.get(target, name, target)
                  return typeof value === "function" ? value.bind(target) : value
                },
              })
            : file,
        ),
    }
    yield* Effect.gen(function* () {
      const writer = yield* Effect.flatMap(store, (_) => _.writer(identity()))
      yield* Effect.forEach(
        Array.from({ length: 400 }),
        (_, index) => writer.append(batch(index, index + 1)),
        { concurrency: 20 },
      )
    }).pipe(Effect.scoped, opened(directory), Effect.provideService(FileSystem.FileSystem, counting))
    expect(syncs).toBeLessThan(100)
    expect((yield* opened(directory)(rows)).length).toBe(400)
  }),
)

scopedLive("a damaged year is set aside by name, the others stay, and it can be loaded again", (directory) =>
  Effect.gen(function* () {
    yield* opened(directory)(write(identity(), [batch(0, 8)]))
    yield* opened(directory)(write(identity(series("MSFT")), [batch(0, 2)]))
    const before = yield* hashes(directory)
    yield* damage(`${folder(directory)}/2023.parquet`)
    const [found, messages] = yield* logged(opened(directory)(rows))
    expect(found).toEqual([4, 5, 6, 7].map((index) => bar(index)))
    expect(messages.join()).toContain("candles/XNYS/AAPL/1h/2023.parquet")
    const after = yield* hashes(folder(directory))
    expect(Object.keys(after)).toEqual(["2023.parquet.damaged-1", "2024.parquet", "manifest.json"])
    expect((yield* opened(directory)(Effect.flatMap(store, (_) => _.list))).length).toBe(2)
    yield* opened(directory)(write(identity(), [batch(0, 4)]))
    const { "candles/XNYS/AAPL/1h/2023.parquet.damaged-1": aside, ...rest } = yield* hashes(directory)
    expect(aside).toBeDefined()
    expect(rest).toEqual(before)
  }),
)

scopedLive(
  "a year that is gone, and one that no manifest knows, are told and cost nothing else",
  (directory) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* opened(directory)(write(identity(), [batch(0, 8)]))
      yield* fs.rename(`${folder(directory)}/2023.parquet`, `${folder(directory)}/1999.parquet`)
      const [found, messages] = yield* logged(opened(directory)(rows))
      expect(found).toEqual([4, 5, 6, 7].map((index) => bar(index)))
      expect(messages.some((message) => message.includes("2023.parquet is gone"))).toBe(true)
      expect(messages.some((message) => message.includes("1999.parquet.damaged-1"))).toBe(true)
    }),
)

scopedLive("a lost or damaged manifest is made again from the year files", (directory) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const manifest = `${folder(directory)}/manifest.json`
    yield* opened(directory)(write(identity(), [batch(0, 8)]))
    yield* fs.remove(manifest)
    expect(yield* opened(directory)(rows)).toEqual(Candle.toRows(batch(0, 8).candles))
    expect(yield* opened(directory)(description)).toMatchObject({ rows: 8, instrument: { venue: "XNYS" } })
    yield* fs.writeFileString(manifest, '{ "schema": 1, "files": 3 }')
    const [found] = yield* logged(opened(directory)(rows))
    expect(found).toEqual(Candle.toRows(batch(0, 8).candles))
    expect(yield* fs.exists(`${manifest}.damaged-1`)).toBe(true)
  }),
)

scopedLive("a manifest of a later version is left alone and stops no other series", (directory) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const manifest = `${folder(directory)}/manifest.json`
    yield* opened(directory)(write(identity(), [batch(0, 8)]))
    yield* opened(directory)(write(identity(series("MSFT")), [batch(0, 2)]))
    yield* fs.writeFileString(manifest, '{ "schema": 99 }')
    const before = yield* hashes(directory)
    expect(yield* refused(opened(directory)(Effect.flatMap(store, (_) => _.read(series()))))).toMatchObject({
      reason: "StoreUnreadable",
      place: "candles/XNYS/AAPL/1h/manifest.json",
    })
    expect(yield* refused(opened(directory)(write(identity(), [])))).toMatchObject({
      reason: "StoreUnreadable",
    })
    const [listed] = yield* logged(opened(directory)(Effect.flatMap(store, (_) => _.list)))
    expect(listed.map((one) => one.series.symbol)).toEqual(["MSFT"])
    expect(yield* hashes(directory)).toEqual(before)
  }),
)

scopedLive("where nothing can be written, reads go on and writes say so", (directory) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* opened(directory)(
      Effect.zipRight(write(identity(), [batch(0, 4)]), write(identity(), [batch(4, 6)], false)),
    )
    yield* damage(`${folder(directory)}/2023.parquet`)
    const before = yield* hashes(directory)
    const [[found, known, refusal]] = yield* Effect.all([
      rows,
      description,
      refused(write(identity(), [batch(0, 1)])),
    ]).pipe(
      opened(directory),
      Effect.provideService(FileSystem.FileSystem, FaultyFiles.make(fs, denied).fs),
      logged,
    )
    expect(found).toEqual([bar(4), bar(5)])
    expect(known.rows).toBe(2)
    expect(refusal).toMatchObject({ reason: "StoreUnwritable", advice: expect.stringMatching(/permission/) })
    expect(refusal.place.startsWith("candles")).toBe(true)
    expect(yield* hashes(directory)).toEqual(before)
  }),
)

scopedLive("a file where the store's folder should be is a store that cannot be written", (directory) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFileString(`${directory}/candles`, "")
    expect(yield* refused(write(identity(), [batch(0, 1)]))).toMatchObject({ reason: "StoreUnwritable" })
    expect(yield* rows).toEqual([])
  }).pipe(opened(directory)),
)

scopedLive(
  "the lock of a process that is gone is taken over at once; that of another host after a lease, and is named",
  (directory) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const locks = `${directory}/candles/.locks`
      yield* fs.makeDirectory(locks, { recursive: true })
      const leave = (token: number, owner: object) =>
        fs.writeFileString(`${locks}/AAPL_1h.${token}.lock`, JSON.stringify({ expires: 4e12, ...owner }))
      yield* leave(7, { pid: 2 ** 22 + 1, host: hostname() })
      yield* opened(directory)(write(identity(), [batch(0, 4)]))
      expect(yield* fs.readDirectory(locks)).toEqual(["AAPL_1h.8.lock"])
      yield* leave(9, { pid: process.pid, host: hostname() })
      yield* opened(directory)(write(identity(), [batch(4, 5)]))
      const brief = opened(directory, { lease: "100 millis", lockWait: "10 seconds" })
      yield* leave(11, { pid: 77, host: "elsewhere", expires: 1 })
      yield* brief(write(identity(), [batch(5, 6)], false))
      yield* leave(13, { pid: 77, host: "elsewhere" })
      yield* brief(write(identity(), [batch(6, 7)], false))
      yield* leave(15, { pid: 77, host: "elsewhere" })
      const error = yield* refused(opened(directory)(write(identity(), [batch(7, 8)])))
      expect(error).toMatchObject({ reason: "StoreLocked", place: "AAPL 1h" })
      expect(error.message).toContain("process 77 on elsewhere")
      expect(yield* opened(directory)(rows)).toEqual(Candle.toRows(batch(0, 7).candles))
    }),
)

it.scoped("a lock is renewed for as long as it is held", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    const expires = Effect.map(
      fs.readFileString(`${directory}/candles/.locks/AAPL_1h.1.lock`),
      (text) =>
        Schema.decodeUnknownSync(Schema.parseJson(Schema.Struct({ expires: Schema.Number })))(text).expires,
    )
    yield* Effect.gen(function* () {
      yield* Effect.flatMap(store, (_) => _.writer(identity()))
      expect(yield* expires).toBe(30_000)
      yield* TestClock.adjust("10 seconds")
      yield* Effect.repeat(Effect.zipRight(TestServices.provideLive(Effect.sleep(1)), expires), {
        until: (until) => until === 40_000,
      })
    }).pipe(Effect.scoped, opened(directory))
    expect(yield* expires).toBe(0)
  }).pipe(Effect.provide(NodeContext.layer)),
)

scopedLive("an owner that lost its lock writes nothing", (directory) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const writer = yield* Effect.flatMap(store, (_) => _.writer(identity()))
    yield* writer.append(batch(0, 2))
    const lock = { pid: 77, host: "elsewhere", expires: 4e12 }
    yield* fs.writeFileString(`${directory}/candles/.locks/AAPL_1h.2.lock`, JSON.stringify(lock))
    const before = yield* hashes(directory)
    expect(yield* refused(writer.append(batch(2, 4)))).toMatchObject({ reason: "LockLost" })
    expect(yield* refused(writer.fold)).toMatchObject({ reason: "LockLost" })
    expect(yield* hashes(directory)).toEqual(before)
  }).pipe(Effect.scoped, opened(directory)),
)

scopedLive(
  "a journal past its bound is folded on the way, and what a crash left unfinished is removed",
  (directory) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* opened(directory, { journalBytes: 1 })(write(identity(), [batch(0, 2), batch(2, 4)], false))
      expect(Object.keys(yield* hashes(folder(directory)))).toEqual(["2023.parquet", "manifest.json"])
      yield* fs.writeFileString(`${folder(directory)}/2023.parquet.tmp`, "half")
      yield* opened(directory)(rows)
      expect(Object.keys(yield* hashes(folder(directory)))).toEqual(["2023.parquet", "manifest.json"])
    }),
)

scopedLive("an interruption ends the fold on the way, and what was appended stays appended", (directory) =>
  Effect.gen(function* () {
    const folding = yield* Deferred.make<void>()
    const stuck = Parquet.make({ directory, journalBytes: 1 }, (engine) => ({
      ...engine,
      write: () => Effect.zipRight(Deferred.succeed(folding, undefined), Effect.never),
    }))
    let accepted = 0
    const append = (writer: Writer, from: number) =>
      Effect.uninterruptible(Effect.map(writer.append(batch(from, from + 2)), () => void accepted++))
    yield* Effect.gen(function* () {
      const writer = yield* Effect.flatMap(stuck, (_) => _.writer(identity()))
      const loading = yield* Effect.fork(
        Effect.forEach([0, 2, 4], (from) => append(writer, from), { concurrency: "unbounded" }),
      )
      yield* Deferred.await(folding)
      yield* Fiber.interrupt(loading)
    }).pipe(Effect.scoped)
    expect(accepted).toBe(3)
    expect(yield* opened(directory)(rows)).toEqual(Candle.toRows(batch(0, 6).candles))
  }),
)

scopedLive("a series whose venue is known better moves as a whole", (directory) =>
  Effect.gen(function* () {
    yield* write(identity(), [batch(0, 2)])
    yield* write(identity(), [batch(2, 3)], false)
    const moved = { ...identity(), instrument: { ...identity().instrument, venue: "XNAS" } }
    yield* write(moved, [batch(3, 4)])
    expect(yield* rows).toEqual(Candle.toRows(batch(0, 4).candles))
    expect(Object.keys(yield* hashes(directory))).toEqual([
      "candles/XNAS/AAPL/1h/2023.parquet",
      "candles/XNAS/AAPL/1h/manifest.json",
    ])
  }).pipe(opened(directory)),
)

scopedLive("a directory with characters that mean something to DuckDB is a directory", (directory) =>
  Effect.gen(function* () {
    yield* opened(`${directory}/a [b]* 'c' x=1`)(write(identity(), [batch(0, 8)]))
    expect(yield* opened(`${directory}/a [b]* 'c' x=1`)(rows)).toEqual(Candle.toRows(batch(0, 8).candles))
  }),
)

scopedLive("readers and a writer of one series at once see whole states", (directory) =>
  Effect.gen(function* () {
    const writer = yield* Effect.flatMap(store, (_) => _.writer(identity()))
    const reads = Effect.repeatN(
      Effect.map(rows, (found) => {
        expect(found.length % 4).toBe(0)
        expect(found.map((row) => row.start)).toEqual(found.map((_, index) => bar(index).start))
      }),
      9,
    )
    const writes = Effect.forEach([0, 4, 8, 12], (from) =>
      Effect.zipRight(writer.append(batch(from, from + 4)), writer.fold),
    )
    yield* Effect.all([reads, reads, writes], { concurrency: "unbounded" })
    expect((yield* rows).length).toBe(16)
  }).pipe(Effect.scoped, opened(directory)),
)
