/**
 * The fields that a strategy file is made of, each of which says what it takes.
 */
import * as Schema from "effect/Schema"

/** What strategies may be called: a name becomes that of a folder, and leads out of none. */
export const strategyNamePattern = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/

/** `a whole number from 2 to 1000` */
export const integer = (least: number, most: number): Schema.Schema<number> =>
  number(`a whole number from ${least} to ${most}`, (value) => Number.isInteger(value), least, most)

/** `a number from 0 to 1`, both included. */
export const between = (least: number, most: number): Schema.Schema<number> =>
  number(`a number from ${least} to ${most}`, () => true, least, most)

/** `a number above 0, at most 1` */
export const above = (bound: number, most: number): Schema.Schema<number> =>
  number(`a number above ${bound}, at most ${most}`, (value) => value > bound, bound, most)

/** `a number from 0, below 1` */
export const below = (least: number, bound: number): Schema.Schema<number> =>
  number(`a number from ${least}, below ${bound}`, (value) => value < bound, least, bound)

/** With a value where the file has none. */
export const withDefault = <A, I, R>(field: Schema.Schema<A, I, R>, value: () => NoInfer<A>) =>
  Schema.optionalWith(field, { exact: true, default: value })

/** Absent where the file has none. */
export const optional = <A, I, R>(field: Schema.Schema<A, I, R>) =>
  Schema.optionalWith(field, { exact: true })

/** Text of at most so many characters that `pattern` describes. */
export const text = (expected: string, pattern: RegExp): Schema.Schema<string> => {
  const message = () => `expected ${expected}`
  return Schema.String.annotations({ message }).pipe(
    Schema.filter((value) => pattern.test(value), { message }),
  )
}

// ---------------------------------------------------------------------------------------------------------

function number(
  expected: string,
  fits: (value: number) => boolean,
  least: number,
  most: number,
): Schema.Schema<number> {
  const message = () => `expected ${expected}`
  return Schema.Number.annotations({ message }).pipe(
    Schema.filter((value) => least <= value && value <= most && fits(value), { message }),
  )
}
