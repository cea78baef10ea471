/**
 * The options by which a server does the work, and those that say nothing then.
 */
import * as Effect from "effect/Effect"
import { UsageError } from "./Failure.js"
import type * as Loads from "./Loads.js"
import * as Shell from "./Shell.js"

/** Where a command has its operation run, and how it shows it. */
export interface Placed extends Loads.Shown {
  /** Run it in the background, and print its id. */
  readonly detach: boolean
  /** The server that runs it in place of this process. */
  readonly server: string | undefined
}

/** Fails where the command line has options that are the server's own affair. */
export const check = (path: ReadonlyArray<string>): Effect.Effect<void, UsageError> =>
  Effect.flatMap(Shell.CommandLine, ({ words }) => {
    const given = local.find((name) => words.some((word) => word === name || word.startsWith(`${name}=`)))
    return given === undefined
      ? Effect.void
      : new UsageError({ path, message: `${given} and --server: the server has its own; leave it out` })
  })

// ---------------------------------------------------------------------------------------------------------

const local = ["--host", "--pacing", "--calendar", "--plan"]
