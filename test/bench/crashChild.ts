/**
 * A load into a real store, as a process of its own that stands still, or says so, where it is to be killed.
 */
import { statSync, truncateSync, writeSync } from "node:fs"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { CandleSource } from "../../src/data/CandleSource.js"
import * as Parquet from "../../src/data/CandleStore/Parquet.js"
import { CandleStore } from "../../src/data/CandleStore.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as LoadData from "../../src/data/LoadData.js"
import * as IbCandleSource from "../../src/hosts/ib/IbCandleSource.js"
import * as Protocol from "../utils/CrashProtocol.js"

const { directory, lease, loader, stop, suspend, url } = Schema.decodeSync(Protocol.Orders)(
  process.argv[2] ?? "",
)
const counts = { fetch: 0, append: 0, fold: 0, rename: 0, manifest: 0, lock: 0 }
let isHere = false

const encode = Schema.encodeSync(Protocol.Message)

/** Written before it returns: a kill that comes later does not lose it. */
const say = (message: Protocol.Message): void => void writeSync(1, `${encode(message)}\n`)

/** Counts a call, and tells whether it is the one to be killed in. */
const isDue = (phase: Protocol.Phase, writes: boolean): boolean => {
  counts[phase]++
  if (stop?.phase !== phase || counts[phase] < stop.call || isHere) return false
  isHere = stop.moment !== "part" || writes
  return isHere
}

/**
 * Stands still, with every fiber, until the process is killed; not for ever, if nobody is left to do it. A
 * process that is to be suspended stops itself, and goes on when it is told to.
 */
const standStill = Effect.sync(() => {
  say({ _tag: "Here" })
  if (suspend) return void process.kill(process.pid, "SIGSTOP")
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30_000)
  return process.exit(3)
})

/** A call of the phase, and how to do a part of it if it writes bytes. */
const call = <A, E, R>(
  phase: Protocol.Phase | undefined,
  effect: Effect.Effect<A, E, R>,
  part?: (share: number) => Effect.Effect<unknown, E, R>,
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    if (phase === undefined || !isDue(phase, part !== undefined)) return effect
    if (stop?.moment !== "during") {
      const before = stop?.moment === "part" ? part?.(stop.share) : undefined
      return Effect.zipRight(Effect.zipRight(before ?? Effect.void, standStill), effect)
    }
    say({ _tag: "Here" })
    return Effect.ensuring(
      effect,
      Effect.sync(() => say({ _tag: "Over" })),
    )
  })

const phaseOf = (path: string): Protocol.Phase | undefined => {
  if (/journal-\d+\.bin$/.test(path)) return "append"
  if (/\.parquet\.\d+\.tmp$/.test(path)) return "fold"
  if (path.endsWith(".parquet")) return "rename"
  if (/manifest(\.next)?\.json(\.\d+\.tmp)?$/.test(path)) return "manifest"
  return path.includes(".locks") ? "lock" : undefined
}

const upTo = (share: number, size: number): number => Math.floor(share * size)

const watched = (path: string, file: FileSystem.File): FileSystem.File => ({
  [FileSystem.FileTypeId]: FileSystem.FileTypeId,
  fd: file.fd,
  stat: file.stat,
  seek: (offset, from) => file.seek(offset, from),
  read: (buffer) => file.read(buffer),
  readAlloc: (size) => file.readAlloc(size),
  truncate: (length) => file.truncate(length),
  write: (buffer) => file.write(buffer),
  writeAll: (bytes) =>
    call(phaseOf(path), file.writeAll(bytes), (share) =>
      file.writeAll(bytes.subarray(0, upTo(share, bytes.length))),
    ),
  sync: call(phaseOf(path), file.sync),
})

const files = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(
    FileSystem.FileSystem,
    (fs): FileSystem.FileSystem => ({
      ...fs,
      link: (from, to) => call(phaseOf(to), fs.link(from, to)),
      open: (path, options) =>
        Effect.map(
          options?.flag === "w" ? call(phaseOf(path), fs.open(path, options)) : fs.open(path, options),
          (file) => watched(path, file),
        ),
      remove: (path, options) =>
        call(path.endsWith(".bin") ? "manifest" : phaseOf(path), fs.remove(path, options)),
      rename: (from, to) => call(phaseOf(to), fs.rename(from, to)),
      writeFileString: (path, text, options) =>
        call(phaseOf(path), fs.writeFileString(path, text, options), (share) =>
          fs.writeFileString(path, text.slice(0, upTo(share, text.length)), options),
        ),
    }),
  ),
).pipe(Layer.provide(NodeFileSystem.layer), Layer.merge(NodePath.layer))

/** DuckDB writes the year files by itself. */
const watchEngine = Effect.promise(async () => {
  const { DuckDBConnection } = await import("@duckdb/node-api")
  const { run } = DuckDBConnection.prototype
  DuckDBConnection.prototype.run = async function (sql, values, types) {
    const path = /\) TO '(.*\.parquet\.\d+\.tmp)' \(FORMAT parquet/.exec(sql)?.[1]
    const write = Effect.promise(() => run.call(this, sql, values, types))
    if (path === undefined) return Effect.runPromise(write)
    const part = (share: number) =>
      Effect.map(write, () => truncateSync(path, upTo(share, statSync(path).size)))
    return Effect.runPromise(call("fold", write, part))
  }
})

const store = Layer.effect(
  CandleStore,
  Effect.map(CandleStore, (store) => ({
    ...store,
    writer: (identity) =>
      Effect.map(store.writer(identity), (writer) => ({
        ...writer,
        append: (batch) =>
          Effect.tap(writer.append(batch), () =>
            Effect.sync(() => say({ _tag: "Durable", range: batch.range })),
          ),
      })),
  })),
).pipe(
  Layer.provide(Parquet.layer({ directory, lease, journalBytes: Protocol.journalBytes })),
  Layer.provide(files),
)

const source = Layer.effect(
  CandleSource,
  Effect.map(CandleSource, (source) => ({
    ...source,
    fetch: (request) => call("fetch", source.fetch(request)),
  })),
).pipe(
  Layer.provide(
    IbCandleSource.layerHost({
      baseUrl: url,
      connections: 2,
      headers: { "x-loader": loader },
    }),
  ),
)

const system = LoadData.layer.pipe(Layer.provide(DataManager.layer), Layer.provide([source, store]))

const program = Effect.zipRight(watchEngine, LoadData.run(Protocol.load)).pipe(
  Effect.provide(system),
  Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
  Effect.matchCause({
    onFailure: (cause) => {
      process.stderr.write(`${Cause.pretty(cause)}\n`)
      process.exit(1)
    },
    onSuccess: (report) => {
      say({ _tag: "Done", report, counts })
      process.exit(0)
    },
  }),
)

Effect.runFork(program)
