/**
 * What one bar must keep to by itself, and next to the one before it.
 */
import type { Candles } from "../Candle.js"
import * as Candle from "../Candle.js"
import { type Kind, place, tally, type Watcher } from "./Issue.js"

export interface BarRule {
  readonly kind: Kind
  /**
   * Answers for one bar of the columns it is given, which follow those it was given before. A start that came
   * before is found among all bars where they are given at once, and next to each other where in parts.
   */
  readonly broken: () => (candles: Candles) => (index: number) => boolean
  readonly expected: string
  readonly found: (candles: Candles, index: number) => string
}

/** Every rule is an error: another one is another entry. */
export const all: ReadonlyArray<BarRule> = [
  {
    kind: "not_sorted",
    broken: () => afterLast((start, last) => start < last),
    expected: "starts that rise",
    found: (candles, index) => starts(candles, index),
  },
  {
    kind: "duplicate_start",
    broken: () => {
      const repeats = afterLast((start, last) => start === last)
      return (candles) => {
        const next = repeats(candles)
        if (isSorted(candles.start)) return next
        const seen = new Set<number>()
        return (index) => seen.size === seen.add(candles.start[index]!).size
      }
    },
    expected: "each start once",
    found: (candles, index) => starts(candles, index),
  },
  {
    kind: "missing_value",
    broken:
      () =>
      ({ start, open, high, low, close, volume }) =>
      (index) =>
        !Number.isFinite(start[index]! + open[index]! + high[index]! + low[index]! + close[index]!) ||
        Math.abs(volume[index]!) === Number.POSITIVE_INFINITY,
    expected: "a start and four prices that are finite numbers",
    found: (candles, index) =>
      `start ${place(candles.start[index]!, index)}, ${prices(candles, index)}, volume ${candles.volume[index]}`,
  },
  {
    kind: "price_not_positive",
    broken:
      () =>
      ({ open, high, low, close }) =>
      (index) =>
        open[index]! <= 0 || high[index]! <= 0 || low[index]! <= 0 || close[index]! <= 0,
    expected: "prices above zero",
    found: (candles, index) => prices(candles, index),
  },
  {
    kind: "high_low_crossed",
    broken:
      () =>
      ({ open, high, low, close }) =>
      (index) =>
        high[index]! < open[index]! ||
        high[index]! < close[index]! ||
        low[index]! > open[index]! ||
        low[index]! > close[index]!,
    expected: "a high at or above, and a low at or below, the other prices",
    found: (candles, index) => prices(candles, index),
  },
  {
    kind: "negative_volume",
    broken:
      () =>
      ({ volume }) =>
      (index) =>
        volume[index]! < 0 && volume[index] !== -1,
    expected: "a volume of zero or more (-1 or none where it is unknown)",
    found: ({ volume }, index) => `volume ${volume[index]}`,
  },
]

/** Counts the bars that break each rule, in one pass over the columns. */
export const watch = (): Watcher => {
  const tallies = all.map(({ kind }) => tally(kind, "error"))
  const rules = all.map((rule) => rule.broken())
  let seen = 0
  return {
    add: (candles) => {
      const tests = rules.map((rule) => rule(candles))
      const rises = isSorted(candles.start)
      for (let index = 0; index < Candle.size(candles); index++) {
        if (rises && isSane(candles, index)) continue
        for (let rule = 0; rule < tests.length; rule++) {
          if (tests[rule]!(index)) tallies[rule]!.add(1, candles.start[index]!, seen + index)
        }
      }
      seen += Candle.size(candles)
    },
    issues: () => tallies.flatMap((one) => one.issues()),
  }
}

// -----------------------------------------------------------------------------

/** Holds each start against the one before it, that of the last bar of the part before for the first. */
const afterLast = (broken: (start: number, last: number) => boolean) => {
  let last = Number.NaN
  return ({ start }: Candles): ((index: number) => boolean) => {
    const before = last
    last = start.at(-1) ?? last
    return (index) => broken(start[index]!, index === 0 ? before : start[index - 1]!)
  }
}

const prices = ({ open, high, low, close }: Candles, index: number): string =>
  `open ${open[index]}, high ${high[index]}, low ${low[index]}, close ${close[index]}`

const starts = ({ start }: Candles, index: number): string =>
  index === 0
    ? place(start[index]!, index)
    : `${place(start[index]!, index)} after ${place(start[index - 1]!, index - 1)}`

/** A bar that keeps to every rule, said at once, where starts do not fall: most bars are of this kind. */
const isSane = ({ start, open, high, low, close, volume }: Candles, index: number): boolean => {
  const known = volume[index]!
  return (
    start[index]! > start[index - 1]! &&
    start[index]! < Number.POSITIVE_INFINITY &&
    low[index]! > 0 &&
    low[index]! <= open[index]! &&
    low[index]! <= close[index]! &&
    high[index]! >= open[index]! &&
    high[index]! >= close[index]! &&
    high[index]! < Number.POSITIVE_INFINITY &&
    ((known >= 0 && known < Number.POSITIVE_INFINITY) || known === -1 || Number.isNaN(known))
  )
}

const isSorted = (start: Float64Array): boolean => {
  for (let index = 1; index < start.length; index++) {
    if (!(start[index]! >= start[index - 1]!)) return false
  }
  return true
}
