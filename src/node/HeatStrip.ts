/**
 * Coverage as a calendar in characters: one row a year (of days: a month), one cell a week, month or day, by
 * the share of expected bars that are present.
 */
import type pico from "picocolors"
import type { Counts } from "../data/Coverage.js"
import type { TimeRange } from "../data/TimeRange.js"
import { day } from "../data/TimeZone.js"

export interface Frame {
  /** Columns, 20 or more; no line is wider. */
  readonly width: number
  /** Lines at most, 6 or more. */
  readonly height: number
  /** Block characters; else plain ASCII. */
  readonly hasUnicode: boolean
  readonly colors: ReturnType<typeof pico.createColors>
}

/** How time is cut: cell `i` is `[edges[i], edges[i + 1])`, UTC; the rows take them one after another. */
export interface Layout {
  readonly edges: Float64Array
  readonly rows: ReadonlyArray<{ readonly label: string; readonly cells: number }>
  /** What stands above the cells, and how many columns each has. */
  readonly head: string
  readonly pitch: number
}

/**
 * Days in rows of a month up to three months, else weeks (seven days from January 1) in rows of a year, months
 * where a year of weeks is too wide, years in rows of a decade where there are too many rows.
 */
export const arrange = (range: TimeRange, frame: Frame): Layout => {
  const room = Math.max(1, frame.height - 3)
  const [first, last] = [new Date(range.start), new Date(Math.max(range.start, range.end - 1))]
  const months =
    (last.getUTCFullYear() - first.getUTCFullYear()) * 12 + last.getUTCMonth() - first.getUTCMonth() + 1
  if (months <= 3 && frame.width >= label.month + 31) return byDay(first, months)
  const years = last.getUTCFullYear() - first.getUTCFullYear() + 1
  if (years <= room)
    return frame.width >= label.year + 53 ? byWeek(first, years) : byMonth(first, years, frame)
  return byYear(first, last, room)
}

/** The strip as lines: a head, the rows, and what those of its marks mean that occur. */
export const lines = (layout: Layout, counts: ReadonlyArray<Counts>, frame: Frame): ReadonlyArray<string> => {
  const marks = counts.map(markOf)
  const { colors } = frame
  const glyph = (mark: Mark) => (frame.hasUnicode ? glyphs : plain)[mark]
  const paint = (mark: Mark, text: string) => colors[paints[mark]](text)
  let next = 0
  const rows = layout.rows.map((row) => {
    const own = marks.slice(next, (next += row.cells))
    const cells = own.map((mark) =>
      mark === undefined ? " ".repeat(layout.pitch) : paint(mark, glyph(mark).padEnd(layout.pitch)),
    )
    return `${row.label} ${cells.join("")}`.trimEnd()
  })
  const legend: Array<string> = []
  let width = 0
  for (const mark of order.filter((mark) => marks.includes(mark))) {
    const text = `${glyph(mark)} ${meanings[mark]}`
    const goesOn = width > 0 && width + 2 + text.length <= frame.width
    const shown = paint(mark, glyph(mark)) + colors.dim(` ${meanings[mark]}`)
    if (goesOn) legend[legend.length - 1] += `  ${shown}`
    else legend.push(shown)
    width = goesOn ? width + 2 + text.length : text.length
  }
  return [colors.dim(layout.head), ...rows, ...legend]
}

// ---------------------------------------------------------------------------------------------------------

type Mark = "all" | "most" | "half" | "few" | "missing" | "no_data" | "unexpected"

const order: ReadonlyArray<Mark> = ["all", "most", "half", "few", "missing", "no_data", "unexpected"]

/** Full only where nothing is missing; nothing where no bar is expected. */
const markOf = (counts: Counts): Mark | undefined => {
  const { expected, present, no_data, unexpected } = counts
  if (unexpected > 0) return "unexpected"
  if (expected === 0) return undefined
  if (present === expected) return "all"
  if (present === 0) return no_data === expected ? "no_data" : "missing"
  const share = present / expected
  return share >= 2 / 3 ? "most" : share >= 1 / 3 ? "half" : "few"
}

const glyphs = {
  all: "█",
  most: "▓",
  half: "▒",
  few: "░",
  missing: "×",
  no_data: "-",
  unexpected: "!",
} as const
const plain = {
  all: "#",
  most: "+",
  half: "=",
  few: ".",
  missing: "x",
  no_data: "-",
  unexpected: "!",
} as const

const paints = {
  all: "green",
  most: "yellow",
  half: "yellow",
  few: "yellow",
  missing: "red",
  no_data: "blue",
  unexpected: "magenta",
} as const

const meanings = {
  all: "complete",
  most: "most",
  half: "half",
  few: "few",
  missing: "missing",
  no_data: "none at the source",
  unexpected: "unexpected",
} as const

/** Columns in front of the cells. */
const label = { month: 8, year: 5 } as const

const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const

const byDay = (first: Date, months: number): Layout => {
  const edges: Array<number> = []
  const rows = Array.from({ length: months }, (_, index) => {
    const start = utc(first.getUTCFullYear(), first.getUTCMonth() + index)
    const end = utc(first.getUTCFullYear(), first.getUTCMonth() + index + 1)
    const cells = (end - start) / day
    for (let cell = 0; cell < cells; cell++) edges.push(start + cell * day)
    if (index === months - 1) edges.push(end)
    return { label: new Date(start).toISOString().slice(0, -17), cells }
  })
  const marks = [1, 5, 10, 15, 20, 25, 30]
  return {
    edges: Float64Array.from(edges),
    rows,
    head: above(
      label.month,
      marks.map((date) => [date - 1, String(date)]),
    ),
    pitch: 1,
  }
}

const byWeek = (first: Date, years: number): Layout => {
  const edges: Array<number> = []
  const rows = Array.from({ length: years }, (_, index) => {
    const year = first.getUTCFullYear() + index
    for (let week = 0; week < 53; week++) edges.push(utc(year, 0, 1 + 7 * week))
    return { label: yearLabel(year), cells: 53 }
  })
  edges.push(utc(first.getUTCFullYear() + years, 0))
  const starts = names.map((name, month) => [Math.floor((month * 53) / 12), name] as const)
  return { edges: Float64Array.from(edges), rows, head: above(label.year, starts), pitch: 1 }
}

const byMonth = (first: Date, years: number, { width }: Frame): Layout => {
  const pitch = width >= label.year + 36 ? 3 : width >= label.year + 24 ? 2 : 1
  const edges = Float64Array.from({ length: years * 12 + 1 }, (_, month) =>
    utc(first.getUTCFullYear(), month),
  )
  const rows = Array.from({ length: years }, (_, index) => ({
    label: yearLabel(first.getUTCFullYear() + index),
    cells: 12,
  }))
  const starts = names.map((name, month) => [month * pitch, name.slice(0, Math.max(1, pitch - 1))] as const)
  return { edges, rows, head: above(label.year, starts), pitch }
}

/** Ten cells a row, of one year each, or of ten, a hundred and so on where that is too many rows. */
const byYear = (first: Date, last: Date, room: number): Layout => {
  const [from, to] = [first.getUTCFullYear(), last.getUTCFullYear()]
  const rowsOf = (years: number) => Math.floor(to / years) - Math.floor(from / years) + 1
  let years = 10
  while (rowsOf(years) > room) years *= 10
  const start = Math.floor(from / years) * years
  const rows = Array.from({ length: rowsOf(years) }, (_, index) => ({
    label: yearLabel(start + index * years),
    cells: 10,
  }))
  const edges = Float64Array.from({ length: rows.length * 10 + 1 }, (_, cell) =>
    utc(start + (cell * years) / 10),
  )
  const head = above(
    label.year,
    [0, 5].map((cell) => [cell, String((cell * years) / 10)]),
  )
  return { edges, rows, head, pitch: 1 }
}

/** `Date.UTC` takes the years up to 99 for those of the last century. */
const utc = (year: number, month = 0, date = 1): number => new Date(0).setUTCFullYear(year, month, date)

const yearLabel = (year: number): string => String(year).padStart(4)

const above = (offset: number, names: ReadonlyArray<readonly [column: number, name: string]>): string =>
  names.reduce((line, [column, name]) => line.padEnd(offset + column) + name, "")
