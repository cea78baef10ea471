/**
 * `ktrdr completions`: what shells need to know to complete a command line, from the table of commands.
 *
 * What a value may be is told by its name in help: `a|b` are words to choose from, `SYMBOL` the symbols that are
 * kept, `TIMEFRAME` the timeframes, `ID` operations, `KIND` their kinds, `FILE` and `STRATEGY` files; behind `...` it may be
 * repeated. Anything else is free text.
 */
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import type * as Usage from "@effect/cli/Usage"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Timeframe from "../../data/Timeframe.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as TrainingKind from "../TrainingKind.js"
import * as Commands from "./Commands.js"
import * as CompletionScripts from "./CompletionScripts.js"
import * as Help from "./Help.js"

/** The script of a shell to standard output. */
export const print = (
  shell: CompletionScripts.Shell,
): Effect.Effect<void, Output.OutputError, Output.Output> =>
  Output.line(CompletionScripts.of(shell, table(Commands.all)))

/**
 * What may stand at each place of a command line: for a group of commands and for each command. `@symbols`,
 * `@operations` and `@files` stand for what is found out when it is asked for.
 */
export const table = (topics: ReadonlyArray<Help.Topic>): CompletionScripts.Table => {
  const groups = new Map<string, Map<string, string>>()
  for (const { path, summary } of topics) {
    for (let length = 0; length < path.length; length++) {
      const group = path.slice(0, length).join(" ")
      const words = groups.get(group) ?? new Map<string, string>()
      const known = words.get(path[length]!)
      const below = known === undefined ? path[length + 1] : `${known}, ${path[length + 1]}`
      groups.set(group, words.set(path[length]!, length === path.length - 1 ? summary : (below ?? "")))
    }
  }
  const help = { word: "--help", meaning: "Show help" }
  const ofGroups = [...groups].flatMap(([group, words]) => [
    { at: `${group}:commands`, words: [...words].map(([word, meaning]) => ({ word, meaning })) },
    {
      at: `${group}:options`,
      words: group === "" ? [help, { word: "--version", meaning: "Show the version" }] : [help],
    },
  ])
  const ofCommands = topics.flatMap((topic) => {
    const path = topic.path.join(" ")
    const { args, options } = grammar(CommandDescriptor.getUsage(topic.descriptor))
    const meanings = Help.meanings(topic)
    const named = options.map(({ name }) => ({ word: name, meaning: meanings.get(name) ?? "" }))
    return [
      { at: `${path}:options`, words: [...named, help] },
      ...options.flatMap(({ name, value }) =>
        value === undefined ? [] : [{ at: `${path}:${name}`, words: valuesOf(value) }],
      ),
      ...places(args).map(({ at, names }) => ({ at: `${path}:${at}`, words: names.flatMap(valuesOf) })),
    ]
  })
  return { groups: [...groups.keys()], entries: [...ofGroups, ...ofCommands] }
}

// ---------------------------------------------------------------------------------------------------------

interface Argument {
  readonly name: string
  readonly isRepeated: boolean
}

interface Grammar {
  readonly args: ReadonlyArray<Argument>
  /** With the name of their value, where they take one. */
  readonly options: ReadonlyArray<{ readonly name: string; readonly value: string | undefined }>
}

const grammar = (usage: Usage.Usage, isRepeated = false): Grammar => {
  switch (usage._tag) {
    case "Named": {
      const value = Option.getOrUndefined(usage.acceptedValues)
      const options = usage.names.filter((name) => name.startsWith("-")).map((name) => ({ name, value }))
      const args = usage.names.flatMap((name) =>
        (/^<(.*)>$/.exec(name)?.[1] ?? "").split(" ").filter((_) => _ !== ""),
      )
      const inner = args.some((name) => name.endsWith("..."))
      return {
        options,
        args: args.map((name) => ({
          name: name.replace(/\.\.\.$/, ""),
          isRepeated: name.endsWith("...") || (isRepeated && !inner),
        })),
      }
    }
    case "Optional":
      return grammar(usage.usage, isRepeated)
    case "Repeated":
      return grammar(usage.usage, true)
    case "Alternation":
    case "Concat": {
      const [left, right] = [grammar(usage.left, isRepeated), grammar(usage.right, isRepeated)]
      return { args: [...left.args, ...right.args], options: [...left.options, ...right.options] }
    }
    case "Empty":
    case "Mixed":
      return { args: [], options: [] }
  }
}

/** Which arguments may stand at each position, `*` for all later ones; a repeated one may stand there none or many times. */
const places = (
  args: ReadonlyArray<Argument>,
): ReadonlyArray<{ readonly at: string; readonly names: ReadonlyArray<string> }> => {
  const repeated = args.findIndex(({ isRepeated }) => isRepeated)
  const named = (from: number, to: number) => args.slice(from, to).map(({ name }) => name)
  if (repeated === -1) return args.map(({ name }, index) => ({ at: String(index), names: [name] }))
  return [
    ...args.slice(0, repeated).map(({ name }, index) => ({ at: String(index), names: [name] })),
    { at: "*", names: named(repeated, args.length) },
  ]
}

const valuesOf = (name: string): ReadonlyArray<CompletionScripts.Word> => {
  if (name === "SYMBOL") return [{ word: "@symbols", meaning: "" }]
  if (name === "ID") return [{ word: "@operations", meaning: "" }]
  if (name === "FILE" || name === "STRATEGY") return [{ word: "@files", meaning: "" }]
  const words =
    name === "TIMEFRAME"
      ? Timeframe.all
      : name === "KIND"
        ? [...Main.operations.operations.keys(), TrainingKind.kind]
        : name.includes("|")
          ? name.split("|")
          : []
  return words.map((word) => ({ word, meaning: "" }))
}
