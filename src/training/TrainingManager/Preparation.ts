/**
 * All that comes before a training: a strategy that makes sense, bars that are whole, features that know nothing of
 * what comes after them, rows.
 */
import * as Effect from "effect/Effect"
import type * as CandleReader from "../../data/CandleReader.js"
import type { DataError } from "../../data/DataError.js"
import type * as Series from "../../data/Series.js"
import * as Progress from "../../Progress.js"
import * as Causality from "../Causality.js"
import * as Dataset from "../Dataset.js"
import * as Indicators from "../Indicators.js"
import * as Receipt from "../Receipt.js"
import * as Sense from "../Strategy/Sense.js"
import type { Strategy } from "../Strategy.js"
import { TrainingError } from "../TrainingError.js"
import type { Request } from "../TrainingManager.js"
import * as Bars from "./Bars.js"

/** Its steps, as progress shows them. */
export const steps: ReadonlyArray<Progress.PlannedStep> = [
  { name: "read bars", weight: 3 },
  { name: "check causality", weight: 3 },
  { name: "prepare rows", weight: 6 },
]

export interface Rows {
  readonly dataset: Dataset.Dataset
  readonly split: Receipt.Split
  readonly read: ReadonlyArray<Receipt.SeriesRead>
  readonly warnings: ReadonlyArray<string>
}

export interface Prepared extends Rows {
  /** `Receipt.datasetHash` */
  readonly hash: string
}

/** Fails with `InvalidStrategy` where the strategy's parts make no sense together. */
export const sensible = (strategy: Strategy): Effect.Effect<void, TrainingError> => {
  const fault = Sense.firstFault(strategy, Indicators.builtIn)
  if (fault === undefined) return Effect.void
  const { path, expected, found, suggestion } = fault
  return new TrainingError({
    reason: "InvalidStrategy",
    place: `strategy ${strategy.name}, ${path.map(String).join(".")}`,
    expected,
    found,
    advice: suggestion === undefined ? "Correct the strategy at that place" : `Did you mean ${suggestion}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  })
}

/**
 * Rows for a request whose strategy makes sense, with the bars of `ranges` where these are known from before. Fails as
 * reading does, with `IncompleteData`, and as `Causality.audit` and `Dataset.make` do.
 */
export const rows = Effect.fnUntraced(function* (
  reader: CandleReader.Service,
  { strategy, start, end, allowGaps }: Request,
  ranges: ReadonlyArray<Pick<Receipt.SeriesRead, "series" | "range">> = [],
): Effect.fn.Return<Rows, DataError | TrainingError> {
  const bars = yield* Bars.read(reader, strategy, (series) => rangeOf(ranges, series) ?? { start, end }).pipe(
    Progress.step("read bars"),
  )
  const gaps = yield* Bars.complete(bars, allowGaps)
  yield* Causality.audit(strategy, bars.bars, strategy.training.seed).pipe(Progress.step("check causality"))
  const dataset = yield* Dataset.make(strategy, bars.bars).pipe(Progress.step("prepare rows"))
  return {
    dataset,
    split: splitOf(dataset),
    read: bars.read,
    warnings: [...gaps, ...bars.warnings],
  }
})

/** The same, with the hash that tells the rows from others. */
export const prepare = (
  ...asked: Parameters<typeof rows>
): Effect.Effect<Prepared, DataError | TrainingError> =>
  Effect.flatMap(rows(...asked), (made) =>
    Effect.map(Receipt.datasetHash(made.dataset), (hash) => ({ ...made, hash })),
  )

/** As a receipt tells of it. */
export const splitOf = ({ split, dropped }: Dataset.Dataset): Receipt.Split => ({
  borders: split.borders,
  rows: split.rows,
  purged: split.purged,
  embargoed: split.embargoed,
  dropped,
})

/** What was read of the series then. */
export const rangeOf = (
  ranges: ReadonlyArray<Pick<Receipt.SeriesRead, "series" | "range">>,
  { symbol, timeframe, session }: Series.Series,
): Receipt.SeriesRead["range"] | undefined =>
  ranges.find(
    ({ series }) => series.symbol === symbol && series.timeframe === timeframe && series.session === session,
  )?.range
