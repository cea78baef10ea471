/**
 * Operations of a whole system at random, over hosts that fail now and then: loads and trainings, some cancelled, some
 * watched, and whether everybody says the same of how each ended.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { PCGRandom } from "effect/Utils"
import * as LoadData from "../../src/data/LoadData.js"
import * as Symbol from "../../src/data/Symbol.js"
import type * as HostConfig from "../../src/HostConfig.js"
import * as IbCandleSource from "../../src/hosts/ib/IbCandleSource.js"
import * as IbPacing from "../../src/hosts/ib/IbPacing.js"
import * as RemoteTrainer from "../../src/hosts/training/RemoteTrainer.js"
import * as Main from "../../src/node/Main.js"
import * as Operations from "../../src/Operations.js"
import * as TrainModel from "../../src/training/TrainModel.js"
import * as Ends from "./Ends.js"
import * as FaultPlan from "./FaultPlan.js"
import * as FaultProxy from "./FaultProxy.js"
import * as Trainings from "./Trainings.js"

export interface Options {
  /** A folder of its own. */
  readonly home: string
  /** Where the hosts listen on 127.0.0.1. */
  readonly ib: number
  readonly training: number
  readonly seed: number
  /** How many exchanges with the hosts may suffer faults; none does after that. */
  readonly exchanges: number
}

/** How an operation ended. */
export interface Ended {
  readonly kind: "load" | "training"
  readonly status: "completed" | "cancelled" | "failed"
  /** Of a failure. */
  readonly reason: string | undefined
  readonly watched: boolean
  /** What is wrong with that. */
  readonly faults: ReadonlyArray<string>
}

export interface Campaign {
  /** The operation of a seed, from its start until it has ended and all agree on that. */
  readonly one: (seed: number) => Effect.Effect<Ended>
  readonly proxies: ReadonlyArray<FaultProxy.FaultProxy>
}

/** The system, with bars to train on; all of it ends with the scope. */
export const make = ({ exchanges, home, ib, seed, training }: Options) =>
  Effect.gen(function* () {
    const proxies = [yield* between(ib, seed, exchanges), yield* between(training, seed + 1, exchanges)]
    const [source, trainer] = proxies.map(
      ({ port }): HostConfig.Options => ({ ...patience, baseUrl: at(port) }),
    )
    const system = yield* Layer.build(
      Main.layerTrainingAt(
        home,
        IbCandleSource.layerHost(source!),
        {},
        home,
        RemoteTrainer.layerHost(trainer!),
      ),
    ).pipe(Effect.provideService(IbPacing.PacingMode, "none"))
    yield* Effect.provide(Trainings.load(), system)
    const operations = Context.get(system, Operations.Operations)

    const start = (work: Work): Effect.Effect<Operations.Running<unknown, unknown>, unknown> =>
      work.kind === "load"
        ? operations.start(LoadData.LoadData, work.payload)
        : operations.start(TrainModel.TrainModel, work.payload)

    const one = Effect.fnUntraced(function* (seed: number): Effect.fn.Return<Ended> {
      const random = new PCGRandom(seed)
      const work = workOf(random)
      const watched = random.number() < 0.4
      const delay = Math.floor(random.number() * 1500)
      const { exit, id } = yield* Effect.orDie(start(work))
      const watching = Effect.orElseSucceed(Stream.runLast(operations.changes(id)), Option.none)
      const watcher = yield* Effect.fork(watched ? watching : Effect.succeedNone)
      if (work.isLong || random.number() < 0.3) {
        yield* Effect.delay(Effect.ignore(operations.cancel(id, { reason: "the dice say so" })), delay)
      }
      const ended = yield* exit
      const record = yield* Effect.orDie(operations.get(id))
      const faults = [...Ends.faultsOf(record, ended)]
      const told = Option.getOrUndefined(yield* Fiber.join(watcher))?.status
      if (watched && told !== record.status)
        faults.push(`recorded as ${record.status}, a watcher saw ${told}`)
      return {
        kind: work.kind,
        status: Ends.statusOf(ended),
        reason: record.failure?.reason ?? record.failure?.tag,
        watched,
        faults: faults.map((fault) => `${id}: ${fault}`),
      }
    })
    return { one, proxies } satisfies Campaign
  })

// ---------------------------------------------------------------------------------------------------------

const between = (port: number, seed: number, length: number) =>
  FaultProxy.make({
    port,
    plan: FaultPlan.script(seed, { length, shares, upTo: 8000, millis: 100 }),
    per: "exchange",
  })

type Work = { readonly isLong: boolean } & (
  | { readonly kind: "load"; readonly payload: typeof LoadData.Payload.Type }
  | { readonly kind: "training"; readonly payload: typeof TrainModel.Payload.Type }
)

const workOf = (random: PCGRandom): Work => {
  if (random.number() < 0.7) {
    const start = Date.UTC(2015, 0, 1) + Math.floor(random.number() * 450) * 7 * day
    const payload = LoadData.Payload.make({
      symbol: Symbol.Symbol.make(symbols[Math.floor(random.number() * symbols.length)]!),
      timeframe: "5m",
      session: "regular",
      mode: "full",
      start,
      end: start + 21 * day,
    })
    return { kind: "load", isLong: false, payload }
  }
  const isLong = random.number() < 0.3
  const strategy = Trainings.strategy([
    ["epochs: 3", `epochs: ${isLong ? 5000 : 1 + Math.floor(random.number() * 8)}`],
    ["seed: 7", `seed: ${Math.floor(random.number() * 1e6)}`],
  ])
  return { kind: "training", isLong, payload: TrainModel.Payload.make({ strategy }) }
}

const shares = Object.fromEntries(FaultPlan.kinds.map((kind) => [kind, 0.1 / FaultPlan.kinds.length]))

const patience = {
  deadline: 2000,
  attemptTimeout: 400,
  backoff: 20,
  backoffCap: 200,
  breakerCooldown: 100,
  keepAlive: 1000,
} as const

const day = 86_400_000

const symbols = ["MSFT", "KO", "JPM", "NVDA", "SPY", "EURUSD"]

const at = (port: number): string => `http://127.0.0.1:${port}`
