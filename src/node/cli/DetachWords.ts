/**
 * The command line of a process in the background, made of the one that was typed.
 */

/** The words without `--detach`. */
export const attached = (words: ReadonlyArray<string>): ReadonlyArray<string> =>
  options(words).flatMap(({ index, isOption, word }) =>
    isOption && word === "--detach" ? [] : [words[index]!],
  )

/** The words with the value of an option replaced. */
export const replaced = (words: ReadonlyArray<string>, name: string, value: string): ReadonlyArray<string> =>
  options(words).map(({ isOption, word }, index, all) => {
    if (isOption && word.startsWith(`${name}=`)) return `${name}=${value}`
    const before = all[index - 1]
    return before?.isOption === true && before.word === name ? value : word
  })

/**
 * The words with symbols behind those that name the command, in place of the file that held them: for one that
 * can be read but once.
 */
export const withSymbols = (
  words: ReadonlyArray<string>,
  symbols: ReadonlyArray<string>,
): ReadonlyArray<string> => {
  const name = "--symbols"
  const rest = options(words).flatMap(({ isOption, word }, index, all) => {
    const before = all[index - 1]
    const isValue = before?.isOption === true && before.word === name
    return isValue || (isOption && (word === name || word.startsWith(`${name}=`))) ? [] : [word]
  })
  return [...rest.slice(0, 2), ...symbols, ...rest.slice(2)]
}

// ---------------------------------------------------------------------------------------------------------

/** Behind `--` all words are arguments. */
const options = (words: ReadonlyArray<string>) => {
  const end = words.includes("--") ? words.indexOf("--") : words.length
  return words.map((word, index) => ({ word, index, isOption: index < end && word.startsWith("--") }))
}
