/** The JSON files of a model, written to be read by people too. */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { TrainingError } from "../TrainingError.js"

export const encoder = <A, I>(schema: Schema.Schema<A, I>): ((value: A) => string) => {
  const encode = Schema.encodeSync(Schema.parseJson(schema, { space: 2 }))
  return (value) => `${encode(value)}\n`
}

/** Text that is not `what` fails with `DamagedModel`, telling what is wrong first. */
export const decoder = <A, I>(
  schema: Schema.Schema<A, I>,
  what: string,
): ((text: string, place: string) => Either.Either<A, TrainingError>) => {
  const decode = Schema.decodeUnknownEither(Schema.parseJson(schema))
  return (text, place) =>
    Either.mapLeft(decode(text), (error) => {
      const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
      const path = issue?.path.join(".") ?? ""
      return damaged(place, what, `${path}${path === "" ? "" : ": "}${issue?.message ?? "something else"}`)
    })
}

/** Fails with `NewerVersion` where the text's `field` says so, whatever else it says. */
export const checkVersion = (
  text: string,
  field: string,
  newest: number,
  place: string,
): Either.Either<void, TrainingError> => {
  const written = Option.getOrUndefined(decodeRecord(text))?.[field]
  return typeof written === "number" && written > newest
    ? Either.left(newer(place, newest, written))
    : Either.void
}

export const newer = (place: string, newest: number, written: number): TrainingError =>
  new TrainingError({
    reason: "NewerVersion",
    place,
    expected: `version ${newest} or earlier`,
    found: `version ${written}`,
    advice: "Use the ktrdr that wrote it, or a later one",
  })

export const damaged = (place: string, expected: string, found: string): TrainingError =>
  new TrainingError({
    reason: "DamagedModel",
    place,
    expected,
    found,
    advice: "Use another version of the model, or train it again",
  })

// ---------------------------------------------------------------------------------------------------------

const decodeRecord = Schema.decodeUnknownOption(
  Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
)
