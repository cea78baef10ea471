/**
 * The command line before it is parsed: which command is meant, and its options told from its arguments.
 *
 * `@effect/cli` wants options before arguments, takes a mistyped option for an argument and the last of two
 * equal options for both: here options may stand anywhere, in the forms `--mode full` and `--mode=full`, and
 * whatever the command does not have is refused.
 */
import * as AutoCorrect from "@effect/cli/AutoCorrect"
import * as CliConfig from "@effect/cli/CliConfig"
import type * as Usage from "@effect/cli/Usage"
import * as Option from "effect/Option"

/** A command as far as its words and options go. */
export interface Grammar {
  /** `["data", "load"]` */
  readonly path: ReadonlyArray<string>
  readonly options: ReadonlyArray<OptionGrammar>
}

export interface OptionGrammar {
  /** `["--mode"]` */
  readonly names: ReadonlyArray<string>
  readonly takesValue: boolean
}

export type Reading =
  /** Help on the command, or on the commands below it. */
  | { readonly _tag: "Help"; readonly path: ReadonlyArray<string> }
  | { readonly _tag: "Version" }
  | {
      readonly _tag: "Run"
      readonly path: ReadonlyArray<string>
      /** Options with their values in words of their own. */
      readonly options: ReadonlyArray<string>
      readonly args: ReadonlyArray<string>
    }
  /** The words as far as they name something, for a hint at help. */
  | { readonly _tag: "Wrong"; readonly path: ReadonlyArray<string>; readonly message: string }

/** Spelling as it is: no case folding. */
export const config: CliConfig.CliConfig = CliConfig.make({ isCaseSensitive: true, showBuiltIns: false })

/** The options of a command, from its usage. */
export const optionsOf = (usage: Usage.Usage): ReadonlyArray<OptionGrammar> => {
  switch (usage._tag) {
    case "Named":
      return usage.names.some((name) => name.startsWith("-"))
        ? [{ names: usage.names, takesValue: Option.isSome(usage.acceptedValues) }]
        : []
    case "Optional":
    case "Repeated":
      return optionsOf(usage.usage)
    case "Alternation":
    case "Concat":
      return [...optionsOf(usage.left), ...optionsOf(usage.right)]
    case "Empty":
    case "Mixed":
      return []
  }
}

/** Reads the words behind the program's name. */
export const read = (grammars: ReadonlyArray<Grammar>, argv: ReadonlyArray<string>): Reading => {
  const words = new Set(argv.slice(0, argv.includes("--") ? argv.indexOf("--") : argv.length))
  const wantsHelp = words.has("--help") || words.has("-h")
  const path: Array<string> = []
  for (const word of argv) {
    const below = grammars.filter((grammar) => startsWith(grammar.path, path))
    const grammar = below.find((_) => _.path.length === path.length)
    if (grammar !== undefined)
      return wantsHelp ? { _tag: "Help", path } : readOptions(grammars, grammar, argv.slice(path.length))
    if (!below.some((_) => _.path[path.length] === word)) break
    path.push(word)
  }
  const whole = grammars.find(
    (grammar) => startsWith(grammar.path, path) && grammar.path.length === path.length,
  )
  const found = argv[path.length]
  if (argv.length === 0 || (wantsHelp && (found?.startsWith("-") ?? true))) return { _tag: "Help", path }
  if (whole !== undefined) return readOptions(grammars, whole, [])
  if (path.length === 0 && words.has("--version")) return { _tag: "Version" }
  const choices = [
    ...new Set(grammars.filter((_) => startsWith(_.path, path)).map((_) => _.path[path.length] ?? "")),
  ]
  const message =
    found === undefined
      ? `missing command: expected one of ${choices.join(", ")}`
      : found.startsWith("-")
        ? `unknown option ${found} before a command: expected one of ${choices.join(", ")}`
        : `unknown command ${quoted(found)}: expected one of ${choices.join(", ")}${meant(found, choices)}`
  return { _tag: "Wrong", path, message }
}

// ---------------------------------------------------------------------------------------------------------

const readOptions = (
  grammars: ReadonlyArray<Grammar>,
  grammar: Grammar,
  words: ReadonlyArray<string>,
): Reading => {
  const { path } = grammar
  const wrong = (message: string): Reading => ({ _tag: "Wrong", path, message })
  const names = grammar.options.flatMap((option) => option.names)
  const options: Array<string> = []
  const args: Array<string> = []
  const seen = new Set<OptionGrammar>()
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!
    if (word === "--") {
      args.push(...words.slice(index + 1))
      break
    }
    if (!word.startsWith("-") || word === "-") {
      args.push(word)
      continue
    }
    const equals = word.indexOf("=")
    const name = equals === -1 ? word : word.slice(0, equals)
    const option = grammar.options.find((_) => _.names.includes(name))
    if (option === undefined) {
      const others = grammars.filter((_) => _.options.some((one) => one.names.includes(name)))
      return wrong(
        name === serverOption && others.length > 0
          ? `${path.join(" ")} works on this machine alone: ${name} is for ${commands(others, grammars)}`
          : `unknown option ${quoted(name)}${meant(name, names)}`,
      )
    }
    if (seen.has(option)) return wrong(`option ${name} is given twice`)
    seen.add(option)
    options.push(name)
    if (!option.takesValue) {
      if (equals !== -1)
        return wrong(`option ${name} takes no value, found ${quoted(word.slice(equals + 1))}`)
      continue
    }
    const value = equals === -1 ? words[++index] : word.slice(equals + 1)
    if (value === undefined || value === "" || (equals === -1 && value.startsWith("--"))) {
      return wrong(`option ${name} needs a value`)
    }
    options.push(value)
  }
  return { _tag: "Run", path, options, args }
}

/** What a command that works on this machine alone does not have. */
const serverOption = "--server"

/** `data load, data show, operations`: a group of which all are among them is named as one. */
const commands = (named: ReadonlyArray<Grammar>, all: ReadonlyArray<Grammar>): string => {
  const isWhole = (group: string | undefined) =>
    all.every((grammar) => grammar.path[0] !== group || named.includes(grammar))
  return [...new Set(named.map(({ path }) => (isWhole(path[0]) ? path[0] : path.join(" "))))].join(", ")
}

const startsWith = (path: ReadonlyArray<string>, words: ReadonlyArray<string>): boolean =>
  words.every((word, index) => path[index] === word)

/** As a user would recognise it, cut to a sane length. */
const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)

const meant = (found: string, known: ReadonlyArray<string>): string => {
  const distance = (name: string) => AutoCorrect.levensteinDistance(found.slice(0, 60), name, config)
  const nearest = [...known].sort((a, b) => distance(a) - distance(b))[0]
  return nearest !== undefined && distance(nearest) <= Math.max(2, nearest.length / 3)
    ? `. Did you mean ${nearest}?`
    : ""
}
