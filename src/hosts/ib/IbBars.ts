/**
 * Bars as the IB host writes them: text that holds a JSON object, keyed by each bar's start.
 */
import * as Either from "effect/Either"
import * as Candle from "../../data/Candle.js"
import * as Holiday from "../../data/Holiday.js"
import * as Quality from "../../data/Quality.js"
import type * as Timeframe from "../../data/Timeframe.js"
import * as TimeRange from "../../data/TimeRange.js"
import * as TimeZone from "../../data/TimeZone.js"

/** What is wrong with a text of bars, and at which of them. */
export interface Fault {
  /** The bar's key, or its place in the text. */
  readonly bar: string | undefined
  readonly expected: string
  readonly found: string
}

/**
 * The bars as text, stamped with milliseconds; an unknown volume is -1, as Interactive Brokers has it. About
 * 1 us a bar.
 */
export const print = (bars: Candle.Candles): string => {
  let text = "{"
  let date = Number.NaN
  let prefix = ""
  for (let i = 0; i < bars.start.length; i++) {
    const start = bars.start[i]!
    const midnight = start - TimeZone.modulo(start, TimeZone.day)
    if (midnight !== date) {
      date = midnight
      prefix = new Date(midnight).toISOString().slice(0, 11)
    }
    const volume = bars.volume[i]!
    text +=
      `${i === 0 ? "" : ","}"${prefix}${clock(start - midnight)}":` +
      `{"open":${bars.open[i]},"high":${bars.high[i]},"low":${bars.low[i]},"close":${bars.close[i]},` +
      `"volume":${volume !== volume ? -1 : volume}}`
  }
  return `${text}}`
}

/**
 * The bars of a text in the order in which it has them, with `rows` as their count, whatever their stamps.
 * One pass. Left, with the bar's place: text that is no JSON object, a start that is no instant, a value that
 * is no number, a key that occurs twice.
 */
export const parse = (text: string): Either.Either<Candle.Candles, Fault> => {
  let whole: unknown
  try {
    whole = JSON.parse(text)
  } catch {
    return fault(undefined, "JSON text of bars", snippet(text))
  }
  if (!isRecord(whole)) return fault(undefined, "a JSON object of bars", snippet(text))
  const keys = Object.keys(whole)
  const bars = Candle.allocate(keys.length)
  const read = stampReader()
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    const bar = whole[key]
    const start = read(key)
    if (start === undefined) return fault(key, "an ISO instant as the bar's start", snippet(key))
    if (!isRecord(bar)) return fault(key, "an object of prices", snippet(JSON.stringify(bar)))
    bars.start[i] = start
    for (const column of prices) {
      const price = bar[column]
      if (typeof price !== "number") {
        return fault(key, `a number for ${column}`, snippet(String(JSON.stringify(price))))
      }
      bars[column][i] = price
    }
    const volume = bar["volume"] ?? -1
    if (typeof volume !== "number") return fault(key, "a number for volume", snippet(JSON.stringify(volume)))
    bars.volume[i] = volume === -1 ? Number.NaN : volume
  }
  const written = count(text, "{") - 1
  return written === keys.length
    ? Either.right(bars)
    : fault(undefined, "every start once", `${written} bars with ${keys.length} different starts`)
}

/**
 * Bars as they came, made the bars of a range: a daily stamp becomes 00:00 UTC of its date, a weekly one the
 * Monday of its week, and what then lies outside the range is left out, such as a bar at its very end. Left,
 * with the bar's place: a stamp that was not asked for, and what `Quality.firstFault` finds.
 */
export const settle = (
  bars: Candle.Candles,
  timeframe: Timeframe.Timeframe,
  range: TimeRange.TimeRange,
): Either.Either<Candle.Candles, Fault> => {
  const starts = new Float64Array(Candle.size(bars))
  let outside = 0
  for (let i = 0; i < starts.length; i++) {
    const stamp = bars.start[i]!
    if (stamp < range.start || stamp > range.end) {
      return fault(printStamp(stamp), `bars of ${TimeRange.format(range)}`, "a bar outside of it")
    }
    starts[i] = startOf(stamp, timeframe)
    if (!TimeRange.contains(range, starts[i]!)) outside++
  }
  const settled = { ...bars, start: starts }
  const whole = outside === 0 ? settled : without(settled, range, outside)
  const first = Quality.firstFault(whole)
  return first === undefined
    ? Either.right(whole)
    : fault(printStamp(whole.start[first.index]!), first.expected, first.found)
}

/** The start that a bar of the timeframe has here, whatever instant of its date or week a source stamps it with. */
export const startOf = (stamp: number, timeframe: Timeframe.Timeframe): number => {
  if (timeframe === "1w") return Holiday.monday(stamp)
  return timeframe === "1d" ? stamp - TimeZone.modulo(stamp, TimeZone.day) : stamp
}

/**
 * An instant as the hosts write it: ISO with `Z`, with an offset or without either (UTC), epoch milliseconds,
 * or Interactive Brokers' own `19801212 14:30:00` (UTC).
 */
export const parseStamp = (text: string): number | undefined => {
  if (/^\d{11,14}$/.test(text)) return Number(text)
  const plain = /^(\d{4})(\d{2})(\d{2})[ -](\d{2}:\d{2}:\d{2})$/.exec(text)
  const iso = plain === null ? text : `${plain[1]}-${plain[2]}-${plain[3]}T${plain[4]}`
  return Either.getOrUndefined(TimeRange.parseInstant("stamp", iso))
}

/** `2024-01-02T14:30:00+00:00`: with an offset, which KTRDR's host insists on. */
export const printStamp = (instant: number): string =>
  new Date(instant).toISOString().replace(/(\.000)?Z$/, "+00:00")

// -----------------------------------------------------------------------------

/** The bars that start inside the range, in the order in which they are; `outside` of them do not. */
const without = (bars: Candle.Candles, range: TimeRange.TimeRange, outside: number): Candle.Candles => {
  const kept = Candle.allocate(Candle.size(bars) - outside)
  let size = 0
  for (let i = 0; i < bars.start.length; i++) {
    if (!TimeRange.contains(range, bars.start[i]!)) continue
    for (const column of Candle.columns) kept[column][size] = bars[column][i]!
    size++
  }
  return kept
}

const prices = ["open", "high", "low", "close"] as const

const two = (value: number) => (value < 10 ? `0${value}` : `${value}`)

const clock = (millis: number): string => {
  const rest = millis % 1000
  return (
    `${two(Math.floor(millis / 3_600_000))}:${two(Math.floor(millis / 60_000) % 60)}:` +
    `${two(Math.floor(millis / 1000) % 60)}.${rest === 0 ? "000" : String(rest).padStart(3, "0")}Z`
  )
}

const fault = (bar: string | undefined, expected: string, found: string) =>
  Either.left({ bar, expected, found })

/** `parseStamp` for many stamps of a few dates: the usual `2024-01-02T14:30:00.000Z` costs a tenth of it. */
const stampReader = () => {
  let date = ""
  let midnight = Number.NaN
  return (text: string): number | undefined => {
    const usual = /^.{10}T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)\.(\d{3})Z$/.exec(text)
    if (usual === null) return parseStamp(text)
    if (!text.startsWith(date) || date === "") {
      date = text.slice(0, 10)
      midnight = parseStamp(date) ?? Number.NaN
    }
    const clock = Number(usual[1]) * 3600 + Number(usual[2]) * 60 + Number(usual[3])
    return Number.isNaN(midnight) ? undefined : midnight + clock * 1000 + Number(usual[4])
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const snippet = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}...` : text)

const count = (text: string, letter: string): number => {
  let found = 0
  for (let at = text.indexOf(letter); at !== -1; at = text.indexOf(letter, at + 1)) found++
  return found
}
