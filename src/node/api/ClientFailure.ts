/**
 * Why a call of the client failed, as whoever asked would have been told by the server's own process.
 */
import type { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import type * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as DataErrors from "../../data/DataError.js"
import * as HostErrors from "../../HostError.js"
import * as HostEvents from "../../internal/hostEvents.js"
import * as HostFailure from "../../internal/hostFailure.js"
import * as OperationErrors from "../../OperationError.js"
import { ErrorBody } from "./ErrorBody.js"

export type Failure = HostErrors.HostError | OperationErrors.OperationError | DataErrors.DataError

/** Where a call went: `method` and `path` as the server knows them. */
export interface Call {
  readonly url: string
  readonly method: string
  readonly path: string
}

/** The name under which errors tell of the server. */
export const host = "ktrdr API"

/** The longest answer, in bytes. */
export const maxBodyBytes = 512 * 1024 * 1024

/** What a derived client fails with. */
export type Raw = ErrorBody | HttpApiDecodeError | HttpClientError | ParseResult.ParseError

export const of =
  (call: Call) =>
  (error: Raw): Failure => {
    const fail = about(call)
    if (Predicate.isTagged(error, "RequestError")) return unreachable(call, error, "headers")
    if (Predicate.isTagged(error, "ResponseError")) {
      const { response } = error as Extract<HttpClientError, { readonly _tag: "ResponseError" }>
      return response.status >= 200 && response.status < 300
        ? unreachable(call, error, "body")
        : fail({ ...HostFailure.refusal(response.status, "", undefined), attempts: 1, cause: error })
    }
    if (Predicate.isTagged(error, "ParseError") || Predicate.isTagged(error, "HttpApiDecodeError")) {
      return fail({
        reason: "Malformed",
        expected: "an answer of ktrdr's API",
        found: HostErrors.snippet(String((error as Error).message)),
        advice: `See whether ${call.url} is that of ktrdr serve, of this version`,
        attempts: 1,
        cause: error,
      })
    }
    return ofBody(call, error as ErrorBody)
  }

/** The server took longer than that. */
export const late = (call: Call, millis: number): Failure =>
  about(call)({ ...HostFailure.late("AttemptTimeout", "an answer", millis), attempts: 1 })

/** The server sent an event longer than that, in characters. */
export const tooLarge = (call: Call, limit: number): Failure =>
  about(call)({ ...HostEvents.tooLarge(limit), attempts: 1 })

/** The body of an answer that is none of the good ones. */
export const ofText = (call: Call, status: number, text: string): Failure => {
  const body = decode(text)
  return body._tag === "Some"
    ? ofBody(call, body.value)
    : about(call)({ ...HostFailure.refusal(status, text, undefined), attempts: 1 })
}

/** True of a server that may be there again in a moment. */
export const isTransient = (error: Failure): boolean =>
  error._tag === "HostError" && !lasting.has(error.reason)

const lasting: ReadonlySet<HostErrors.Reason> = new Set(["Status", "InvalidConfig", "TooLarge"])

// ---------------------------------------------------------------------------------------------------------

const decode = Schema.decodeUnknownOption(Schema.parseJson(ErrorBody))

const about = ({ method, path }: Call) => HostErrors.about({ host, method, path })

const unreachable = (call: Call, error: unknown, phase: HostFailure.Phase): Failure => {
  const failure = HostFailure.transport(error, phase, maxBodyBytes)
  return about(call)({
    ...failure,
    attempts: 1,
    ...(failure.reason === "ConnectionRefused" || failure.reason === "ConnectFailed"
      ? { advice: `See whether ktrdr serve runs at ${call.url}: start it, or correct --server` }
      : {}),
  })
}

const ofBody = (call: Call, { error, detail }: ErrorBody): Failure => {
  const { code, details, message } = error
  const [, layer, reason] = /^(OPERATION|DATA)-(\w+)$/.exec(code) ?? []
  const text = (key: string, otherwise: string): string => String(details[key] ?? otherwise)
  const parts = {
    place: text("place", `${call.method} ${call.path}`),
    expected: text("expected", "an answer"),
    found: text("found", message),
    advice: text("advice", "See the log of ktrdr serve"),
  }
  if (layer === "OPERATION" && isOperationReason(reason)) {
    return new OperationErrors.OperationError({ reason, ...parts })
  }
  if (layer === "DATA" && isDataReason(reason)) {
    const seconds = details["retry_after_seconds"]
    return new DataErrors.DataError({
      reason,
      ...parts,
      ...(typeof seconds === "number" ? { retryAfterMillis: seconds * 1000 } : {}),
      ...(typeof details["suggestion"] === "string" ? { suggestion: details["suggestion"] } : {}),
    })
  }
  if (code === "VALIDATION_ERROR" && typeof detail !== "string") {
    const first = detail[0]
    return new OperationErrors.OperationError({
      reason: first?.loc[0] === "query" ? "InvalidQuery" : "InvalidPayload",
      place: first?.loc.join(".") ?? parts.place,
      expected: "a request that the API takes",
      found: first?.msg ?? message,
      advice: "Correct it",
    })
  }
  return about(call)({ ...(refusals[code] ?? otherwise), found: message, attempts: 1 })
}

const isOperationReason = Schema.is(OperationErrors.Reason)
const isDataReason = Schema.is(DataErrors.Reason)

type Told = Pick<HostErrors.Details, "reason" | "expected" | "advice">

const refusals: Readonly<Record<string, Told>> = {
  UNAUTHORIZED: {
    reason: "Status",
    expected: "to be let in",
    advice: "Set KTRDR_API_TOKEN to the token of the server",
  },
  SERVICE_UNAVAILABLE: {
    reason: "Unavailable",
    expected: "a server that stays",
    advice: "Try again once ktrdr serve runs again",
  },
}

const otherwise: Told = { reason: "Status", expected: "a good answer", advice: "See the log of ktrdr serve" }
