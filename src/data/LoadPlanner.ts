/**
 * Works loads out against what the store has and what the source lists: what they will ask for, and when each
 * of their requests may start.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Pacing from "../Pacing.js"
import type { Listing, Service as Source } from "./CandleSource.js"
import type { Service as CandleStore, Description } from "./CandleStore.js"
import type { DataError } from "./DataError.js"
import * as Instrument from "./Instrument.js"
import type * as LoadMode from "./LoadMode.js"
import * as LoadPlan from "./LoadPlan.js"
import type { Series } from "./Series.js"

/** What to load: `start` and `end` in epoch milliseconds, `end` exclusive. */
export interface LoadRequest extends Series {
  readonly mode: LoadMode.LoadMode
  readonly start?: number
  readonly end?: number
  /** Ask again where the source is known to have nothing. */
  readonly recheck?: boolean
}

export interface PlannedLoad extends LoadPlan.LoadPlan {
  readonly series: Series
  readonly instrument: Instrument.Instrument
}

/** Of a planned load what its requests are made of: all that is worth keeping of many of them. */
export type Asking = Pick<PlannedLoad, "series" | "instrument" | "segments">

/** What the store has of a series. */
export interface Stored {
  readonly description: Description | undefined
  readonly starts: Float64Array
}

export interface Found {
  readonly listing: Listing
  readonly warnings: ReadonlyArray<string>
}

export interface LoadPlanner {
  readonly readStored: (series: Series) => Effect.Effect<Stored, DataError>
  /** What the manifest says serves as long as it is from the same source; `tail` asks an archive for news. */
  readonly lookUp: (request: LoadRequest, known: Description | undefined) => Effect.Effect<Found, DataError>
  /** What a load would ask for now. */
  readonly plan: (request: LoadRequest) => Effect.Effect<PlannedLoad, DataError>
  /** When the requests of several loads would start that all began now, in their order. */
  readonly schedule: (loads: ReadonlyArray<Asking>) => Effect.Effect<Pacing.Plan>
}

export const make = (source: Source, store: CandleStore): LoadPlanner => {
  const readStored: LoadPlanner["readStored"] = (series) =>
    Effect.zipWith(
      store.describe(series),
      store.readStarts(series),
      (description, starts): Stored => ({ description: Option.getOrUndefined(description), starts }),
    )

  const lookUp: LoadPlanner["lookUp"] = (request, known) => {
    if (request.mode === "local") {
      return Effect.succeed(known === undefined ? guessed(request) : { listing: known, warnings: [] })
    }
    const stale = request.recheck === true || (request.mode === "tail" && known?.last !== undefined)
    return known?.source === source.name && !stale
      ? Effect.succeed({ listing: known, warnings: [] })
      : Effect.map(source.validate(request.symbol, request.timeframe), (listing) => ({
          listing,
          warnings: [],
        }))
  }

  const plan = Effect.fn("LoadPlanner.plan")(function* (request: LoadRequest) {
    const { symbol, timeframe, session } = request
    const series = { symbol, timeframe, session }
    const stored = yield* readStored(series)
    const { listing, warnings } = yield* lookUp(request, stored.description)
    const planned = yield* planOn(request, listing, stored, yield* Clock.currentTimeMillis)
    return {
      ...planned,
      series,
      instrument: listing.instrument,
      warnings: [...warnings, ...planned.warnings],
    }
  })

  const schedule: LoadPlanner["schedule"] = (loads) => {
    const requests = loads.flatMap(({ series, instrument, segments }) =>
      segments.map(({ range }) => ({ series, instrument, range })),
    )
    return source.plan === undefined
      ? Effect.map(Clock.currentTimeMillis, (now) => Pacing.plan([], requests, now))
      : source.plan(requests)
  }

  return { readStored, lookUp, plan, schedule }
}

/** The plan of a load on what the store has at the moment. */
export const planOn = (
  { symbol, timeframe, session, mode, start, end, recheck }: LoadRequest,
  listing: Listing,
  { starts, description }: Stored,
  now: number,
): Effect.Effect<LoadPlan.LoadPlan, DataError> =>
  LoadPlan.make({
    series: { symbol, timeframe, session },
    mode,
    start,
    end,
    listing,
    stored: starts,
    noData: recheck === true ? [] : (description?.noData ?? []),
    now,
  })

/** No bar came or was moved in between, and nothing was learnt of where there are none. */
export const isSame = (a: Stored, b: Stored): boolean => {
  const [known, now] = [a.description?.noData ?? [], b.description?.noData ?? []]
  return (
    isEqual(a.starts, b.starts) &&
    known.length === now.length &&
    known.every((range, index) => range.start === now[index]?.start && range.end === now[index]?.end)
  )
}

// ---------------------------------------------------------------------------------------------------------

const isEqual = (a: Float64Array, b: Float64Array): boolean => {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

const guessed = ({ symbol }: LoadRequest): Found => {
  const { instrument, warning } = Instrument.guess(symbol)
  return { listing: { instrument, head: undefined, last: undefined }, warnings: [warning] }
}
