/**
 * Where the values of a JSON text stand, for errors that name a line.
 */

/** Lines, counted from 1, by path; and where the text stops being JSON, if it does. */
export interface JsonLines {
  /** The line of the value at the path; of the innermost value around it where there is none. */
  readonly lineOf: (path: ReadonlyArray<PropertyKey>) => number
  readonly wrong: number | undefined
}

/** One pass over a text of up to a megabyte; nesting beyond 100 levels counts as wrong. */
export const make = (text: string): JsonLines => {
  const offsets = new Map<string, number>()
  const token = /[{}[\],:]|"(?:[ !#-[\]-\uffff]|\\.)*"|true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
  const blank = /\s*/y
  let at = 0

  /** The next token and where it begins; none at the end or where there is no token. */
  const next = (): string | undefined => {
    blank.lastIndex = at
    blank.exec(text)
    at = blank.lastIndex
    token.lastIndex = at
    return token.exec(text)?.[0]
  }
  const take = (expected: string): boolean => {
    const found = next()
    if (found !== expected) return false
    at += found.length
    return true
  }
  const members = (path: ReadonlyArray<PropertyKey>, close: string): boolean => {
    for (let index = 0; next() !== close || index > 0; index++) {
      let key: PropertyKey = index
      if (close === "}") {
        const name = next()
        if (!name?.startsWith('"')) return false
        key = String(JSON.parse(name))
        at += name.length
        if (!take(":")) return false
      }
      if (!value([...path, key])) return false
      if (!take(",")) break
    }
    return take(close)
  }
  const value = (path: ReadonlyArray<PropertyKey>): boolean => {
    const found = next()
    if (found === undefined || "}],:".includes(found) || path.length > 100) return false
    offsets.set(keyOf(path), at)
    at += found.length
    return found === "{" ? members(path, "}") : found === "[" ? members(path, "]") : true
  }

  const whole = value([]) && (next(), at === text.length)
  const line = (offset: number): number => text.slice(0, offset).split("\n").length
  return {
    wrong: whole ? undefined : line(at),
    lineOf: (path) => {
      for (let length = path.length; length > 0; length--) {
        const offset = offsets.get(keyOf(path.slice(0, length)))
        if (offset !== undefined) return line(offset)
      }
      return line(offsets.get(keyOf([])) ?? 0)
    },
  }
}

// -----------------------------------------------------------------------------

const keyOf = (path: ReadonlyArray<PropertyKey>): string => JSON.stringify(path)
