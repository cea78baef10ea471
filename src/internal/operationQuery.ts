import * as Effect from "effect/Effect"
import { OperationError } from "../OperationError.js"
import type { Query } from "../OperationStore.js"

export const defaultLimit = 100
export const maxLimit = 10_000

/** The part of a list that a query asks for. Fails with `InvalidQuery`. */
export const checkQuery = ({
  limit = defaultLimit,
  offset = 0,
}: Query): Effect.Effect<{ readonly limit: number; readonly offset: number }, OperationError> =>
  !Number.isInteger(limit) || limit < 1 || limit > maxLimit
    ? Effect.fail(invalid("limit", `a whole number from 1 to ${maxLimit}`, limit))
    : !Number.isSafeInteger(offset) || offset < 0
      ? Effect.fail(invalid("offset", "a whole number from 0 on", offset))
      : Effect.succeed({ limit, offset })

const invalid = (place: string, expected: string, found: number): OperationError =>
  new OperationError({ reason: "InvalidQuery", place, expected, found: String(found), advice: "Correct it" })
