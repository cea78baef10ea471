/** What the benchmarks share: middle values, ratios and tables. */

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

/** The value below which the share `q` of the values lies. */
export const quantile = (values: ReadonlyArray<number>, q: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

/** Of Student's t, by pairs that there are: 95 % of it lie between this and its negative. */
const t95: Readonly<Record<number, number>> = { 7: 2.447, 15: 2.145 }

/**
 * Geometric mean of the ratios, and the ends of its 95 % interval by Student's t over their logarithms; throws for a
 * count that the table above has not.
 */
export const ratioOf = (ratios: ReadonlyArray<number>) => {
  const logs = ratios.map(Math.log)
  const mean = logs.reduce((sum, _) => sum + _, 0) / logs.length
  const variance = logs.reduce((sum, _) => sum + (_ - mean) ** 2, 0) / (logs.length - 1)
  const edge = t95[logs.length]
  if (edge === undefined) throw new RangeError(`no quantile of Student's t for ${logs.length} pairs`)
  const half = edge * Math.sqrt(variance / logs.length)
  return { mean: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) }
}

/** Rows as columns, padded; the first row is the head. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}
