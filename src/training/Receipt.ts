/**
 * Receipts: where a model comes from, so that anybody can say later whether it still does. What can be computed anew
 * is compared; the rest is what was true when it was written.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Coverage from "../data/Coverage.js"
import * as Quality from "../data/Quality.js"
import * as Series from "../data/Series.js"
import * as TimeRange from "../data/TimeRange.js"
import * as Json from "./Receipt/Json.js"
import { Sha256 } from "./Receipt/Sha256.js"
import type { TrainingError } from "./TrainingError.js"
import * as TrainingRun from "./TrainingRun.js"

export { hash as datasetHash } from "./Receipt/DatasetHash.js"
export { Sha256 } from "./Receipt/Sha256.js"
export { type Difference, type Found, type Verification, verify } from "./Receipt/Verify.js"

const Count = Schema.NonNegativeInt

/** A file of bars as the store had it when it was read. */
export const CandleFile = Schema.Struct({ name: Schema.String, rows: Count, sha256: Sha256 })
export type CandleFile = typeof CandleFile.Type

/** The bars of one series that were read. */
export const SeriesRead = Schema.Struct({
  series: Series.Series,
  source: Schema.String,
  /** What was asked for; bars from the first's start to before the end. */
  range: TimeRange.TimeRange,
  bars: Count,
  files: Schema.Array(CandleFile),
  coverage: Coverage.Coverage,
  issues: Schema.Array(Quality.Issue),
})
export type SeriesRead = typeof SeriesRead.Type

/** How the rows were split, and how many were left out. */
export const Split = Schema.Struct({
  borders: Schema.Struct({ validation: TimeRange.Instant, test: TimeRange.Instant }),
  rows: Schema.Struct({ train: Count, validation: Count, test: Count }),
  purged: Schema.Struct({ train: Count, validation: Count }),
  embargoed: Schema.Struct({ validation: Count, test: Count }),
  dropped: Schema.Struct({ warmup: Count, unlabelled: Count }),
})
export type Split = typeof Split.Type

/** How far a training was: enough to be told, not to go on. */
export const Position = TrainingRun.Position.pick("epoch", "phase", "cursor")
export type Position = typeof Position.Type

/** A training that ended before its time, and went on from what it had kept. */
export const Interruption = Schema.Struct({
  /** The operation that was interrupted. */
  operation: Schema.String,
  /** Where it went on. */
  position: Position,
  /** When that was written down. */
  kept: TimeRange.Instant,
  resumed: TimeRange.Instant,
})
export type Interruption = typeof Interruption.Type

export const Trainer = Schema.Union(
  Schema.Struct({ kind: Schema.Literal("local") }),
  Schema.Struct({ kind: Schema.Literal("host"), url: Schema.String }),
)
export type Trainer = typeof Trainer.Type

const Facts = Schema.Struct({
  /** The operation that finished the training. */
  operation: Schema.NullOr(Schema.String),
  strategy: Schema.Struct({ name: Schema.String, version: Schema.String, sha256: Sha256 }),
  series: Schema.Array(SeriesRead),
  /** Whether bars were allowed to be missing. */
  gapsAllowed: Schema.Boolean,
  /** Of the rows, the labels and the split: `datasetHash`. */
  dataset: Sha256,
  split: Split,
  seeds: Schema.Record({ key: Schema.String, value: Count }),
  /** Of ktrdr, of the runtime, and of what else decides about a number. */
  versions: Schema.Record({ key: Schema.String, value: Schema.String }),
  trainer: Trainer,
  started: TimeRange.Instant,
  finished: TimeRange.Instant,
  /** How long it trained in all, without the time between an interruption and its resumption. */
  durationMillis: Schema.NonNegative,
  interruptions: Schema.Array(Interruption),
  /** Of the bytes of the weights' file. */
  weights: Sha256,
})
export type Facts = typeof Facts.Type

/** The version that is written, and the newest that is read. */
export const version = 1

export const Receipt = Schema.Struct({ receipt: Schema.Literal(version), ...Facts.fields }).annotations({
  identifier: "Receipt",
})
export type Receipt = typeof Receipt.Type

export const make = (facts: Facts): Receipt => ({ receipt: version, ...facts })

/** As a file has it; the same receipt gives the same text. */
export const encode: (receipt: Receipt) => string = Json.encoder(Receipt)

/** Fails with `DamagedModel` or `NewerVersion`; `place` says whose text it is. */
export const decode = (text: string, place: string): Either.Either<Receipt, TrainingError> =>
  Either.flatMap(Json.checkVersion(text, "receipt", version, place), () => decodeText(text, place))

// ---------------------------------------------------------------------------------------------------------

const decodeText = Json.decoder(Receipt, "a receipt")
