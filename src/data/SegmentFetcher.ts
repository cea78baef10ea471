/**
 * Fetches the segments of a plan, several at once, each durable before progress counts it.
 */

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { forEachAtOnce } from "../internal/forEachAtOnce.js"
import type { Permits } from "../internal/Permits.js"
import * as Pacing from "../Pacing.js"
import * as Progress from "../Progress.js"
import { count, plural } from "../ProgressRenderer.js"
import { type Candles, lowerBound, size } from "./Candle.js"
import type { Listing, Service as Source } from "./CandleSource.js"
import type { Writer } from "./CandleStore.js"
import { noDataWithin } from "./Coverage.js"
import { DataError, isTransient } from "./DataError.js"
import { segmentUnit } from "./DataProgress.js"
import type { LoadPlan } from "./LoadPlan.js"
import type { GivenUp } from "./LoadReport.js"
import type { Segment } from "./Segment.js"
import * as Series from "./Series.js"
import * as TimeRange from "./TimeRange.js"

export interface Options {
  readonly source: Source
  /** A permit for each fetch that the source is good for at once, shared by all loads from it. */
  readonly requests: Permits
  readonly writer: Writer
  readonly series: Series.Series
  readonly listing: Listing
  readonly plan: LoadPlan
  /** Sorted starts of the bars that were stored before. */
  readonly stored: Float64Array
  /** Counted on, for a load whose writer was lost and that goes on with another. */
  readonly tally: Tally
}

/** What a load has settled and kept so far. */
export interface Tally {
  segments: number
  /** Segments whose bars came in. */
  fetched: number
  bars: number
}

export const tally = (): Tally => ({ segments: 0, fetched: 0, bars: 0 })

export interface Outcome {
  /** Bars that came in and are durable. */
  readonly fetched: number
  readonly refused: ReadonlyArray<TimeRange.TimeRange>
  readonly failed: ReadonlyArray<TimeRange.TimeRange>
  readonly givenUp: ReadonlyArray<GivenUp>
  readonly warnings: ReadonlyArray<string>
}

export const nothing: Outcome = { fetched: 0, refused: [], failed: [], givenUp: [], warnings: [] }

/** Tries of one segment, on top of those that the source's own client makes of one request. */
const tries = 3

/** Answers that may wait for the store while others are fetched, for each request at once. */
const inStore = 3

/** After this many segments in a row found the source unreachable, the rest is left for another time. */
const patience = 3

/**
 * Runs the plan's segments in their order, as many at once as the source is good for. A segment that fails
 * for good is part of the outcome; an unknown symbol, a store that cannot be written and a load in which
 * every segment failed are errors.
 */
export const run = Effect.fn("SegmentFetcher.run")(function* (options: Options) {
  const { source, requests, plan, series, tally } = options
  const givenUp: Array<{ readonly segment: Segment; readonly error: DataError }> = []
  let unreachable = 0
  let abandoned = 0

  /** Holds a request's place while it fetches: neither while its source paces it nor while it waits for the store. */
  const settle = (
    segment: Segment,
    place: Place,
    restore: <A, E, R>(_: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>,
  ) =>
    restore(fetch(options, segment, place)).pipe(
      Effect.provideService(Pacing.Held, place),
      Effect.ensuring(place.letGo),
      Effect.flatMap((candles) => append(options, segment, candles)),
      Effect.flatMap((bars) => {
        tally.bars += bars
        tally.fetched++
        unreachable = 0
        return Progress.annotate({ bars: tally.bars, segments: tally.fetched })
      }),
      Effect.catchIf(isOfSegment, (error) =>
        Effect.sync(() => {
          if (error.reason === "Unreachable") unreachable++
          givenUp.push({ segment, error })
        }),
      ),
      Progress.step(TimeRange.format(segment.range)),
      Effect.zipLeft(Progress.advance()),
      Effect.tap(() => Effect.sync(() => tally.segments++)),
    )

  const settleInTurn = (segment: Segment) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(requests.take), () => {
        if (unreachable < patience) return settle(segment, makePlace(requests), restore)
        abandoned++
        return requests.release
      }),
    )

  yield* Progress.setTotal(tally.segments + plan.segments.length, segmentUnit)
  yield* forEachAtOnce(plan.segments, settleInTurn, source.concurrency * inStore)
  const first = givenUp[0]
  if (first !== undefined && tally.bars === 0 && givenUp.length + abandoned === plan.segments.length) {
    return yield* nothingLoaded(series, plan.segments.length, first.error)
  }
  const ranges = (refused: boolean) =>
    givenUp.filter(({ error }) => isRefusal(error) === refused).map(({ segment }) => segment.range)
  const outcome: Outcome = {
    fetched: tally.bars,
    refused: ranges(true),
    failed: ranges(false),
    givenUp: givenUp
      .sort((a, b) => a.segment.range.start - b.segment.range.start)
      .map(({ segment, error }) => ({
        ...segment.range,
        bars: segment.bars,
        reason: error.reason,
        message: error.message,
      })),
    warnings:
      abandoned === 0 ? [] : [`the source could not be reached: ${abandoned} segments were not asked for`],
  }
  return outcome
})

/** A store that cannot be written any more ends a load: says what it had kept by then, and how to go on. */
export const tellKept = (error: DataError, { bars }: Tally): DataError =>
  error.reason !== "StoreUnwritable"
    ? error
    : new DataError({
        ...error,
        found: `${error.found}; ${count(bars)} ${plural("bar", bars)} of this load are kept`,
        advice: `${error.advice}, then run the same load again: it fetches what is missing`,
      })

// ---------------------------------------------------------------------------------------------------------

/** A permit that is held, and may be let go of in between. */
interface Place {
  readonly letGo: Effect.Effect<void>
  readonly regain: Effect.Effect<void>
}

const makePlace = (requests: Permits): Place => {
  let held = true
  const set = (value: boolean) =>
    Effect.sync(() => {
      held = value
    })
  return {
    letGo: Effect.suspend(() => (held ? Effect.zipRight(set(false), requests.release) : Effect.void)).pipe(
      Effect.uninterruptible,
    ),
    regain: Effect.uninterruptibleMask((restore) =>
      held ? Effect.void : Effect.zipRight(restore(requests.take), set(true)),
    ),
  }
}

const fetch = (
  options: Options,
  segment: Segment,
  place: Place,
  tried = 1,
): Effect.Effect<Candles, DataError> =>
  options.source
    .fetch({ series: options.series, instrument: options.listing.instrument, range: segment.range })
    .pipe(
      Effect.catchIf(
        (error) => isTransient(error) && tried < tries,
        (error) => Effect.zipRight(pause(error, place, tried), fetch(options, segment, place, tried + 1)),
      ),
    )

/** What a source asks for, or half a second doubled with every try and jittered. */
const pause = (error: DataError, place: Place, tried: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const jitter = yield* Random.nextRange(0.5, 1)
    const millis = error.retryAfterMillis ?? 500 * 2 ** (tried - 1) * jitter
    const now = yield* Clock.currentTimeMillis
    yield* Progress.waiting(
      error.reason === "Pacing" ? "the source's pacing limit" : error.reason,
      now + millis,
    )
    if (error.reason === "Pacing") yield* place.letGo
    yield* Effect.sleep(millis)
    yield* place.regain
  })

const append = (
  { writer, plan, stored }: Options,
  segment: Segment,
  candles: Candles,
): Effect.Effect<number, DataError> =>
  Effect.suspend(() => {
    const present = union(stored, candles.start, segment.range)
    const noData = noDataWithin(plan.expected, segment.range, present)
    return Effect.as(writer.append({ range: segment.range, candles, noData }), size(candles))
  })

/** Sorted starts of both inside the range. */
const union = (stored: Float64Array, fetched: Float64Array, range: TimeRange.TimeRange): Float64Array => {
  const kept = stored.subarray(lowerBound(stored, range.start), lowerBound(stored, range.end))
  return kept.length === 0 ? fetched : Float64Array.from(new Set([...kept, ...fetched])).sort()
}

const isRefusal = (error: DataError): boolean => error.reason === "Refused" || error.reason === "NoPermission"

/** True for what says something of one segment only. */
const isOfSegment = (error: DataError): boolean =>
  isTransient(error) || isRefusal(error) || error.reason === "NoData"

const nothingLoaded = (series: Series.Series, segments: number, first: DataError): DataError =>
  new DataError({
    reason: "NothingLoaded",
    place: Series.format(series),
    expected: `at least one of ${segments} segments to arrive`,
    found: `none; the first failed with ${first.reason}: ${first.message}`,
    advice: "Cure that, then run the same load again",
    cause: first,
  })
