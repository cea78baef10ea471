/**
 * Parts of the benchmark `events`: a server of the API that runs one load for each line that it is told, as
 * `ktrdr serve` does it; and the clients that watch such a load.
 */
import { get } from "node:http"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Stream from "effect/Stream"
import * as LoadData from "../../src/data/LoadData.js"
import * as IbPacing from "../../src/hosts/ib/IbPacing.js"
import { Step } from "../../src/internal/progressTree.js"
import * as ApiServer from "../../src/node/api/ApiServer.js"
import * as Closing from "../../src/node/api/Closing.js"
import * as Http from "../../src/node/Http.js"
import * as Main from "../../src/node/Main.js"
import { Operations } from "../../src/Operations.js"
import type { Load } from "./minuteLoads.js"
import * as Part from "./part.js"

export interface ServeOrders {
  readonly home: string
  /** The IB host. */
  readonly url: string
}

export interface Started {
  readonly id: string
}

export interface Served {
  readonly isComplete: boolean
  readonly cpuMillis: number
  readonly millis: number
  /** Snapshots that were told, how often one was made JSON, and how often one was made an event. */
  readonly told: number
  readonly encoded: number
  readonly framed: number
  readonly loopP99: number
  /** When the load went on by something that it counts, in their order: milliseconds since the epoch. */
  readonly ticks: ReadonlyArray<number>
}

export interface WatchOrders {
  readonly url: string
  readonly id: string
  readonly watchers: number
}

/** When a snapshot was taken, and when a client had it: milliseconds since the epoch. */
export type Seen = readonly [taken: number, seen: number]

export interface Watched {
  /** Since when all clients watch: what was there before is told to each as soon as it comes. */
  readonly since: number
  /** Of each client, its snapshots in their order. */
  readonly seen: ReadonlyArray<ReadonlyArray<Seen>>
  /** Clients whose stream did not end with the last snapshot. */
  readonly lost: number
}

// ---------------------------------------------------------------------------------------------------------
// the server
// ---------------------------------------------------------------------------------------------------------

/** Counts what is made of snapshots, whoever does it. */
const counts = { encoded: 0, framed: 0 }

const ticks: Array<number> = []

const isSnapshot = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "operationId" in value && "steps" in value

const count = (): void => {
  const { stringify } = JSON
  JSON.stringify = (...args: [unknown]) => {
    if (isSnapshot(args[0])) counts.encoded++
    return stringify(...args)
  }
  const { encode } = TextEncoder.prototype
  TextEncoder.prototype.encode = function (text) {
    if (text?.startsWith("id: ") === true) counts.framed++
    return encode.call(this, text)
  }
  const { open } = Step.prototype
  Step.prototype.open = function (...args) {
    const step = open.apply(this, args)
    const { advance } = step
    return Object.assign(step, {
      advance: (n?: number) => {
        ticks.push(Date.now())
        advance(n)
      },
    })
  }
}

/** Runs a load, and says its id as soon as it has one. */
const served = (load: Load) =>
  Effect.gen(function* () {
    const operations = yield* Operations
    const loop = monitorEventLoopDelay({ resolution: 1 })
    const before = { ...counts }
    ticks.length = 0
    const cpu = process.cpuUsage()
    const began = performance.now()
    loop.enable()
    const { exit, id } = yield* operations.start(LoadData.LoadData, LoadData.Payload.make(load))
    const started: Started = { id }
    yield* Part.tell(started)
    const ended = yield* exit
    const millis = performance.now() - began
    loop.disable()
    yield* Effect.sleep("300 millis")
    const { system, user } = process.cpuUsage(cpu)
    const { sequence } = yield* operations.get(id)
    const answer: Served = {
      isComplete: Exit.isSuccess(ended) && ended.value.present === ended.value.expected,
      cpuMillis: (system + user) / 1000,
      millis,
      told: sequence,
      encoded: counts.encoded - before.encoded,
      framed: counts.framed - before.framed,
      loopP99: loop.percentile(99) / 1e6,
      ticks,
    }
    yield* Part.tell(answer)
  })

export const serving = Effect.suspend(() => {
  count()
  const { home, url } = Part.orders<ServeOrders>()
  const layer = ApiServer.layer({ token: undefined, origins: [] }).pipe(
    Layer.provideMerge(Main.layerSystemAt(home, Main.layerHost(url))),
    Layer.provide(Closing.layer),
    Layer.provideMerge(Http.layer({ host: "127.0.0.1", port: 0 })),
  )
  return Effect.gen(function* () {
    yield* Part.tell({ url: yield* Http.url })
    yield* Stream.runForEach(
      Stream.fromAsyncIterable(Part.told<Load>(), (error) => error),
      served,
    )
  }).pipe(Effect.provide(layer))
}).pipe(Effect.provideService(IbPacing.PacingMode, "none"), Logger.withMinimumLogLevel(LogLevel.None))

// ---------------------------------------------------------------------------------------------------------
// the clients
// ---------------------------------------------------------------------------------------------------------

export const watching = Effect.gen(function* () {
  const { id, url, watchers } = Part.orders<WatchOrders>()
  /** When snapshots were taken, by their number: from the first on they are the same for all, and parsed once. */
  const taken = new Map<string, number>()
  const takenAt = (number: string, event: string): number => {
    const known = taken.get(number)
    if (known !== undefined) return known
    const { elapsed, started } = JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? "") as {
      readonly elapsed: number
      readonly started: number
    }
    if (number !== "0") taken.set(number, started + elapsed)
    return started + elapsed
  }
  const seen: Array<ReadonlyArray<Seen>> = []
  let since = Number.POSITIVE_INFINITY

  /** Reads one stream to its end, and says how that came. */
  const watch = () =>
    Effect.async<string>((resume) => {
      const request = get(`${url}/api/v1/operations/${id}/events`, { agent: false }, (response) => {
        let text = ""
        const own: Array<Seen> = []
        let name = ""
        response.setEncoding("utf8").on("data", (chunk: string) => {
          const now = Date.now()
          text += chunk
          for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
            const event = text.slice(0, end)
            text = text.slice(end + 2)
            const head = /^id: (\d+)\nevent: (\w+)\n/.exec(event)
            if (head === null) continue
            name = head[2]!
            if (own.length === 0 && seen.push(own) === watchers) since = now
            own.push([takenAt(head[1]!, event), now])
          }
        })
        response.once("close", () => resume(Effect.succeed(name)))
      })
      request.once("error", (error) => resume(Effect.succeed(error.message)))
    })

  const ends = yield* Effect.forEach(Array.from({ length: watchers }), watch, { concurrency: "unbounded" })
  const watched: Watched = {
    since,
    seen,
    lost: ends.filter((name) => name !== "completed").length,
  }
  yield* Part.tell(watched)
})
