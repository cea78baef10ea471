/**
 * Operations by what a user types of their ids: all of one, its beginning, or its end.
 */
import * as Effect from "effect/Effect"
import { nearest } from "../../internal/nearest.js"
import { OperationError } from "../../OperationError.js"
import type { OperationRecord, Summary } from "../../OperationRecord.js"
import type * as OperationStore from "../../OperationStore.js"
import { Operations } from "../../Operations.js"
import * as LoadText from "./LoadText.js"

/** The operation of this id, or the only one whose id begins or ends so. */
export const find = (given: string): Effect.Effect<OperationRecord, OperationError, Operations> =>
  Effect.flatMap(Operations, (operations) =>
    Effect.catchIf(
      operations.get(given),
      (error) => error.reason === "UnknownId",
      () =>
        Effect.gen(function* () {
          const ids = Array.from(yield* all(), ({ id }) => id)
          const fitting = ids.filter((id) => id.startsWith(given) || id.endsWith(given))
          if (fitting.length > 1) return yield* ambiguous(given, fitting)
          return fitting[0] === undefined ? yield* unknown(given, ids) : yield* operations.get(fitting[0])
        }),
    ),
  )

/** Every operation that fits and was created at `since` or later, newest first, however many pages that takes. */
export const all = (
  query: Omit<OperationStore.Query, "limit" | "offset"> = {},
  since = Number.NEGATIVE_INFINITY,
): Effect.Effect<ReadonlyArray<Summary>, OperationError, Operations> =>
  Effect.gen(function* () {
    const operations = yield* Operations
    const found = new Map<string, Summary>()
    for (let offset = 0; ; offset += page) {
      const part = yield* operations.list({ ...query, limit: page, offset })
      for (const one of part.operations) if (one.created >= since) found.set(one.id, one)
      const oldest = part.operations.at(-1)?.created ?? since
      if (offset + page >= part.total || oldest < since) return [...found.values()]
    }
  })

// ---------------------------------------------------------------------------------------------------------

const page = 500

const expected = "the id of an operation, or enough of its beginning or end"

const ambiguous = (given: string, fitting: ReadonlyArray<string>): OperationError =>
  new OperationError({
    reason: "InvalidQuery",
    place: "operation id",
    expected,
    found: `${JSON.stringify(given.slice(0, 60))}, which fits ${LoadText.shorten(fitting)}`,
    advice: "Give more of it",
  })

const unknown = (given: string, ids: ReadonlyArray<string>): OperationError => {
  const newest = ids.slice(0, compared)
  const byEnd = new Map(newest.map((id) => [id.slice(-hexDigits), id]))
  const meant =
    given.length > hexDigits ? nearest(given, newest) : byEnd.get(nearest(given, byEnd.keys()) ?? "")
  return new OperationError({
    reason: "UnknownId",
    place: "operation id",
    expected,
    found: JSON.stringify(given.slice(0, 60)),
    advice:
      ids.length === 0
        ? "No operation is recorded here: start one, or name its home by KTRDR_HOME"
        : meant === undefined
          ? `The latest: ${newest.slice(0, 3).join(", ")}`
          : `Did you mean ${meant}`,
  })
}

/** So many of the newest ids are compared with one that is unknown. */
const compared = 500

/** Of the end of an id. */
const hexDigits = 8
