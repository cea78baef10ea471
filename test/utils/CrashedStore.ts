/** What a reader finds in a store whose writer was killed, beside what an uninterrupted load leaves. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Candle from "../../src/data/Candle.js"
import * as Parquet from "../../src/data/CandleStore/Parquet.js"
import { CandleStore } from "../../src/data/CandleStore.js"
import * as TimeRange from "../../src/data/TimeRange.js"
import { series } from "./CrashProtocol.js"

/** What is stored of the series. */
export interface Seen {
  readonly candles: Candle.Candles
  readonly noData: ReadonlyArray<TimeRange.TimeRange>
}

export const nothing: Seen = { candles: Candle.empty, noData: [] }

/** What a reader sees that has opened the store anew. */
export const read = (directory: string) =>
  Effect.gen(function* () {
    const store = yield* CandleStore
    const candles = yield* store.read(series)
    const description = Option.getOrUndefined(yield* store.describe(series))
    const listed = yield* store.list
    if (listed.length !== (description === undefined ? 0 : 1)) {
      return yield* Effect.dieMessage(`the store lists ${listed.length} series`)
    }
    const seen: Seen = { candles, noData: description?.noData ?? [] }
    return seen
  }).pipe(Effect.provide(Layer.provide(Parquet.layer({ directory, lockWait: 0 }), NodeContext.layer)))

/**
 * Reads the store and tells the faults: an error, a warning (of a file that was set aside, for instance), a
 * bar or a verdict that the truth does not have, one that it has in a durable range and that is not there.
 */
export const inspect = (directory: string, truth: Seen, durable: ReadonlyArray<TimeRange.TimeRange>) =>
  Effect.gen(function* () {
    const faults: Array<string> = []
    const logger = Logger.make(({ message }) => void faults.push(String(message)))
    const exit = yield* Effect.exit(
      Effect.provide(read(directory), Logger.replace(Logger.defaultLogger, logger)),
    )
    if (Exit.isFailure(exit)) return { seen: nothing, faults: [...faults, Cause.pretty(exit.cause)] }
    const seen = exit.value
    const invented = count(seen, (_, index) => !isIn(truth.candles, seen.candles, index))
    if (invented > 0) faults.push(`${invented} bars are not those of an uninterrupted load`)
    if (!covers(truth.noData, seen.noData)) faults.push("bars are said not to exist that do")
    for (const range of durable) {
      const [expected, found] = [truth, seen].map(({ candles }) => Candle.size(Candle.within(candles, range)))
      if (expected !== found) {
        faults.push(`${found} of ${expected} durable bars are there of ${TimeRange.format(range)}`)
      }
      const without = truth.noData.map((_) => TimeRange.intersect(_, range))
      if (!covers(seen.noData, without)) {
        faults.push(`durable verdicts are gone in ${TimeRange.format(range)}`)
      }
    }
    return { seen, faults }
  })

/** True when the request asks for something that is known to be durable: in a range, or seen by a reader. */
export const has = (
  { candles, noData }: Seen,
  durable: ReadonlyArray<TimeRange.TimeRange>,
  request: TimeRange.TimeRange,
): boolean =>
  Candle.size(Candle.within(candles, request)) > 0 ||
  [...noData, ...durable].some((range) => !TimeRange.isEmpty(TimeRange.intersect(range, request)))

// -----------------------------------------------------------------------------

const count = ({ candles }: Seen, predicate: (start: number, index: number) => boolean): number =>
  candles.start.filter(predicate).length

/** True where the one has that very bar. */
export const isIn = (all: Candle.Candles, some: Candle.Candles, index: number): boolean => {
  const at = Candle.lowerBound(all.start, some.start[index]!)
  return Candle.columns.every((column) => Object.is(all[column][at], some[column][index]))
}

/** True when nothing of `ranges` lies outside of `holes`. */
const covers = (
  holes: ReadonlyArray<TimeRange.TimeRange>,
  ranges: ReadonlyArray<TimeRange.TimeRange>,
): boolean => holes.reduce(TimeRange.subtract, TimeRange.union(ranges)).length === 0
