/**
 * The highest and the lowest of the last values, in a step that does not grow with their number.
 */

/** The extreme of the values `(row - period, row]`. It is asked for every row, in order. */
export type Extreme = (row: number) => number

export const highest = (values: Float64Array, period: number): Extreme =>
  extreme(values, period, (newer, older) => newer >= older)

export const lowest = (values: Float64Array, period: number): Extreme =>
  extreme(values, period, (newer, older) => newer <= older)

/** How many values up to the row are the same as the row's, itself included. It is asked for every row, in order. */
export const sameRun = (values: Float64Array): ((row: number) => number) => {
  let length = 0
  return (row) => {
    length = row > 0 && values[row] === values[row - 1] ? length + 1 : 1
    return length
  }
}

// ---------------------------------------------------------------------------------------------------------

/** A ring of the rows that may still become the extreme, the present one first. */
const extreme = (
  values: Float64Array,
  period: number,
  outdoes: (newer: number, older: number) => boolean,
): Extreme => {
  const rows = new Int32Array(period + 1)
  let first = 0
  let size = 0
  return (row) => {
    if (size > 0 && rows[first]! <= row - period) {
      first = (first + 1) % rows.length
      size--
    }
    while (size > 0 && outdoes(values[row]!, values[rows[(first + size - 1) % rows.length]!]!)) size--
    rows[(first + size) % rows.length] = row
    size++
    return values[rows[first]!]!
  }
}
