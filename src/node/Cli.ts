/**
 * The command line: words in, exit code out.
 */
import * as Effect from "effect/Effect"
import * as Argv from "./cli/Argv.js"
import * as Commands from "./cli/Commands.js"
import * as Failure from "./cli/Failure.js"
import * as Help from "./cli/Help.js"
import * as Shell from "./cli/Shell.js"
import * as Logs from "./Logs.js"
import * as Output from "./Output.js"
import * as Package from "./Package.js"
import { ExitCode } from "./RunMain.js"
import * as Telemetry from "./Telemetry.js"

/**
 * Runs the command that `argv` (the words behind the program's name) asks for. A failure is said once, on
 * standard error; the exit code is 0, 1 for a failure, 2 for a command line that is wrong. `program` is what
 * the user typed for `ktrdr`.
 */
export const run = (
  argv: ReadonlyArray<string>,
  program = "ktrdr",
): Effect.Effect<number, Output.OutputError, Output.Output> =>
  dispatch(Argv.read(Commands.all, argv)).pipe(
    Effect.as(ExitCode.success),
    Effect.catchIf(isFailure, (failure) => {
      const message = Failure.message(failure)
      const hint = failure._tag === "UsageError" ? `\nTry: ${Help.nameOf(failure.path)} --help` : ""
      return Effect.as(
        message === undefined ? Effect.void : Output.note(`ktrdr: ${message}${hint}`),
        Failure.exitCode(failure),
      )
    }),
    Effect.provideService(Shell.CommandLine, { program, words: argv }),
  )

// ---------------------------------------------------------------------------------------------------------

const dispatch = (
  reading: Argv.Reading,
): Effect.Effect<void, Failure.Failure | Output.OutputError, Output.Output> => {
  switch (reading._tag) {
    case "Version":
      return Output.line(Package.version())
    case "Help": {
      const topic = Commands.all.find((entry) => entry.path.join(" ") === reading.path.join(" "))
      return Output.line(
        topic === undefined ? Help.group(reading.path, Commands.all, Package.version()) : Help.command(topic),
      )
    }
    case "Wrong":
      return new Failure.UsageError(reading)
    case "Run": {
      const entry = Commands.all.find((_) => _.path.join(" ") === reading.path.join(" "))
      if (entry === undefined) return Effect.dieMessage(`no command ${reading.path.join(" ")}`)
      return entry
        .run(reading.options, reading.args)
        .pipe(
          Effect.provide(Telemetry.layer),
          Effect.provide(entry.isService === true ? Logs.layerService : Logs.layerLevel),
        )
    }
  }
}

const isFailure = (error: Failure.Failure | Output.OutputError): error is Failure.Failure =>
  error._tag !== "OutputError"
