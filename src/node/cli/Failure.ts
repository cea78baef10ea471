/**
 * How a command fails, and what the process says and exits with then.
 */
import * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { DataError } from "../../data/DataError.js"
import type { HostError } from "../../HostError.js"
import type { OperationError } from "../../OperationError.js"
import type { TrainingError } from "../../training/TrainingError.js"
import type { Cancelled } from "../Loading.js"
import type { Output, OutputError } from "../Output.js"
import { ExitCode } from "../RunMain.js"

/** The command line cannot be understood; `path` holds the words of the command, as far as they do. */
export class UsageError extends Data.TaggedError("UsageError")<{
  readonly path: ReadonlyArray<string>
  readonly message: string
}> {}

/** The command did not do all that it was asked to, and has said so already. */
export class Incomplete extends Data.TaggedError("Incomplete") {}

export type Failure =
  | UsageError
  | Incomplete
  | Cancelled
  | DataError
  | HostError
  | OperationError
  | TrainingError
  | ConfigError.ConfigError

/** What a command is. */
export type Program = Effect.Effect<void, Failure | OutputError, Output>

/** What a user gave that does not fit is a matter of usage, wherever it is found out. */
export const exitCode = (failure: Failure): number =>
  failure._tag === "Cancelled" ? ExitCode.SIGINT : isOfUsage(failure) ? ExitCode.usage : ExitCode.failure

/** The one message; none for what was said already. */
export const message = (failure: Failure): string | undefined => {
  switch (failure._tag) {
    case "Incomplete":
    case "Cancelled":
      return undefined
    case "UsageError":
    case "DataError":
    case "HostError":
    case "OperationError":
    case "TrainingError":
      return failure.message
    default:
      return settings(failure)
        .map(({ path, message }) => `${path.join("_")}: ${message}. Correct this setting, or leave it out.`)
        .join(" ")
  }
}

// ---------------------------------------------------------------------------------------------------------

const isOfUsage = (failure: Exclude<Failure, Cancelled>): boolean => {
  switch (failure._tag) {
    case "Incomplete":
      return false
    case "DataError":
    case "TrainingError":
      return failure.reason === "InvalidInput"
    case "HostError":
      return failure.reason === "InvalidConfig"
    case "OperationError":
      return usageReasons.has(failure.reason)
    default:
      return true
  }
}

const usageReasons: ReadonlySet<OperationError["reason"]> = new Set([
  "UnknownKind",
  "InvalidPayload",
  "InvalidQuery",
])

/** The settings that do not fit, of all that were read at once. */
const settings = (error: ConfigError.ConfigError): ReadonlyArray<Setting> =>
  ConfigError.isAnd(error) || ConfigError.isOr(error)
    ? [...settings(error.left), ...settings(error.right)]
    : [error]

type Setting = Exclude<ConfigError.ConfigError, ConfigError.And | ConfigError.Or>
