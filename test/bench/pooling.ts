/**
 * What pooled connections save: small requests through `HostClient` to our hosts, each a process of its own, against the
 * same requests with a connection each, over http and https; then to a host that is 20 ms away, there and back, where a
 * new connection takes one more round trip (a TLS handshake takes another by itself). One request at a time; the two
 * take turns.
 */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as HostClient from "../../src/HostClient.js"
import type * as HostConfig from "../../src/HostConfig.js"
import * as IbApi from "../../src/hosts/ib/IbApi.js"
import * as RemoteTrainer from "../../src/hosts/training/RemoteTrainer.js"
import * as TrainingHostApi from "../../src/hosts/training/TrainingHostApi.js"
import { Trainer } from "../../src/training/Trainer.js"
import * as FaultProxy from "../utils/FaultProxy.js"
import * as TrainerJobs from "../utils/TrainerJobs.js"
import { table } from "./measure.js"
import * as Part from "./part.js"
import * as Rounds from "./rounds.js"
import * as TrainingHost from "./trainingHost.js"

class Host extends HostClient.Tag("bench")<Host>() {}

type Ask = (host: HostClient.HostClient) => Effect.Effect<unknown, unknown>

const head: Ask = (host) =>
  host.get(IbApi.paths.headTimestamp, {
    response: IbApi.HeadAnswer,
    query: { symbol: "AAPL", timeframe: "1h", instrument_type: "STK" },
  })

/** A month of hourly bars. */
const historical: Ask = (host) =>
  host.post(IbApi.paths.historical, {
    response: IbApi.HistoricalAnswer,
    body: {
      symbol: "AAPL",
      timeframe: "1h",
      start: "2023-03-01T00:00:00Z",
      end: "2023-04-01T00:00:00Z",
      instrument_type: "STK",
    },
    idempotent: true,
  })

/** A session that has come to its end, and how its status is asked for, by who knows its epochs. */
const session = ({ ca, url }: Part.Host) =>
  Effect.gen(function* () {
    const { job } = TrainerJobs.make()
    const trainer = yield* Layer.build(RemoteTrainer.layerHost({ baseUrl: url, ca }))
    yield* Stream.runDrain(Context.get(trainer, Trainer).train(job))
    const path = TrainingHostApi.path(TrainingHostApi.paths.status, job.operation)
    const query = { epochs_from: job.strategy.training.epochs }
    const ask: Ask = (host) => host.get(path, { response: TrainingHostApi.StatusAnswer, query })
    return ask
  }).pipe(Effect.scoped)

const client = (options: HostConfig.Options) =>
  Effect.map(Layer.build(Host.layer(options)), (context) => Context.get(context, Host))

/** The same request over connections that are kept, and over a new one each time. */
const pair = (name: string, { ca, url }: Pick<Part.Host, "ca" | "url">, ask: Ask, counts: Counts) =>
  Effect.gen(function* () {
    const options = { baseUrl: url, ca, connections: 4 }
    const pooled = yield* client(options)
    const fresh = yield* client({ ...options, headers: { connection: "close" } })
    return {
      [`${name}, pooled`]: { request: ask(pooled), count: counts.pooled, concurrency: 1 },
      [`${name}, new`]: { request: ask(fresh), count: counts.fresh, concurrency: 1 },
    } satisfies Record<string, Rounds.Variant>
  })

interface Counts {
  readonly pooled: number
  readonly fresh: number
}

const near = { pooled: 60, fresh: 20 }
const far = { pooled: 6, fresh: 4 }
const rounds = 15

/** The same host, 20 ms away. */
const away = (host: Part.Host) =>
  Effect.map(
    FaultProxy.make({ port: host.port, line: { roundTripMillis: 20, roundTripsToConnect: 1 } }),
    ({ port }) => ({ ...host, port, url: host.url.replace(/\d+$/, String(port)) }),
  )

/** Prints a table and one JSON line; takes about 40 s. */
export const bench = Effect.gen(function* () {
  const http = yield* Part.ibHost()
  const https = yield* Part.ibHost(0, true)
  const trainingHttp = yield* TrainingHost.start({ home: yield* Part.folder("pooling"), tls: false })
  const trainingHttps = yield* TrainingHost.start({ home: yield* Part.folder("pooling"), tls: true })
  const variants = Object.assign(
    {},
    yield* pair("ib http", http, head, near),
    yield* pair("ib https", https, head, near),
    yield* pair("ib historical http", http, historical, near),
    yield* pair("ib historical https", https, historical, near),
    yield* pair("training http", trainingHttp, yield* session(trainingHttp), near),
    yield* pair("training https", trainingHttps, yield* session(trainingHttps), near),
    yield* pair("20 ms away http", yield* away(http), head, far),
    yield* pair("20 ms away https", yield* away(https), head, far),
  )
  const found = yield* Rounds.run(variants, rounds)
  const saved = (name: string) => found.ratio(`${name}, new`, `${name}, pooled`)
  const bound: Record<string, string> = {
    "ib http": ">= 1.3",
    "ib https": ">= 3",
    "training http": ">= 1.3",
    "training https": ">= 3",
    "20 ms away http": ">= 1.5",
    "20 ms away https": ">= 2",
  }
  const names = Object.keys(variants).flatMap((name) =>
    name.endsWith(", pooled") ? [name.slice(0, -8)] : [],
  )
  yield* Console.log(
    table([
      ["requests", "pooled, ms", "new, ms", "new over pooled", "to reach"],
      ...names.map((name) => [
        name,
        found.median(`${name}, pooled`).toFixed(3),
        found.median(`${name}, new`).toFixed(3),
        saved(name).toFixed(2),
        bound[name] ?? "",
      ]),
    ]),
  )
  yield* Console.log(
    JSON.stringify({
      bench: "pooling",
      ib: { http: saved("ib http"), https: saved("ib https") },
      training: { http: saved("training http"), https: saved("training https") },
      with_20ms_rtt: { http: saved("20 ms away http"), https: saved("20 ms away https") },
    }),
  )
}).pipe(Effect.scoped)
