/**
 * What `ktrdr data show` and `ktrdr data coverage` draw: the chart of the bars above the last of them, and a
 * calendar of what is kept.
 */
import * as Effect from "effect/Effect"
import pico from "picocolors"
import * as Candle from "../../data/Candle.js"
import type { CoverageReport } from "../../data/DataManager.js"
import * as Slices from "../../data/Slices.js"
import * as ChartAxes from "../ChartAxes.js"
import * as HeatStrip from "../HeatStrip.js"
import * as Output from "../Output.js"
import * as PriceChart from "../PriceChart.js"

/** The bars on a screen; returns how many of them the table has. */
export const bars = Effect.fnUntraced(function* (
  candles: Candle.Candles,
  subject: PriceChart.Subject,
  screen: Output.Screen,
) {
  const total = Candle.size(candles)
  const listed = Math.min(total, Math.max(1, Math.min(10, Math.floor(screen.rows / 5))))
  const width = Math.max(20, screen.columns)
  const height = Math.max(8, screen.rows - listed - besides)
  const colors = pico.createColors(screen.hasColor)
  const { hasUnicode } = screen
  const chart = yield* PriceChart.draw(candles, subject, { width, height, hasUnicode, colors })
  const last = Candle.toRows(Candle.slice(candles, total - listed, total))
  yield* Output.line([...chart, "", ...table(last, subject.intraday, width)].join("\n"))
  return listed
})

/** What a coverage counts, as a calendar that fits the screen; the counts stand below it in so many lines. */
export const strip = Effect.fnUntraced(function* (
  { known, range }: Pick<CoverageReport, "known" | "range">,
  below: number,
  screen: Output.Screen,
) {
  const frame = {
    width: Math.max(20, screen.columns),
    height: Math.max(6, screen.rows - below - 2),
    hasUnicode: screen.hasUnicode,
    colors: pico.createColors(screen.hasColor),
  }
  const layout = HeatStrip.arrange(range, frame)
  return HeatStrip.lines(layout, yield* Slices.byBucket(known, layout.edges), frame)
})

/** Bars below their heads, right-aligned, with as many of the columns as fit. */
export const table = (
  rows: ReadonlyArray<Candle.Candle>,
  intraday: boolean,
  width: number,
): ReadonlyArray<string> => {
  const digits = Math.max(
    0,
    ...rows.flatMap(({ open, high, low, close }) => [open, high, low, close].map(decimals)),
  )
  const price = (value: number) => ChartAxes.fixed(value, digits)
  const cells = rows.map((bar) => ({
    start: ChartAxes.instant(bar.start, intraday),
    open: price(bar.open),
    high: price(bar.high),
    low: price(bar.low),
    close: price(bar.close),
    volume: bar.volume === null ? "-" : ChartAxes.exact(bar.volume),
  }))
  const widthOf = (name: Name) => Math.max(name.length, ...cells.map((row) => row[name].length))
  const room = (names: ReadonlyArray<Name>) =>
    names.reduce((sum, name) => sum + widthOf(name) + gap.length, -gap.length)
  const chosen = choices.find((names) => room(names) <= width) ?? ["close"]
  const line = (cell: (name: Name) => string) =>
    chosen
      .map((name) =>
        name === "start" ? cell(name).padEnd(widthOf(name)) : cell(name).padStart(widthOf(name)),
      )
      .join(gap)
      .slice(0, width)
  return [line((name) => name), ...cells.map((row) => line((name) => row[name]))]
}

// ---------------------------------------------------------------------------------------------------------

/** Lines of the screen for the table's head, what stands before and behind it, and the next prompt. */
const besides = 4

const gap = "  "

/** Of the number as it is written, eight at most. */
const decimals = (value: number): number => Math.min(8, /\.(\d+)$/.exec(String(value))?.[1]?.length ?? 0)

type Name = (typeof Candle.columns)[number]

const choices: ReadonlyArray<ReadonlyArray<Name>> = [
  Candle.columns,
  ["start", "open", "high", "low", "close"],
  ["start", "high", "low", "close"],
  ["start", "close", "volume"],
  ["start", "close"],
]
