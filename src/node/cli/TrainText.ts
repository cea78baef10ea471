/**
 * What trainings would do and did, as a person reads it.
 */
import { join } from "node:path"
import * as Coverage from "../../data/Coverage.js"
import * as Series from "../../data/Series.js"
import * as TimeRange from "../../data/TimeRange.js"
import { count, duration } from "../../ProgressRenderer.js"
import * as Labels from "../../training/Labels.js"
import type * as Receipt from "../../training/Receipt.js"
import type { TrainingPlan } from "../../training/TrainingManager.js"
import type { TrainingReport } from "../../training/TrainingReport.js"
import * as LoadText from "./LoadText.js"
import * as MetricsText from "./MetricsText.js"
import * as Table from "./Table.js"

export interface Surroundings {
  /** Where the state is kept. */
  readonly home: string
  /** Words as the command line that a user would type. */
  readonly command: (words: ReadonlyArray<string>) => string
}

/** What was trained, how good it is beside the baseline, where it lies, and what can be done with it. */
export const report = (of: TrainingReport, { home, command }: Surroundings): string =>
  [
    `${of.strategy} on ${LoadText.shorten(of.symbols)} [${of.timeframes.join(", ")}]: ` +
      `${MetricsText.epochs(of.epochs)}${ends[of.reason]}, the best is ${of.best_epoch}, ${took(of.duration_seconds * 1000)}`,
    `  ${LoadText.amount(of.features, "feature")}, ${LoadText.amount(of.parameters, "parameter")}, seed ${of.seed}` +
      (of.interruptions === 0
        ? ""
        : `, interrupted ${of.interruptions === 1 ? "once" : `${of.interruptions} times`}`) +
      (of.gaps_allowed ? ", gaps allowed" : ""),
    ...MetricsText.lines(of.metrics).map((line) => `  ${line}`),
    `  model    ${of.model}`,
    `  receipt  ${join(home, of.receipt)}`,
    `  predict  ${command(["models", "predict", of.model])}`,
    `  verify   ${command(["models", "verify", of.model])}`,
  ].join("\n")

/** How long it took: `1.3s`, `2m`. */
export const took = (millis: number): string =>
  millis < 10_000 ? `${(millis / 1000).toFixed(1)}s` : duration(millis)

/** What a training would do. */
export const plan = (of: TrainingPlan): string => {
  const { balance, batchesPerEpoch, epochs, estimatedMillis, features, parameters, series } = of
  return [
    ...series.map(
      ({ series: one, range, bars, coverage }) =>
        `${Series.format(one)}: ${LoadText.amount(bars, "bar")}, ${TimeRange.format(range)}; ${Coverage.format(coverage)}`,
    ),
    ...split(of.split).map((line) => `  ${line}`),
    ...(balance === null ? [] : classes(balance).map((line) => `  ${line}`)),
    `  ${LoadText.amount(features.length, "feature")}: ${LoadText.shorten(features)}`,
    `  ${LoadText.amount(parameters, "parameter")}, at most ${MetricsText.epochs(epochs)} of ${LoadText.amount(batchesPerEpoch, "batch")}` +
      (estimatedMillis === null
        ? ""
        : `, about ${duration(Math.max(1000, estimatedMillis))} if all are trained`),
  ].join("\n")
}

/** How many rows each part has, and how many were left out for what reason. */
export const split = ({
  borders,
  dropped,
  embargoed,
  purged,
  rows,
}: Receipt.Split): ReadonlyArray<string> => [
  ...Table.lines(
    [
      ["part", "rows", "purged", "embargoed", "from"],
      ["train", count(rows.train), count(purged.train), "-", "the first bar"],
      [
        "validation",
        count(rows.validation),
        count(purged.validation),
        count(embargoed.validation),
        TimeRange.formatInstant(borders.validation),
      ],
      ["test", count(rows.test), "-", count(embargoed.test), TimeRange.formatInstant(borders.test)],
    ],
    [1, 2, 3],
  ),
  `left out besides: ${count(dropped.warmup)} while indicators warm up, ${count(dropped.unlabelled)} whose label is not known yet`,
]

// ---------------------------------------------------------------------------------------------------------

const ends: Readonly<Record<TrainingReport["reason"], string>> = {
  completed: "",
  early_stopping: " (stopped early)",
}

const classes = (balance: NonNullable<TrainingPlan["balance"]>): ReadonlyArray<string> =>
  Table.lines(
    [
      ["class", "train", "validation", "test"],
      ...Labels.classes.map((name, index) => [
        name,
        ...(["train", "validation", "test"] as const).map((part) => {
          const all = balance[part].reduce((sum, rows) => sum + rows, 0)
          const rows = balance[part][index] ?? 0
          return `${count(rows)} (${MetricsText.percent(all === 0 ? null : rows / all)})`
        }),
      ]),
    ],
    [1, 2, 3],
  )
