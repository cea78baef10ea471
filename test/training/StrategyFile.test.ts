import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Strategy from "../../src/training/Strategy.js"
import * as StrategyFile from "../../src/training/StrategyFile.js"
import type { TrainingError } from "../../src/training/TrainingError.js"
import { change, make, text } from "../utils/Strategies.js"

type Change = readonly [string, string]

const parse = (...changes: ReadonlyArray<Change>) => StrategyFile.parse("s.yaml", change(changes))

const failure = (given: Either.Either<unknown, TrainingError>): TrainingError =>
  Either.getOrThrow(Either.flip(given))

const all = `fuzzy: all`
const rsi = `type: rsi, period: 14`
const corners = `[0, 20, 45]`
const zigzag = `type: zigzag, threshold: 0.002, lookahead: 5`

/** What is changed, and the place, the expectation and the finding of the error that it makes. */
const faults: ReadonlyArray<readonly [ReadonlyArray<Change>, string, string, string, string?]> = [
  [[["[32, 16]", "[32, 16"]], "s.yaml line 23 column 79", "one YAML document", "Flow sequence"],
  [[[rsi, "type: rsj, period: 14"]], "line 7, indicators.rsi14.type", "sma, ema, wma, rsi", `"rsj"`, "rsi"],
  [[[rsi, "period: 14"]], "line 7, indicators.rsi14.type", "a value", "nothing"],
  [[[rsi, "type: rsi, period: 1"]], "line 7, indicators.rsi14.period", "a whole number from 2 to 1000", "1"],
  [[[rsi, "type: rsi, period: 1001"]], "line 7, indicators.rsi14.period", "a whole number", "1001"],
  [[[rsi, "type: rsi, period: 2.5"]], "line 7, indicators.rsi14.period", "a whole number", "2.5"],
  [[[rsi, "type: rsi, period: .nan"]], "line 7, indicators.rsi14.period", "a whole number", "NaN"],
  [[[rsi, "type: rsi, period: '14'"]], "line 7, indicators.rsi14.period", "a whole number", `"14"`],
  [
    [[rsi, "type: rsi, perod: 14"]],
    "line 7, indicators.rsi14.perod",
    `"period"`,
    `the key "perod"`,
    "period",
  ],
  [[[rsi, "type: rsi, source: clos"]], "line 7, indicators.rsi14.source", `"close"`, `"clos"`, "close"],
  [[["{ type: rsi, period: 14 }", "7"]], "line 7, indicators.rsi14", "keys and values", "7"],
  [[["rsi14: {", "rsi.14: {"]], "line 7, indicators.rsi.14", "a name: a letter", `"rsi.14"`],
  [[["rsi14: {", "__proto__: {"]], "line 7, indicators.__proto__", "a name: a letter", `"__proto__"`],
  [[["fast: 12", "fast: 26"]], "line 8, indicators.macd.fast", "fewer bars than slow", "26"],
  [[["signal: 9", "signal: 9, timeframe: 1d"]], "line 8, indicators.macd.timeframe", "timeframes, 1h", "1d"],
  [
    [["indicator: rsi14", "indicator: rsi41"]],
    "line 11, fuzzy_sets.rsi_level.indicator",
    "an indicator",
    `"rsi41"`,
    "rsi14",
  ],
  [
    [["macd.signal", "macd.sgnal"]],
    "line 17, fuzzy_sets.trend.indicator",
    "outputs",
    `"macd.sgnal"`,
    "macd.signal",
  ],
  [
    [[corners, "[0, 50, 45]"]],
    "line 13, fuzzy_sets.rsi_level.sets.oversold.parameters",
    "corners in order",
    "[0,50,45]",
  ],
  [[[corners, "[0, 45]"]], "line 13, fuzzy_sets.rsi_level.sets.oversold.parameters[2]", "a value", "nothing"],
  [
    [["triangular", "triangle"]],
    "line 13, fuzzy_sets.rsi_level.sets.oversold.type",
    "sigmoid",
    `"triangle"`,
    "triangular",
  ],
  [[["neutral:", "oversold:"]], "s.yaml line 14 column 7", "one YAML document", "Map keys must be unique"],
  [[["neutral:", "ne-utral:"]], "line 14, fuzzy_sets.rsi_level.sets.ne-utral", "a name", `"ne-utral"`],
  [
    [[all, "fuzzy: [rsi_level.over]"]],
    "line 20, features.fuzzy[0]",
    "one of its sets",
    `"rsi_level.over"`,
    "rsi_level.oversold",
  ],
  [
    [[all, "fuzzy: [trend, trend.up]"]],
    "line 20, features.fuzzy[1]",
    "each membership once",
    "trend.up again",
  ],
  [
    [
      [all, "fuzzy: []"],
      ["prices: true", "prices: false"],
    ],
    "line 20, features",
    "fuzzy sets or prices",
    "none",
  ],
  [[["lookback: 2", "lookback: 501"]], "line 20, features.lookback", "a whole number from 0 to 500", "501"],
  [
    [["zigzag", "zig_zag"]],
    "line 21, labels.type",
    "zigzag, triple_barrier, forward_return",
    `"zig_zag"`,
    "zigzag",
  ],
  [
    [["threshold: 0.002", "treshold: 0.002"]],
    "line 21, labels.treshold",
    `"threshold"`,
    "the key",
    "threshold",
  ],
  [
    [[zigzag, "type: forward_return, lookahead: 5"]],
    "line 21, labels.threshold",
    "either a threshold",
    "neither",
  ],
  [
    [[zigzag, "type: forward_return, lookahead: 5, threshold: 0.1, regression: true"]],
    "line 21, labels.threshold",
    "either",
    "both",
  ],
  [[["train: 0.7", "train: 0.8"]], "line 22, split", "add up to 1", "0.8 + 0.15 + 0.15 = 1.1"],
  [[["test: 0.15", "test: 0"]], "line 22, split.test", "a number above 0, at most 1", "0"],
  [[["embargo: 20", "embargo: -1"]], "line 22, split.embargo", "a whole number from 0", "-1"],
  [[["activation: relu", "activation: rleu"]], "line 23, model.activation", `"relu"`, `"rleu"`, "relu"],
  [[["[32, 16]", "[32, 0]"]], "line 23, model.hidden_layers[1]", "a whole number from 1 to 2048", "0"],
  [[["dropout: 0.2", "dropout: 1"]], "line 23, model.dropout", "a number from 0 to 0.9", "1"],
  [
    [["optimizer: adam", "optimizer: adm"]],
    "line 24, training.optimizer",
    "adam, adamw, sgd",
    `"adm"`,
    "adam",
  ],
  [[["learning_rate: 0.001", "learning_rate: 0"]], "line 24, training.learning_rate", "above 0", "0"],
  [[["seed: 7", "seed: -1"]], "line 24, training.seed", "a whole number from 0", "-1"],
  [
    [
      [zigzag, "type: forward_return, lookahead: 5, regression: true"],
      ["seed: 7", "early_stopping: { patience: 3, monitor: val_accuracy }"],
    ],
    "line 24, training.early_stopping.monitor",
    "val_loss",
    "val_accuracy",
  ],
  [
    [
      [zigzag, "type: forward_return, lookahead: 5, regression: true"],
      ["seed: 7", "class_weights: balanced"],
    ],
    "line 24, training.class_weights",
    "none",
    `"balanced"`,
  ],
  [[["[AAPL]", "[]"]], "line 4, symbols", "one symbol or more", "[]"],
  [[["[AAPL]", "[AAPL, '../x']"]], "line 4, symbols[1]", "a letter or digit", `"../x"`],
  [[["[AAPL]", "[AAPL, aapl]"]], "line 4, symbols[1]", "each of the symbols once", "AAPL again"],
  [[["[1h]", "[1d, 1h]"]], "line 5, timeframes[1]", "longer than the first, 1d", "1h"],
  [[["[1h]", "[1h, 1h]"]], "line 5, timeframes[1]", "each of the timeframes once", "1h again"],
  [[["[1h]", "[2h]"]], "line 5, timeframes[0]", `"1h"`, `"2h"`, "1h"],
  [[["name: mean_reversion", "name: ../up"]], "line 1, name", "a letter or digit", `"../up"`],
  [[["name: mean_reversion\n", ""]], "line 1, name", "a value", "nothing"],
  [[["labels:", "label:"]], "line 21, label", `"labels"`, `the key "label"`, "labels"],
  [
    [
      ["[AAPL]", "&a [AAPL]"],
      ["[1h]", "*a"],
    ],
    "s.yaml line 5 column 13",
    "written out",
    "a YAML alias",
  ],
  [[["[AAPL]", "!!js/function [AAPL]"]], "s.yaml line 4 column 10", "one YAML document", "Unresolved tag"],
  [[["labels:", "---\nlabels:"]], "s.yaml line 21 column 1", "one YAML document", "multiple documents"],
]

const failureOf = (given: string) => failure(StrategyFile.parse("s.yaml", given))
const reasonOf = (...changes: ReadonlyArray<Change>) => failure(parse(...changes)).reason

describe("a fault", () => {
  for (const [changes, place, expected, found, suggestion] of faults) {
    const title = `${changes.map(([, to]) => JSON.stringify(to)).join(" and ")} is found in ${place}`
    it(title, () => {
      const error = failure(parse(...changes))
      expect(error.place).toBe(place.startsWith("s.yaml") ? place : `s.yaml ${place}`)
      expect(error.expected).toContain(expected)
      expect(error.found).toContain(found)
      expect(error.suggestion).toBe(suggestion)
      expect(error.advice).toBe(
        suggestion === undefined ? "Correct the file at that place" : `Did you mean ${suggestion}`,
      )
    })
  }
  it("has a reason of its own where a name is unknown", () => {
    expect(reasonOf([rsi, "type: rsj"])).toBe("UnknownIndicator")
    expect(reasonOf(["zigzag", "zigzug"])).toBe("UnknownLabel")
    expect(reasonOf(["optimizer: adam", "optimizer: adm"])).toBe("UnknownOptimizer")
    expect(reasonOf(["[1h]", "[2h]"])).toBe("InvalidStrategy")
  })

  it("is a text that is none, or is too much of one", () => {
    expect(failureOf("").found).toBe("nothing")
    expect(failureOf("- 1").expected).toBe("keys and values")
    expect(failureOf("[".repeat(10_000)).found).toBe("values nested too deep")
    expect(failureOf("- ".repeat(5000)).found).toBe("values nested too deep")
    expect(failureOf("#".repeat(70_000))).toMatchObject({ place: "s.yaml", found: "70,000" })
    expect(failureOf("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]").found).toBe("a YAML alias")
  })

  it("is never a defect, whatever one line is made into", () => {
    const lines = text.split("\n")
    fc.assert(
      fc.property(
        fc.nat(lines.length - 1),
        fc.oneof(fc.string(), fc.json()),
        fc.nat(40),
        (line, junk, at) => {
          const broken = lines.with(line, lines[line]!.slice(0, at) + junk).join("\n")
          const parsed = StrategyFile.parse("s.yaml", broken)
          if (Either.isLeft(parsed)) expect(parsed.left.place).toMatch(/^s\.yaml line \d+/)
        },
      ),
      { numRuns: 150 },
    )
  })
})

describe("a strategy", () => {
  it("has what the file says and the defaults of what it does not", () => {
    const strategy = make([["prices: true, ", ""]])
    expect(strategy).toMatchObject({
      symbols: ["AAPL"],
      session: "regular",
      indicators: { rsi14: { type: "rsi", period: 14, source: "close" } },
      features: { fuzzy: "all", prices: false, lookback: 2 },
      model: { hidden_layers: [32, 16], activation: "relu" },
      training: { optimizer: "adam", seed: 7 },
    })
    expect(strategy.training.early_stopping).toBeUndefined()
  })

  it("has symbols as ktrdr writes them, and a version that may be a number", () => {
    const strategy = make([
      ["[AAPL]", "[eur/usd]"],
      [`"1"`, "2"],
    ])
    expect(strategy.symbols).toEqual(["EUR.USD"])
    expect(strategy.version).toBe("2")
  })

  it("is the same after a way through JSON", () => {
    const strategy = make()
    const schema = Strategy.Strategy
    const json: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(schema)(strategy)))
    expect(Schema.decodeUnknownSync(schema)(json)).toEqual(strategy)
  })
})

const warnings = (...changes: ReadonlyArray<Change>) => Either.getOrThrow(parse(...changes)).warnings

describe("warnings", () => {
  it("are none for a strategy of which all is used", () => {
    expect(warnings()).toEqual([])
  })

  it("tell of what nobody uses", () => {
    expect(warnings([all, "fuzzy: [rsi_level]"])).toEqual([
      "s.yaml line 8, indicators.macd: nobody uses the indicator macd",
      "s.yaml line 16, fuzzy_sets.trend: features.fuzzy does not list trend",
    ])
    expect(
      warnings(
        ["[1h]", "[1h, 1d]"],
        [rsi, `${rsi}, timeframe: 1h`],
        ["signal: 9", "signal: 9, timeframe: 1h"],
      ),
    ).toEqual(["s.yaml line 5, timeframes[1]: nobody uses the timeframe 1d"])
    expect(warnings(["seed: 7", "momentum: 0.9"])).toEqual([
      "s.yaml line 24, training.momentum: adam has no momentum to set",
    ])
    expect(warnings([", embargo: 20", ""])).toEqual([
      "s.yaml line 22, split.embargo: no bars are left out after a border",
    ])
  })
})

const hash = (...changes: ReadonlyArray<Change>) => Strategy.hash(make(changes))

describe("hash", () => {
  it.effect("is the same however the file is written", () =>
    Effect.gen(function* () {
      const plain = yield* hash()
      expect(plain).toMatch(/^[0-9a-f]{64}$/)
      expect(yield* hash([rsi, "source: close, period: 14, type: rsi"])).toBe(plain)
      expect(
        yield* hash(["name: mean_reversion\n", ""], ["labels:", "name: mean_reversion # !\nlabels:"]),
      ).toBe(plain)
      expect(yield* hash(["symbols: [AAPL]", "session: regular\nsymbols:\n  - aapl"])).toBe(plain)
    }),
  )

  it.effect("is another one where the strategy is", () =>
    Effect.gen(function* () {
      const hashes = yield* Effect.all([
        hash(),
        hash([rsi, "type: rsi, period: 15"]),
        hash(["seed: 7", "seed: 8"]),
        hash([corners, "[0, 21, 45]"]),
        hash(["rsi_level:\n", "level:\n"]),
        hash(["[32, 16]", "[16, 32]"]),
        hash(["what it bets on", "what it bets against"]),
        hash(
          ["      oversold: { type: triangular, parameters: [0, 20, 45] }\n", ""],
          [
            "[55, 80, 100] }\n",
            "[55, 80, 100] }\n      oversold: { type: triangular, parameters: [0, 20, 45] }\n",
          ],
        ),
      ])
      expect(new Set(hashes).size).toBe(hashes.length)
    }),
  )
})
