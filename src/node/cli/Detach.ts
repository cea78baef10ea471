/**
 * `--detach`: the same command line in a process of its own, which no terminal ends.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, unlinkSync } from "node:fs"
import { join, resolve } from "node:path"
import * as Clock from "effect/Clock"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Operation from "../../Operation.js"
import { OperationError } from "../../OperationError.js"
import { OperationStore } from "../../OperationStore.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as DetachWords from "./DetachWords.js"
import { Incomplete, UsageError } from "./Failure.js"
import * as OperationId from "./OperationId.js"
import * as Shell from "./Shell.js"

/** What starts this program: by default what started this process. */
export class Program extends Context.Reference<Program>()("ktrdr/node/cli/Detach/Program", {
  defaultValue: (): { readonly file: string; readonly args: ReadonlyArray<string> } => ({
    file: process.execPath,
    args: [...process.execArgv, process.argv[1] ?? ""],
  }),
}) {}

export interface Options {
  /** Of the operation that the command line starts. */
  readonly kind: string
  /** The words of the command line; `--detach` is left out of them. */
  readonly words: ReadonlyArray<string>
  /** What it reads on standard input; nothing by default. */
  readonly input?: string
  readonly json: boolean
}

/** A log is kept for so long after it was written last, in milliseconds. */
export const keptMillis = 7 * 24 * 3_600_000

/**
 * Starts the command line in the background and returns once its operation is recorded, whose id is printed: on
 * standard output alone, or as a JSON line. What it writes goes to a log of that name under the home. Where it
 * ends before, what it wrote is shown; that is a failure unless it succeeded in starting nothing.
 */
export const run = (
  options: Options,
): Effect.Effect<void, Incomplete | ConfigError | OperationError | Output.OutputError, Output.Output> =>
  Effect.gen(function* () {
    const home = resolve(yield* Main.home)
    const id = yield* Operation.makeId(options.kind)
    const folder = join(home, "logs")
    const log = join(folder, `${id}.log`)
    yield* Effect.try({
      try: () => mkdirSync(folder, { recursive: true }),
      catch: unwritable(folder),
    })
    yield* prune(folder)
    const child = yield* start(options, { home, id, log })
    const begun = yield* isRecorded(id).pipe(
      Effect.raceFirst(Effect.as(child.ended, false)),
      Effect.raceFirst(sayLong),
      Effect.flatMap((is) => (is ? Effect.succeed(true) : recordOf(id))),
      Effect.tapError(() => child.end),
      Effect.onInterrupt(() => Effect.zipRight(child.end, Output.note("Interrupted; nothing was started"))),
    )
    if (!begun) return yield* failed(log, yield* child.ended)
    yield* announce({ id, kind: options.kind, pid: child.pid, log }, options)
  }).pipe(Effect.provide(Main.layerRecords), Effect.scoped)

/** A command that loads series, and with which options. */
export interface Load {
  readonly path: ReadonlyArray<string>
  readonly kind: string
  /** A file of symbols that it was given, and the symbols that it loads then. */
  readonly symbols: string | undefined
  readonly listed: ReadonlyArray<string>
  readonly plan: boolean
  readonly json: boolean
}

/** `run` for the command that was typed. A file of symbols that can be read but once is not read again. */
export const load = ({
  json,
  kind,
  listed,
  path,
  plan,
  symbols,
}: Load): Effect.Effect<
  void,
  UsageError | Incomplete | ConfigError | OperationError | Output.OutputError,
  Output.Output
> =>
  Effect.gen(function* () {
    if (plan) return yield* new UsageError({ path, message: "--plan and --detach: expected one of the two" })
    const { words } = yield* Shell.CommandLine
    const isGone = symbols !== undefined && attempt(() => statSync(symbols).isFile()) !== true
    yield* run({ kind, words: isGone ? DetachWords.withSymbols(words, listed) : words, json })
  })

// ---------------------------------------------------------------------------------------------------------

const pollMillis = 50

/** What takes longer to start is said to. */
const longMillis = 2000

/** Of a log this much is shown, in characters. */
const mostShown = 4000

interface Child {
  readonly pid: number
  /** With its exit code. */
  readonly ended: Effect.Effect<number | null>
  /** Ends it, and waits until it has. */
  readonly end: Effect.Effect<void>
}

/** The process leads a session of its own: neither the terminal nor this process ends it. */
const start = (
  { input, words }: Options,
  { home, id, log }: { readonly home: string; readonly id: string; readonly log: string },
): Effect.Effect<Child, OperationError, Scope.Scope> =>
  Effect.gen(function* () {
    const { args, file } = yield* Program
    const descriptor = yield* Effect.acquireRelease(
      Effect.try({ try: () => openSync(log, "a"), catch: unwritable(log) }),
      (open) => Effect.sync(() => closeSync(open)),
    )
    const child = yield* Effect.async<ChildProcess, OperationError>((resume) => {
      const started = spawn(file, [...args, ...DetachWords.attached(words)], {
        detached: true,
        stdio: [input === undefined ? "ignore" : "pipe", descriptor, descriptor],
        env: { ...process.env, KTRDR_HOME: home, [OperationId.variable]: id },
      })
      started.once("spawn", () => resume(Effect.succeed(started)))
      started.once("error", (cause) => resume(Effect.fail(unstartable(file, cause))))
    })
    const ended = Effect.async<number | null>((resume) => {
      if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.succeed(child.exitCode))
      const onExit = (code: number | null) => resume(Effect.succeed(code))
      child.once("exit", onExit)
      return Effect.sync(() => child.off("exit", onExit))
    })
    child.stdin?.on("error", () => {})
    child.stdin?.end(input)
    child.unref()
    const end = Effect.zipRight(
      Effect.sync(() => void child.kill("SIGTERM")),
      Effect.asVoid(Effect.timeoutOption(ended, "5 seconds")),
    )
    return { pid: child.pid ?? 0, ended, end }
  })

const recordOf = (id: string): Effect.Effect<boolean, OperationError, OperationStore> =>
  Effect.flatMap(OperationStore, (store) => Effect.map(store.get(id), Option.isSome))

/** True, as soon as there is a record of the operation. */
const isRecorded = (id: string): Effect.Effect<boolean, OperationError, OperationStore> =>
  recordOf(id).pipe(Effect.zipLeft(Effect.sleep(pollMillis)), Effect.repeat({ until: (is) => is }))

const sayLong: Effect.Effect<never, never, Output.Output> = Effect.sleep(longMillis).pipe(
  Effect.zipRight(Output.note("Waiting for it to start")),
  Effect.zipRight(Effect.never),
)

const announce = (
  started: { readonly id: string; readonly kind: string; readonly pid: number; readonly log: string },
  { json }: Options,
) =>
  Effect.gen(function* () {
    const { id, log, pid } = started
    const command = yield* Shell.typed()
    yield* Output.line(json ? JSON.stringify(started) : id)
    yield* Output.note(
      [
        `Started in the background: process ${pid}, which writes to ${log}`,
        `Watch it with: ${command(["operations", "watch", id])}`,
        `  End it with: ${command(["operations", "cancel", id])}`,
      ].join("\n"),
    )
  })

/** Shows what the process wrote, which has ended without an operation. */
const failed = (log: string, code: number | null): Effect.Effect<void, Incomplete, Output.Output> =>
  Effect.gen(function* () {
    const text = yield* Effect.sync(() => attempt(() => readFileSync(log, "utf8")) ?? "")
    yield* Effect.sync(() => attempt(() => unlinkSync(log)))
    const said = text.slice(-mostShown).trim()
    yield* Output.note(
      said === "" ? `ktrdr: the process in the background ended with ${code ?? "a signal"}` : said,
    )
    if (code !== 0) return yield* new Incomplete()
  })

/** Removes the logs that were written last too long ago. */
const prune = (folder: string): Effect.Effect<void> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    for (const name of attempt(() => readdirSync(folder)) ?? []) {
      if (!/^op_[\w.-]+\.log$/.test(name)) continue
      const log = join(folder, name)
      attempt(() => {
        if (statSync(log).mtimeMs < now - keptMillis) unlinkSync(log)
      })
    }
  })

const attempt = <A>(look: () => A): A | undefined => {
  try {
    return look()
  } catch {
    return undefined
  }
}

const unwritable =
  (place: string) =>
  (cause: unknown): OperationError =>
    new OperationError({
      reason: "StoreUnwritable",
      place,
      expected: "a log to write",
      found: cause instanceof Error ? cause.message : String(cause),
      advice: "Check the disk and the permissions of the home, or start it without --detach",
      cause,
    })

const unstartable = (file: string, cause: unknown): OperationError =>
  new OperationError({
    reason: "OwnerLost",
    place: file,
    expected: "a process in the background to run it",
    found: cause instanceof Error ? cause.message : String(cause),
    advice: "Start it without --detach",
    cause,
  })
