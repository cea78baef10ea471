/**
 * The one error of the data domain.
 */
import * as Schema from "effect/Schema"
import { printable } from "../internal/printable.js"

/**
 * Why data work failed.
 *
 * - of a source: `Unreachable`, `Timeout`, `Pacing` (with `retryAfterMillis`), `UnknownSymbol` (with
 *   `suggestion`), `NoPermission`, `NoData`, `Malformed`, `Refused`
 * - of what the caller gave: `InvalidInput` (symbol, timeframe, mode, range, payload), `InvalidFile`
 * - of the store: `StoreUnwritable` (no space, no permission), `StoreUnreadable` (no permission, a disk that
 *   fails, a later version's files: nothing is wrong with the bars), `StoreDamaged`, `StoreLocked`, `LockLost` (another process took the series
 *   over while this one was suspended; nothing was written since), `NotFound`
 * - of a load: `NothingLoaded` (every segment failed)
 */
export const Reason = Schema.Literal(
  "Unreachable",
  "Timeout",
  "Pacing",
  "UnknownSymbol",
  "NoPermission",
  "NoData",
  "Malformed",
  "Refused",
  "InvalidInput",
  "InvalidFile",
  "StoreUnwritable",
  "StoreUnreadable",
  "StoreDamaged",
  "StoreLocked",
  "LockLost",
  "NotFound",
  "NothingLoaded",
)
export type Reason = typeof Reason.Type

/**
 * A failure of data work, told as a person would want it: where (`place`), what should have been there
 * (`expected`), what was (`found`) and what to do next (`advice`). The message is one line that a terminal may
 * show, whatever a file or a host put into the parts.
 */
export class DataError extends Schema.TaggedError<DataError>("ktrdr/DataError")("DataError", {
  reason: Reason,
  /** Where: `AAPL 1h`, `prices.csv line 12`, `candles/XNYS/SPX/1d/2001.parquet`. */
  place: Schema.String,
  expected: Schema.String,
  found: Schema.String,
  /** What to do next, an imperative sentence without a final stop. */
  advice: Schema.String,
  /** How long a `Pacing` source asks to be left alone, in milliseconds. */
  retryAfterMillis: Schema.optionalWith(Schema.Number, { exact: true }),
  /** The symbol that an `UnknownSymbol` was probably meant to be. */
  suggestion: Schema.optionalWith(Schema.String, { exact: true }),
  cause: Schema.optionalWith(Schema.Defect, { exact: true }),
}) {
  override get message(): string {
    return printable(`${this.place}: expected ${this.expected}, found ${this.found}. ${this.advice}.`)
  }
}

/** True for the reasons that a second try of the same request may cure. */
export const isTransient = (error: DataError): boolean =>
  error.reason === "Unreachable" ||
  error.reason === "Timeout" ||
  error.reason === "Pacing" ||
  error.reason === "Malformed"
