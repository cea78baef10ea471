/**
 * What went wrong with an IB host, as the one error of the data domain.
 */
import * as Schema from "effect/Schema"
import * as DataError from "../../data/DataError.js"
import type * as HostError from "../../HostError.js"
import type { Fault } from "./IbBars.js"
import * as IbRules from "./IbRules.js"

/** A call that brought no answer. */
export const fromHost = (error: HostError.HostError, place: string): DataError.DataError => {
  const reason = reasons[error.reason]
  const pause = error.retryAfterMillis ?? (reason === "Pacing" ? IbRules.pacingMillis : undefined)
  return new DataError.DataError({
    reason,
    place: `${place} from ${error.host}: ${error.method} ${error.path}`,
    expected: error.expected,
    found: error.found,
    advice: error.advice,
    ...(pause === undefined ? {} : { retryAfterMillis: pause }),
    cause: error,
  })
}

/** The part of an answer that says why it is a refusal. */
export interface Refused {
  readonly error?: string | null | undefined
  readonly error_code?: string | null | undefined
  readonly retry_after_seconds?: number | null | undefined
}

/** What a refusal means: the host's own `error_code` where it has one, else the words of it. */
export const meaning = (refused: Refused): IbRules.Refusal => {
  const words = IbRules.refusal(refused.error ?? "")
  return isMeaning(refused.error_code) ? { ...words, reason: refused.error_code } : words
}

/** A refusal as the failure that it means. */
export const fromRefusal = (
  refused: Refused,
  { reason, suggestion }: IbRules.Refusal,
  place: string,
): DataError.DataError => {
  const words = (refused.error ?? "").replace(/\.?\s*Did you mean [^?]*\?/, "").trim()
  const seconds = refused.retry_after_seconds ?? IbRules.pacingMillis / 1000
  return new DataError.DataError({
    reason,
    place,
    expected: "an answer of the IB host",
    found: words === "" ? "a refusal without a word" : `its refusal: ${words}`,
    advice: suggestion === undefined ? advice[reason] : `Did you mean ${suggestion}`,
    ...(reason === "Pacing" ? { retryAfterMillis: seconds * 1000 } : {}),
    ...(suggestion === undefined ? {} : { suggestion }),
  })
}

/** An answer that cannot be what it claims to be. */
export const malformed = (fault: Fault, place: string): DataError.DataError =>
  new DataError.DataError({
    reason: "Malformed",
    place: fault.bar === undefined ? place : `${place}, bar ${fault.bar}`,
    expected: fault.expected,
    found: fault.found,
    advice: "Ask again, and look into the host's log if it stays so",
  })

// -----------------------------------------------------------------------------

const reasons: { readonly [R in HostError.Reason]: IbRules.Meaning } = {
  InvalidConfig: "Refused",
  InvalidRequest: "Refused",
  ConnectionRefused: "Unreachable",
  ConnectFailed: "Unreachable",
  ConnectionReset: "Unreachable",
  AttemptTimeout: "Timeout",
  DeadlineExceeded: "Timeout",
  RateLimited: "Pacing",
  Unavailable: "Unreachable",
  Status: "Refused",
  Truncated: "Malformed",
  TooLarge: "Malformed",
  Malformed: "Malformed",
}

const isMeaning = Schema.is(IbRules.Meaning)

const advice: { readonly [R in IbRules.Meaning]: string } = {
  Unreachable: "Start the Interactive Brokers gateway, or look whether it is logged in",
  Timeout: "Ask again later",
  Pacing: "Wait, then ask again more slowly",
  UnknownSymbol: "Check the symbol's name",
  NoPermission: "Subscribe to the market data, or choose another symbol",
  NoData: "Choose another range",
  Malformed: "Look into the host's log",
  Refused: "Look into the host's log",
}
