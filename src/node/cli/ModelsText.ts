/**
 * Models as a person reads them.
 */
import { join } from "node:path"
import * as Coverage from "../../data/Coverage.js"
import * as Series from "../../data/Series.js"
import * as TimeRange from "../../data/TimeRange.js"
import { count } from "../../ProgressRenderer.js"
import * as Labels from "../../training/Labels.js"
import * as Metrics from "../../training/Metrics.js"
import * as ModelStore from "../../training/ModelStore.js"
import type * as Receipt from "../../training/Receipt.js"
import type { Prediction } from "../../training/TrainingManager.js"
import * as LoadText from "./LoadText.js"
import * as MetricsText from "./MetricsText.js"
import * as Table from "./Table.js"
import * as TrainText from "./TrainText.js"

/** What is said where the store has nothing. */
export const nothingKept = "No model is kept yet. Train one: ktrdr train trend_following"

/** A line a model, the numbers those of the test part. */
export const table = (models: ReadonlyArray<ModelStore.Summary>): ReadonlyArray<string> =>
  Table.lines(
    [
      ["model", "trained", "epochs", "parameters", "test", "baseline", "verdict", "size"],
      ...models.map(({ created, epochs, files, id, isLatest, parameters, test }) => [
        `${ModelStore.ModelId.format(id)}${isLatest ? " (latest)" : ""}`,
        TimeRange.formatInstant(created).slice(0, 10),
        count(epochs),
        count(parameters),
        ...(test === null
          ? ["-", "-", "not measured"]
          : [...MetricsText.pair(test), Metrics.verdictWords[test.verdict]]),
        `${count(ModelStore.size({ files }))} B`,
      ]),
    ],
    [2, 3, 4, 5, 7],
  )

export interface Whole {
  readonly summary: ModelStore.Summary
  readonly metrics: ModelStore.ModelMetrics
  readonly receipt: Receipt.Receipt
  /** Where the state is kept. */
  readonly home: string
}

/** How good it is and where it comes from. */
export const whole = ({ home, metrics, receipt, summary }: Whole): string => {
  const { epochs, features, id, isLatest, parameters, place } = summary
  const { durationMillis, gapsAllowed, interruptions, seeds, series, strategy, trainer, versions } = receipt
  const fields: ReadonlyArray<readonly [name: string, value: string]> = [
    ["strategy", `${strategy.name} version ${strategy.version}, ${strategy.sha256.slice(0, 12)}`],
    [
      "trained",
      `${TimeRange.formatInstant(receipt.finished)}, ${MetricsText.epochs(epochs)} in ${TrainText.took(durationMillis)}, ${trainer.kind === "local" ? "on this machine" : `by ${trainer.url}`}`,
    ],
    ["network", `${LoadText.amount(features, "feature")}, ${LoadText.amount(parameters, "parameter")}`],
    [
      "seeds",
      Object.entries(seeds)
        .map(([name, seed]) => `${name} ${seed}`)
        .join(", "),
    ],
    [
      "versions",
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
    ...(receipt.operation === null ? [] : [["operation", receipt.operation] as const]),
    ...(interruptions.length === 0
      ? []
      : [
          [
            "resumed",
            `${interruptions.length} times, last at epoch ${interruptions.at(-1)?.position.epoch}`,
          ] as const,
        ]),
    ...(gapsAllowed ? [["gaps", "allowed"] as const] : []),
    ["weights", receipt.weights],
    ["receipt", join(home, place, "receipt.json")],
  ]
  return [
    `${ModelStore.ModelId.format(id)}${isLatest ? " (latest)" : ""}`,
    ...MetricsText.lines(metrics).map((line) => `  ${line}`),
    ...TrainText.split(receipt.split).map((line) => `  ${line}`),
    ...series.map(
      ({ bars, coverage, files, range, series: one, source }) =>
        `  ${Series.format(one)} from ${source}: ${LoadText.amount(bars, "bar")} of ${LoadText.amount(files.length, "file")}, ${TimeRange.format(range)}; ${Coverage.format(coverage)}`,
    ),
    ...fields.map(([name, value]) => `  ${name.padEnd(10)} ${value}`),
  ].join("\n")
}

/** A line a bar: the class that is most probable, and how probable each is, or the return that is forecast. */
export const predictions = (all: ReadonlyArray<Prediction>): ReadonlyArray<string> => {
  const isOfValues = all.every(({ probabilities }) => probabilities === null)
  return Table.lines(
    [
      ["symbol", "bar", ...(isOfValues ? ["return"] : ["signal", ...Labels.classes])],
      ...all.map(({ probabilities, signal, symbol, time, value }) => [
        symbol,
        TimeRange.formatInstant(time),
        ...(isOfValues
          ? [value === null ? "-" : `${(value * 100).toFixed(2)} %`]
          : [
              signal ?? "-",
              ...Labels.classes.map((_, index) => MetricsText.percent(probabilities?.[index] ?? null)),
            ]),
      ]),
    ],
    isOfValues ? [2] : [3, 4, 5],
  )
}

/** The same as the object of a JSON line; probabilities by class. */
export const predictionJson = (
  model: string,
  { probabilities, signal, symbol, time, value }: Prediction,
) => ({
  model,
  symbol,
  time: TimeRange.formatInstant(time),
  signal,
  probabilities:
    probabilities === null
      ? null
      : Object.fromEntries(Labels.classes.map((name, index) => [name, probabilities[index] ?? null])),
  value,
})

/** What was compared, and each thing that differs. */
export const verification = (
  model: string,
  { compared, differences, skipped }: Receipt.Verification,
): string =>
  [
    differences.length === 0
      ? `${model}: all that was computed anew is what its receipt says`
      : `${model}: ${LoadText.amount(differences.length, "difference")}`,
    ...differences.map(
      ({ expected, found, place }) => `  differs: ${place}: expected ${expected}, found ${found}`,
    ),
    `  compared: ${compared.length === 0 ? "nothing" : compared.join(", ")}`,
    ...(skipped.length === 0 ? [] : [`  not compared: ${skipped.join(", ")}`]),
  ].join("\n")
