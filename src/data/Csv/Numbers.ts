/**
 * Numbers as files write them: a point before the decimals, commas at most between groups of three digits.
 */

export interface Numbers {
  /**
   * The finite number that the field holds, else NaN. `1,234` is 1234 only where the file's decimal mark is
   * known to be the point, from an earlier field or one of the same `row`: it might be 1.234 otherwise.
   */
  readonly read: (field: string, row: ReadonlyArray<string>) => number
}

/** A reader for one file, whose fields share one decimal mark. */
export const make = (): Numbers => {
  let hasPoint = false

  const grouped = (field: string, row: ReadonlyArray<string>): number => {
    if (!groups.test(field)) return Number.NaN
    const isPlain = severalGroups.test(field) || hasPoint || row.some((other) => decimals.test(other))
    return isPlain ? Number(field.replaceAll(",", "")) : Number.NaN
  }

  return {
    read: (field, row) => {
      const value = decimal.test(field) ? Number(field) : grouped(field, row)
      if (!Number.isFinite(value)) return Number.NaN
      hasPoint ||= field.includes(".")
      return value
    },
  }
}

/** What should have been there instead of a field that is no number. */
export const expectation = (field: string): string =>
  ambiguous.test(field)
    ? "a number whose comma can only group thousands, such as 1,234.50"
    : field.includes(",")
      ? "a number with a point as the decimal mark, such as 1234.50"
      : "a number"

// -----------------------------------------------------------------------------

const decimal = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/

/** `1,234`, `1,234,567.89` */
const groups = /^\s*[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?\s*$/
const severalGroups = /,.*[,.]/
const ambiguous = /^\s*[+-]?\d{1,3},\d{3}\s*$/

/** A number whose point is no group's: `12.5`, not `1.234`. */
const decimals = /^\s*[+-]?\d*\.(?!\d{3}\s*$)\d*\s*$/
