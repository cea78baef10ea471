/**
 * Files of symbols: one a line, or several with commas between them; blank lines and what follows a `#` say
 * nothing.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { DataError } from "../../data/DataError.js"
import * as Symbol from "../../data/Symbol.js"
import * as GivenFile from "../GivenFile.js"
import * as Output from "../Output.js"
import * as LoadText from "./LoadText.js"

/** A symbol, and where it was given: `symbols.txt line 3`. */
export interface Listed {
  readonly symbol: Symbol.Symbol
  readonly place: string
}

/** Ten thousand symbols are a tenth of it. */
const mostBytes = 1024 * 1024

/**
 * The symbols that were typed and those of the file, each once; that one was given more than once is noted.
 * Fails with `InvalidInput` when the file cannot be read, names no symbol, or has a line that is none.
 */
export const join = (
  typed: ReadonlyArray<Symbol.Symbol>,
  file: string | undefined,
): Effect.Effect<ReadonlyArray<Symbol.Symbol>, DataError, Output.Output> =>
  Effect.gen(function* () {
    const listed = file === undefined ? [] : yield* read(file)
    const places = new Map<Symbol.Symbol, string>()
    const again: Array<string> = []
    for (const { symbol, place } of [...typed.map((symbol) => ({ symbol, place: "typed" })), ...listed]) {
      if (places.has(symbol)) again.push(place === "typed" ? symbol : `${symbol} (${place})`)
      else places.set(symbol, place)
    }
    if (again.length > 0)
      yield* Output.note(`note: given more than once, loaded once: ${LoadText.shorten(again)}`)
    return [...places.keys()]
  })

/** Reads a file of at most 1 MiB. */
export const read = (file: string): Effect.Effect<ReadonlyArray<Listed>, DataError> =>
  Effect.gen(function* () {
    const bytes = yield* Stream.runFold(
      Stream.mapError(GivenFile.bytes(file, mostBytes + 1), unreadable(file)),
      new Uint8Array(0),
      append,
    )
    if (bytes.length > mostBytes) return yield* refused(file, `a file of symbols of at most 1 MiB`, "more")
    const text = decode(bytes)
    return text === undefined
      ? yield* refused(file, "text in UTF-8", "something else, such as a binary file")
      : yield* parse(file, text)
  }).pipe(Effect.provide(NodeFileSystem.layer))

/** The symbols of a file's text, in its order, as often as it names them. */
export const parse = (file: string, text: string): Either.Either<ReadonlyArray<Listed>, DataError> =>
  Either.gen(function* () {
    const found: Array<Listed> = []
    for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
      const place = `${file} line ${index + 1}`
      for (const word of line.replace(/#.*/, "").split(",")) {
        if (word.trim() === "") continue
        const symbol = yield* Either.mapLeft(
          Symbol.parse(word.trim()),
          ({ expected, found, advice }) =>
            new DataError({ reason: "InvalidInput", place, expected, found, advice }),
        )
        found.push({ symbol, place })
      }
    }
    return found.length > 0 ? found : yield* Either.left(refused(file, "at least one symbol", "none"))
  })

// ---------------------------------------------------------------------------------------------------------

const append = (all: Uint8Array, piece: Uint8Array): Uint8Array => {
  const longer = new Uint8Array(all.length + piece.length)
  longer.set(all)
  longer.set(piece, all.length)
  return longer
}

/** Without the mark that some editors put before it; undefined where the bytes are no text. */
const decode = (bytes: Uint8Array): string | undefined => {
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const refused = (file: string, expected: string, found: string): DataError =>
  new DataError({
    reason: "InvalidInput",
    place: file,
    expected,
    found,
    advice: "Give a text file with one symbol a line",
  })

const unreadable = (file: string) => GivenFile.fault("InvalidInput", file, "a file of symbols to read")
