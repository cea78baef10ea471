/** Requests for the pacing to be measured on, the same ones every time. */
import type { Paced } from "../../src/hosts/ib/IbPacing.js"
import type { Limit, Start } from "../utils/PacingChecker.js"

/** A request that comes `at` (ms from the beginning) and is open for `lasts`. */
export interface Arrival {
  readonly at: number
  readonly lasts: number
  readonly request: Paced
  /** What its host makes of it: a pause, or no answer in time. */
  readonly fate: "answered" | "refused" | "late"
}

export const week = 7 * 86_400_000

const tickTypes = ["TRADES", "TRADES", "TRADES", "TRADES", "MIDPOINT", "BID_ASK", "BID", "ASK"] as const
const timeframes = ["1s", "1s", "5s", "30s", "1m", "5m", "1h", "1d"] as const

/**
 * A week of one to eight series asked for together, each of up to 120 requests, every three quarters of an hour,
 * and of single requests between them, some of which are asked for again soon afterwards.
 */
export const simulatedWeek = (seed: number): ReadonlyArray<Arrival> => {
  const next = randomNumbers(seed)
  const below = (bound: number) => Math.floor(next() * bound)
  const pick = <A>(from: ReadonlyArray<A>): A => from[below(from.length)]!
  const arrivals: Array<Arrival> = []
  const arrive = (at: number, request: Paced) => {
    const luck = next()
    arrivals.push({
      at,
      lasts: 50 + Math.floor(20_000 * next() ** 4),
      request,
      fate: luck < 0.001 ? "refused" : luck < 0.003 ? "late" : "answered",
    })
  }
  const series = () => ({
    contract: `S${below(40)} stock`,
    tickType: pick(tickTypes),
    timeframe: pick(timeframes),
    session: pick(["regular", "regular", "extended"] as const),
  })
  for (let at = 0; at < week; at += below(5_400_000)) {
    for (let count = 1 + below(8); count > 0; count--) {
      const { contract, ...bars } = series()
      const first = below(1_000_000)
      for (let index = 1 + below(120); index > 0; index--) {
        arrive(at, { contract, bars: { ...bars, range: { start: first + index, end: first + index + 1 } } })
      }
    }
  }
  for (let at = 0; at < week; at += below(240_000)) {
    const { contract, ...bars } = series()
    const start = below(1_000_000)
    const request = { contract, bars: { ...bars, range: { start, end: start + 1 } } }
    arrive(at, request)
    if (next() < 0.3) arrive(at + below(20_000), request)
    if (next() < 0.1) arrive(at, { contract, bars: undefined })
  }
  return arrivals.sort((a, b) => a.at - b.at)
}

/** So many requests for 1s bars of five contracts, all there at the beginning and answered at once. */
export const queued = (count: number): ReadonlyArray<Arrival> =>
  Array.from({ length: count }, (_, index) => ({
    at: 0,
    lasts: 0,
    request: {
      contract: `C${Math.floor((5 * index) / count)} stock`,
      bars: {
        tickType: "TRADES",
        timeframe: "1s",
        session: "regular",
        range: { start: index, end: index + 1 },
      },
    },
    fate: "answered",
  }))

/** No schedule of requests that are all there at the beginning starts the last of them earlier. */
export const lowerBound = (
  limits: ReadonlyArray<Limit<Paced>>,
  requests: ReadonlyArray<Paced>,
): { readonly rule: string; readonly millis: number } => {
  let bound = { rule: "none", millis: 0 }
  for (const { name, limit, windowMillis, key, cost } of limits) {
    const costs = new Map<string, number>()
    for (const request of requests) {
      const of = key(request)
      if (of !== undefined) costs.set(of, (costs.get(of) ?? 0) + (cost?.(request) ?? 1))
    }
    const millis = (Math.ceil(Math.max(0, ...costs.values()) / limit) - 1) * windowMillis
    if (millis > bound.millis) bound = { rule: name, millis }
  }
  return bound
}

export const lastOf = (starts: ReadonlyArray<Start<unknown>>): number =>
  starts.reduce((last, { at }) => Math.max(last, at), 0)

// ---------------------------------------------------------------------------------------------------------

const randomNumbers = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
}
