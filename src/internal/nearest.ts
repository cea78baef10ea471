/**
 * The name among `names` that takes the fewest letters changed to reach, if any takes at most half of the
 * letters of `name`.
 */
export const nearest = (name: string, names: Iterable<string>): string | undefined => {
  let best: string | undefined
  let distance = Math.ceil(name.length / 2) + 1
  for (const other of names) {
    const changes = editDistance(name, other)
    if (changes >= distance) continue
    best = other
    distance = changes
  }
  return best
}

/** Levenshtein distance. */
const editDistance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
