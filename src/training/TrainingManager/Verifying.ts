/**
 * Whether a model still is what its receipt says, and what it comes from.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as CandleReader from "../../data/CandleReader.js"
import type { DataError } from "../../data/DataError.js"
import * as Series from "../../data/Series.js"
import * as Dataset from "../Dataset.js"
import { weightsFile } from "../ModelStore/Stored.js"
import type * as ModelStore from "../ModelStore.js"
import * as Receipt from "../Receipt.js"
import * as Strategy from "../Strategy.js"
import * as Bars from "./Bars.js"
import { rangeOf, splitOf } from "./Preparation.js"

export const verify = Effect.fnUntraced(function* (
  reader: CandleReader.Service,
  { receipt, strategy, files }: ModelStore.Inspection,
): Effect.fn.Return<Receipt.Verification, DataError> {
  const series = yield* Effect.forEach(receipt.series, (one) =>
    Effect.map(reader.files(one.series), (found) => ({ series: one.series, files: found })),
  )
  const isSound = receipt.series.every((one) => {
    const found =
      series.find((other) => Series.format(other.series) === Series.format(one.series))?.files ?? []
    return (
      found.every((file) => file.isSound) &&
      one.files.every(({ name }) => found.some((file) => file.name === name))
    )
  })
  const rows =
    isSound && Either.isRight(strategy) ? yield* rowsOf(reader, receipt, strategy.right) : Option.none()
  const weights = files.find(({ name }) => name === weightsFile)
  return Receipt.verify(receipt, {
    strategy: Either.isRight(strategy) ? yield* Strategy.hash(strategy.right) : undefined,
    series,
    dataset: Option.getOrUndefined(rows)?.hash,
    split: Option.getOrUndefined(rows)?.split,
    weights: weights?.found ?? undefined,
    files: files.filter((file) => file !== weights || file.found === null),
  })
})

// ---------------------------------------------------------------------------------------------------------

/** The rows made anew of what the store has of the same ranges; none where bars or rows cannot be had any more. */
const rowsOf = Effect.fnUntraced(function* (
  reader: CandleReader.Service,
  { series }: Receipt.Receipt,
  strategy: Strategy.Strategy,
): Effect.fn.Return<Option.Option<{ readonly hash: string; readonly split: Receipt.Split }>, DataError> {
  const bars = yield* Bars.candles(
    reader,
    strategy,
    strategy.symbols,
    (one) => rangeOf(series, one) ?? {},
  ).pipe(
    Effect.map(Option.some),
    Effect.catchIf(isGone, () => Effect.succeedNone),
  )
  if (Option.isNone(bars)) return Option.none()
  const made = yield* Effect.option(Dataset.make(strategy, bars.value))
  if (Option.isNone(made)) return Option.none()
  return Option.some({ hash: yield* Receipt.datasetHash(made.value), split: splitOf(made.value) })
})

const isGone = ({ reason }: DataError): boolean => reason === "NotFound" || reason === "InvalidInput"
