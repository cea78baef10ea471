/**
 * Lines, and the fields of a line. A field whose first character, blanks aside, is a double quote ends at the
 * next lone one: it may hold delimiters, line breaks and doubled quotes. Any other quote is a character.
 */

/** What separates fields: a comma, or what the head uses instead. */
export type Delimiter = "," | ";" | "\t"

/** The delimiter of which the head has most. */
export const delimiterOf = (head: string): Delimiter => {
  const count = (delimiter: Delimiter) => head.split(delimiter).length
  return count(";") > count(",") ? ";" : count("\t") > count(",") ? "\t" : ","
}

/** Where the line that begins at `from` ends; -1 when the text does not hold all of it. */
export const lineEnd = (text: string, from: number, delimiter: Delimiter): number => {
  const end = text.indexOf("\n", from)
  const quote = text.indexOf('"', from)
  if (end < 0 || quote < 0 || quote > end) return end
  let at = from
  for (;;) {
    const opened = quoteAt(text, at)
    if (opened >= 0) at = closingQuote(text, opened + 1)
    if (at < 0) return -1
    const line = text.indexOf("\n", at)
    const field = text.indexOf(delimiter, at)
    if (line < 0 || field < 0 || line < field) return line
    at = field + 1
  }
}

/** The fields, or what is wrong with their quotes. */
export const split = (line: string, delimiter: Delimiter): ReadonlyArray<string> | string => {
  if (!line.includes('"')) return line.split(delimiter)
  const fields: Array<string> = []
  let at = 0
  for (;;) {
    const opened = quoteAt(line, at)
    const closed = opened < 0 ? at : closingQuote(line, opened + 1)
    if (closed < 0) return "a quote that is opened and not closed"
    const next = line.indexOf(delimiter, opened < 0 ? at : closed + 1)
    const end = next < 0 ? line.length : next
    if (opened < 0) fields.push(line.slice(at, end))
    else {
      const rest = line.slice(closed + 1, end).trim()
      if (rest !== "") return `${JSON.stringify(rest.slice(0, 20))} behind a closing quote`
      fields.push(line.slice(opened + 1, closed).replaceAll('""', '"'))
    }
    if (next < 0) return fields
    at = next + 1
  }
}

// -----------------------------------------------------------------------------

/** The quote that opens the field which begins at `from`, or -1. */
const quoteAt = (text: string, from: number): number => {
  let at = from
  while (text[at] === " ") at++
  return text[at] === '"' ? at : -1
}

/** The next quote from `from` on that is not one of a pair, or -1. */
const closingQuote = (text: string, from: number): number => {
  let at = text.indexOf('"', from)
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2)
  return at
}
