/**
 * Runs a program as a process: signals interrupt it, its outcome is the exit code.
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logs from "./Logs.js"
import * as Output from "./Output.js"

/** Exit codes, as shells and schedulers know them. */
export const ExitCode = { success: 0, failure: 1, usage: 2, SIGINT: 130, SIGTERM: 143 } as const

type Signal = "SIGINT" | "SIGTERM"

/**
 * Runs the program until it succeeds with an exit code. The first SIGINT or SIGTERM interrupts it, and the
 * process exits with 130 or 143 once its finalizers have run, after five seconds at the latest; the next one
 * exits at once. A reader of standard output that has left ends it quietly. Log lines are messages on standard
 * error, from `Warning` on unless the program says otherwise.
 */
export const runMain = (program: Effect.Effect<number, Output.OutputError, Output.Output>): void => {
  const output = Output.make(process.stdout, process.stderr, process.env)
  const clock = Clock.make()
  let received: { readonly signal: Signal; readonly at: number } | undefined

  const fiber = Effect.runFork(
    Effect.provide(program, Layer.provideMerge(Logs.layerMessages, Layer.succeed(Output.Output, output))),
  )
  const onSignal = (signal: Signal): void => {
    const at = clock.unsafeCurrentTimeMillis()
    if (received === undefined) {
      received = { signal, at }
      fiber.unsafeInterruptAsFork(fiber.id())
      Effect.runFork(Effect.sleep(patience)).addObserver(() => leave(signal))
    } else if (at - received.at > samePress) leave(received.signal)
  }
  const leave = (signal: Signal): void => {
    if (output.isTerminal) output.stream.write(Output.showCursor)
    process.exit(ExitCode[signal])
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
  process.on("uncaughtException", (error) => {
    output.unsafeErr(bug(error))
    process.exit(ExitCode.failure)
  })
  fiber.addObserver((exit) => process.exit(codeOf(exit, received?.signal, output)))
}

// ---------------------------------------------------------------------------------------------------------

/** npm hands on the signal that the terminal has already sent: both are one press of Ctrl-C. */
const samePress = 150

/** The longest that finalizers may take after a signal. */
const patience = "5 seconds"

const codeOf = (
  exit: Exit.Exit<number, Output.OutputError>,
  signal: Signal | undefined,
  output: Output.Service,
): number => {
  if (Exit.isSuccess(exit)) return exit.value
  const defect = Chunk.get(Cause.defects(exit.cause), 0)
  if (defect._tag === "Some") {
    output.unsafeErr(bug(defect.value))
    return ExitCode.failure
  }
  const failure = Cause.failureOption(exit.cause)
  if (failure._tag === "Some") {
    if (failure.value.gone) return ExitCode.success
    output.unsafeErr(`ktrdr: ${failure.value.message}\n`)
    return ExitCode.failure
  }
  return signal === undefined ? ExitCode.failure : ExitCode[signal]
}

const bug = (defect: unknown): string =>
  `ktrdr: this is a bug in ktrdr: ${messageOf(defect)}\nPlease report it with the command that you ran.\n`

const messageOf = (value: unknown): string =>
  (value instanceof Error ? `${value.name}: ${value.message}` : String(value)).split("\n")[0] ?? ""
