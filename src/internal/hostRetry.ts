/**
 * Which failures of a call are worth another attempt, and when.
 */
import * as Duration from "effect/Duration"
import type { HostConfig } from "../HostConfig.js"
import type { Reason } from "../HostError.js"

/** The one retry table. It holds for calls that may be repeated: idempotent ones, or with an idempotency key. */
export const table: { readonly [R in Reason]: boolean } = {
  InvalidConfig: false,
  InvalidRequest: false,
  ConnectionRefused: true,
  ConnectFailed: false,
  ConnectionReset: true,
  AttemptTimeout: true,
  DeadlineExceeded: false,
  RateLimited: true,
  Unavailable: true,
  Status: false,
  Truncated: true,
  TooLarge: false,
  Malformed: false,
}

/**
 * The pause after attempt `attempt` (1 is the first), in milliseconds. What the host asked for counts
 * exactly; otherwise the back-off doubles up to its cap, and `random` in [0, 1) spreads it by 20 % each way.
 */
export const pause = (
  config: HostConfig,
  attempt: number,
  retryAfterMillis: number | undefined,
  random: number,
): number =>
  retryAfterMillis ??
  Math.min(Duration.toMillis(config.backoff) * 2 ** (attempt - 1), Duration.toMillis(config.backoffCap)) *
    (0.8 + 0.4 * random)

/** `Retry-After` (RFC 9110, 10.2.3) in milliseconds from `now`: seconds or an HTTP date, never negative. */
export const retryAfter = (header: string | undefined, now: number): number | undefined => {
  const text = header?.trim() ?? ""
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000)
  const instant = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(instant) ? undefined : Math.max(0, instant - now)
}
