/**
 * Which of the bars that could be loaded a load goes for.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { DataError } from "./DataError.js"
import * as TimeRange from "./TimeRange.js"

/**
 * - `local`: nothing is fetched; what the store has
 * - `tail`: what is newer than the last stored bar, up to now; 30 days back when there is none
 * - `backfill`: from the source's head timestamp (or the given start) to the first stored bar
 * - `full`: every bar the calendar expects and the store lacks
 *
 * All that fetch repair holes between the bars they join as well, so that one that was interrupted goes on
 * where it stopped, in whatever order its segments came.
 */
export const LoadMode = Schema.Literal("local", "tail", "backfill", "full").annotations({
  identifier: "LoadMode",
})
export type LoadMode = typeof LoadMode.Type

/** Reads what a user typed. */
export const parse = (text: string): Either.Either<LoadMode, DataError> =>
  Schema.is(LoadMode)(text)
    ? Either.right(text)
    : Either.left(
        new DataError({
          reason: "InvalidInput",
          place: "mode",
          expected: `one of ${LoadMode.literals.join(" ")}`,
          found: JSON.stringify(text.slice(0, 60)),
          advice: "Choose a mode from the list",
        }),
      )

/** What decides how far a load reaches; instants in epoch milliseconds, `end` and `upTo` exclusive. */
export interface Bounds {
  readonly mode: LoadMode
  /** What the caller gave. */
  readonly start: number | undefined
  readonly end: number | undefined
  /** Starts of the first bar and of the last bar that the source can have, where it says. */
  readonly head: number | undefined
  readonly last: number | undefined
  /** Starts of the first and last stored bar. */
  readonly first: number | undefined
  readonly newest: number | undefined
  /** Bars that start at or after this instant are not over yet. */
  readonly upTo: number
}

export interface Reach {
  /** The span whose bars the load answers for; empty when there is nothing to go for. */
  readonly range: TimeRange.TimeRange
  readonly warnings: ReadonlyArray<string>
}

/** How far back `tail` goes when the store has nothing. */
const tailMillis = 30 * 24 * 3600 * 1000

/**
 * The span a load goes for. An end in the future is moved to now, a start before the head timestamp to the
 * head, with a warning; a start in the future has one, too. Fails when the end is not after the start, or when nothing says where to begin.
 */
export const reach = (bounds: Bounds): Either.Either<Reach, DataError> => {
  const { mode, start, end, head, last, first, newest } = bounds
  if (start !== undefined && end !== undefined && end <= start) return Either.left(notAfter(start, end))
  const warnings: Array<string> = []
  const upper = Math.min(
    end ?? bounds.upTo,
    bounds.upTo,
    last === undefined ? Number.POSITIVE_INFINITY : last + 1,
  )
  const early = start !== undefined && head !== undefined && start < head
  if (early) {
    warnings.push(
      `start ${TimeRange.formatInstant(start)} is before the source's first bar: moved to ${TimeRange.formatInstant(head)}`,
    )
  }
  const given = early ? head : start
  if (given !== undefined && given >= upper) {
    warnings.push(
      `start ${TimeRange.formatInstant(given)} is behind the last bar that there can be now: nothing is expected`,
    )
  }
  const span = (from: number | undefined, to: number): Either.Either<Reach, DataError> =>
    from === undefined
      ? Either.left(noStart(mode))
      : Either.right({ range: TimeRange.make(from, Math.max(from, to)), warnings })
  switch (mode) {
    case "local":
      return span(given ?? first ?? upper, upper)
    case "full":
      return span(given ?? head ?? first, upper)
    case "backfill":
      return span(given ?? head, newest === undefined ? upper : Math.min(upper, newest))
    case "tail": {
      const month = Math.max(upper - tailMillis, head ?? Number.NEGATIVE_INFINITY)
      return span(given ?? Math.min(first ?? month, month), upper)
    }
  }
}

const notAfter = (start: number, end: number): DataError =>
  new DataError({
    reason: "InvalidInput",
    place: "range",
    expected: `an end after the start ${TimeRange.formatInstant(start)}`,
    found: TimeRange.formatInstant(end),
    advice: "Give an end that is later than the start",
  })

const noStart = (mode: LoadMode): DataError =>
  new DataError({
    reason: "InvalidInput",
    place: "range",
    expected: `a start, since the source does not say where its bars begin (mode ${mode})`,
    found: "none",
    advice: "Give --start",
  })
