/**
 * Where the command writes: results to standard output, everything else to standard error.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { printable } from "../internal/printable.js"

/** Standard output takes no more: `gone` when its reader has left (a pipe into `head`). */
export class OutputError extends Data.TaggedError("OutputError")<{
  readonly gone: boolean
  readonly message: string
}> {}

/** Lines at the foot of the terminal that stay below whatever is written. */
export interface Pinned {
  readonly hide: () => void
  readonly show: () => void
}

/** A stream that may be a terminal, of a size that may change. */
export type Drawable = NodeJS.WritableStream & {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** What can be drawn on standard output. */
export interface Screen {
  readonly isTerminal: boolean
  /** Its size now; 80 by 24 where it is a pipe or a file. */
  readonly columns: number
  readonly rows: number
  /** A terminal, without `NO_COLOR`, whose `TERM` is not `dumb`. */
  readonly hasColor: boolean
  /** Shows block and braille characters: the locale (`LC_ALL`, `LC_CTYPE`, `LANG`, the first that is set) is UTF-8. */
  readonly hasUnicode: boolean
}

export interface Service {
  /** Standard output as something to draw on. */
  readonly screen: () => Screen
  /** Writes to standard output as it is; returns once it is taken. */
  readonly out: (text: string) => Effect.Effect<void, OutputError>
  /**
   * Writes to standard error, whole lines, above what is pinned; a reader that has left is no error. Control
   * characters become blanks: what files and hosts are called or say moves no cursor.
   */
  readonly err: (text: string) => Effect.Effect<void>
  /** `err` for callbacks. */
  readonly unsafeErr: (text: string) => void
  /** The same for text whose control characters are all its own: colours. */
  readonly unsafeStyled: (text: string) => void
  /** Standard error itself, for what is drawn on it. */
  readonly stream: Drawable
  /** Standard error is a terminal whose lines can be drawn anew: not one whose `TERM` is `dumb`. */
  readonly isTerminal: boolean
  /** Standard error shows what the screen does, too. */
  readonly hasUnicode: boolean
  /** Standard error shows colour: a terminal, without `NO_COLOR`. */
  readonly hasColor: boolean
  /** Replaces what is pinned. */
  readonly pin: (pinned: Pinned | undefined) => void
}

export class Output extends Context.Tag("ktrdr/node/Output")<Output, Service>() {}

export const hideCursor = "\u001b[?25l"
export const showCursor = "\u001b[?25h"

/** A line to standard output. */
export const line = (text: string): Effect.Effect<void, OutputError, Output> =>
  Effect.flatMap(Output, (output) => output.out(`${text}\n`))

/** A line to standard error. */
export const note = (text: string): Effect.Effect<void, never, Output> =>
  Effect.flatMap(Output, (output) => output.err(`${text}\n`))

/** Standard output and standard error of this process. */
export const make = (stdout: Drawable, stderr: Drawable, environment: Environment): Service => {
  let pinned: Pinned | undefined
  const around = (write: () => void): void => {
    pinned?.hide()
    write()
    pinned?.show()
  }
  stdout.on("error", () => {})
  stderr.on("error", () => {})
  const unsafeStyled = (text: string): void => around(() => void stderr.write(text))
  const unsafeErr = (text: string): void => unsafeStyled(text.split("\n").map(printable).join("\n"))
  return {
    screen: () => ({
      isTerminal: stdout.isTTY === true,
      columns: stdout.columns || 80,
      rows: stdout.rows || 24,
      hasColor: stdout.isTTY === true && allowsColor(environment),
      hasUnicode: allowsUnicode(environment),
    }),
    out: (text) =>
      Effect.async<void, OutputError>((resume) => {
        around(() => stdout.write(text, (error) => resume(error ? Effect.fail(closed(error)) : Effect.void)))
      }),
    err: (text) => Effect.sync(() => unsafeErr(text)),
    unsafeErr,
    unsafeStyled,
    stream: stderr,
    isTerminal: stderr.isTTY === true && environment["TERM"] !== "dumb",
    hasUnicode: allowsUnicode(environment),
    hasColor: stderr.isTTY === true && allowsColor(environment),
    pin: (next) => {
      pinned = next
    },
  }
}

// ---------------------------------------------------------------------------------------------------------

type Environment = Readonly<Record<string, string | undefined>>

const allowsColor = (environment: Environment): boolean =>
  (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb"

/** A locale that is not said is the `C` locale; Windows Terminal says none and shows everything. */
const allowsUnicode = (environment: Environment): boolean => {
  const locale = environment["LC_ALL"] || environment["LC_CTYPE"] || environment["LANG"] || ""
  return /utf-?8/i.test(locale) || (environment["WT_SESSION"] ?? "") !== ""
}

const closed = (error: Error & { readonly code?: string }): OutputError =>
  new OutputError({
    gone: error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED",
    message: `standard output: expected to write, found ${error.message}. Check the disk or the pipe.`,
  })
