/**
 * What a training was asked for and succeeded with, from its record.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TimeRange from "../../data/TimeRange.js"
import type { OperationRecord } from "../../OperationRecord.js"
import { TrainingReport } from "../../training/TrainingReport.js"
import { TrainModel } from "../../training/TrainModel.js"
import * as LoadText from "./LoadText.js"
import * as TrainText from "./TrainText.js"

/** The report as the training itself prints it, with places relative to the home; undefined where there is none. */
export const text = (
  { result }: OperationRecord,
  command: TrainText.Surroundings["command"],
): string | undefined =>
  Option.getOrUndefined(
    Option.map(decode(result), (report) => TrainText.report(report, { home: "", command })),
  )

/** What was to be trained, in so many words as fit a line; undefined where that cannot be told. */
export const payload = ({ payload }: OperationRecord): string | undefined =>
  Option.getOrUndefined(
    Option.map(decodePayload(payload), ({ allow_gaps, end, start, strategy }) =>
      [
        `strategy ${strategy.name} version ${strategy.version}`,
        `symbols ${LoadText.shorten(strategy.symbols)}`,
        `timeframes ${strategy.timeframes.join("; ")}`,
        ...(start === undefined ? [] : [`start ${TimeRange.formatInstant(start)}`]),
        ...(end === undefined ? [] : [`end ${TimeRange.formatInstant(end)}`]),
        `epochs ${strategy.training.epochs}`,
        `seed ${strategy.training.seed}`,
        ...(allow_gaps ? ["gaps allowed"] : []),
      ].join(", "),
    ),
  )

// ---------------------------------------------------------------------------------------------------------

const decodePayload = Schema.decodeUnknownOption(TrainModel.definition.payload)
const decode = Schema.decodeUnknownOption(TrainingReport)
