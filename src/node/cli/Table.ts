/**
 * Rows as text in columns.
 */
import { printable } from "../../internal/printable.js"

/** The first row is the head; the columns whose numbers are in `right` are flush with their right edge. */
export const lines = (
  cells: ReadonlyArray<ReadonlyArray<string>>,
  right: ReadonlyArray<number>,
): ReadonlyArray<string> => {
  const rows = cells.map((row) => row.map(printable))
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) =>
        right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  )
}
