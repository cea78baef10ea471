/**
 * Which options of a command say nothing where a server does the work.
 */
import * as Effect from "effect/Effect"
import { UsageError } from "./Failure.js"
import * as Shell from "./Shell.js"

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
