/**
 * How a model learned, as a chart in characters: the losses of training and validation by epoch, the best epoch
 * marked.
 */
import type { EpochReport } from "../training/TrainingRun.js"
import * as ChartAxes from "./ChartAxes.js"
import * as ChartCells from "./ChartCells.js"
import type { Frame, Runs } from "./PriceChart.js"

/**
 * The curve as lines: what it shows, the two losses, the mark of `best`, the epochs. Validation is a line, training
 * dots, so that they can be told apart without colour. Nothing where there is no epoch.
 */
export const lines = (
  history: ReadonlyArray<EpochReport>,
  best: number,
  frame: Frame,
): ReadonlyArray<string> => {
  const [first, last] = [history[0], history.at(-1)]
  if (first === undefined || last === undefined) return []
  const train = history.map((report) => report.train.loss)
  const validated = history.flatMap(({ validation }) => (validation === null ? [] : [validation.loss]))
  const validation = validated.length === history.length ? validated : []
  const [bottom, top] = bounds([...train, ...validation])
  const scale = { bottom, top, rows: Math.max(2, frame.height - 3) }
  const labels = labelsOf(scale, frame)
  const columns = frame.width - (labels.size === 0 ? 0 : 2 + Math.max(...[...labels.values()].map(length)))
  const { colors, hasUnicode } = frame
  const dots = grid(ChartCells.stars(runsOf(train, columns), scale, columns), hasUnicode ? "·" : ".")
  const line =
    validation.length === 0
      ? []
      : hasUnicode
        ? ChartCells.braille(runsOf(validation, columns * 2), scale, columns)
        : ChartCells.stars(runsOf(validation, columns), scale, columns)
  const paint = { up: colors.green, down: colors.red, line: colors.cyan, volume: colors.dim }
  const joint = hasUnicode ? ["┤", "│"] : ["+", "|"]
  return [
    head(history, best, frame),
    ...dots.map((row, index) => {
      const cells = row.map((cell, column) => line[index]?.[column] ?? cell)
      const label = labels.get(index)
      const tick = label === undefined ? ` ${joint[1]}` : ` ${joint[0]}${label}`
      const drawn = ChartCells.print(cells, paint)
      return labels.size === 0 ? drawn.trimEnd() : drawn + colors.dim(tick)
    }),
    ...axis(first.epoch, last.epoch, best, columns, hasUnicode).map(colors.dim),
  ]
}

// ---------------------------------------------------------------------------------------------------------

const length = ({ length }: string): number => length

const bounds = (values: ReadonlyArray<number>): readonly [number, number] =>
  values.reduce<readonly [number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  )

const labelsOf = (scale: ChartCells.Scale, { width }: Frame): ReadonlyMap<number, string> => {
  const ticks = ChartAxes.priceTicks(scale.bottom, scale.top, Math.max(2, Math.floor(scale.rows / 3)))
  const fits = ticks.every(({ label }) => label.length + 2 <= width / 2)
  return new Map(
    fits ? ticks.map(({ value, label }) => [ChartCells.row(scale, value, 1), label] as const) : [],
  )
}

/** The values on so many runs: where there are fewer values than runs, straight from one to the next. */
const runsOf = (values: ReadonlyArray<number>, count: number): Runs => {
  const [lowest, highest, last] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)]
  for (let run = 0; run < count; run++) {
    const part =
      values.length > count
        ? values.slice(
            Math.floor((run * values.length) / count),
            Math.floor(((run + 1) * values.length) / count),
          )
        : [between(values, count === 1 ? 0 : (run * (values.length - 1)) / (count - 1))]
    const [low, high] = bounds(part)
    lowest[run] = low
    highest[run] = high
    last[run] = part.at(-1) ?? Number.NaN
  }
  return { lowest, highest, last, volume: new Float64Array(count) }
}

const between = (values: ReadonlyArray<number>, at: number): number => {
  const [from, to] = [values[Math.floor(at)] ?? Number.NaN, values[Math.ceil(at)] ?? Number.NaN]
  return from + (to - from) * (at - Math.floor(at))
}

const grid = (rows: ReadonlyArray<ChartCells.Row>, glyph: string): ReadonlyArray<ChartCells.Row> =>
  rows.map((row) => row.map((cell) => (cell === undefined ? undefined : { glyph, kind: "volume" as const })))

/** `loss by epoch · validation 0.9512 (⠒) · train 0.8533 (·)`, both of the best epoch. */
const head = (history: ReadonlyArray<EpochReport>, best: number, frame: Frame): string => {
  const report = history.find(({ epoch }) => epoch === best) ?? history.at(-1)
  if (report === undefined) return ""
  const { colors, hasUnicode, width } = frame
  const [line, dot, separator] = hasUnicode ? ["⠒⠒", "··", " · "] : ["**", "..", " | "]
  const told = [
    `loss by epoch`,
    ...(report.validation === null ? [] : [`validation ${line} ${report.validation.loss.toFixed(4)}`]),
    `train ${dot} ${report.train.loss.toFixed(4)}`,
    `at epoch ${report.epoch}`,
  ]
  return colors.bold(told.join(separator).slice(0, width))
}

/** The mark below the best epoch, and the first and the last one. */
const axis = (
  first: number,
  last: number,
  best: number,
  columns: number,
  hasUnicode: boolean,
): ReadonlyArray<string> => {
  const share = last === first ? 0 : (best - first) / (last - first)
  const at = Math.round(Math.min(1, Math.max(0, share)) * (columns - 1))
  const [mark, text] = [hasUnicode ? "▲" : "^", `best: ${best}`]
  const isRight = at + 2 + text.length <= columns
  const marked = isRight
    ? `${" ".repeat(at)}${mark} ${text}`
    : `${" ".repeat(Math.max(0, at - text.length - 1))}${text} ${mark}`
  return [
    marked,
    first === last ? String(first) : String(first) + String(last).padStart(columns - String(first).length),
  ]
}
