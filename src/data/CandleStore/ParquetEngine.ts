/**
 * Parquet files of bars, written and read with DuckDB, which is loaded when it is first needed. It never
 * touches the network: the extensions it uses are linked in, and fetching others is off.
 *
 * Columns: `timestamp` (TIMESTAMP WITH TIME ZONE, microseconds UTC), `open`, `high`, `low`, `close`, `volume`
 * (DOUBLE; an unknown volume is NULL).
 */
import type { DuckDBConnection, DuckDBDataChunk, DuckDBMaterializedResult } from "@duckdb/node-api"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { turn } from "../../internal/breathe.js"
import { Permits } from "../../internal/Permits.js"
import type { Candles } from "../Candle.js"
import * as Candle from "../Candle.js"
import { DataError } from "../DataError.js"
import type { TimeRange } from "../TimeRange.js"
import { unwritable } from "./ParquetFiles.js"

export interface Engine {
  /**
   * Writes the bars of all parts, which come in order, to a new file. Equal bars give equal bytes, however
   * they are cut into parts. A part is made when its turn comes.
   */
  readonly write: (file: string, parts: Iterable<Candles>) => Effect.Effect<void, DataError>
  /** The bars of files that come in order of time, those inside the range where there is one. */
  readonly read: (files: ReadonlyArray<string>, range?: TimeRange) => Effect.Effect<Candles, DataError>
  /** The starts alone, at a sixth of the cost. */
  readonly readStarts: (files: ReadonlyArray<string>) => Effect.Effect<Float64Array, DataError>
}

export interface Options {
  /** How many threads DuckDB may use: they change its speed, never a byte. */
  readonly threads: number
  /** A file's path as people see it. */
  readonly place: (file: string) => string
}

export const make = Effect.fnUntraced(function* (options: Options) {
  const scope = yield* Effect.scope
  const instance = yield* Effect.cached(Effect.uninterruptible(Scope.extend(open(options), scope)))
  const turns = new Permits(2)

  const connected = <A>(use: (connection: DuckDBConnection) => Effect.Effect<A, DataError>) =>
    Effect.flatMap(instance, ({ database }) =>
      Effect.acquireRelease(
        Effect.promise(() => database.connect()),
        (connection) => Effect.sync(() => connection.closeSync()),
      ),
    ).pipe(Effect.flatMap(use), Effect.scoped, turns.hold)

  const write: Engine["write"] = Effect.fn("ParquetEngine.write")(function* (file, parts) {
    const { sources } = yield* instance
    const source = sources.open(vectors(parts))
    yield* connected((connection) =>
      call(
        connection,
        () => connection.run(copyTo(file, source)),
        (cause) => unwritable(options.place(file), cause),
      ),
    ).pipe(Effect.ensuring(Effect.sync(() => sources.close(source))))
  })

  const select = (files: ReadonlyArray<string>, sql: string, columns: number) =>
    connected((connection) =>
      Effect.flatMap(
        call(
          connection,
          () => connection.run(sql),
          (cause) => unreadable(files.map(options.place).join(", "), cause),
        ),
        (result) => collect(result, columns),
      ),
    )

  const read: Engine["read"] = Effect.fn("ParquetEngine.read")(function* (files, range) {
    if (files.length === 0) return Candle.empty
    const inside =
      range === undefined
        ? ""
        : ` WHERE timestamp >= ${stamp(range.start)} AND timestamp < ${stamp(range.end)}`
    const values = `${starts}, open, high, low, close, coalesce(volume, 'NaN'::DOUBLE)`
    const found = yield* select(
      files,
      `SELECT ${values} FROM ${table(files)}${inside}`,
      Candle.columns.length,
    )
    const [start, open, high, low, close, volume] = found
    return { start: start!, open: open!, high: high!, low: low!, close: close!, volume: volume! }
  })

  const readStarts: Engine["readStarts"] = Effect.fn("ParquetEngine.readStarts")(function* (files) {
    if (files.length === 0) return new Float64Array(0)
    const [start] = yield* select(files, `SELECT ${starts} FROM ${table(files)}`, 1)
    return start!
  })

  return { write, read, readStarts } satisfies Engine
})

// -----------------------------------------------------------------------------

/** The longest vector that DuckDB takes: one fills in well under a millisecond. */
const vectorRows = 2048
const rowGroupRows = 122_880
/** How many values are copied out of a result between two turns of the event loop. */
const valuesPerTurn = 131_072

/** DuckDB in memory, until the scope closes. */
export const open = Effect.fnUntraced(function* ({ threads }: Pick<Options, "threads">) {
  const duckdb = yield* Effect.promise(() => import("@duckdb/node-api"))
  const database = yield* Effect.acquireRelease(
    Effect.promise(() =>
      duckdb.DuckDBInstance.create(":memory:", {
        threads: `${threads}`,
        memory_limit: "1GB",
        temp_directory: "",
        autoinstall_known_extensions: "false",
        autoload_known_extensions: "false",
        enable_external_file_cache: "false",
      }),
    ),
    (database) => Effect.sync(() => database.closeSync()),
  )
  const sources = makeSources(duckdb)
  const connection = yield* Effect.promise(() => database.connect())
  connection.registerTableFunction(sources.table)
  connection.closeSync()
  return { database, sources }
})

/** Bars in memory as a table function, `bars(id)`: DuckDB asks for a vector of them when it is ready for one. */
const makeSources = ({ DOUBLE, INTEGER, DuckDBTableFunction }: typeof import("@duckdb/node-api")) => {
  const open = new Map<unknown, Iterator<Candles>>()
  let opened = 0

  return {
    open: (vectors: Iterable<Candles>): number => {
      open.set(++opened, vectors[globalThis.Symbol.iterator]())
      return opened
    },
    close: (id: number): boolean => open.delete(id),
    table: DuckDBTableFunction.create({
      name: "bars",
      parameterTypes: [INTEGER],
      bindFunction: (info) => {
        for (const column of Candle.columns) info.addResultColumn(column, DOUBLE)
        info.setBindData({ id: info.getParameter(0) })
      },
      initFunction: (info) => info.setMaxThreads(1),
      mainFunction: (info, chunk) => {
        const { id } = { id: undefined, ...info.bindData }
        try {
          fill(open.get(id), chunk)
        } catch (error) {
          info.setError(String(error))
        }
      },
    }),
  }
}

const fill = (source: Iterator<Candles> | undefined, chunk: DuckDBDataChunk): void => {
  const bars = source?.next().value ?? Candle.empty
  chunk.rowCount = Candle.size(bars)
  if (chunk.rowCount === 0) return
  Candle.columns.forEach((column, index) => {
    const vector = chunk.getColumnVector(index)
    const values = bars[column]
    for (let row = 0; row < values.length; row++) vector.setItem(row, values[row]!)
    vector.flush()
  })
}

/** A call of DuckDB; interruption stops the query and waits until it has stopped. */
export const call = <A>(
  connection: DuckDBConnection,
  run: () => Promise<A>,
  failure: (cause: unknown) => DataError,
): Effect.Effect<A, DataError> =>
  Effect.async<A, DataError>((resume) => {
    const settled = run().then(
      (value) => resume(Effect.succeed(value)),
      (cause: unknown) => resume(Effect.fail(failure(cause))),
    )
    return Effect.promise(() => {
      connection.interrupt()
      return settled
    })
  })

/** The columns of a result, all doubles, copied some milliseconds at a time. */
export const collect = Effect.fnUntraced(function* (result: DuckDBMaterializedResult, columns: number) {
  const found = Array.from({ length: columns }, () => new Float64Array(result.rowCount))
  const chunksPerTurn = Math.ceil(valuesPerTurn / vectorRows / columns)
  let offset = 0
  for (let index = 0; index < result.chunkCount; index++) {
    if (index % chunksPerTurn === chunksPerTurn - 1) yield* turn
    const chunk = result.getChunk(index)
    found.forEach((values, column) => {
      const vector = chunk.getColumnVector(column)
      for (let row = 0; row < vector.itemCount; row++) values[offset + row] = Number(vector.getItem(row))
    })
    offset += chunk.rowCount
  }
  return found
})

/** The bars of all parts in vectors of equal length, so that DuckDB sees the same calls for the same bars. */
function* vectors(parts: Iterable<Candles>): Iterable<Candles> {
  const vector = Candle.allocate(vectorRows)
  let filled = 0
  for (const part of parts) {
    for (let from = 0; from < Candle.size(part); ) {
      const piece = Candle.slice(part, from, Math.min(from + vectorRows - filled, Candle.size(part)))
      for (const column of Candle.columns) vector[column].set(piece[column], filled)
      filled += Candle.size(piece)
      from += Candle.size(piece)
      if (filled < vectorRows) continue
      yield vector
      filled = 0
    }
  }
  if (filled > 0) yield Candle.slice(vector, 0, filled)
}

const copyTo = (file: string, source: number): string => `
  COPY (
    SELECT make_timestamptz(("start" * 1000)::BIGINT) AS timestamp, open, high, low, close,
      CASE WHEN isnan(volume) THEN NULL ELSE volume END AS volume
    FROM bars(${source})
  ) TO ${quote(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupRows}, USE_TMP_FILE false)`

const starts = "epoch_ms(timestamp)::DOUBLE"

const stamp = (millis: number): string => `make_timestamptz(${BigInt(Math.round(millis)) * 1000n}::BIGINT)`

/** Files as a table. Names are patterns to DuckDB: special characters stand for themselves inside brackets. */
export const table = (files: ReadonlyArray<string>): string =>
  `read_parquet([${files.map((file) => quote(file.replace(/[[*?]/g, "[$&]"))).join(", ")}], hive_partitioning = false)`

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`

const unreadable = (place: string, cause: unknown): DataError =>
  new DataError({
    reason: "StoreDamaged",
    place,
    expected: "Parquet files of bars",
    found: String(cause),
    advice: "Load the series again",
    cause,
  })
