/**
 * Longer bars beside base bars: what has closed when.
 */
import * as Effect from "effect/Effect"
import { type Candles, size } from "../../data/Candle.js"
import * as Timeframe from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as Strategy from "../Strategy.js"
import * as Stretches from "../Stretches.js"
import { TrainingError } from "../TrainingError.js"

/**
 * When the bar that starts at `start` may be looked at by a row of the base timeframe. A row itself may look at all
 * that has closed when its own bar has.
 */
export const closesAt = (
  { session, timeframes }: Pick<Strategy.Strategy, "session" | "timeframes">,
  timeframe: Timeframe.Timeframe,
): ((start: number) => number) => {
  const { millis, intraday } = Timeframe.info(timeframe)
  const isLate = session === "extended" && !intraday && Timeframe.info(timeframes[0]!).intraday
  return (start) => start + millis + (isLate ? lastTimeZone : 0)
}

/** For each base bar how many bars of the longer timeframe have closed when it has. */
export const counts = Effect.fnUntraced(function* (
  turns: Stretches.Turns,
  strategy: Strategy.Strategy,
  base: Candles,
  candles: Candles,
  timeframe: Timeframe.Timeframe,
) {
  const known = closesAt(strategy, Strategy.base(strategy))
  const closed = closesAt(strategy, timeframe)
  const closedBy = new Int32Array(size(base))
  let count = 0
  yield* Stretches.run(turns, {
    rows: size(base),
    stretch: Stretches.easyRows,
    fill: (from, to) => {
      for (let row = from; row < to; row++) {
        const now = known(base.start[row]!)
        while (count < size(candles) && closed(candles.start[count]!) <= now) count++
        closedBy[row] = count
      }
    },
  })
  return closedBy
})

/** The first base bar that sees past the warm-up. */
export const firstRow = (warmup: number, join: Int32Array | undefined): number => {
  if (join === undefined) return warmup
  let low = 0
  let high = join.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (join[middle]! <= warmup) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Fails with `IncompleteData` where the longer bars end two weeks or more before they would have to, so that the last
 * rows would be told what was long ago.
 */
export const checkEnd = (
  strategy: Strategy.Strategy,
  base: Candles,
  candles: Candles,
  timeframe: Timeframe.Timeframe,
  place: string,
): Effect.Effect<void, TrainingError> => {
  const last = base.start.at(-1)
  if (last === undefined) return Effect.void
  const now = closesAt(strategy, Strategy.base(strategy))(last)
  const end = closesAt(strategy, timeframe)(candles.start.at(-1) ?? Number.NEGATIVE_INFINITY)
  if (now - end < Timeframe.info(timeframe).millis + stale) return Effect.void
  return new TrainingError({
    reason: "IncompleteData",
    place,
    expected: `bars up to ${TimeRange.formatInstant(now)}, as the bars of ${Strategy.base(strategy)} go`,
    found: size(candles) === 0 ? "none" : `bars up to ${TimeRange.formatInstant(end)}`,
    advice: `Load ${timeframe} bars of the same range`,
  })
}

// ---------------------------------------------------------------------------------------------------------

/** From the end of a date in UTC to its end in UTC-12, in milliseconds. */
const lastTimeZone = 12 * 3_600_000

/** Longer than any holiday, in milliseconds. */
const stale = 14 * 24 * 3_600_000
