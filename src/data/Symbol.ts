/**
 * What is traded, by name. A symbol becomes part of a file name, so nothing but this module makes one.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { DataError } from "./DataError.js"

const pattern = /^[A-Z0-9][A-Z0-9._-]{0,19}$/

/** Upper case, 1 to 20 characters, begins with a letter or digit, then `A-Z 0-9 . - _`, never `..`. */
export const Symbol = Schema.String.pipe(
  Schema.filter((text) => pattern.test(text) && !text.includes(".."), {
    identifier: "Symbol",
    description:
      "a letter or digit, then letters, digits, '.', '-', '_' or '/', at most 20 characters, no '..'",
    message: (issue) => `expected a symbol such as AAPL, BRK.B or EUR/USD, found ${String(issue.actual)}`,
    arbitrary: () => (fc) => fc.stringMatching(/^[A-Z0-9]([._-]?[A-Z0-9]){0,7}$/),
  }),
  Schema.brand("ktrdr/Symbol"),
)
export type Symbol = typeof Symbol.Type

/** Reads what a user typed: trimmed, upper-cased, `/` turned into `.`. Anything else that does not fit is refused. */
export const parse = (text: string): Either.Either<Symbol, DataError> => {
  const normal = text.trim().toUpperCase().replaceAll("/", ".")
  return Schema.is(Symbol)(normal)
    ? Either.right(normal)
    : Either.left(
        new DataError({
          reason: "InvalidInput",
          place: "symbol",
          expected:
            "a letter or digit, then letters, digits, '.', '-', '_' or '/', at most 20 characters, no '..'",
          found: JSON.stringify(text.slice(0, 60)),
          advice: "Give a symbol such as AAPL, BRK.B or EUR/USD",
        }),
      )
}
