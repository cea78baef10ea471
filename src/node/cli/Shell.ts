/**
 * The command line as a user would type it again.
 */
import * as NodePath from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** What the user typed: what stands for `ktrdr`, and the words behind it. */
export class CommandLine extends Context.Reference<CommandLine>()("ktrdr/node/cli/CommandLine", {
  defaultValue: (): { readonly program: string; readonly words: ReadonlyArray<string> } => ({
    program: "ktrdr",
    words: [],
  }),
}) {}

/** The words as one line that a POSIX shell reads back as the same words. */
export const join = (words: ReadonlyArray<string>): string => words.map(quote).join(" ")

/** The options of these names among the words, with their values: what another command takes over. */
export const carried = (words: ReadonlyArray<string>, names: ReadonlyArray<string>): ReadonlyArray<string> =>
  words.flatMap((word, index) => {
    if (names.includes(word)) return words.slice(index, index + 2)
    return names.some((name) => word.startsWith(`${name}=`)) ? [word] : []
  })

/**
 * Makes of words the command line that a user would type, with those options of this one that have one of the names.
 */
export const typed = (
  names: ReadonlyArray<string> = [],
): Effect.Effect<(words: ReadonlyArray<string>) => string> =>
  Effect.map(CommandLine, ({ program, words }) => {
    const kept = carried(words, names)
    return (behind) => [program, join([...behind, ...kept])].join(" ")
  })

/** The words that started this program: `ktrdr`, or what stands for it in a clone. */
export const program = (
  script: string,
  environment: Readonly<Record<string, string | undefined>>,
): string => {
  if (environment["npm_lifecycle_event"] === "ktrdr") return "npm run -s ktrdr --"
  if (environment["npm_lifecycle_event"] === "npx") return "npx ktrdr"
  return NodePath.extname(script) === "" ? "ktrdr" : join(["node", NodePath.relative("", script)])
}

// ---------------------------------------------------------------------------------------------------------

const quote = (word: string): string =>
  /^[\w/:=.,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
