/**
 * Operations as a table that fits its screen: ids are always whole.
 */
import pico from "picocolors"
import { printable } from "../../internal/printable.js"
import { isTerminal, type Status, type Summary } from "../../OperationRecord.js"
import { duration } from "../../ProgressRenderer.js"
import type { Screen } from "../Output.js"
import { cut, percent, plain } from "../ProgressLines.js"

export interface Row {
  readonly summary: Summary
  /** The last line of progress, or why it ended as it did. */
  readonly said: string
}

/**
 * A line each with all there is to say, and not cut, where the screen is no terminal. On a terminal that is
 * too narrow what is said has a line of its own, and the columns that have no room are left out.
 */
export const lines = (
  rows: ReadonlyArray<Row>,
  now: number,
  screen: Omit<Screen, "rows">,
): ReadonlyArray<string> => {
  const table = rows.map(({ summary }) => columns.map(({ of }) => of(summary, now)))
  const widths = columns.map(({ name }, column) =>
    Math.max(name.length, ...table.map((row) => row[column]?.length ?? 0)),
  )
  const room = screen.isTerminal ? screen.columns - 1 : Number.POSITIVE_INFINITY
  const whole = widths.reduce((sum, width) => sum + width + gap.length, 0)
  const isWide = whole + leastSaid <= room
  const shown = isWide ? columns.map((_, index) => index) : fitting(widths, room)
  const colors = pico.createColors(screen.hasColor)
  const colorOf: Readonly<Record<Status, (text: string) => string>> = {
    pending: colors.dim,
    running: colors.cyan,
    cancelling: colors.yellow,
    completed: colors.green,
    failed: colors.red,
    cancelled: colors.yellow,
  }
  const line = (cells: ReadonlyArray<string>, color = (text: string) => text): string =>
    shown
      .map((column) => {
        const { isRight, name } = columns[column]!
        const [cell, width] = [cells[column]!, widths[column]!]
        const padded = isRight ? cell.padStart(width) : cell.padEnd(width)
        return name === "status" ? color(padded) : padded
      })
      .join(gap)
  const fit = (text: string, width: number): string => {
    const kept = cut(printable(text), Math.max(0, width))
    return screen.hasUnicode || !screen.isTerminal ? kept : plain(kept)
  }
  const body = rows.flatMap(({ summary, said }, index) => {
    const head = line(table[index]!, colorOf[summary.status])
    if (isWide) return [`${head}${gap}${fit(said, room - whole)}`.trimEnd()]
    return said === "" ? [head.trimEnd()] : [head.trimEnd(), `${gap}${fit(said, room - gap.length)}`]
  })
  const names = line(columns.map(({ name }) => name))
  return [isWide ? `${names}${gap}message` : names.trimEnd(), ...body]
}

/** `2026-11-25 11:14:05`, in UTC. */
export const utc = (millis: number): string => new Date(millis).toISOString().slice(0, 19).replace("T", " ")

/** How long it took, or has taken until now; undefined before its start. */
export const took = (
  { completed, started, status }: Pick<Summary, "started" | "completed" | "status">,
  now: number,
): string | undefined =>
  started === null
    ? undefined
    : duration(Math.max(0, (isTerminal({ status }) ? (completed ?? now) : now) - started))

// ---------------------------------------------------------------------------------------------------------

const gap = "  "

/** What is said is worth no place on the line when it has less. */
const leastSaid = 30

interface Column {
  readonly name: string
  readonly isRight: boolean
  /** Which column is left out first: the one with the greatest rank. */
  readonly rank: number
  readonly of: (summary: Summary, now: number) => string
}

const columns: ReadonlyArray<Column> = [
  { name: "id", isRight: false, rank: 0, of: ({ id }) => id },
  { name: "kind", isRight: false, rank: 5, of: ({ kind }) => kind },
  { name: "status", isRight: false, rank: 1, of: ({ status }) => status },
  {
    name: "done",
    isRight: true,
    rank: 2,
    of: ({ fraction }) => (fraction === null ? "-" : percent(fraction)),
  },
  {
    name: "started (UTC)",
    isRight: false,
    rank: 4,
    of: ({ started }) => (started === null ? "-" : utc(started)),
  },
  { name: "duration", isRight: true, rank: 3, of: (summary, now) => took(summary, now) ?? "-" },
]

/** The columns that there is room for, in their order. */
const fitting = (widths: ReadonlyArray<number>, room: number): ReadonlyArray<number> => {
  const byRank = columns.map((_, index) => index).sort((a, b) => columns[a]!.rank - columns[b]!.rank)
  const kept: Array<number> = []
  let used = 0
  for (const index of byRank) {
    used += widths[index]! + (kept.length === 0 ? 0 : gap.length)
    if (used > room && kept.length > 0) break
    kept.push(index)
  }
  return kept.sort((a, b) => a - b)
}
