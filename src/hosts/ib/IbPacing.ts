/**
 * The pace at which Interactive Brokers may be asked: `IbRules.pacing` as rules over requests. Loads that share
 * a source share its limiter, and sources that share a `PacingLedger` its rules.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as CandleSource from "../../data/CandleSource.js"
import type { DataError } from "../../data/DataError.js"
import type { Session } from "../../data/Series.js"
import type { Symbol } from "../../data/Symbol.js"
import type { Timeframe } from "../../data/Timeframe.js"
import type { TimeRange } from "../../data/TimeRange.js"
import type * as HostClient from "../../HostClient.js"
import type { HostError } from "../../HostError.js"
import * as Pacing from "../../Pacing.js"
import { PacingLedger } from "../../PacingLedger.js"
import * as IbRules from "./IbRules.js"

/**
 * - `adaptive`: bars of 30 seconds or less keep to the hard rules; the number of open requests follows how the
 *   host answers
 * - `strict`: the hard rules hold for longer bars too
 * - `none`: nothing is held back, for hosts that are known not to pass requests on to Interactive Brokers
 */
export type Mode = "adaptive" | "strict" | "none"

/** The mode of sources that are made where it is provided. */
export class PacingMode extends Context.Reference<PacingMode>()("ktrdr/hosts/ib/PacingMode", {
  defaultValue: (): Mode => "adaptive",
}) {}

/** Whether the hard rules hold for bars of the timeframe. */
export const isHard = (mode: Mode, timeframe: Timeframe): boolean =>
  mode === "strict" || (mode === "adaptive" && IbRules.isSmall(timeframe))

/** What a request is of, as far as its pace depends on it. */
export interface Paced {
  /** Symbol and instrument type. */
  readonly contract: string
  /** None for a request that looks a contract up. */
  readonly bars:
    | {
        readonly tickType: "TRADES" | "MIDPOINT" | "BID" | "ASK" | "BID_ASK"
        readonly timeframe: Timeframe
        readonly session: Session
        readonly range: TimeRange
      }
    | undefined
}

/** A request to look a symbol up. */
export const lookup = (symbol: Symbol): Paced => ({ contract: symbol, bars: undefined })

/** A request for bars: trades, and where there are none to be had the middle of the quotes. */
export const historical = ({ instrument, range, series }: CandleSource.Request): Paced => ({
  contract: `${series.symbol} ${instrument.type}`,
  bars: {
    tickType: instrument.type === "forex" ? "MIDPOINT" : "TRADES",
    timeframe: series.timeframe,
    session: series.session,
    range,
  },
})

/** `IbRules.pacing` for a client that has at most `maxOpen` requests open. */
export const rules = (mode: Exclude<Mode, "none">, maxOpen: number): Pacing.Rules<Paced> => {
  const { always, marginMillis, quickMillis, smallBars } = IbRules.pacing
  const hard =
    (key: (contract: string, bars: NonNullable<Paced["bars"]>) => string) =>
    ({ bars, contract }: Paced): string | undefined =>
      bars !== undefined && isHard(mode, bars.timeframe) ? key(contract, bars) : undefined
  return {
    windows: [
      {
        ...smallBars.all,
        marginMillis,
        key: hard(() => ""),
        cost: ({ bars }) => (bars?.tickType === "BID_ASK" ? 2 : 1),
      },
      { ...smallBars.sameContract, marginMillis, key: hard((contract, _) => `${contract} ${_.tickType}`) },
      {
        ...smallBars.identical,
        marginMillis,
        key: hard((contract, { range, session, tickType, timeframe }) =>
          [contract, tickType, timeframe, session, range.start, range.end].join(" "),
        ),
      },
      { ...always.messages, marginMillis, key: () => "" },
    ],
    maxOpen: Math.min(always.open, maxOpen),
    quickMillis,
  }
}

/** What one request passes through, every attempt of it. */
export interface Gate {
  readonly pass: HostClient.Gatekeeper["pass"]
  /** To be told what an answer turned out to mean, if it was a refusal. */
  readonly refused: (error: DataError) => Effect.Effect<void>
}

export interface IbPacing {
  readonly gate: (request: Paced) => Gate
  readonly plan: CandleSource.Service["plan"]
}

/** The name of what sources tell one another in a `PacingLedger`. */
export const scope = "ib"

/** The limiter of one source, by the `PacingMode` and the `PacingLedger` of the environment. */
export const make = (maxOpen: number): Effect.Effect<IbPacing, never, Scope.Scope> =>
  Effect.gen(function* () {
    const mode = yield* PacingMode
    if (mode === "none") return { gate: () => open, plan: undefined }
    const log = yield* (yield* PacingLedger).open(scope)
    const pacing = yield* Pacing.make(rules(mode, maxOpen), log)
    return {
      gate: (request: Paced) => gate(pacing, request),
      plan: (requests: ReadonlyArray<CandleSource.Request>) => pacing.plan(requests.map(historical)),
    }
  })

// -----------------------------------------------------------------------------

const open: Gate = { pass: (attempt) => attempt, refused: () => Effect.void }

const gate = (pacing: Pacing.Pacing<Paced>, request: Paced): Gate => {
  let permit: Pacing.Permit | undefined
  const slower = (millis?: number) => Effect.suspend(() => permit?.slower(millis) ?? Effect.void)
  return {
    pass: (attempt) =>
      pacing.run(request, (given) => {
        permit = given
        return Effect.tapError(attempt, (error) =>
          isTooFast(error) ? slower(error.retryAfterMillis) : Effect.void,
        )
      }),
    refused: ({ reason, retryAfterMillis }) =>
      reason === "Pacing" ? slower(retryAfterMillis) : reason === "Timeout" ? slower() : Effect.void,
  }
}

const isTooFast = ({ reason }: HostError): boolean =>
  reason === "RateLimited" || reason === "AttemptTimeout" || reason === "DeadlineExceeded"
