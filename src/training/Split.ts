/**
 * The split in time: training, validation, test, in this order and with nothing of one in another.
 *
 * The two borders are instants, the same for every symbol: all rows of all symbols, in time order, are cut where the
 * shares of the strategy say, so that no symbol's training rows are later than another's validation rows. A row
 * whose label looks at a bar that has not closed at the next border is purged. Of each symbol the first `embargo`
 * rows after a border are left out.
 */
import { lowerBound } from "../data/Candle.js"
import type { Strategy } from "./Strategy.js"

/** The labelled rows of one symbol. */
export interface Rows {
  /** When their bars start, rising. */
  readonly times: Float64Array
  /** When the last bars start that their labels look at. */
  readonly ends: Float64Array
}

/** Row numbers, `[from, to)`. */
export interface Range {
  readonly from: number
  readonly to: number
}

export const parts = ["train", "validation", "test"] as const
export type Part = (typeof parts)[number]

export interface Split {
  /** The instants at which validation and test begin, before the embargo. */
  readonly borders: { readonly validation: number; readonly test: number }
  /** One a symbol, in the order given. */
  readonly ranges: ReadonlyArray<Readonly<Record<Part, Range>>>
  /** Rows left in each part. */
  readonly rows: Readonly<Record<Part, number>>
  /** Rows of the part whose labels look into the next one, or past it. */
  readonly purged: { readonly train: number; readonly validation: number }
  /** Rows at the beginning of the part. */
  readonly embargoed: { readonly validation: number; readonly test: number }
}

/** `millis` is how long a bar lasts. There must be a row. */
export const make = (
  { train, validation, embargo }: Strategy["split"],
  symbols: ReadonlyArray<Rows>,
  millis: number,
): Split => {
  const all = symbols.reduce((sum, { times }) => sum + times.length, 0)
  const borders = {
    validation: instantOf(symbols, Math.floor(train * all + rounding)),
    test: instantOf(symbols, Math.floor((train + validation) * all + rounding)),
  }
  const cuts = symbols.map((rows) => cut(rows, borders, embargo, millis))
  const sum = (count: (one: Cut) => number) => cuts.reduce((total, one) => total + count(one), 0)
  return {
    borders,
    ranges: cuts.map(({ ranges }) => ranges),
    rows: {
      train: sum(({ ranges }) => length(ranges.train)),
      validation: sum(({ ranges }) => length(ranges.validation)),
      test: sum(({ ranges }) => length(ranges.test)),
    },
    purged: { train: sum(({ purged }) => purged[0]), validation: sum(({ purged }) => purged[1]) },
    embargoed: {
      validation: sum(({ embargoed }) => embargoed[0]),
      test: sum(({ embargoed }) => embargoed[1]),
    },
  }
}

// ---------------------------------------------------------------------------------------------------------

/** Shares such as 0.7 + 0.15 are a little less than they say. */
const rounding = 1e-6

const length = ({ from, to }: Range): number => to - from

interface Cut {
  readonly ranges: Readonly<Record<Part, Range>>
  readonly purged: readonly [number, number]
  readonly embargoed: readonly [number, number]
}

const cut = ({ times, ends }: Rows, borders: Split["borders"], embargo: number, millis: number): Cut => {
  const first = lowerBound(times, borders.validation)
  const second = lowerBound(times, borders.test)
  const seen = (border: number) => lowerBound(ends, border - millis + 1)
  const train = { from: 0, to: Math.min(first, seen(borders.validation)) }
  const from = Math.min(first + embargo, second)
  const validation = { from, to: Math.max(from, Math.min(second, seen(borders.test))) }
  const test = { from: Math.min(second + embargo, times.length), to: times.length }
  return {
    ranges: { train, validation, test },
    purged: [first - train.to, second - validation.to],
    embargoed: [validation.from - first, test.from - second],
  }
}

/** The instant of the row that has `rank` rows before it, of all symbols in time order; the last for a later rank. */
const instantOf = (symbols: ReadonlyArray<Rows>, rank: number): number => {
  const upTo = (instant: number) =>
    symbols.reduce((sum, { times }) => sum + lowerBound(times, instant + 1), 0)
  const filled = symbols.filter(({ times }) => times.length > 0)
  let low = Math.min(...filled.map(({ times }) => times[0]!))
  let high = Math.max(...filled.map(({ times }) => times.at(-1)!))
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (upTo(middle) > rank) high = middle
    else low = middle + 1
  }
  return low
}
