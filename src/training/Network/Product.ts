/**
 * The one product of matrices that a network needs, in both directions: adds A x B to C. All of the time of a
 * training is spent here.
 */

/**
 * `c` (`rows` x `columns`) += `a` (`rows` x `depth`) x `b` (`depth` x `columns`). The matrices `b` and `c` lie
 * row by row; the entry of `a` at (row, step) lies at `row * aRow + step * aStep`, so that `a` can be read
 * transposed. `rows` is taken up to the next even number, which `a` and `c` must have room for; `columns` is a
 * multiple of four. The sums are made in the order of the steps, so that the same numbers give the same bytes.
 */
export const add = (
  c: Float64Array,
  a: Float64Array,
  aRow: number,
  aStep: number,
  b: Float64Array,
  rows: number,
  columns: number,
  depth: number,
): void => {
  for (let row = 0; row < rows; row += 2) {
    for (let column = 0; column < columns; column += 4) {
      const upper = row * columns + column
      const lower = upper + columns
      let c00 = c[upper]!
      let c01 = c[upper + 1]!
      let c02 = c[upper + 2]!
      let c03 = c[upper + 3]!
      let c10 = c[lower]!
      let c11 = c[lower + 1]!
      let c12 = c[lower + 2]!
      let c13 = c[lower + 3]!
      let left = row * aRow
      let right = column
      for (let step = 0; step < depth; step++) {
        const a0 = a[left]!
        const a1 = a[left + aRow]!
        let factor = b[right]!
        c00 += a0 * factor
        c10 += a1 * factor
        factor = b[right + 1]!
        c01 += a0 * factor
        c11 += a1 * factor
        factor = b[right + 2]!
        c02 += a0 * factor
        c12 += a1 * factor
        factor = b[right + 3]!
        c03 += a0 * factor
        c13 += a1 * factor
        left += aStep
        right += columns
      }
      c[upper] = c00
      c[upper + 1] = c01
      c[upper + 2] = c02
      c[upper + 3] = c03
      c[lower] = c10
      c[lower + 1] = c11
      c[lower + 2] = c12
      c[lower + 3] = c13
    }
  }
}
