/** ktrdr's own training host on a port of this machine, over a home of its own, and what a test asks it. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpServer from "@effect/platform/HttpServer"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { beforeAll } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as CandleSource from "../../../src/data/CandleSource.js"
import * as DataManager from "../../../src/data/DataManager.js"
import { sha256 } from "../../../src/internal/sha256.js"
import * as Http from "../../../src/node/Http.js"
import * as Main from "../../../src/node/Main.js"
import * as TrainingHost from "../../../src/node/TrainingHost.js"
import * as Handed from "../../../src/training/Dataset/Handed.js"
import { Strategy } from "../../../src/training/Strategy.js"
import type * as Trainer from "../../../src/training/Trainer.js"
import * as Command from "../../utils/Command.js"
import * as Strategies from "../../utils/Strategies.js"
import * as Trainings from "../../utils/Trainings.js"

/** A folder until the scope closes. */
export const home = Effect.provide(
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped()),
  NodeFileSystem.layer,
)

/** The thread's program as the command has it, which starts faster than the sources do. */
const program = new URL("../../../dist/Worker.js", import.meta.url)
beforeAll(Command.prepare)

/** Says and keeps no more than it has to: for trainings that are not watched closely. */
export const calm = { keepEpochsEvery: 500, keepBatchesEvery: 5000, reportEvery: 100 }

/** The URL of a host that is served until the scope closes. */
export const serve = (
  options: Partial<TrainingHost.Options> = {},
  logs: Layer.Layer<never> = Logger.minimumLogLevel(LogLevel.None),
) =>
  Effect.gen(function* () {
    const directory = options.directory ?? (yield* home)
    const http = NodeHttpServer.layerServer(Http.createServer, { host: "127.0.0.1", port: 0 })
    const served = TrainingHost.layer({
      strategies: [],
      ...options,
      directory,
      trainer: { keepEpochsEvery: 0, keepBatchesEvery: 0, reportEvery: 0, program, ...options.trainer },
    }).pipe(Layer.provideMerge(http), Layer.provide(logs))
    const { address } = Context.get(yield* Layer.build(served), HttpServer.HttpServer)
    return `http://127.0.0.1:${"port" in address ? address.port : 0}`
  })

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
  readonly text: string
  /** The JSON of the body; undefined where it is none. */
  readonly body: any
}

export interface Asking {
  readonly body?: unknown
  readonly bytes?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** Asks a host; interrupted, the connection is closed. */
export const ask = (
  base: string,
  method: string,
  path: string,
  { body, bytes, headers = {} }: Asking = {},
): Effect.Effect<Answer> =>
  Effect.promise(async (signal) => {
    const content = bytes ?? (body === undefined ? undefined : JSON.stringify(body))
    const kind = bytes === undefined ? "application/json" : "application/octet-stream"
    const response = await fetch(base + path, {
      method,
      signal,
      redirect: "manual",
      headers: { ...(content === undefined ? {} : { "content-type": kind }), ...headers },
      ...(content === undefined ? {} : { body: content as RequestInit["body"] & {} }),
    })
    const found = new Uint8Array(await response.arrayBuffer())
    const text = new TextDecoder().decode(found)
    return { status: response.status, headers: response.headers, bytes: found, text, body: parsed(text) }
  })

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * A home with hourly bars of the symbols from a day on, of markets that never close, and a folder of strategies with
 * one file of that name.
 */
export const stocked = (name: string, from: number, symbols: ReadonlyArray<string>, changes: Changes = []) =>
  Effect.gen(function* () {
    const directory = yield* home
    const strategies = `${directory}/strategies`
    const text = Strategies.change([["name: mean_reversion", `name: ${name}`], ...changes])
    yield* Effect.provide(
      Effect.flatMap(FileSystem.FileSystem, (fs) =>
        Effect.zipRight(fs.makeDirectory(strategies), fs.writeFileString(`${strategies}/${name}.yaml`, text)),
      ),
      NodeFileSystem.layer,
    )
    yield* Effect.forEach(symbols, (symbol, index) =>
      Trainings.load(Strategies.walk(Trainings.count, from, Strategies.hour, index), symbol),
    ).pipe(
      Effect.provide(DataManager.layer),
      Effect.provide(Layer.merge(Main.layerStoreAt(directory), CandleSource.layerOffline)),
    )
    return { directory, strategies: [strategies] }
  })

type Changes = ReadonlyArray<readonly [string, string]>

/** Hands bytes over in parts of so many, and gives their hash. */
export const handOver = (base: string, bytes: Uint8Array, part = bytes.length) =>
  Effect.gen(function* () {
    const hash = yield* sha256(bytes)
    for (let from = 0; from < bytes.length; from += part) {
      const to = Math.min(from + part, bytes.length)
      const { status, text } = yield* ask(base, "PUT", `/training/datasets/${hash}`, {
        bytes: bytes.subarray(from, to),
        headers: { "content-range": `bytes ${from}-${to - 1}/${bytes.length}` },
      })
      if (status !== 200) throw new Error(text)
    }
    return hash
  })

/** The body that starts a job whose rows were handed over. */
export const startOf = ({ strategy }: Trainer.Job, dataset: string, more: object = {}) => ({
  model_configuration: { strategy_yaml: JSON.stringify(encodeStrategy(strategy)) },
  training_configuration: {},
  data_configuration: { dataset },
  ...more,
})

/** Starts a job on rows that are handed over for it. */
export const start = (base: string, job: Trainer.Job, more: object = {}, headers: Asking["headers"] = {}) =>
  Effect.gen(function* () {
    const dataset = yield* handOver(base, yield* Handed.encode(job.dataset))
    return yield* ask(base, "POST", "/training/start", { body: startOf(job, dataset, more), headers })
  })

/** Asks for a status until it is as it should be. */
export const until = (base: string, id: string, isSo: (status: any) => boolean, query = "") =>
  ask(base, "GET", `/training/status/${id}${query}`).pipe(
    Effect.repeat({ until: ({ body }) => isSo(body), schedule: Schedule.spaced("20 millis") }),
    Effect.map(() => undefined),
    Effect.zipRight(ask(base, "GET", `/training/status/${id}${query}`)),
    Effect.timeoutFail({ duration: "20 seconds", onTimeout: () => new Error(`session ${id} never was so`) }),
    Effect.orDie,
  )

export const isOver = ({ status }: { readonly status?: string }): boolean =>
  ["completed", "failed", "stopped"].includes(status ?? "")

export interface Event {
  readonly id: string
  readonly data: any
}

/** The events of a session, and its comments, as they come. */
export const events = (base: string, id: string, headers: Asking["headers"] = {}) =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const abort = yield* Effect.acquireRelease(
        Effect.sync(() => new AbortController()),
        (controller) => Effect.sync(() => controller.abort()),
      )
      const response = yield* Effect.promise(() =>
        fetch(`${base}/training/events/${id}`, { headers, signal: abort.signal }),
      )
      if (response.status !== 200) throw new Error(`status ${response.status}`)
      return Stream.fromReadableStream(
        () => response.body!,
        (error) => error,
      ).pipe(
        Stream.decodeText(),
        Stream.mapAccum("", (before, text) => {
          const frames = (before + text).split("\n\n")
          return [frames.pop() ?? "", frames] as const
        }),
        Stream.mapConcat((frames) => frames),
        Stream.filter((frame) => frame.startsWith("id: ")),
        Stream.map((frame): Event => {
          const [, id = "", data = ""] = /^id: (\S+)\nevent: status\ndata: (.*)$/.exec(frame) ?? []
          return { id, data: JSON.parse(data) }
        }),
        Stream.orDie,
      )
    }),
  )

const encodeStrategy = Schema.encodeSync(Strategy)
