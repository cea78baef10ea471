/**
 * Help as plain text, from what the commands say of themselves.
 */
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import type * as HelpDoc from "@effect/cli/HelpDoc"
import type * as Span from "@effect/cli/HelpDoc/Span"
import { config } from "./Argv.js"

/** What help needs to know of a command. */
export interface Topic {
  readonly path: ReadonlyArray<string>
  readonly summary: string
  /** Command lines without the program's name, each with what it does. */
  readonly examples: ReadonlyArray<readonly [line: string, meaning: string]>
  readonly descriptor: CommandDescriptor.Command<unknown>
}

const program = "ktrdr"

/** So many commands are shown by an example each: the whole fits on a screen. */
const mostExamples = 8
/** Without a group, the first command of so many groups. */
const mostGroups = 3

/** `ktrdr data load` */
export const nameOf = (path: ReadonlyArray<string>): string => [program, ...path].join(" ")

/** Help on one command. */
export const command = (topic: Topic): string => {
  const lists = definitions(CommandDescriptor.getHelp(topic.descriptor, config))
  const args = lists.filter(([name]) => !name.startsWith("-"))
  const usage = args.map(([name, , isOptional]) => (isOptional ? `[${name}]` : name))
  const options = lists.filter(([name]) => name.startsWith("-"))
  return sections([
    [`${nameOf(topic.path)}: ${topic.summary}`],
    ["Usage:", `  ${[nameOf(topic.path), ...usage, "[options]"].join(" ")}`],
    args.length === 0 ? [] : ["Arguments:", ...columns(args)],
    ["Options:", ...columns([...options, ["--help", "Show this text"]])],
    [
      "Examples:",
      ...topic.examples.flatMap(([line, meaning]) => [`  ${program} ${line}`, `      ${meaning}`]),
    ],
  ])
}

/** What each argument and option of a command means, by its name. */
export const meanings = (topic: Topic): ReadonlyMap<string, string> =>
  new Map(
    definitions(CommandDescriptor.getHelp(topic.descriptor, config)).map(([name, meaning]) => [
      name.split(" ")[0]!,
      meaning,
    ]),
  )

/** Help on the commands whose path begins with `path`. */
export const group = (path: ReadonlyArray<string>, topics: ReadonlyArray<Topic>, version: string): string => {
  const below = topics.filter((topic) => path.every((word, index) => topic.path[index] === word))
  return sections([
    path.length === 0
      ? [
          `${program} ${version}: loads market data and trains models on it, with progress and cancellation that never lie`,
        ]
      : [`${nameOf(path)}: ${below.length} ${below.length === 1 ? "command" : "commands"}`],
    ["Usage:", `  ${nameOf(path)} COMMAND [arguments] [options]`],
    ["Commands:", ...columns(below.map((topic) => [topic.path.slice(path.length).join(" "), topic.summary]))],
    [
      "Options:",
      ...columns([["--help", "Help on a command"], ...(path.length === 0 ? [versionOption] : [])]),
    ],
    path.length === 0
      ? [
          "Environment:",
          ...columns([
            ["KTRDR_HOME", "Where bars and models are kept; .ktrdr in the working directory by default"],
            ["IB_HOST_SERVICE_URL", "The IB host to load from; without it an embedded one is started"],
            ["USE_IB_HOST_SERVICE", "false: leave IB_HOST_SERVICE_URL unused"],
            ["USE_TRAINING_HOST_SERVICE", "true: train at the host of TRAINING_HOST_SERVICE_URL"],
            ["TRAINING_HOST_SERVICE_URL", "The training host; port 5002 of this machine by default"],
            ["KTRDR_API_TOKEN", "The token that a server asks for, and that --server sends"],
            ["KTRDR_HOST_TOKEN", "The token that host ib and host training ask for"],
            ["KTRDR_LOG_LEVEL", "debug, info, warning, error or none"],
            ["NO_COLOR", "Show no colour"],
          ]),
        ]
      : [],
    [
      "Examples:",
      ...(path.length === 0 ? firstOfEach(below).slice(0, mostGroups) : below.slice(0, mostExamples)).flatMap(
        ({ examples }) => examples.slice(0, 1).map(([line]) => `  ${program} ${line}`),
      ),
    ],
  ])
}

/** A help document as one line: what a parse error says. */
export const text = (doc: HelpDoc.HelpDoc): string => {
  switch (doc._tag) {
    case "Empty":
      return ""
    case "Header":
    case "Paragraph":
      return spanText(doc.value)
    case "DescriptionList":
      return doc.definitions.map(([name, of]) => `${spanText(name)}: ${text(of)}`).join(" ")
    case "Enumeration":
      return doc.elements.map(text).join(", ")
    case "Sequence":
      return [text(doc.left), text(doc.right)].filter((part) => part !== "").join("; ")
  }
}

// ---------------------------------------------------------------------------------------------------------

const firstOfEach = (topics: ReadonlyArray<Topic>): ReadonlyArray<Topic> =>
  topics.filter(({ path }, index) => topics.findIndex((other) => other.path[0] === path[0]) === index)

const versionOption = ["--version", "Show the version"] as const

type Definition = readonly [name: string, meaning: string, isOptional?: boolean]

const sections = (parts: ReadonlyArray<ReadonlyArray<string>>): string =>
  parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")

const widest = 34

const columns = (rows: ReadonlyArray<Definition>): ReadonlyArray<string> => {
  const width = Math.min(widest, Math.max(...rows.map(([name]) => name.length)))
  return rows.flatMap(([name, meaning]) =>
    name.length > width
      ? [`  ${name}`, `  ${" ".repeat(width)}  ${meaning}`]
      : [`  ${name.padEnd(width)}  ${meaning}`],
  )
}

const definitions = (doc: HelpDoc.HelpDoc): ReadonlyArray<Definition> => {
  switch (doc._tag) {
    case "Sequence":
      return [...definitions(doc.left), ...definitions(doc.right)]
    case "DescriptionList":
      return doc.definitions.map(([name, meaning]) => {
        const said = paragraphs(meaning)
        return [
          spanText(name)
            .replace(/^<(.*)>.*$/, "$1")
            .replaceAll(" | ", "|"),
          said.filter(isSpecific).join(" "),
          said.some((paragraph) => /repeated (zero or more|at least 0) times/.test(paragraph)),
        ] as const
      })
    default:
      return []
  }
}

const paragraphs = (doc: HelpDoc.HelpDoc): ReadonlyArray<string> =>
  doc._tag === "Sequence"
    ? [...paragraphs(doc.left), ...paragraphs(doc.right)]
    : doc._tag === "Paragraph"
      ? [spanText(doc.value)]
      : []

/** False for what `@effect/cli` says of every argument and option of a kind. */
const isSpecific = (paragraph: string): boolean =>
  !/^(A user-defined|A true or false|An integer|A floating|One of the following|This (setting|option|argument) )/.test(
    paragraph.trim(),
  )

const spanText = (span: Span.Span): string => {
  switch (span._tag) {
    case "Text":
    case "URI":
      return span.value
    case "Highlight":
    case "Strong":
    case "Weak":
      return spanText(span.value)
    case "Sequence":
      return spanText(span.left) + spanText(span.right)
  }
}
