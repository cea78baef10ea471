/**
 * What a command is: its words, arguments, options and help, and the program behind them.
 */
import * as Command from "@effect/cli/Command"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Types from "effect/Types"
import type { DataError } from "../../data/DataError.js"
import * as Argv from "./Argv.js"
import { type Program, UsageError } from "./Failure.js"
import * as Help from "./Help.js"

/** A command by its words. */
export interface Entry extends Help.Topic, Argv.Grammar {
  /** Runs until it is ended, and keeps a log rather than telling somebody. */
  readonly isService?: boolean
  readonly run: (options: ReadonlyArray<string>, args: ReadonlyArray<string>) => Program
}

/** What the command does is best imported by `run`, so that others need not wait for it. */
export const make = <const Config extends Command.Command.Config>(
  path: ReadonlyArray<string>,
  summary: string,
  fields: Config,
  run: (given: Types.Simplify<Command.Command.ParseConfig<Config>>) => Program,
  examples: Help.Topic["examples"],
): Entry => {
  const name = path.at(-1) ?? ""
  const { descriptor } = Command.make(name, fields, run)
  const wrong = (message: string) => new UsageError({ path, message })
  return {
    path,
    summary,
    examples,
    descriptor,
    options: Argv.optionsOf(CommandDescriptor.getUsage(descriptor)),
    run: (options, args) =>
      CommandDescriptor.parse(descriptor, [name, ...options, "--", ...args], Argv.config).pipe(
        Effect.provide(nothing),
        Effect.mapError(({ error }) => wrong(Help.text(error))),
        Effect.flatMap((directive) => {
          if (directive._tag === "BuiltIn") return wrong("unknown option")
          const extra = directive.leftover[0]
          return extra === undefined
            ? run(directive.value)
            : wrong(`unexpected argument ${JSON.stringify(extra)}`)
        }),
      ),
  }
}

export const service = (entry: Entry): Entry => ({ ...entry, isService: true })

/** Runs a command with the calendars of the file that `--calendar` names, if it names one. */
export const withCalendars = <A, E, R>(
  file: string | undefined,
  command: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | DataError, R> =>
  file === undefined
    ? command
    : Effect.flatMap(
        Effect.promise(() => import("./Calendars.js")),
        ({ using }) => using(file, command),
      )

// ---------------------------------------------------------------------------------------------------------

/** Parsing asks for these and, without prompts and options that name files, uses none of them. */
const nothing = Layer.mergeAll(
  FileSystem.layerNoop({}),
  Path.layer,
  Layer.succeed(Terminal.Terminal, {
    columns: Effect.succeed(80),
    rows: Effect.succeed(24),
    isTTY: Effect.succeed(false),
    readInput: Effect.never,
    readLine: Effect.never,
    display: () => Effect.void,
  }),
)
