/**
 * `--calendar FILE`: calendars of the user's for the length of a command.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as CalendarFile from "../../data/CalendarFile.js"
import * as Calendars from "../../data/Calendars.js"
import { DataError } from "../../data/DataError.js"
import type { TradingCalendar } from "../../data/TradingCalendar.js"

/** Runs a command with the calendars of a file before the built-in ones. */
export const using = <A, E, R>(
  file: string,
  command: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | DataError, R> =>
  Effect.flatMap(read(file), (calendars) => Calendars.add(calendars)(command))

/** Fails with `InvalidFile` when the file cannot be read or holds no calendars. */
export const read = (file: string): Effect.Effect<ReadonlyArray<TradingCalendar>, DataError> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { size, type } = yield* fs.stat(file)
    if (type !== "File") return yield* refused(file, type)
    if (size > CalendarFile.longest) return yield* refused(file, `${size} bytes`)
    return yield* CalendarFile.parse(file, yield* fs.readFileString(file))
  }).pipe(
    Effect.catchTags({
      SystemError: (cause) => refused(file, cause.reason, cause),
      BadArgument: (cause) => refused(file, cause.message, cause),
    }),
    Effect.provide(NodeFileSystem.layer),
  )

// ---------------------------------------------------------------------------------------------------------

const refused = (place: string, found: string, cause?: PlatformError): DataError =>
  new DataError({
    reason: "InvalidFile",
    place,
    expected: "a JSON file of calendars, of at most 1 MiB",
    found,
    advice: "Check the file's name and permissions",
    ...(cause === undefined ? {} : { cause }),
  })
