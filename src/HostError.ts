/**
 * The one error of talking to a remote host.
 */
import * as Schema from "effect/Schema"

/**
 * Why a call failed.
 *
 * - before anything was sent: `InvalidConfig` (base URL or a limit), `InvalidRequest` (the body does not fit
 *   its schema, the path makes no URL)
 * - no answer: `ConnectionRefused`, `ConnectFailed` (name, route, TLS), `ConnectionReset` (closed before any
 *   byte of the answer), `AttemptTimeout`, `DeadlineExceeded` (the whole call, retries included)
 * - a refusal: `RateLimited` (429), `Unavailable` (408, 502, 503, 504), `Status` (any other but 2xx)
 * - not even tried: `Unavailable` with `nextTryMillis` and without `status`, while the host's circuit is open
 * - a bad answer: `Truncated` (it broke off, or was damaged on its way), `TooLarge`, `Malformed` (not HTTP, not JSON,
 *   not the schema)
 */
export const Reason = Schema.Literal(
  "InvalidConfig",
  "InvalidRequest",
  "ConnectionRefused",
  "ConnectFailed",
  "ConnectionReset",
  "AttemptTimeout",
  "DeadlineExceeded",
  "RateLimited",
  "Unavailable",
  "Status",
  "Truncated",
  "TooLarge",
  "Malformed",
)
export type Reason = typeof Reason.Type

/** How much of a refusal's body an error keeps, in characters. */
export const maxBody = 16_384

/**
 * A failed call to a host, told as a person would want it: which call (`host`, `method`, `path`), what was
 * expected, what was found and what to do next (`advice`).
 */
export class HostError extends Schema.TaggedError<HostError>("ktrdr/HostError")("HostError", {
  reason: Reason,
  /** The host's name in the configuration. */
  host: Schema.String,
  method: Schema.String,
  /** The path without its query, which may be long or secret. */
  path: Schema.String,
  expected: Schema.String,
  found: Schema.String,
  /** What to do next, an imperative sentence without a final stop. */
  advice: Schema.String,
  /** The answer's status, where there was an answer. */
  status: Schema.optionalWith(Schema.Number, { exact: true }),
  /** The text of an answer other than 2xx, at most `maxBody` characters: it may be an error envelope. */
  body: Schema.optionalWith(Schema.String, { exact: true }),
  /** How long the host asks to be left alone, in milliseconds. */
  retryAfterMillis: Schema.optionalWith(Schema.Number, { exact: true }),
  /** While the circuit is open: when the host is tried again, in epoch milliseconds. */
  nextTryMillis: Schema.optionalWith(Schema.Number, { exact: true }),
  /** Attempts made, the last one included; 0 when nothing was sent. */
  attempts: Schema.Number,
  cause: Schema.optionalWith(Schema.Defect, { exact: true }),
}) {
  override get message(): string {
    const tries = this.attempts > 1 ? ` (after ${this.attempts} attempts)` : ""
    const call = `${this.method} ${this.path}`.trim()
    const place = call === "" ? this.host : `${this.host}: ${call}`
    return `${place}: expected ${this.expected}, found ${this.found}${tries}. ${this.advice}.`
  }
}

/** The call that an error is about. */
export interface Call {
  readonly host: string
  readonly method: string
  readonly path: string
}

/** What an error says besides the call that it is about. */
export type Details = Omit<ConstructorParameters<typeof HostError>[0], keyof Call>

/** Binds the call once; every error about it is made by the function that comes back. */
export const about =
  (call: Call) =>
  (details: Details): HostError =>
    new HostError({ host: call.host, method: call.method, path: call.path, ...details })

/** The beginning of a text on one line: control characters and runs of blanks become one blank. */
export const snippet = (text: string, length = 200): string => {
  const line = text
    .slice(0, length * 4)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim()
  return line.length > length ? `${line.slice(0, length)}...` : line
}
