/**
 * The axes of a chart in characters: round prices beside it, dates below it.
 */
import { day } from "../data/TimeZone.js"

/** A round price, and what is written beside it. */
export interface PriceTick {
  readonly value: number
  readonly label: string
}

/** At most `most` multiples of 1, 2 or 5 times a power of ten from `low` to `high`; the price itself where both are the same. */
export const priceTicks = (low: number, high: number, most: number): ReadonlyArray<PriceTick> => {
  if (low === high) return [{ value: low, label: exact(low) }]
  const step = roundUp(high / most - low / most)
  const first = Math.ceil(low / step)
  const ticks: Array<PriceTick> = []
  if (!Number.isFinite(first) || !(step > 0)) return ticks
  for (let k = 0; k <= most; k++) {
    const value = (first + k) * step + 0
    if (!(value <= high)) break
    if (value >= low) ticks.push({ value, label: fixed(value, decimalsOf(step)) })
  }
  return ticks
}

/** A price with all the digits it has, up to ten: `1,234.5`. */
export const exact = (value: number): string =>
  isPlain(value) ? value.toLocaleString("en-US", { maximumSignificantDigits: 10 }) : value.toExponential(3)

/** A price with so many decimals: `1,234.50`. */
export const fixed = (value: number, digits: number): string =>
  isPlain(value) && digits <= 8
    ? value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
    : value.toExponential(3)

/** An instant by what tells it apart: the date, with the time of day for intraday bars, UTC. */
export const instant = (millis: number, intraday: boolean): string => {
  const text = new Date(millis).toISOString()
  return intraday ? `${text.slice(0, -8)}`.replace("T", " ") : text.slice(0, text.indexOf("T"))
}

/**
 * The line below a plot whose column `i` begins with the bar at `starts[i]`: the finest of years, months, days
 * and times that fits, each at the column in which it begins, the first column in full. At most
 * `width` columns.
 */
export const timeAxis = (starts: ReadonlyArray<number>, width: number, intraday: boolean): string => {
  if (starts.length === 0) return ""
  const opening = instant(starts[0]!, intraday)
  const room = width - opening.length
  const unit = units.find(
    ({ size, key, millis }) => (intraday || millis >= day) && changes(starts, key) * (size + 2) <= room,
  )
  let line = room >= 0 ? opening : ""
  let labelled = starts[0]!
  if (unit === undefined) return line
  for (let column = 1; column < starts.length; column++) {
    if (unit.key(starts[column]!) === unit.key(starts[column - 1]!)) continue
    const label = unit.label(starts[column]!, labelled)
    if (column < line.length + (line === "" ? 0 : 2) || column + label.length > width) continue
    line = line.padEnd(column) + label
    labelled = starts[column]!
  }
  return line
}

// ---------------------------------------------------------------------------------------------------------

const isPlain = (value: number): boolean => value === 0 || (Math.abs(value) < 1e12 && Math.abs(value) >= 1e-8)

const roundUp = (raw: number): number => {
  const power = 10 ** Math.floor(Math.log10(raw))
  return [1, 2, 5].map((factor) => factor * power).find((step) => step >= raw) ?? 10 * power
}

const decimalsOf = (step: number): number => Math.max(0, -Math.floor(Math.log10(step) + 1e-9))

interface Unit {
  /** Columns that its labels take at most. */
  readonly size: number
  readonly millis: number
  /** Two instants with the same key belong together. */
  readonly key: (millis: number) => number
  readonly label: (millis: number, before: number) => string
}

const minute = 60_000
const hour = 60 * minute

const every = (millis: number): Unit => ({
  size: millis < minute ? 8 : 5,
  millis,
  key: (at) => Math.floor(at / millis),
  label: (at, before) => {
    const text = new Date(at).toISOString()
    const time = text.slice(text.indexOf("T") + 1)
    return Math.floor(at / day) === Math.floor(before / day)
      ? time.slice(0, millis < minute ? 8 : 5)
      : date(at, before)
  },
})

/** Without the year where it is that of the label before. */
const date = (at: number, before: number): string => {
  const text = instant(at, false)
  return text.slice(0, -6) === instant(before, false).slice(0, -6) ? text.slice(-5) : text
}

const days = (count: number): Unit => ({
  size: 5,
  millis: count * day,
  key: (at) => Math.floor((Math.floor(at / day) + 3) / count),
  label: date,
})

const months = (count: number): Unit => ({
  size: 7,
  millis: count * 28 * day,
  key: (at) => Math.floor((new Date(at).getUTCFullYear() * 12 + new Date(at).getUTCMonth()) / count),
  label: (at) => instant(at, false).slice(0, -3),
})

const years = (count: number): Unit => ({
  size: 4,
  millis: count * 365 * day,
  key: (at) => Math.floor(new Date(at).getUTCFullYear() / count),
  label: (at) => String(new Date(at).getUTCFullYear()),
})

const units: ReadonlyArray<Unit> = [
  ...[1000, 5000, 15_000, 30_000].map(every),
  ...[1, 5, 15, 30].map((count) => every(count * minute)),
  ...[1, 3, 6, 12].map((count) => every(count * hour)),
  ...[1, 7, 14].map(days),
  ...[1, 3, 6].map(months),
  ...[1, 2, 5, 10, 20, 50, 100].map(years),
]

const changes = (starts: ReadonlyArray<number>, key: (millis: number) => number): number => {
  let count = 0
  for (let column = 1; column < starts.length; column++) {
    if (key(starts[column]!) !== key(starts[column - 1]!)) count++
  }
  return count
}
