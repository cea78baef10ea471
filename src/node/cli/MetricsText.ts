/**
 * How good models are, as a person reads it: beside the baseline, and plainly below it where they are.
 */

import { count } from "../../ProgressRenderer.js"
import * as Labels from "../../training/Labels.js"
import * as Metrics from "../../training/Metrics.js"
import type { ModelMetrics } from "../../training/ModelStore.js"
import * as Table from "./Table.js"

/** In words; what chance explains beats nothing. */
export const verdicts: Readonly<Record<Metrics.Verdict, string>> = {
  beats_baseline: "beats the baseline",
  level_with_baseline: "does not beat the baseline: chance explains the difference",
  below_baseline: "does not beat the baseline: it is below it",
}

/** A table of the parts beside their baselines, one of the classes of the last part, and the verdict on that. */
export const lines = (metrics: ModelMetrics): ReadonlyArray<string> => {
  const parts = (["train", "validation", "test"] as const).flatMap((name) => {
    const measured = metrics[name]
    return measured === null ? [] : [{ name, measured }]
  })
  const last = parts.at(-1)
  if (last === undefined) return ["not measured"]
  const isOfClasses = last.measured.kind === "classification"
  return [
    ...Table.lines(
      [
        [
          "part",
          "rows",
          ...(isOfClasses ? ["loss", "accuracy", "majority"] : ["mse", "r2", "of the mean"]),
          "verdict",
        ],
        ...parts.map(({ name, measured }) => [
          name,
          count(measured.rows),
          ...numbers(measured),
          Metrics.verdictWords[measured.verdict],
        ]),
      ],
      [1, 2, 3, 4],
    ),
    ...(last.measured.kind === "classification" ? classes(last.name, last.measured) : []),
    `on the ${last.name} part the model ${verdicts[last.measured.verdict]}`,
  ]
}

/** Test accuracy or mean squared error, and that of the baseline: `52.1 %` `54.4 %`. */
export const pair = (measured: Metrics.Metrics): readonly [string, string] =>
  measured.kind === "classification"
    ? [percent(measured.accuracy), percent(measured.baseline.accuracy)]
    : [decimals(measured.mse), decimals(measured.baseline.mse)]

/** A share in percent; `-` where there is none. */
export const percent = (share: number | null): string =>
  share === null ? "-" : `${(share * 100).toFixed(1)} %`

/** `1 epoch`, `16 epochs` */
export const epochs = (amount: number): string => `${count(amount)} ${amount === 1 ? "epoch" : "epochs"}`

// ---------------------------------------------------------------------------------------------------------

const decimals = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toFixed(4)

const numbers = (measured: Metrics.Metrics): ReadonlyArray<string> =>
  measured.kind === "classification"
    ? [decimals(measured.loss), ...pair(measured)]
    : [
        decimals(measured.mse),
        measured.r2 === null ? "-" : measured.r2.toFixed(3),
        decimals(measured.baseline.mse),
      ]

const classes = (part: string, { classes }: Metrics.Classification): ReadonlyArray<string> =>
  Table.lines(
    [
      [part, "rows", "predicted", "precision", "recall", "F1"],
      ...classes.map(({ support, predicted, precision, recall, f1 }, index) => [
        Labels.classes[index] ?? String(index),
        count(support),
        count(predicted),
        percent(precision),
        percent(recall),
        percent(f1),
      ]),
    ],
    [1, 2, 3, 4, 5],
  )
