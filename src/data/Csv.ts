/**
 * Bars as comma-separated text: `timestamp,open,high,low,close,volume`.
 *
 * Read are any order of columns and further columns beside them, a time column named timestamp, datetime,
 * date, time or nothing at all, quoted fields, semicolons or tabs in place of commas where the head has them,
 * either line end, a byte order mark, rows in any order. An empty volume, or -1, is unknown. A number may group
 * its thousands by commas (`Numbers`), never have a comma for its decimals.
 *
 * Stamps have one form throughout: a date, ISO (`T` or a blank between date and time) with an offset of each
 * row's own or without any, or epoch seconds, milliseconds, microseconds or nanoseconds, told apart by their
 * size (`Epoch`). Those without an offset are of the `timeZone`, of UTC without one; a date alone is 00:00 UTC
 * of that date in any zone.
 *
 * Nothing is invented: what is missing or does not fit is an error with its line and column.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { turn } from "../internal/breathe.js"
import type { Candles } from "./Candle.js"
import * as Candle from "./Candle.js"
import type { Steps } from "./CandleFile/Arrange.js"
import * as Fields from "./Csv/Fields.js"
import * as Head from "./Csv/Head.js"
import * as Rows from "./Csv/Rows.js"
import type { DataError } from "./DataError.js"
import * as TimeRange from "./TimeRange.js"

/** The head of every file that is written. */
export const head = "timestamp,open,high,low,close,volume"

/** Reads text that comes piece by piece; pieces may break anywhere. */
export interface Decoder {
  /** Takes the next piece. False once the text cannot be read any more: `finish` then says why. */
  readonly push: (text: string) => boolean
  /** The bars of all pieces, sorted, each start once; or the first fault. */
  readonly finish: () => Either.Either<Candles, DataError>
  /** `finish` in steps of a few milliseconds, for a caller that must stay responsive. */
  readonly steps: () => Steps<Either.Either<Candles, DataError>>
}

/**
 * A decoder for the text called `place` (a file's name). A piece of 64 KB takes about three milliseconds, so a
 * caller that must stay responsive pushes pieces of that size and lets the event loop run between them.
 */
export const decoder = (place: string, options: Rows.Options = {}): Decoder => {
  let pending = ""
  let line = 0
  let rows: Rows.Rows | undefined
  let delimiter: Fields.Delimiter | undefined
  let fault: DataError | undefined

  const take = (text: string): DataError | undefined => {
    const at = line + 1
    line += text.includes('"') ? text.split("\n").length : 1
    const content = text.endsWith("\r") ? text.slice(0, -1) : text
    if (rows !== undefined) return content.trim() === "" ? undefined : rows.add(content, at)
    if (content.trim() === "") return undefined
    const found = Head.parse(place, at, content)
    if (Either.isLeft(found)) return found.left
    rows = Rows.make(place, found.right, options)
    delimiter = found.right.delimiter
    return undefined
  }

  const push = (text: string): boolean => {
    const whole = line === 0 && pending === "" ? text.replace(/^\uFEFF/, "") : pending + text
    const isPlain = !whole.includes('"')
    let from = 0
    while (fault === undefined) {
      const end =
        isPlain || delimiter === undefined
          ? whole.indexOf("\n", from)
          : Fields.lineEnd(whole, from, delimiter)
      if (end < 0) break
      fault = take(whole.slice(from, end))
      from = end + 1
    }
    pending = whole.slice(from)
    if (fault === undefined && pending.length > longestLine) fault = Head.endless(place, line + 1)
    return fault === undefined
  }

  function* steps(): Steps<Either.Either<Candles, DataError>> {
    if (fault === undefined && pending !== "") fault = take(pending)
    pending = ""
    if (fault !== undefined) return Either.left(fault)
    return rows === undefined ? Either.left(Head.missing(place)) : yield* rows.finish()
  }

  const finish = (): Either.Either<Candles, DataError> => {
    const work = steps()
    let step = work.next()
    while (step.done !== true) step = work.next()
    return step.value
  }

  return { push, finish, steps }
}

/** Reads a whole text at once: for texts of up to some hundred kilobytes, see `decoder` and `fromStream`. */
export const parse = (
  place: string,
  text: string,
  options?: Rows.Options,
): Either.Either<Candles, DataError> => {
  const decoding = decoder(place, options)
  decoding.push(text)
  return decoding.finish()
}

/** Reads a text of any length, letting the event loop run every 64 KB. */
export const fromStream = <E, R>(
  place: string,
  text: Stream.Stream<string, E, R>,
  options?: Rows.Options,
): Effect.Effect<Candles, E | DataError, R> =>
  Effect.gen(function* () {
    const decoding = decoder(place, options)
    yield* text.pipe(
      Stream.flatMap((piece) => Stream.fromIterable(pieces(piece))),
      Stream.mapEffect((piece) => Effect.as(turn, piece)),
      Stream.takeWhile(decoding.push),
      Stream.runDrain,
    )
    const work = decoding.steps()
    let step = work.next()
    while (step.done !== true) {
      yield* turn
      step = work.next()
    }
    return yield* step.value
  })

/**
 * The text of bars, in chunks of 1,024 rows, after the head: stamps in ISO with `Z`, numbers in
 * their shortest form, an unknown volume empty.
 */
export function* format(candles: Candles): Iterable<string> {
  yield `${head}\n`
  const { start, open, high, low, close, volume } = candles
  for (let from = 0; from < Candle.size(candles); from += chunkRows) {
    const to = Math.min(from + chunkRows, Candle.size(candles))
    let text = ""
    for (let i = from; i < to; i++) {
      const known = Number.isNaN(volume[i]!) ? "" : volume[i]!
      text += `${TimeRange.formatInstant(start[i]!)},${open[i]!},${high[i]!},${low[i]!},${close[i]!},${known}\n`
    }
    yield text
  }
}

// -----------------------------------------------------------------------------

const chunkRows = 1024
const pieceLength = 65_536
const longestLine = 1_048_576

const pieces = function* (text: string): Iterable<string> {
  for (let from = 0; from < text.length; from += pieceLength) yield text.slice(from, from + pieceLength)
}
