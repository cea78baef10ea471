/**
 * What went wrong with an attempt, in the terms of `HostError`.
 */
import { RequestError } from "@effect/platform/HttpClientError"
import type { Details, HostError, Reason } from "../HostError.js"
import { maxBody, snippet } from "../HostError.js"
import { type Failed, failed } from "./connections.js"

/** How far an attempt had come. */
export type Phase = "headers" | "body"

/** All but the number of attempts, which the caller knows. */
export type Failure = Omit<Details, "attempts">

/** The transport failed; `limit` is the most that an answer may have, in bytes. */
export const transport = (error: unknown, phase: Phase, limit: number): Failure => {
  const reading = read(error)
  if (error instanceof RequestError && error.reason === "InvalidUrl")
    return unsendable(reading.text, causeOf(error))
  const reason = reasonOf(reading, phase)
  const told = reason === "ConnectFailed" && isOfCertificate(reading.code) ? untrusted : texts(limit)[reason]
  return {
    ...(told ?? { expected: "an answer", advice: "Try again" }),
    reason,
    found: reading.code === "" ? reading.text : `${reading.text} (${reading.code})`,
    cause: causeOf(error),
  }
}

/** True if the request met a pooled connection that the host was closing, and no byte of an answer came. */
export const isStale = (error: Pick<HostError, "reason" | "cause">): boolean =>
  error.reason === "ConnectionReset" && read(error.cause).connection?.reused === true

/** What a failed attempt tells of its host: an answer of any kind shows that it is there. */
export const verdict = (error: HostError): "failed" | "answered" | "nothing" => {
  switch (error.reason) {
    case "ConnectionRefused":
    case "ConnectFailed":
    case "AttemptTimeout":
    case "Truncated":
      return "failed"
    case "ConnectionReset":
      return isStale(error) ? "nothing" : "failed"
    case "Unavailable":
      return error.status !== 408 && error.retryAfterMillis === undefined ? "failed" : "answered"
    case "RateLimited":
    case "Status":
    case "TooLarge":
    case "Malformed":
      return "answered"
    case "InvalidConfig":
    case "InvalidRequest":
    case "DeadlineExceeded":
      return "nothing"
  }
}

/** Nothing of the request has left this machine. */
export const isUnsent = (error: HostError): boolean =>
  error.reason === "ConnectionRefused" ||
  (error.reason === "ConnectFailed" && /^(ENOTFOUND|EAI_)/.test(read(error.cause).code))

/** The attempt was not made, for the circuit was open. */
export const isUntried = (error: HostError): boolean => error.nextTryMillis !== undefined

/** The circuit has been open since so many failures in a row. */
export const circuitOpen = (
  failures: number,
  last: HostError | undefined,
  nextTryMillis: number,
  now: number,
): Failure => {
  const lastly = last === undefined ? "" : `, the last: expected ${last.expected}, found ${last.found}`
  return {
    reason: "Unavailable",
    expected: "a host that answers",
    found: `the circuit open since ${failures === 1 ? "a failure" : `${failures} failures`}${lastly}`,
    advice: `See whether the host runs; it is tried again at ${new Date(nextTryMillis).toISOString()}`,
    nextTryMillis,
    retryAfterMillis: Math.max(0, nextTryMillis - now),
  }
}

/** An answer other than 2xx. */
export const refusal = (status: number, body: string, retryAfterMillis: number | undefined): Failure => ({
  reason:
    status === 429
      ? "RateLimited"
      : status === 408 || status === 502 || status === 503 || status === 504
        ? "Unavailable"
        : "Status",
  expected: "a 2xx answer",
  found: `${status} ${snippet(body) || "without a body"}`,
  advice:
    status === 429 || status === 503
      ? "Wait, then try again, with fewer requests at a time"
      : status >= 500 || status === 408
        ? "See the host's log, then try again"
        : status < 400
          ? "Correct the base URL: the host has moved"
          : "Correct the request",
  status,
  body: body.slice(0, maxBody),
  ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }),
})

/** The attempt, or with it the call, took longer than `millis`. */
export const late = (
  reason: "AttemptTimeout" | "DeadlineExceeded",
  expected: string,
  millis: number,
): Failure => ({
  reason,
  expected: `${expected} within ${millis} ms`,
  found: "none",
  advice:
    reason === "AttemptTimeout"
      ? "See whether the host hangs, or raise attemptTimeout"
      : "See whether the host is overloaded, or raise the deadline",
})

/** Nothing was sent, for what the caller gave is not a request. */
export const unsendable = (found: string, cause: unknown): Failure => ({
  reason: "InvalidRequest",
  expected: "a path and a body that can be sent",
  found: snippet(found),
  advice: "Correct the call",
  cause,
})

/** A 2xx answer whose body is not what it should be. */
export const malformed = (expected: string, found: string, cause: unknown): Failure => ({
  reason: "Malformed",
  expected,
  found: snippet(found),
  advice: "Check that the base URL names the host, and that its version fits",
  cause,
})

// -----------------------------------------------------------------------------

/** What the transport said, without the request, whose headers may hold a secret. */
const causeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "request" in error && "cause" in error ? error.cause : error

interface Reading {
  readonly code: string
  readonly text: string
  readonly connection: Failed | undefined
}

/** The first error in the chain of causes that carries a code: transports wrap what the system says. */
const read = (error: unknown): Reading => {
  let link = error
  let text = String(error)
  for (let depth = 0; depth < 5 && typeof link === "object" && link !== null; depth++) {
    if ("message" in link && typeof link.message === "string" && link.message !== "") text = link.message
    const code = codeOf(link)
    if (code !== undefined) return { code, text: snippet(text), connection: failed.get(link) }
    link = "cause" in link ? link.cause : undefined
  }
  return { code: "", text: snippet(text), connection: undefined }
}

/** Not every error of undici's parser has its code. */
const codeOf = (error: object): string | undefined =>
  "code" in error && typeof error.code === "string"
    ? error.code
    : "name" in error && error.name === "HTTPParserError"
      ? "HPE_INVALID"
      : undefined

const reasonOf = ({ code, connection }: Reading, phase: Phase): Reason => {
  if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE" || code === "UND_ERR_HEADERS_OVERFLOW") return "TooLarge"
  if (code.startsWith("HPE_") || code === "Z_DATA_ERROR") return "Malformed"
  if (phase === "body" || connection?.answered === true) return "Truncated"
  if (code === "ECONNREFUSED") return "ConnectionRefused"
  return code === "ECONNRESET" || code === "EPIPE" || code === "UND_ERR_SOCKET"
    ? "ConnectionReset"
    : "ConnectFailed"
}

/** What Node says of a certificate that it does not take. */
const isOfCertificate = (code: string): boolean =>
  /CERT|^UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)|^CRL_|^HOSTNAME_MISMATCH$|^INVALID_(CA|PURPOSE)$/.test(code)

const untrusted: Pick<Failure, "expected" | "advice"> = {
  expected: "a certificate for this host from a trusted certificate authority",
  advice: "Give the PEM text of the host's certificate authority as ca, if this is the host that you mean",
}

const texts = (limit: number): { readonly [R in Reason]?: Pick<Failure, "expected" | "advice"> } => ({
  ConnectionRefused: { expected: "a connection", advice: "Start the host, or correct its base URL" },
  ConnectFailed: {
    expected: "a connection",
    advice: "Check the base URL and the network",
  },
  ConnectionReset: {
    expected: "an answer",
    advice: "See whether the host is restarting, then try again",
  },
  Truncated: { expected: "the whole answer", advice: "See the host's log, then try again" },
  TooLarge: {
    expected: `an answer of at most ${limit} bytes`,
    advice: "Ask for less, or raise maxBodyBytes",
  },
  Malformed: {
    expected: "an HTTP answer",
    advice: "Check that the base URL names the host and not another service",
  },
})
