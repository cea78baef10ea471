/**
 * Invented bars as a pure function of seed, symbol and time: any range costs what it holds, whatever lies
 * before it.
 */
import * as Candle from "../../data/Candle.js"
import * as Holiday from "../../data/Holiday.js"
import type { Session } from "../../data/Series.js"
import * as Timeframe from "../../data/Timeframe.js"
import type { TimeRange } from "../../data/TimeRange.js"
import * as TimeZone from "../../data/TimeZone.js"
import * as TradingCalendar from "../../data/TradingCalendar.js"
import * as Aggregate from "./Aggregate.js"
import type { Profile } from "./SimulatedSymbols.js"

/** The first session's open (epoch ms): no bar starts before it. */
export const headOpen = (profile: Profile): number => {
  const around = { start: profile.headDate - TimeZone.day, end: profile.headDate + 2 * TimeZone.day }
  const sessions = TradingCalendar.sessions(calendarOf(profile), "regular", around)
  return sessions.find(({ date }) => date >= profile.headDate)!.open
}

/** The stamp of the first bar of a timeframe, given the open of the first session. */
export const headOf = (profile: Profile, timeframe: Timeframe.Timeframe): number => {
  if (timeframe === "1w") return Holiday.monday(profile.headDate)
  return timeframe === "1d" ? profile.headDate : headOpen(profile)
}

/**
 * The bars that start inside the range. One-minute bars are the truth: longer ones are gathered from them,
 * seconds are derived inside each of them. A day of minutes takes about 30 us; a caller slices long ranges.
 */
export const bars = (
  profile: Profile,
  seed: number,
  series: TradingCalendar.Bars,
  range: TimeRange,
): Candle.Candles => {
  const key = keyOf(profile, seed)
  if (series.timeframe === "1m") return Candle.within(minutes(profile, key, series.session, range), range)
  const spans = spansOf(profile, series, range)
  const count = spans.starts.length
  if (count === 0) return Candle.empty
  const covered = { start: spans.from[0]!, end: spans.to[count - 1]! }
  const base = minutes(profile, key, series.session, covered)
  if (Timeframe.info(series.timeframe).millis > minute) return Aggregate.aggregate(base, spans)
  const inside = { start: covered.start - TimeZone.modulo(covered.start, minute), end: covered.end }
  return Aggregate.aggregate(seconds(profile, key, Candle.within(base, inside)), spans)
}

// -----------------------------------------------------------------------------

const minute = 60_000
const calendarOf = (profile: Profile) => TradingCalendar.forVenue(profile.venue).calendar

/** What each bar of the series gathers: its own span, or the sessions of its date or week. */
const spansOf = (profile: Profile, series: TradingCalendar.Bars, range: TimeRange): Aggregate.Spans => {
  const calendar = calendarOf(profile)
  const { starts, ends } = TradingCalendar.expected(calendar, series, range)
  if (Timeframe.info(series.timeframe).intraday) return { starts, from: starts, to: ends }
  const from = new Float64Array(starts.length).fill(Number.NaN)
  const to = new Float64Array(starts.length).fill(Number.NaN)
  const around = { start: range.start - 2 * TimeZone.day, end: range.end + 8 * TimeZone.day }
  for (const { open, close, date } of TradingCalendar.sessions(calendar, series.session, around)) {
    const stamp = series.timeframe === "1w" ? Holiday.monday(date) : date
    const index = Candle.lowerBound(starts, stamp)
    if (starts[index] !== stamp) continue
    if (Number.isNaN(from[index])) from[index] = open
    to[index] = close
  }
  return { starts, from, to }
}

/** A stretch of trading that is drawn as one: a regular session, or the hours before or after one. */
interface Piece {
  readonly open: number
  readonly close: number
  readonly quiet: boolean
}

const piecesOf = (profile: Profile, session: Session, range: TimeRange): ReadonlyArray<Piece> => {
  const calendar = calendarOf(profile)
  const head = headOpen(profile)
  const regular = TradingCalendar.sessions(calendar, "regular", {
    start: range.start - TimeZone.day,
    end: range.end + TimeZone.day,
  })
  const pieces = regular.map(({ open, close }) => ({ open, close, quiet: false }))
  if (session === "extended" && calendar.extended !== undefined) {
    for (const whole of TradingCalendar.sessions(calendar, "extended", range)) {
      const core = regular.find(({ date }) => date === whole.date)
      if (core === undefined) continue
      pieces.push({ open: whole.open, close: core.open, quiet: true })
      pieces.push({ open: core.close, close: whole.close, quiet: true })
    }
    pieces.sort((a, b) => a.open - b.open)
  }
  return pieces.filter(
    ({ open, close }) => open < close && open >= head && close > range.start && open < range.end,
  )
}

/** The minutes of every piece that touches the range, whole. */
const minutes = (profile: Profile, key: number, session: Session, range: TimeRange): Candle.Candles => {
  const pieces = piecesOf(profile, session, range)
  const out = Candle.allocate(pieces.reduce((sum, { open, close }) => sum + (close - open) / minute, 0))
  let size = 0
  for (const piece of pieces) size = draw(profile, key, piece, out, size)
  return out
}

/** Minutes of an ordinary session, by which a day's volatility is spread over them. */
const sessionMinutes = { XNYS: 390, FOREX: 1425, "24x7": 1440 }

/** Standard deviation of a random number that is even over a span of 1. */
const evenDeviation = Math.sqrt(1 / 12)

/** Draws a piece's minutes from `offset` on: a random bridge between the prices of its two ends. */
const draw = (profile: Profile, key: number, piece: Piece, out: Candle.Candles, offset: number): number => {
  const { ticksPerUnit, minuteVolume } = profile
  const count = (piece.close - piece.open) / minute
  const first = ticksAt(profile, key, piece.open)
  const last = ticksAt(profile, key, piece.close)
  const step =
    (first * profile.volatility * (piece.quiet ? 0.4 : 1)) / Math.sqrt(sessionMinutes[profile.venue])
  const random = generator(hash(key, piece.open / minute, 1))
  const walk = new Float64Array(count + 1)
  for (let i = 1; i <= count; i++) walk[i] = walk[i - 1]! + (random() - 0.5) * (step / evenDeviation)
  const slope = (last - first - walk[count]!) / count
  const busy = (minuteVolume ?? Number.NaN) * (piece.quiet ? 0.08 : 1)
  let open = Math.max(1, Math.round(first))
  for (let i = 0; i < count; i++) {
    const close = Math.max(1, Math.round(first + walk[i + 1]! + slope * (i + 1)))
    const above = random()
    const below = random()
    const x = (2 * i + 1) / count - 1
    const at = offset + i
    out.start[at] = piece.open + i * minute
    out.open[at] = open / ticksPerUnit
    out.high[at] = (Math.max(open, close) + Math.floor(above * above * 1.5 * step)) / ticksPerUnit
    out.low[at] = Math.max(1, Math.min(open, close) - Math.floor(below * below * 1.5 * step)) / ticksPerUnit
    out.close[at] = close / ticksPerUnit
    out.volume[at] = 1 + Math.floor(busy * (0.6 + 1.2 * x * x) * (0.5 + random()))
    open = close
  }
  return offset + count
}

const perMinute = 60

/** The sixty one-second bars of each minute; gathered again they are exactly the minute. */
const seconds = (profile: Profile, key: number, bars: Candle.Candles): Candle.Candles => {
  const { ticksPerUnit } = profile
  const out = Candle.allocate(Candle.size(bars) * perMinute)
  const path = new Float64Array(perMinute + 1)
  for (let bar = 0; bar < Candle.size(bars); bar++) {
    const random = generator(hash(key, bars.start[bar]! / minute, 2))
    wander(path, random, bars, bar, ticksPerUnit)
    const first = bar * perMinute
    let traded = 0
    let highest = first
    let lowest = first
    for (let i = 0; i < perMinute; i++) {
      const at = first + i
      const upTo = i === perMinute - 1 ? 1 : (i + random()) / perMinute
      out.start[at] = bars.start[bar]! + i * 1000
      out.open[at] = path[i]! / ticksPerUnit
      out.high[at] = Math.max(path[i]!, path[i + 1]!) / ticksPerUnit
      out.low[at] = Math.min(path[i]!, path[i + 1]!) / ticksPerUnit
      out.close[at] = path[i + 1]! / ticksPerUnit
      out.volume[at] = Math.floor(bars.volume[bar]! * upTo) - traded
      traded += out.volume[at]!
      if (out.high[at]! > out.high[highest]!) highest = at
      if (out.low[at]! < out.low[lowest]!) lowest = at
    }
    out.high[highest] = bars.high[bar]!
    out.low[lowest] = bars.low[bar]!
  }
  return out
}

/** Fills `path` with prices in ticks from a minute's open to its close that never leave its high and low. */
const wander = (
  path: Float64Array,
  random: () => number,
  bars: Candle.Candles,
  bar: number,
  ticksPerUnit: number,
): void => {
  const ticks = (column: Float64Array) => Math.round(column[bar]! * ticksPerUnit)
  const [open, high, low] = [ticks(bars.open), ticks(bars.high), ticks(bars.low)]
  const step = Math.max(0.5, (high - low) / 3)
  path[0] = 0
  for (let i = 1; i <= perMinute; i++) path[i] = path[i - 1]! + (random() - 0.5) * step
  const slope = (ticks(bars.close) - open - path[perMinute]!) / perMinute
  for (let i = 0; i <= perMinute; i++) {
    path[i] = Math.min(high, Math.max(low, Math.round(open + path[i]! + slope * i)))
  }
}

/** The price at an instant, in ticks: noise of periods from one day to about three years, summed. */
const ticksAt = (profile: Profile, key: number, instant: number): number => {
  const days = instant / TimeZone.day
  let noise = 0
  for (let octave = 0; octave < 11; octave++) {
    const x = days / 2 ** octave
    const whole = Math.floor(x)
    const before = unit(hash(key, whole, 16 + octave))
    const after = unit(hash(key, whole + 1, 16 + octave))
    noise += 2 ** (octave / 2) * (2 * (before + (after - before) * (x - whole)) - 1)
  }
  return profile.price * profile.ticksPerUnit * Math.exp(0.6 * profile.volatility * noise)
}

const keyOf = (profile: Profile, seed: number): number => {
  let key = seed | 0
  for (let i = 0; i < profile.symbol.length; i++) key = hash(key, profile.symbol.charCodeAt(i), i)
  return key
}

/** A 32-bit mix of three integers (MurmurHash3's finalizer over their combination). */
const hash = (a: number, b: number, c: number): number => {
  let h = Math.imul(a ^ Math.imul(b, 0xcc9e2d51), 0x1b873593) + Math.imul(c + 1, 0xe6546b64)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const unit = (h: number): number => (h >>> 0) / 4_294_967_296

/** Random numbers in [0, 1) from a seed (mulberry32). */
const generator = (seed: number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return unit(t ^ (t >>> 14))
  }
}
