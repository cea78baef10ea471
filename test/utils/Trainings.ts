/** All that a training takes, in memory: bars of every hour of every day, and a trainer that a test directs. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import type * as Candle from "../../src/data/Candle.js"
import * as CandleReader from "../../src/data/CandleReader.js"
import * as CandleStore from "../../src/data/CandleStore.js"
import * as DataManager from "../../src/data/DataManager.js"
import * as Symbol from "../../src/data/Symbol.js"
import type { Timeframe } from "../../src/data/Timeframe.js"
import * as SimulatedMarket from "../../src/hosts/ib/SimulatedMarket.js"
import * as Checkpoint from "../../src/training/Checkpoint.js"
import * as ModelStore from "../../src/training/ModelStore.js"
import * as Trainer from "../../src/training/Trainer.js"
import * as TrainingManager from "../../src/training/TrainingManager.js"
import type { TrainingReport } from "../../src/training/TrainingReport.js"
import * as FaultySource from "./FaultySource.js"
import * as ScriptedTrainer from "./ScriptedTrainer.js"
import * as Strategies from "./Strategies.js"

export interface Options {
  readonly trainer?: Trainer.Service
  readonly checkpoints?: Layer.Layer<Checkpoint.Checkpoints>
  readonly models?: Layer.Layer<ModelStore.ModelStore>
}

export const layer = ({
  trainer = ScriptedTrainer.make(),
  checkpoints = Checkpoint.layerMemory,
  models = ModelStore.layerMemory,
}: Options = {}) =>
  TrainingManager.layer({ versions: { ktrdr: "0.0.0" } }).pipe(
    Layer.provideMerge(CandleReader.layer),
    Layer.provideMerge(DataManager.layer),
    Layer.provideMerge(
      Layer.mergeAll(
        CandleStore.layerMemory,
        FaultySource.layer(SimulatedMarket.make({ seed: 7 })),
        Layer.succeed(Trainer.Trainer, trainer),
        checkpoints,
        models,
      ),
    ),
  )

/** A strategy that is trained in a moment: 13 batches and a validation in each of 3 epochs. */
export const strategy = (changes: ReadonlyArray<readonly [string, string]> = []) =>
  Strategies.make([
    ["epochs: 50, batch_size: 128", "epochs: 3, batch_size: 64"],
    ["[32, 16]", "[6]"],
    ["threshold: 0.002", "threshold: 0.001"],
    ...changes,
  ])

export const count = 1200

/** Imports bars as those of a market that never closes. */
export const load = (
  candles: Candle.Candles = Strategies.walk(count),
  symbol = "AAPL",
  timeframe: Timeframe = "1h",
) =>
  Effect.gen(function* () {
    const series = { symbol: Symbol.Symbol.make(symbol), timeframe, session: "regular" } as const
    const instrument = { symbol: series.symbol, type: "crypto", venue: "24x7" } as const
    return yield* (yield* DataManager.DataManager).importCandles(series, candles, instrument)
  })

/** A report but for what an interruption changes. */
export const essence = (report: TrainingReport) => {
  const { model: _, place: __, receipt: ___, interruptions: ____, duration_seconds: _____, ...rest } = report
  return rest
}

/** The clock shows a time after all bars, which are there. */
export const ready = Effect.zipRight(TestClock.setTime(Date.UTC(2026, 0, 5)), load())
