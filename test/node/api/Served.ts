/** The API over a market in memory, on a port of this machine. */
import * as HttpServer from "@effect/platform/HttpServer"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as CandleSource from "../../../src/data/CandleSource.js"
import * as CandleStore from "../../../src/data/CandleStore.js"
import { DataError } from "../../../src/data/DataError.js"
import * as DataManager from "../../../src/data/DataManager.js"
import * as LoadData from "../../../src/data/LoadData.js"
import * as LoadMany from "../../../src/data/LoadMany.js"
import * as Hosts from "../../../src/Hosts.js"
import * as SimulatedMarket from "../../../src/hosts/ib/SimulatedMarket.js"
import * as ApiServer from "../../../src/node/api/ApiServer.js"
import * as Client from "../../../src/node/api/Client.js"
import * as Closing from "../../../src/node/api/Closing.js"
import * as Http from "../../../src/node/Http.js"
import * as Operation from "../../../src/Operation.js"
import * as OperationStore from "../../../src/OperationStore.js"
import * as Operations from "../../../src/Operations.js"
import * as Progress from "../../../src/Progress.js"
import * as ModelStore from "../../../src/training/ModelStore.js"
import * as TrainModel from "../../../src/training/TrainModel.js"
import * as ServedModels from "./ServedModels.js"

/** Counts, a tick every `millis`; then stops where it is told to, or for good. */
export const Count = Operation.make("count", {
  version: 1,
  payload: Schema.Struct({
    name: Schema.String,
    ticks: Schema.NonNegativeInt,
    millis: Schema.optionalWith(Schema.NonNegative, { default: () => 0 }),
    last: Schema.optionalWith(Schema.Literal("end", "fail", "wait"), { default: () => "end" as const }),
  }),
  success: Schema.Struct({ counted: Schema.Number }),
  error: DataError,
  context: Schema.Struct({ name: Schema.String }),
  idempotencyKey: ({ name }) => name,
  resume: "again",
  estimate: ({ ticks }) => ({ key: "count", unit: "tick", units: ticks }),
  render: ({ items }, { name }) => `Counting ${name ?? ""}: ${items?.done ?? 0}`,
})

const counting = Count.toLayer(({ name, ticks, millis, last }) =>
  Effect.gen(function* () {
    yield* Progress.annotate({ name })
    yield* Progress.setTotal(Math.max(1, ticks), "tick")
    for (let tick = 0; tick < ticks; tick++) {
      yield* Effect.sleep(millis)
      yield* Progress.advance()
    }
    if (last === "wait") return yield* Effect.never
    if (last === "fail") {
      return yield* new DataError({
        reason: "Unreachable",
        place: name,
        expected: "to go on",
        found: "that it was told to fail",
        advice: "Do not tell it",
      })
    }
    return { counted: ticks }
  }),
)

export const group = Operation.group(LoadData.LoadData, LoadMany.LoadMany, Count, TrainModel.TrainModel)

export interface Options {
  readonly token?: string
  readonly origins?: ReadonlyArray<string>
  readonly source?: Layer.Layer<CandleSource.CandleSource>
  readonly settings?: Readonly<Record<string, string>>
  /** Opens for trainings that wait; open by default. */
  readonly gate?: Deferred.Deferred<void>
  /** What takes the log; nothing by default. */
  readonly logger?: Layer.Layer<never>
}

const opened = Deferred.unsafeMake<void>(FiberId.none)
Deferred.unsafeDone(opened, Effect.void)

export const market = SimulatedMarket.layer({ seed: 7 })

/** The system that is served; operations are recorded in memory. */
export const system = (
  source: Layer.Layer<CandleSource.CandleSource> = market,
  gate: Deferred.Deferred<void> = opened,
) =>
  Operations.layer(group, { closingReason: "the server that ran it ended" }).pipe(
    Layer.provide(OperationStore.layerMemory),
    Layer.provideMerge(LoadMany.layer),
    Layer.provideMerge(LoadData.layer),
    Layer.provideMerge(DataManager.layer),
    Layer.provideMerge(counting),
    Layer.provideMerge(TrainModel.layer),
    Layer.provideMerge(ServedModels.layer(gate)),
    Layer.provide(source),
    Layer.provide(CandleStore.layerMemory),
  )

/** Serves until the scope closes. */
export const serve = (options: Options = {}) =>
  Effect.gen(function* () {
    const { gate, origins = [], settings, source, token } = options
    const access = { token: token === undefined ? undefined : Redacted.make(token), origins }
    const served = ApiServer.layer(access, settings).pipe(
      Layer.provideMerge(system(source, gate)),
      Layer.provide([Closing.layer, Hosts.layer]),
      Layer.provideMerge(Http.layer({ host: "127.0.0.1", port: 0 })),
      Layer.provide(options.logger ?? Logger.minimumLogLevel(LogLevel.None)),
    )
    const context = yield* Layer.build(served)
    const { address } = Context.get(context, HttpServer.HttpServer)
    const url = `http://127.0.0.1:${"port" in address ? address.port : 0}`
    return {
      url,
      api: `${url}/api/v1`,
      operations: Context.get(context, Operations.Operations),
      manager: Context.get(context, DataManager.DataManager),
      models: Context.get(context, ModelStore.ModelStore),
    }
  })

/** The server, and a client of it. */
export const withClient = (options: Options = {}) =>
  Effect.gen(function* () {
    const server = yield* serve(options)
    const token = options.token === undefined ? undefined : Redacted.make(options.token)
    return { ...server, client: yield* Client.make({ url: server.url, token }) }
  })

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
  readonly body: any
}

/** A plain request, its answer read in full. */
export const call = (url: string, init: RequestInit = {}): Effect.Effect<Answer> =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, { redirect: "manual", signal, ...init })
    const text = await response.text()
    const isJson = response.headers.get("content-type")?.includes("json") === true
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    }
  })

export const send = (
  method: string,
  url: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Effect.Effect<Answer> =>
  call(url, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

/** An event as it came. */
export interface Event {
  readonly id: string | undefined
  readonly name: string | undefined
  readonly data: string
}

/** The events in a text, comments left out. */
export const eventsOf = (text: string): ReadonlyArray<Event> =>
  text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1]
      return { id: field("id"), name: field("event"), data: field("data") ?? "" }
    })

/** Holds until it is so, 5 seconds at most. */
export const until = <E, R>(isSo: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.gen(function* () {
    const end = (yield* Clock.currentTimeMillis) + 5000
    while (!(yield* isSo)) {
      if ((yield* Clock.currentTimeMillis) > end) return yield* Effect.dieMessage("it never was so")
      yield* Effect.sleep("10 millis")
    }
  })

/** A market whose fetches wait until they are let go. */
export const held = Effect.map(Deferred.make<void>(), (gate) => ({
  gate,
  source: Layer.map(market, (context) => {
    const source = Context.get(context, CandleSource.CandleSource)
    return Context.make(CandleSource.CandleSource, {
      ...source,
      fetch: (request: CandleSource.Request) => Effect.zipRight(Deferred.await(gate), source.fetch(request)),
    })
  }),
}))
