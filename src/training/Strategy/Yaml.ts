/**
 * YAML texts that may come from anywhere: bounded in size and depth, without aliases, and with the lines of their
 * values.
 */
import * as Either from "effect/Either"
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from "yaml"

export interface Yaml {
  readonly value: unknown
  /** The line of the value at the path, or of its key, counted from 1; of the innermost around it where there is none. */
  readonly lineOf: (path: ReadonlyArray<PropertyKey>) => number
}

/** Why a text cannot be read, with its place where there is one. */
export interface Fault {
  readonly line?: number
  readonly column?: number
  readonly expected: string
  readonly found: string
  readonly cause?: unknown
}

/** The longest text that is read, in characters; a strategy takes some thousand. */
export const longest = 65_536

/**
 * Reads one YAML 1.2 document. Faults are, besides what is no YAML, a key twice, a tag, a key that is no text, and
 * an alias, which is what makes a short text a long one.
 */
export const parse = (text: string): Either.Either<Yaml, Fault> => {
  if (text.length > longest)
    return Either.left({
      expected: `a YAML text of at most ${longest.toLocaleString("en-US")} characters`,
      found: text.length.toLocaleString("en-US"),
    })
  if (flowDepth(text) > deepest) return Either.left({ expected: oneDocument, found: tooDeep })
  const lines = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const document = parseDocument(text.replace(/^\uFEFF/, ""), {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
  })
  const [error] = [...document.errors, ...document.warnings]
  if (error !== undefined)
    return Either.left({
      ...at(error.pos[0]),
      expected: oneDocument,
      found: error.code === "RESOURCE_EXHAUSTION" ? tooDeep : oneLine(error.message),
      cause: error,
    })
  let alias: number | undefined
  visit(document, {
    Alias: (_, { range }) => {
      alias = range?.[0] ?? 0
      return visit.BREAK
    },
  })
  if (alias !== undefined)
    return Either.left({
      ...at(alias),
      expected: "every value written out where it belongs",
      found: "a YAML alias",
    })
  return Either.right({
    value: document.toJS(),
    lineOf: (path) => at(offsetOf(document.contents, path)).line,
  })
}

// ---------------------------------------------------------------------------------------------------------

const oneDocument = "one YAML document"
const tooDeep = "values nested too deep"

/** A strategy has five levels; a text of nothing but brackets would take its reader seconds. */
const deepest = 64

/** How many brackets and braces are open at once, at most; those in quotes and comments count too. */
const flowDepth = (text: string): number => {
  let [depth, most] = [0, 0]
  for (const character of text) {
    if (character === "[" || character === "{") most = Math.max(most, ++depth)
    else if (character === "]" || character === "}") depth = Math.max(0, depth - 1)
  }
  return most
}

const oneLine = (message: string): string => message.replaceAll(/\s+/g, " ").trim()

/** Where the key of the last part of the path begins, or the item; else where what is around it begins. */
const offsetOf = (contents: Node | null, path: ReadonlyArray<PropertyKey>): number => {
  let node: unknown = contents
  let offset = contents?.range?.[0] ?? 0
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
      if (pair === undefined) break
      offset = (pair.key as Node).range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(key)]
      if (item === undefined || isAlias(item)) break
      offset = (item as Node).range?.[0] ?? offset
      node = item
    } else break
  }
  return offset
}
