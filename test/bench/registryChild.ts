/**
 * Parts of the benchmark `registry`: a load, as a plain program or through the registry, which tells the CPU time
 * that it took; and a writer of many operations, which begins when it is told to.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schema from "effect/Schema"
import * as DataManager from "../../src/data/DataManager.js"
import * as LoadData from "../../src/data/LoadData.js"
import type { LoadReport } from "../../src/data/LoadReport.js"
import * as IbPacing from "../../src/hosts/ib/IbPacing.js"
import * as Main from "../../src/node/Main.js"
import * as Operation from "../../src/Operation.js"
import * as Operations from "../../src/Operations.js"
import * as Progress from "../../src/Progress.js"
import type { Load } from "./minuteLoads.js"
import * as Part from "./part.js"

export interface LoadOrders {
  readonly home: string
  readonly url: string
  readonly way: "plain" | "registry"
  /** Loaded first, so that modules which are loaded when they are first needed are there. */
  readonly first: Load
  readonly load: Load
}

export interface LoadAnswer {
  readonly cpuMillis: number
  readonly millis: number
  readonly bars: number
}

export interface WriteOrders {
  readonly home: string
  readonly count: number
}

export interface WriteAnswer {
  readonly errors: ReadonlyArray<string>
  readonly p99: number
  readonly max: number
  readonly millis: number
}

/** An operation that does nothing. */
export const Nothing = Operation.make("nothing", {
  version: 1,
  payload: Schema.Struct({ number: Schema.Number }),
  success: Schema.Void,
  error: Schema.String,
  context: Schema.Struct({}),
  idempotencyKey: ({ number }) => String(number),
  resume: "again",
  estimate: () => ({ key: "nothing", units: 0 }),
  render: () => "Doing nothing",
})

/** A registry of it, recorded under a home. */
export const layerNothing = (home: string) =>
  Operations.layer(Operation.group(Nothing)).pipe(
    Layer.provide(Nothing.toLayer(() => Effect.void)),
    Layer.provideMerge(Main.layerRecordsOf(Main.layerDatabaseAt(home))),
  )

/** Through the registry, from its start to its recorded end. */
export const nothing = (operations: Operations.Service, number: number) =>
  Effect.flatMap(operations.start(Nothing, { number }), ({ exit }) => exit)

/** The system of a plain program, and of one that goes through the registry. */
const layerPlain = ({ home, url }: LoadOrders) =>
  LoadData.layer.pipe(
    Layer.provide(DataManager.layer),
    Layer.provide([Main.layerHost(url), Main.layerStoreAt(home)]),
    Layer.provideMerge(Main.layerEstimatesAt(home)),
  )
const layerRegistry = ({ home, url }: LoadOrders) => Main.layerSystemAt(home, Main.layerHost(url))

const runPlain = (load: Load) => Progress.observe(LoadData.run(load), { observer: () => Effect.void })
const runRegistry = (load: Load) => Operations.run(LoadData.LoadData, LoadData.Payload.make(load))

const measured = <E, R>(run: (load: Load) => Effect.Effect<LoadReport, E, R>) =>
  Effect.gen(function* () {
    const { first, load } = Part.orders<LoadOrders>()
    yield* run(first)
    const before = process.cpuUsage()
    const began = performance.now()
    const { present } = yield* run(load)
    const millis = performance.now() - began
    const { system, user } = process.cpuUsage(before)
    const answer: LoadAnswer = { cpuMillis: (system + user) / 1000, millis, bars: present }
    yield* Part.tell(answer)
  })

export const loading = Effect.suspend(() => {
  const orders = Part.orders<LoadOrders>()
  return orders.way === "plain"
    ? Effect.provide(measured(runPlain), layerPlain(orders))
    : Effect.provide(measured(runRegistry), layerRegistry(orders))
}).pipe(Effect.provideService(IbPacing.PacingMode, "none"), Logger.withMinimumLogLevel(LogLevel.None))

export const writing = Effect.gen(function* () {
  const { count } = Part.orders<WriteOrders>()
  const operations = yield* Operations.Operations
  yield* nothing(operations, -1)
  yield* Part.tell({})
  yield* Effect.promise(() => Part.told().next())
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const began = performance.now()
  const results = yield* Effect.forEach(
    Array.from({ length: count }, (_, index) => index),
    (index) => Effect.either(nothing(operations, index)),
    { concurrency: "unbounded" },
  )
  const millis = performance.now() - began
  delay.disable()
  const errors = results.flatMap((result) =>
    result._tag === "Left"
      ? [result.left.message]
      : Exit.isSuccess(result.right)
        ? []
        : ["an operation did not succeed"],
  )
  const answer: WriteAnswer = { errors, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6, millis }
  yield* Part.tell(answer)
}).pipe((effect) =>
  Effect.suspend(() => Effect.provide(effect, layerNothing(Part.orders<WriteOrders>().home))),
)
