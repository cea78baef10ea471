/**
 * `ktrdr demo`: real and simulated bars from an embedded host, into a folder that is gone afterwards, and a model
 * trained on the real ones, which stays.
 */
import { join } from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { DataManager } from "../../data/DataManager.js"
import { Payload } from "../../data/LoadData.js"
import * as LoadReport from "../../data/LoadReport.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as TimeZone from "../../data/TimeZone.js"
import * as FaultScript from "../../hosts/ib/FaultScript.js"
import * as Operation from "../../Operation.js"
import { Operations } from "../../Operations.js"
import { TrainModel } from "../../training/TrainModel.js"
import * as Loading from "../Loading.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as Package from "../Package.js"
import * as TerminalProgress from "../TerminalProgress.js"
import type { Program } from "./Failure.js"
import * as LoadText from "./LoadText.js"
import * as StrategyGiven from "./StrategyGiven.js"
import * as Trains from "./Trains.js"

export interface Options {
  readonly noProgress: boolean
}

export const run = (options: Options): Program =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* Effect.orDie(fs.makeTempDirectoryScoped({ prefix: "ktrdr-demo-" }))
    const output = yield* Output.Output
    const source = Main.layerEmbedded({
      seed,
      faults: FaultScript.make({ shares: { ...FaultScript.none, latency: 1 }, seed, latencyMillis }),
      onListen: (url) => output.err(`An embedded host runs at ${url}; state is kept in ${folder} for now\n`),
    })
    yield* Effect.provide(show(options), Main.layerTrainingAt(folder, source, {}, yield* Main.home))
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

// ---------------------------------------------------------------------------------------------------------

const seed = 1

/** The host takes its time as one at a distance would. */
const latencyMillis = 250

const payload = Schema.decodeSync(Payload)

const show = (options: Options) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const since = (days: number) => TimeRange.formatInstant(now - days * TimeZone.day)
    const sample = payload({ symbol: "SPX", timeframe: "1d", mode: "full" })
    const several = [
      payload({ symbol: "AAPL", timeframe: "1m", mode: "full", start: since(90) }),
      payload({ symbol: "EURUSD", timeframe: "1m", mode: "full", start: since(60) }),
      payload({ symbol: "BTC", timeframe: "1m", mode: "full", start: since(60) }),
    ]
    yield* Output.note("Loading the S&P 500, daily, all there is")
    const [first] = yield* load([sample], options)
    yield* Output.note("Loading it again")
    const [again] = yield* load([sample], options)
    yield* Output.note("Loading three simulated series at once")
    const rest = yield* load(several, options)
    const { bars, issues } = yield* Effect.flatMap(DataManager, (manager) => manager.check(sample))
    const { out } = yield* Output.Output
    yield* out(told(first!))
    yield* out(`SPX 1d once more\n  ${LoadText.fetched(again!)}\n`)
    yield* out(`${LoadText.checked(sample, bars, issues)}\n`)
    for (const report of rest) yield* out(told(report))
    yield* Output.note(`Training the example ${example} on the S&P 500`)
    yield* train(options)
  })

const example = "trend_following"

/** What stays is the model, with its receipt. The example is the one of the package, whatever the home has. */
const train = ({ noProgress }: Options) =>
  Effect.gen(function* () {
    const { strategy, text } = yield* StrategyGiven.ofFile(join(Package.strategies(), `${example}.yaml`))
    const id = yield* Operation.makeId(TrainModel.kind)
    yield* Trains.follow(
      (given) =>
        Effect.flatMap(Operations, (operations) =>
          operations.start(TrainModel, { strategy, text, allow_gaps: false }, given),
        ),
      { id, json: false, noProgress, stays: false },
    )
  })

const told = (report: LoadReport.LoadReport): string =>
  `${LoadReport.format(report)}\n  ${LoadText.fetched(report)}\n`

const load = (payloads: ReadonlyArray<Payload>, { noProgress }: Options) =>
  TerminalProgress.make({ json: false, silent: noProgress }).pipe(
    Effect.flatMap((observer) => Loading.run(payloads, { observer })),
    Effect.scoped,
    Effect.flatMap((outcomes) => Effect.all(outcomes.map(({ result }) => result))),
  )
