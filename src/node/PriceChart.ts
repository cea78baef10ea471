/**
 * Bars as a chart in characters: candles where each bar has a column, else the line of their closes, with
 * volume below.
 */
import * as Effect from "effect/Effect"
import type pico from "picocolors"
import { at, type Candles, size } from "../data/Candle.js"
import { breathe } from "../internal/breathe.js"
import { count, plural } from "../ProgressRenderer.js"
import * as ChartAxes from "./ChartAxes.js"
import * as ChartCells from "./ChartCells.js"

export interface Frame {
  /** Columns, 20 or more; no line is wider. */
  readonly width: number
  /** Lines at most, 8 or more. */
  readonly height: number
  /** Block and braille characters; else plain ASCII. */
  readonly hasUnicode: boolean
  readonly colors: ReturnType<typeof pico.createColors>
}

/** What the chart is called, and whether its instants have a time of day. */
export interface Subject {
  readonly title: string
  readonly intraday: boolean
}

/** What stands out among many bars: their indexes, -1 where no bar has a price. */
export interface Extremes {
  readonly first: number
  readonly last: number
  readonly low: number
  readonly high: number
  readonly lowestClose: number
  readonly highestClose: number
  readonly hasVolume: boolean
}

/** Bars gathered into `lowest.length` runs of equal length: bounds and last of their closes, mean volume. */
export interface Runs {
  readonly lowest: Float64Array
  readonly highest: Float64Array
  readonly last: Float64Array
  readonly volume: Float64Array
}

/**
 * The chart as lines: what the bars are, prices, volume where it is known, dates (UTC). Bars are taken one
 * after another, so closed time takes no room. A bar whose price is no number leaves its place empty.
 */
export const draw = Effect.fnUntraced(function* (candles: Candles, subject: Subject, frame: Frame) {
  let extremes = nothing
  for (let from = 0; from < size(candles); from += atOnce) {
    const seen = extremes
    extremes = yield* breathe(() => extend(seen, candles, from, from + atOnce))
  }
  if (extremes.low === -1) return [clip(head(candles, subject, extremes, frame)[0] ?? "", frame)]
  const layout = arrange(candles, subject, extremes, frame)
  const runs = allocate(layout.runs)
  const step = Math.max(1, Math.floor((atOnce * layout.runs) / size(candles)))
  for (let from = 0; from < layout.runs; from += step) {
    yield* breathe(() => gather(runs, candles, from, from + step))
  }
  return yield* breathe(() => lines(candles, runs, layout, frame))
})

/** What stands out among the bars before and those of `[from, to)`. */
export const extend = (before: Extremes, candles: Candles, from: number, to: number): Extremes => {
  const { low, high, close, volume } = candles
  let [lowest, highest, below, above] = [before.low, before.high, before.lowestClose, before.highestClose]
  let { first, last, hasVolume } = before
  for (let i = from; i < Math.min(to, size(candles)); i++) {
    if (!isWhole(candles, i)) continue
    if (first === -1) first = i
    last = i
    if (lowest === -1 || low[i]! < low[lowest]!) lowest = i
    if (highest === -1 || high[i]! > high[highest]!) highest = i
    if (below === -1 || close[i]! < close[below]!) below = i
    if (above === -1 || close[i]! > close[above]!) above = i
    if (volume[i]! > 0) hasVolume = true
  }
  return { first, last, low: lowest, high: highest, lowestClose: below, highestClose: above, hasVolume }
}

/** Fills in the runs `[from, to)`. */
export const gather = (runs: Runs, candles: Candles, from: number, to: number): void => {
  const total = runs.lowest.length
  for (let run = from; run < Math.min(to, total); run++) {
    const end = Math.floor(((run + 1) * size(candles)) / total)
    let [lowest, highest, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]
    let [sum, known] = [0, 0]
    for (let i = Math.floor((run * size(candles)) / total); i < end; i++) {
      if (!isWhole(candles, i)) continue
      const close = candles.close[i]!
      if (close < lowest) lowest = close
      if (close > highest) highest = close
      last = close
      const volume = candles.volume[i]!
      if (volume >= 0) known++
      if (volume >= 0) sum += volume
    }
    runs.lowest[run] = lowest
    runs.highest[run] = highest
    runs.last[run] = last
    runs.volume[run] = known === 0 ? Number.NaN : sum / known
  }
}

export const allocate = (length: number): Runs => ({
  lowest: new Float64Array(length),
  highest: new Float64Array(length),
  last: new Float64Array(length),
  volume: new Float64Array(length),
})

/** What stands out among no bars. */
export const nothing: Extremes = {
  first: -1,
  last: -1,
  low: -1,
  high: -1,
  lowestClose: -1,
  highestClose: -1,
  hasVolume: false,
}

// ---------------------------------------------------------------------------------------------------------

/** Bars looked at between two turns of the event loop: some milliseconds. */
const atOnce = 100_000

const isWhole = ({ open, high, low, close }: Candles, i: number): boolean =>
  Number.isFinite(open[i]) && Number.isFinite(high[i]) && Number.isFinite(low[i]) && Number.isFinite(close[i])

interface Layout {
  readonly head: ReadonlyArray<string>
  readonly scale: ChartCells.Scale
  readonly volumeRows: number
  readonly labels: ReadonlyMap<number, string>
  readonly axis: string
  /** Columns of the plot; with candles, from one to the next. */
  readonly columns: number
  readonly pitch: number
  readonly runs: number
}

const arrange = (candles: Candles, subject: Subject, extremes: Extremes, frame: Frame): Layout => {
  const most = Math.max(1, Math.floor(frame.height / 4))
  const dated = head(candles, subject, extremes, frame)
  const titles = (dated.length <= most ? dated : head(candles, subject, extremes, frame, false))
    .slice(0, most)
    .map((line) => clip(line, frame))
  const room = frame.height - titles.length - 1
  const volumeRows = extremes.hasVolume && room >= 5 ? (room >= 12 ? 2 : 1) : 0
  const rows = room - volumeRows
  const total = size(candles)
  const labelled = (isLine: boolean) => {
    const [bottom, top] = isLine
      ? [candles.close[extremes.lowestClose]!, candles.close[extremes.highestClose]!]
      : [candles.low[extremes.low]!, candles.high[extremes.high]!]
    const scale = { bottom, top, rows }
    const ticks = ChartAxes.priceTicks(bottom, top, Math.max(2, Math.floor(rows / 3)))
    const widest = Math.max(0, ...ticks.map(({ label }) => label.length))
    const fits = widest + 2 <= frame.width / 2
    const labels = new Map(
      fits ? ticks.map(({ value, label }) => [ChartCells.row(scale, value, 1), label] as const) : [],
    )
    return { scale, labels, columns: fits ? frame.width - widest - 2 : frame.width }
  }
  const asCandles = labelled(false)
  const isLine = total > asCandles.columns
  const { scale, labels, columns } = isLine ? labelled(true) : asCandles
  const pitch = isLine ? 0 : Math.min(3, Math.floor(columns / total))
  const runs = isLine ? Math.min(total, frame.hasUnicode ? columns * 2 : columns) : total
  const starts = Array.from(
    { length: isLine ? columns : total * pitch },
    (_, column) =>
      candles.start[isLine ? Math.floor((column * total) / columns) : Math.floor(column / pitch)]!,
  )
  const axis = ChartAxes.timeAxis(starts, columns, subject.intraday)
  return { head: titles, scale, volumeRows, labels, axis, columns, pitch, runs }
}

const lines = (candles: Candles, runs: Runs, layout: Layout, frame: Frame): ReadonlyArray<string> => {
  const { scale, columns, pitch, volumeRows } = layout
  const { colors, hasUnicode } = frame
  const plot =
    pitch === 0
      ? hasUnicode
        ? ChartCells.braille(runs, scale, columns)
        : ChartCells.stars(runs, scale, columns)
      : ChartCells.candles(candles, scale, { columns, pitch, hasUnicode })
  const volume = ChartCells.volume(runs.volume, { rows: volumeRows, columns, pitch, hasUnicode })
  const paint = { up: colors.green, down: colors.red, line: colors.cyan, volume: colors.dim }
  const joint = hasUnicode ? ["┤", "│"] : ["+", "|"]
  return [
    ...layout.head.map((line, index) => (index === 0 ? colors.bold(line) : line)),
    ...plot.map((row, index) => {
      const label = layout.labels.get(index)
      const line = ChartCells.print(row, paint)
      if (layout.labels.size === 0) return line
      return line + colors.dim(label === undefined ? ` ${joint[1]}` : ` ${joint[0]}${label}`)
    }),
    ...volume.map((row) => ChartCells.print(row, paint).trimEnd()),
    colors.dim(layout.axis),
  ]
}

/** The facts, as many on a line as fit. */
const head = (
  candles: Candles,
  { title, intraday }: Subject,
  extremes: Extremes,
  frame: Frame,
  isDated = true,
): ReadonlyArray<string> => {
  const total = size(candles)
  const facts = [title, `${count(total)} ${plural("bar", total)}`]
  if (total > 0) {
    const when = (start: number) => ChartAxes.instant(start, intraday)
    const [from, to] = [when(candles.start[0]!), when(candles.start[total - 1]!)]
    const span = total === 1 ? from : `${from} to ${to}`
    if (extremes.low === -1) facts.push(span)
    else {
      const [first, last] = [at(candles, extremes.first), at(candles, extremes.last)]
      const low = at(candles, extremes.low)
      const high = at(candles, extremes.high)
      const change = first.close > 0 ? (last.close / first.close - 1) * 100 : Number.NaN
      const told =
        total > 1 && Math.abs(change) < 1e6 ? ` (${change < 0 ? "" : "+"}${change.toFixed(1)}%)` : ""
      const on = (start: number) => (isDated ? ` (${when(start)})` : "")
      facts.push(
        `last ${ChartAxes.exact(last.close)}${told}`,
        span,
        `low ${ChartAxes.exact(low.low)}${on(low.start)}`,
        `high ${ChartAxes.exact(high.high)}${on(high.start)}`,
      )
    }
  }
  const separator = frame.hasUnicode ? " · " : " | "
  const wrapped: Array<string> = []
  for (const fact of facts) {
    const line = wrapped.at(-1)
    if (line !== undefined && line.length + separator.length + fact.length <= frame.width) {
      wrapped[wrapped.length - 1] = line + separator + fact
    } else wrapped.push(fact)
  }
  return wrapped
}

const clip = (line: string, { width }: Frame): string => line.slice(0, width)
