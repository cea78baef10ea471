import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Candle from "../../src/data/Candle.js"
import * as ParquetFile from "../../src/data/ParquetFile.js"

const folder = mkdtempSync(join(tmpdir(), "ktrdr-parquet-"))
let database: DuckDBInstance
let connection: DuckDBConnection
beforeAll(async () => {
  database = await DuckDBInstance.create()
  connection = await database.connect()
  await connection.run("SET TimeZone = 'UTC'")
})
afterAll(() => {
  connection.closeSync()
  database.closeSync()
  rmSync(folder, { recursive: true })
})

let files = 0
/** A file of what the query gives. */
const write = (query: string, name = `${++files}.parquet`): Effect.Effect<string> =>
  Effect.promise(async () => {
    const path = join(folder, name)
    await connection.run(`COPY (${query}) TO '${path.replaceAll("'", "''")}' (FORMAT parquet)`)
    return path
  })

const values = "1.5 AS open, 2.5 AS high, 1 AS low, 2 AS close, 7 AS volume"
const read = (file: string, options?: ParquetFile.Options) =>
  ParquetFile.read(file, options).pipe(
    Effect.catchTag("SystemError", "BadArgument", Effect.die),
    Effect.provide(NodeFileSystem.layer),
  )
const starts = (query: string, options?: ParquetFile.Options) =>
  Effect.map(
    Effect.flatMap(write(query), (file) => read(file, options)),
    ({ start }) => Array.from(start),
  )
const fault = (query: string, options?: ParquetFile.Options) =>
  Effect.flatMap(write(query), (file) => Effect.flip(read(file, options)))

const instant = Date.UTC(2024, 0, 2, 14, 30)

const day = (number: number) => `DATE '2024-01-0${number}'`

const rows = (...all: ReadonlyArray<string>) =>
  `SELECT t AS date, o AS open, 2.0 AS high, 1.0 AS low, 1.5 AS close, v AS volume FROM (VALUES ${all.join(", ")}) AS rows(t, o, v)`

describe("ParquetFile.read", () => {
  it.effect("takes starts of every type of stamp and of epoch numbers", () =>
    Effect.gen(function* () {
      for (const start of [
        "TIMESTAMPTZ '2024-01-02 09:30:00-05:00'",
        "TIMESTAMP '2024-01-02 14:30:00'",
        "'2024-01-02 14:30:00'::TIMESTAMP_NS",
        "'2024-01-02 14:30:00'::TIMESTAMP_MS",
        "'2024-01-02 14:30:00'::TIMESTAMP_S",
        "1704205800::BIGINT",
        "1704205800::INTEGER",
        "1704205800.0::DOUBLE",
        "1704205800000::BIGINT",
        "1704205800000000::BIGINT",
        "1704205800000000000::BIGINT",
        "1704205800000000000::UBIGINT",
      ]) {
        expect([start, yield* starts(`SELECT ${start} AS timestamp, ${values}`)]).toEqual([start, [instant]])
      }
      expect(yield* starts(`SELECT DATE '2024-01-02' AS "Date", ${values}`)).toEqual([Date.UTC(2024, 0, 2)])
    }),
  )

  it.effect(
    "takes stamps without a zone for readings of the clock that is given, those with one as they are",
    () =>
      Effect.gen(function* () {
        const zone = { timeZone: "America/New_York" }
        const reading = `SELECT TIMESTAMP '2024-01-02 09:30:00' AS time, ${values}`
        const zoned = `SELECT TIMESTAMPTZ '2024-01-02 14:30:00+00' AS time, ${values}`
        expect(yield* starts(reading, zone)).toEqual([instant])
        expect(yield* starts(zoned, zone)).toEqual([instant])
        const unclear = yield* fault(`SELECT TIMESTAMP '2024-11-03 01:30:00' AS time, ${values}`, zone)
        expect(unclear.place).toMatch(/ row 1, column start$/)
        expect(unclear.found).toContain("2024-11-03 01:30:00, which may be of either")
      }),
  )

  it.effect("takes files as pandas writes them: an index column, columns of its own, any number type", () =>
    Effect.gen(function* () {
      const file = yield* write(
        `SELECT 'x' AS "Note", 1::DECIMAL(9, 2) AS "Close", 2::FLOAT AS "High", 1::TINYINT AS "Low", 1::HUGEINT AS "Open",
         v::BIGINT AS "Volume", t AS "__index_level_0__"
         FROM (VALUES (TIMESTAMP '2024-01-03 00:00:00', 5), (TIMESTAMP '2024-01-02 00:00:00', NULL),
           (TIMESTAMP '2024-01-04 00:00:00', -1), (TIMESTAMP '2024-01-03 00:00:00', 5)) AS rows(t, v)`,
      )
      const bar = { open: 1, high: 2, low: 1, close: 1 }
      expect(Candle.toRows(yield* read(file))).toEqual([
        { start: Date.UTC(2024, 0, 2), ...bar, volume: null },
        { start: Date.UTC(2024, 0, 3), ...bar, volume: 5 },
        { start: Date.UTC(2024, 0, 4), ...bar, volume: null },
      ])
    }),
  )

  it.effect("reads many rows and none", () =>
    Effect.gen(function* () {
      const many = yield* write(
        `SELECT epoch_ms(range * 60000) AS timestamp, ${values} FROM range(50000) ORDER BY hash(range)`,
      )
      const { start } = yield* read(many)
      expect([start.length, start.every((millis, index) => millis === index * 60_000)]).toEqual([
        50_000,
        true,
      ])
      expect(yield* starts(`SELECT TIMESTAMP '2024-01-02' AS timestamp, ${values} LIMIT 0`)).toEqual([])
    }),
  )

  it.effect("names the row and the column of what does not fit", () =>
    Effect.gen(function* () {
      const good = `(${day(1)}, 1.5, 1.0)`
      for (const [query, place, found] of [
        [rows(good, `(${day(2)}, NULL, 1.0)`), / row 2, column open$/, "none"],
        [rows(good, "(NULL, 1.5, 1.0)"), / row 2, column start$/, "none"],
        [rows(good, `(${day(2)}, 'inf'::DOUBLE, 1.0)`), / row 2$/, "Infinity"],
        [rows(good, `(${day(2)}, 9.0, 1.0)`), / row 2$/, ""],
        [rows(good, `(${day(2)}, 1.5, -3.0)`), / row 2$/, "-3"],
        [rows(good, `(${day(3)}, 1.5, 1.0)`, `(${day(1)}, 1.25, 1.0)`), / row 3, column start$/, "row 1"],
        [
          `SELECT unnest([1704205800, 1704205800000]) AS time, ${values}`,
          / row 2, column start$/,
          "1704205800000",
        ],
        [`SELECT 1e25::DOUBLE AS time, ${values}`, / row 1, column start$/, "1e+25"],
        [`SELECT '2024-01-02' AS date, ${values}`, / column date$/, "VARCHAR"],
        [`SELECT 1704205800::FLOAT AS date, ${values}`, / column date$/, "FLOAT"],
        [`SELECT TIME '09:30:00' AS time, ${values}`, / column time$/, "TIME"],
        [
          `SELECT DATE '2024-01-02' AS date, 1 AS open, '2' AS high, 1 AS low, 1 AS close, 1 AS volume`,
          / column high$/,
          "VARCHAR",
        ],
        [
          `SELECT DATE '2024-01-02' AS date, 1 AS open, 2 AS high, 1 AS low, 1 AS close`,
          / column volume$/,
          "date, open, high",
        ],
        [`SELECT 5 AS moment, ${values}`, / column timestamp$/, "moment"],
      ] as const) {
        const error = yield* fault(query)
        expect(error.reason).toBe("InvalidFile")
        expect(error.place).toMatch(place)
        expect([query, error.found]).toEqual([query, expect.stringContaining(found)])
      }
    }),
  )

  it.effect("never shows escape sequences that a name holds", () =>
    Effect.gen(function* () {
      const error = yield* fault(`SELECT 1 AS "\u001b[31mred\u009b2J", ${values}`)
      expect(error.message).not.toMatch(/\p{Cc}/u)
      expect(error.message).toContain("red")
    }),
  )

  it.effect("refuses what is no Parquet file, or none that is whole", () =>
    Effect.gen(function* () {
      const whole = yield* write(`SELECT TIMESTAMP '2024-01-02' AS timestamp, ${values} FROM range(5000)`)
      const bytes = readFileSync(whole)
      const torn = join(folder, "torn.parquet")
      writeFileSync(torn, bytes.subarray(0, bytes.length - 9))
      const text = join(folder, "text.parquet")
      writeFileSync(text, "PAR1 is what it begins with")
      for (const file of [torn, text]) {
        const error = yield* Effect.flip(read(file))
        expect(error).toMatchObject({
          reason: "InvalidFile",
          place: file,
          expected: "a whole Parquet file of bars",
        })
        expect(error.message).not.toContain("\n")
      }
    }),
  )

  it.effect("means the file alone, whatever characters its name has", () =>
    Effect.gen(function* () {
      mkdirSync(join(folder, "names"))
      yield* write(`SELECT DATE '2020-01-01' AS date, ${values}`, "names/ab.parquet")
      for (const name of [
        "names/*.parquet",
        "names/[a]?.parquet",
        "names/it's $1 {x}.parquet",
        "names/y=2024.parquet",
      ]) {
        const file = yield* write(`SELECT DATE '2024-01-02' AS date, ${values}`, name)
        expect([name, Array.from((yield* read(file)).start)]).toEqual([name, [Date.UTC(2024, 0, 2)]])
      }
    }),
  )
})

describe("ParquetFile.isParquet", () => {
  it.effect("looks at how the file begins", () =>
    Effect.gen(function* () {
      const parquet = yield* write(`SELECT DATE '2024-01-02' AS date, ${values}`, "bars.csv")
      const text = join(folder, "bars.txt")
      const empty = join(folder, "empty.parquet")
      writeFileSync(text, "date,open\n")
      writeFileSync(empty, "")
      expect(yield* Effect.forEach([parquet, text, empty], ParquetFile.isParquet)).toEqual([
        true,
        false,
        false,
      ])
    }).pipe(Effect.provide(NodeFileSystem.layer)),
  )
})
