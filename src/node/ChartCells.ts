/**
 * Prices and volumes as cells of a terminal.
 */
import { type Candles, size } from "../data/Candle.js"
import type { Runs } from "./PriceChart.js"

/** Prices from `bottom` to `top` on so many rows. */
export interface Scale {
  readonly bottom: number
  readonly top: number
  readonly rows: number
}

/** What a cell shows; it has a colour of its own. */
export type Kind = "up" | "down" | "line" | "volume"

export interface Cell {
  readonly glyph: string
  readonly kind: Kind
}

/** A row of cells, empty ones undefined. */
export type Row = ReadonlyArray<Cell | undefined>

/** The row of a price, from 0 at the top, where every row is cut into `parts`. One price alone is in the middle. */
export const row = ({ bottom, top, rows }: Scale, price: number, parts: number): number => {
  const last = rows * parts - 1
  const unit = Math.max(Math.abs(bottom), Math.abs(top))
  const share = top === bottom ? 0.5 : (price / unit - bottom / unit) / (top / unit - bottom / unit)
  return Math.floor(Math.min(last, Math.max(0, Math.round((1 - share) * last))))
}

/** The closes as a line of braille dots, two to a column and four to a row. */
export const braille = (runs: Runs, scale: Scale, columns: number): ReadonlyArray<Row> => {
  const total = runs.lowest.length
  const dots = columns * 2
  const masks = Array.from({ length: scale.rows }, () => new Uint8Array(columns))
  eachSpan(runs, scale, 4, (run, from, to) => {
    const end = Math.max(run + 1, Math.floor(((run + 1) * dots) / total))
    for (let dot = Math.floor((run * dots) / total); dot < end; dot++) {
      for (let y = from; y <= to; y++) masks[y >> 2]![dot >> 1]! |= dotBits[dot & 1]![y & 3]!
    }
  })
  return masks.map((cells) =>
    Array.from(cells, (mask) =>
      mask === 0 ? undefined : { glyph: String.fromCharCode(0x2800 + mask), kind: "line" as const },
    ),
  )
}

/** The closes as a line of asterisks. */
export const stars = (runs: Runs, scale: Scale, columns: number): ReadonlyArray<Row> => {
  const cells = grid(scale.rows, columns)
  eachSpan(runs, scale, 1, (run, from, to) => {
    for (let y = from; y <= to; y++) cells[y]![run] = { glyph: "*", kind: "line" }
  })
  return cells
}

export interface Place {
  readonly columns: number
  /** Columns from one bar to the next; 0 where a column stands for several. */
  readonly pitch: number
  readonly hasUnicode: boolean
}

/** One candle a bar: wicks thin, falling bodies filled, rising ones not. */
export const candles = (bars: Candles, scale: Scale, place: Place): ReadonlyArray<Row> => {
  const { columns, pitch, hasUnicode } = place
  const cells = grid(scale.rows, columns)
  for (let index = 0; index < size(bars); index++) {
    const [open, close] = [bars.open[index]!, bars.close[index]!]
    const at = (price: number) => row(scale, price, 2)
    const [top, bottom] = [at(bars.high[index]!), at(bars.low[index]!)]
    if (Number.isNaN(top + bottom + at(open) + at(close))) continue
    const [from, to] = [at(Math.max(open, close)), at(Math.min(open, close))]
    const part = (y: number) => (y >= from && y <= to ? 2 : y >= top && y <= bottom ? 1 : 0)
    const kind = close < open ? "down" : "up"
    for (let y = top >> 1; y <= bottom >> 1; y++) {
      const [upper, lower] = [part(2 * y), part(2 * y + 1)]
      const glyphs = hasUnicode ? blocks[kind] : plain[kind]
      cells[y]![index * pitch] = { glyph: glyphs[upper * 3 + lower]!, kind }
    }
  }
  return cells
}

/** Volumes as columns from zero up, the largest as high as all rows. */
export const volume = (
  volumes: Float64Array,
  place: Place & { readonly rows: number },
): ReadonlyArray<Row> => {
  const { rows, columns, pitch, hasUnicode } = place
  const cells = grid(rows, columns)
  const levels = hasUnicode ? "▁▂▃▄▅▆▇█" : ".:-=+*#@"
  const heights = new Float64Array(pitch === 0 ? columns : volumes.length)
  for (let index = 0; index < heights.length; index++) {
    const from = pitch === 0 ? Math.floor((index * volumes.length) / columns) : index
    const to =
      pitch === 0 ? Math.max(from + 1, Math.floor(((index + 1) * volumes.length) / columns)) : from + 1
    for (let run = from; run < to; run++) {
      if (Number.isFinite(volumes[run])) heights[index] = Math.max(heights[index]!, volumes[run]!)
    }
  }
  const largest = heights.reduce((a, b) => Math.max(a, b), 0)
  heights.forEach((height, index) => {
    if (!(height > 0)) return
    const full = Math.max(1, Math.round((height / largest) * rows * levels.length))
    for (let y = 0; y * levels.length < full; y++) {
      const level = Math.min(levels.length, full - y * levels.length)
      cells[rows - 1 - y]![pitch === 0 ? index : index * pitch] = {
        glyph: levels[level - 1]!,
        kind: "volume",
      }
    }
  })
  return cells
}

/** A row as text, runs of one kind in one colour. */
export const print = (cells: Row, paint: Readonly<Record<Kind, (text: string) => string>>): string => {
  let line = ""
  for (let from = 0; from < cells.length; ) {
    const kind = cells[from]?.kind
    let to = from
    let text = ""
    while (to < cells.length && cells[to]?.kind === kind) text += cells[to++]?.glyph ?? " "
    line += kind === undefined ? text : paint[kind](text)
    from = to
  }
  return line
}

// ---------------------------------------------------------------------------------------------------------

const grid = (rows: number, columns: number): Array<Array<Cell | undefined>> =>
  Array.from({ length: rows }, () => Array.from({ length: columns }))

/** The rows that each run covers, joined to the run before it. */
const eachSpan = (
  runs: Runs,
  scale: Scale,
  parts: number,
  use: (run: number, from: number, to: number) => void,
): void => {
  let before = Number.NaN
  for (let run = 0; run < runs.lowest.length; run++) {
    if (Number.isNaN(runs.last[run]!)) {
      before = Number.NaN
      continue
    }
    const [from, to] = [row(scale, runs.highest[run]!, parts), row(scale, runs.lowest[run]!, parts)]
    if (Number.isNaN(before)) use(run, from, to)
    else use(run, before > to ? Math.min(from, before) : from, before < from ? Math.max(to, before) : to)
    before = row(scale, runs.last[run]!, parts)
  }
}

/** Bits of the braille dots, by column and by row from the top (Unicode, block 2800). */
const dotBits = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const

/** By what is in the upper and in the lower half: nothing, wick, body. */
const blocks = {
  up: [" ", "╷", "╻", "╵", "│", "╽", "╹", "╿", "┃"],
  down: [" ", "╷", "▄", "╵", "│", "▄", "▀", "▀", "█"],
} as const
const plain = {
  up: [" ", "|", "o", "|", "|", "o", "o", "o", "o"],
  down: [" ", "|", "#", "|", "|", "#", "#", "#", "#"],
} as const
