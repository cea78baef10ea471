/**
 * Whether bars can be what they claim to be. Nothing here alters a bar.
 */
import * as Schema from "effect/Schema"
import type { Candles } from "./Candle.js"
import { size } from "./Candle.js"
import * as TimeRange from "./TimeRange.js"

export const Kind = Schema.Literal(
  "not_sorted",
  "duplicate_start",
  "missing_value",
  "price_not_positive",
  "high_low_crossed",
  "negative_volume",
).annotations({ identifier: "QualityKind" })
export type Kind = typeof Kind.Type

/** One kind of fault found: on how many bars, and the starts (ISO) of the first few of them. */
export const Issue = Schema.Struct({
  kind: Kind,
  severity: Schema.Literal("error", "warning"),
  count: Schema.NonNegativeInt,
  places: Schema.Array(Schema.String),
}).annotations({ identifier: "QualityIssue" })
export interface Issue extends Schema.Schema.Type<typeof Issue> {}

/** The first bar of an answer or a file that cannot be taken, and why. */
export interface Fault {
  readonly index: number
  readonly expected: string
  readonly found: string
}

/**
 * Issues in the order of the table, at most one of a kind, none for clean bars. One pass over the columns,
 * whatever order they are in; an unknown volume (`NaN` or -1) is no issue.
 */
export const check = (candles: Candles): ReadonlyArray<Issue> => {
  const tests = table.map((rule) => rule.broken(candles))
  const counts = table.map(() => 0)
  const places = table.map((): Array<string> => [])
  for (let index = 0; index < size(candles); index++) {
    for (let rule = 0; rule < tests.length; rule++) {
      if (!tests[rule]!(index)) continue
      if (counts[rule]!++ < shown) places[rule]!.push(place(candles, index))
    }
  }
  return table.flatMap(({ kind, severity }, rule) =>
    counts[rule] === 0 ? [] : [{ kind, severity, count: counts[rule]!, places: places[rule]! }],
  )
}

/** The issues of several parts of one series, given in order, as those of the whole. */
export const join = (parts: ReadonlyArray<ReadonlyArray<Issue>>): ReadonlyArray<Issue> =>
  table.flatMap(({ kind, severity }) => {
    const same = parts.flat().filter((issue) => issue.kind === kind)
    if (same.length === 0) return []
    const count = same.reduce((sum, issue) => sum + issue.count, 0)
    return [{ kind, severity, count, places: same.flatMap(({ places }) => places).slice(0, shown) }]
  })

/**
 * The first bar with an error, for those who take bars in: none when every start is finite, strictly rising
 * and inside the range, every price finite and above zero, high and low enclose open and close, and no
 * volume is negative (but -1). One pass, which ends at the fault.
 */
export const firstFault = (candles: Candles, range?: TimeRange.TimeRange): Fault | undefined => {
  const rules = table
    .filter(({ severity }) => severity === "error")
    .map((rule) => ({ rule, broken: rule.broken(candles) }))
  for (let index = 0; index < size(candles); index++) {
    for (const { rule, broken } of rules) {
      if (broken(index)) return { index, expected: rule.expected, found: rule.found(candles, index) }
    }
    if (range !== undefined && !TimeRange.contains(range, candles.start[index]!)) {
      return { index, expected: `a start inside ${TimeRange.format(range)}`, found: place(candles, index) }
    }
  }
  return undefined
}

// -----------------------------------------------------------------------------

/** How many places an issue names. */
const shown = 5

interface Rule {
  readonly kind: Kind
  readonly severity: Issue["severity"]
  /** Looks at the columns as a whole where that is needed, then answers for one bar. */
  readonly broken: (candles: Candles) => (index: number) => boolean
  readonly expected: string
  readonly found: (candles: Candles, index: number) => string
}

const prices = ({ open, high, low, close }: Candles, index: number): string =>
  `open ${open[index]}, high ${high[index]}, low ${low[index]}, close ${close[index]}`

const place = ({ start }: Candles, index: number): string => {
  const instant = start[index]!
  return Math.abs(instant) <= 8.64e15 ? TimeRange.formatInstant(instant) : `bar ${index}`
}

const starts = (candles: Candles, index: number): string =>
  index === 0 ? place(candles, index) : `${place(candles, index)} after ${place(candles, index - 1)}`

const isSorted = (start: Float64Array): boolean => {
  for (let index = 1; index < start.length; index++) {
    if (!(start[index]! >= start[index - 1]!)) return false
  }
  return true
}

/** Every check: another one is another entry. */
const table: ReadonlyArray<Rule> = [
  {
    kind: "not_sorted",
    severity: "error",
    broken:
      ({ start }) =>
      (index) =>
        index > 0 && start[index]! < start[index - 1]!,
    expected: "starts that rise",
    found: starts,
  },
  {
    kind: "duplicate_start",
    severity: "error",
    broken: ({ start }) => {
      if (isSorted(start)) return (index) => index > 0 && start[index] === start[index - 1]
      const seen = new Set<number>()
      return (index) => seen.size === seen.add(start[index]!).size
    },
    expected: "each start once",
    found: starts,
  },
  {
    kind: "missing_value",
    severity: "error",
    broken:
      ({ start, open, high, low, close, volume }) =>
      (index) =>
        !Number.isFinite(start[index]! + open[index]! + high[index]! + low[index]! + close[index]!) ||
        Math.abs(volume[index]!) === Number.POSITIVE_INFINITY,
    expected: "a start and four prices that are finite numbers",
    found: (candles, index) =>
      `start ${place(candles, index)}, ${prices(candles, index)}, volume ${candles.volume[index]}`,
  },
  {
    kind: "price_not_positive",
    severity: "error",
    broken:
      ({ open, high, low, close }) =>
      (index) =>
        open[index]! <= 0 || high[index]! <= 0 || low[index]! <= 0 || close[index]! <= 0,
    expected: "prices above zero",
    found: prices,
  },
  {
    kind: "high_low_crossed",
    severity: "error",
    broken:
      ({ open, high, low, close }) =>
      (index) =>
        high[index]! < open[index]! ||
        high[index]! < close[index]! ||
        low[index]! > open[index]! ||
        low[index]! > close[index]!,
    expected: "a high at or above, and a low at or below, the other prices",
    found: prices,
  },
  {
    kind: "negative_volume",
    severity: "error",
    broken:
      ({ volume }) =>
      (index) =>
        volume[index]! < 0 && volume[index] !== -1,
    expected: "a volume of zero or more (-1 or none where it is unknown)",
    found: ({ volume }, index) => `volume ${volume[index]}`,
  },
]
