/**
 * JSON at the edge: bodies encoded by their schema, answers decoded by theirs.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import type { Details, HostError } from "../HostError.js"
import type { Answer } from "./hostCall.js"
import * as HostFailure from "./hostFailure.js"
import { hider } from "./hostSecrets.js"

type Fail = (details: Details) => HostError

/** The body as it is sent. Fails with `InvalidRequest`. */
export const encode = <A, I, R>(
  body: A | undefined,
  schema: Schema.Schema<A, I, R> | undefined,
  fail: Fail,
): Effect.Effect<unknown, HostError, R> =>
  schema === undefined
    ? Effect.succeed(body)
    : Effect.mapError(ParseResult.encodeUnknown(schema)(body), (issue) =>
        fail({ ...HostFailure.unsendable(describe(issue), issue), attempts: 0 }),
      )

/** What an answer holds. Fails with `Malformed`, naming the first place that does not fit. */
export const decode = <A, I, R>(schema: Schema.Schema<A, I, R>) => {
  const parse = ParseResult.decodeUnknown(schema)
  return (answer: Answer<string>, fail: Fail): Effect.Effect<A, HostError, R> => {
    /** A cause quotes the answer, and is left out if that has a secret. */
    const misfit = (expected: string, found: string, cause: unknown) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const hide = hider(answer.target.config)
        const shown = hide(answer.body) === answer.body ? cause : undefined
        const failure = HostFailure.malformed(expected, hide(found), shown)
        const error = fail({ ...failure, attempts: answer.attempts })
        answer.target.metrics.failure(error, now)
        return Effect.fail(error)
      })
    const json = parseJson(answer.body)
    return Either.isLeft(json)
      ? misfit("JSON", answer.body, json.left)
      : Effect.catchAll(parse(json.right), (issue) =>
          misfit("an answer of the agreed form", describe(issue), issue),
        )
  }
}

/** The JSON of a text, `null` for none. */
export const parseJson = (text: string): Either.Either<unknown, unknown> => {
  try {
    return Either.right(text === "" ? null : JSON.parse(text))
  } catch (cause) {
    return Either.left(cause)
  }
}

// -----------------------------------------------------------------------------

const describe = (issue: ParseResult.ParseIssue): string => {
  const first = ParseResult.ArrayFormatter.formatIssueSync(issue)[0]
  return first === undefined ? "a misfit" : [first.path.join("."), first.message].filter(Boolean).join(": ")
}
