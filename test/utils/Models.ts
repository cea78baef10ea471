/** Models to be kept, for tests that only need some. */
import * as Effect from "effect/Effect"
import * as Symbol from "../../src/data/Symbol.js"
import { sha256 } from "../../src/internal/sha256.js"
import * as Metrics from "../../src/training/Metrics.js"
import type { Model } from "../../src/training/ModelStore.js"
import * as Weights from "../../src/training/Network/Weights.js"
import * as Network from "../../src/training/Network.js"
import * as Receipt from "../../src/training/Receipt.js"
import * as Strategy from "../../src/training/Strategy.js"
import * as Strategies from "./Strategies.js"

export interface Options {
  readonly seed?: number
  readonly name?: string
  readonly symbols?: ReadonlyArray<string>
}

const architecture: Network.Architecture = {
  features: 3,
  hidden_layers: [4],
  activation: "relu",
  dropout: 0,
  outputs: 3,
  loss: "cross_entropy",
}

const hash = (digit: string) => digit.repeat(64)

const measured = Metrics.classification(
  Float32Array.of(0.5, 0.25, 0.25, 0.125, 0.75, 0.125),
  Uint8Array.of(0, 1),
  3,
)

/** What was read, made of nothing that exists. */
export const facts: Receipt.Facts = {
  operation: "op_training_20240101_000000_0123abcd",
  strategy: { name: "mean_reversion", version: "1", sha256: hash("0") },
  series: [
    {
      series: { symbol: Symbol.Symbol.make("AAPL"), timeframe: "1h", session: "regular" },
      source: "test",
      range: { start: Strategies.monday, end: Strategies.monday + Strategies.day },
      bars: 17,
      files: [
        { name: "2023.parquet", rows: 10, sha256: hash("1") },
        { name: "2024.parquet", rows: 7, sha256: hash("2") },
      ],
      coverage: {
        expected: 18,
        present: 17,
        no_data: 1,
        refused: 0,
        failed: 0,
        pending: 0,
        unexpected: 0,
        missing: [{ start: Strategies.monday, end: Strategies.monday + Strategies.hour }],
      },
      issues: [{ kind: "price_jump", severity: "warning", count: 1, places: ["2024-01-08T00:00:00.000Z"] }],
    },
  ],
  gapsAllowed: true,
  dataset: hash("3"),
  split: {
    borders: { validation: Strategies.monday, test: Strategies.monday + Strategies.hour },
    rows: { train: 10, validation: 3, test: 2 },
    purged: { train: 5, validation: 4 },
    embargoed: { validation: 6, test: 7 },
    dropped: { warmup: 33, unlabelled: 5 },
  },
  seeds: { training: 7 },
  versions: { ktrdr: "0.0.0", node: "20.0.0" },
  trainer: { kind: "local" },
  started: Strategies.monday,
  finished: Strategies.monday + 1500,
  durationMillis: 1250.5,
  interruptions: [
    {
      operation: "op_training_20240101_000000_00000000",
      position: { epoch: 2, phase: "training", cursor: 128 },
      kept: Strategies.monday + 100,
      resumed: Strategies.monday + 350,
    },
  ],
  weights: hash("4"),
}

/** Another network for another seed; everything about it belongs together. */
export const make = ({
  seed = 1,
  name = "mean_reversion",
  symbols = ["AAPL"],
}: Options = {}): Effect.Effect<Model> =>
  Effect.gen(function* () {
    const strategy = Strategies.make([
      ["mean_reversion", name],
      ["[AAPL]", `[${symbols.join(", ")}]`],
    ])
    const network = Network.make(architecture, { optimizer: "sgd", seed })
    const weights = { architecture, parameters: network.parameters }
    return {
      strategy,
      text: `# as a person wrote it, über ${seed}\n${Strategies.text}`,
      weights,
      scaling: ["a.low", "a.high", "return"].map((feature, index) => ({
        feature,
        mean: index / 3,
        deviation: 1 + index / 7,
      })),
      metrics: { train: null, validation: measured, test: measured },
      history: [
        {
          epoch: 1,
          train: { loss: 1.1, accuracy: 0.25 },
          validation: { loss: 0.1 + 0.2, accuracy: 0.5 },
          learningRate: 1e-3,
          isBest: true,
        },
      ],
      receipt: Receipt.make({
        ...facts,
        strategy: { name, version: strategy.version, sha256: yield* Strategy.hash(strategy) },
        weights: yield* sha256(Weights.encode(weights)),
      }),
    }
  })
