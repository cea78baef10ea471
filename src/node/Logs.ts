/**
 * What becomes of log lines: messages of a command, or the log of a service. All go to standard error.
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as List from "effect/List"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import pico from "picocolors"
import { printable } from "../internal/printable.js"
import * as Output from "./Output.js"

const levels: Readonly<Record<string, LogLevel.LogLevel>> = {
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warning: LogLevel.Warning,
  error: LogLevel.Error,
  none: LogLevel.None,
}

/** From which level on lines are written: `KTRDR_LOG_LEVEL`. */
export const level: Config.Config<Option.Option<LogLevel.LogLevel>> = Config.string("KTRDR_LOG_LEVEL").pipe(
  Config.withDefault(""),
  Config.mapOrFail((name) => {
    const known = Option.fromNullable(levels[name])
    return name !== "" && Option.isNone(known)
      ? Either.left(ConfigError.InvalidData(["KTRDR_LOG_LEVEL"], expectedLevel(name)))
      : Either.right(known)
  }),
  Config.withDescription("From which level on log lines are written: debug, info, warning, error or none"),
)

/** Writes from the level on that is configured, if one is. */
export const layerLevel: Layer.Layer<never, ConfigError.ConfigError> = Layer.unwrapEffect(
  Effect.map(level, Option.match({ onNone: () => Layer.empty, onSome: Logger.minimumLogLevel })),
)

/** Log lines from `Warning` on as messages of a command: `warning: what happened`. */
export const layerMessages: Layer.Layer<never, never, Output.Output> = Layer.merge(
  layerOf((output) => messages(output)),
  Logger.minimumLogLevel(LogLevel.Warning),
)

/**
 * Log lines as those of a service, from the configured level on, `Info` where none is: on a terminal with time,
 * level, message, annotations and spans in one line, elsewhere a JSON object a line with `timestamp`, `level`,
 * `message`, `annotations`, `spans` (milliseconds each) and `cause`, what does not apply left out. Where a cause
 * came from (its stack) is told from `debug` on only.
 */
export const layerService: Layer.Layer<never, ConfigError.ConfigError, Output.Output> = Layer.merge(
  layerOf((output) => (output.isTerminal ? pretty(output) : json(output))),
  Layer.unwrapEffect(
    Effect.map(level, (given) => Logger.minimumLogLevel(Option.getOrElse(given, () => LogLevel.Info))),
  ),
)

// ---------------------------------------------------------------------------------------------------------

type Line = Logger.Logger.Options<unknown>

/** The loggers made here: at most one of them is at work. */
const ours = new WeakSet<Logger.Logger<unknown, unknown>>()

/** Logs to the logger that `make` makes, in place of Effect's own and of another one of this module. */
function layerOf(
  make: (output: Output.Service) => Logger.Logger<unknown, unknown>,
): Layer.Layer<never, never, Output.Output> {
  return Layer.scopedDiscard(
    Effect.flatMap(Output.Output, (output) => {
      const logger = make(output)
      ours.add(logger)
      return Effect.locallyScopedWith(FiberRef.currentLoggers, (loggers) =>
        HashSet.add(
          HashSet.filter(loggers, (one) => one !== Logger.defaultLogger && !ours.has(one)),
          logger,
        ),
      )
    }),
  )
}

const messages = (output: Output.Service) =>
  Logger.make((line) => {
    const why = Cause.isEmpty(line.cause) ? [] : [messageOf(Cause.squash(line.cause))]
    output.unsafeErr(`${[line.logLevel._tag.toLowerCase(), ...partsOf(line), ...why].join(": ")}\n`)
  })

const json = (output: Output.Service) =>
  Logger.make((line) => {
    const annotations = annotationsOf(line).map(([key, value]) => [key, plain(value)] as const)
    const spans = spansOf(line)
    const entry = {
      timestamp: line.date.toISOString(),
      level: line.logLevel.label,
      message: partsOf(line).join(" "),
      ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
      ...(spans.length === 0 ? {} : { spans: Object.fromEntries(spans) }),
      ...(Cause.isEmpty(line.cause) ? {} : { cause: causeOf(line.cause) }),
      ...(hasStack(line) ? { stack: stackOf(line) } : {}),
    }
    output.unsafeErr(`${JSON.stringify(entry)}\n`)
  })

const pretty = (output: Output.Service) => {
  const colors = pico.createColors(output.hasColor)
  const colorOf = (level: LogLevel.LogLevel) =>
    LogLevel.greaterThanEqual(level, LogLevel.Error)
      ? colors.red
      : LogLevel.greaterThanEqual(level, LogLevel.Warning)
        ? colors.yellow
        : LogLevel.greaterThanEqual(level, LogLevel.Info)
          ? colors.green
          : colors.dim
  return Logger.make((line) => {
    const facts = [
      ...annotationsOf(line).map(([key, value]) => `${key}=${word(value)}`),
      ...spansOf(line).map(([label, millis]) => `${label}=${millis}ms`),
    ]
    const text = [
      colors.dim(line.date.toISOString().slice(11, 23)),
      colorOf(line.logLevel)(line.logLevel.label.padEnd(5)),
      printable(partsOf(line).join(" ")),
      ...(facts.length === 0 ? [] : [colors.dim(printable(facts.join(" ")))]),
      ...(Cause.isEmpty(line.cause) ? [] : [printable(causeOf(line.cause))]),
    ].join(" ")
    const stack = hasStack(line) ? stackOf(line).split("\n").map(printable) : []
    output.unsafeStyled(`${[text, ...stack].join("\n")}\n`)
  })
}

const partsOf = ({ message }: Line): ReadonlyArray<string> =>
  (Array.isArray(message) ? message : [message]).map(messageOf)

const annotationsOf = ({ annotations }: Line): ReadonlyArray<readonly [string, unknown]> =>
  HashMap.toEntries(annotations)

const spansOf = ({ date, spans }: Line): ReadonlyArray<readonly [string, number]> =>
  List.toArray(spans).map(({ label, startTime }) => [label, date.getTime() - startTime])

/** An error by its name and what it says; a secret as that it is one. */
const text = (value: unknown): string =>
  value instanceof Error
    ? `${value.name}: ${value.message}`
    : Redacted.isRedacted(value)
      ? String(value)
      : Inspectable.toStringUnknown(value, 0)

const messageOf = (value: unknown): string => text(value).split("\n")[0] ?? ""

const causeOf = (cause: Cause.Cause<unknown>): string =>
  Cause.isInterruptedOnly(cause) ? "interrupted" : Cause.prettyErrors(cause).map(messageOf).join("; ")

const hasStack = ({ cause, context }: Line): boolean =>
  !Cause.isEmpty(cause) &&
  LogLevel.lessThanEqual(FiberRefs.getOrDefault(context, FiberRef.currentMinimumLogLevel), LogLevel.Debug)

const stackOf = ({ cause }: Line): string => Cause.pretty(cause, { renderErrorCause: true })

const plain = (value: unknown): unknown =>
  typeof value === "number" || typeof value === "boolean" || value === null ? value : text(value)

const word = (value: unknown): string => {
  const written = text(value)
  return /^[^\s"=]+$/.test(written) ? written : JSON.stringify(written)
}

const expectedLevel = (found: string): string =>
  `Expected one of ${Object.keys(levels).join(" ")}, found ${JSON.stringify(found.slice(0, 60))}`
