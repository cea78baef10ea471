/**
 * Faults on purpose: what goes wrong between a host and its clients, seeded, each kind at its share.
 */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { DataError } from "../../data/DataError.js"
import * as HostHttp from "../HostHttp.js"

/**
 * - `latency`: the answer comes late
 * - `reset`: the connection closes before any byte of the answer
 * - `429`: "too many requests", with `Retry-After`; `503`: "service unavailable"
 * - `truncated`: the body breaks off, or ends early
 * - `malformed`: the bars inside a sound answer are no JSON
 * - `floored`: the first bars of the range are lacking, as when a duration is rounded down
 */
export const Kind = Schema.Literal("latency", "reset", "429", "503", "truncated", "malformed", "floored")
export type Kind = typeof Kind.Type

/** The share of answers that each kind befalls; one answer suffers one fault at most. */
export type Shares = { readonly [K in Kind]: number }

/** Shares to begin with: no faults at all. */
export const none: Shares = {
  latency: 0,
  reset: 0,
  "429": 0,
  "503": 0,
  truncated: 0,
  malformed: 0,
  floored: 0,
}

/** Reads `all=0.05`, or `latency=0.1,reset=0.02`; what is said later holds. */
export const parse = (text: string): Either.Either<Shares, DataError> => {
  let shares = none
  for (const part of text.split(",")) {
    const [name, value] = part.trim().split("=")
    const share = value === undefined || value.trim() === "" ? Number.NaN : Number(value)
    if (!(share >= 0 && share <= 1)) return invalid(part)
    if (name === "all") shares = Object.fromEntries(Kind.literals.map((kind) => [kind, share])) as Shares
    else if (Schema.is(Kind)(name)) shares = { ...shares, [name]: share }
    else return invalid(part)
  }
  const sum = Kind.literals.reduce((sum, kind) => sum + shares[kind], 0)
  return sum <= 1 ? Either.right(shares) : invalid(text)
}

export interface Options {
  readonly shares: Shares
  readonly seed: number
  /** How late an answer is at most, in milliseconds; 100 by default. */
  readonly latencyMillis?: number
  /** What a 429 asks for, in whole seconds; 1 by default. */
  readonly retryAfterSeconds?: number
}

/** A fault that an answer is to suffer; `severity` in [0, 1) says how much of it. */
export interface Fault {
  readonly kind: Kind
  readonly severity: number
}

export interface FaultScript {
  readonly latencyMillis: number
  readonly retryAfterSeconds: number
  /** The next answer's fault, if it is to suffer one of `kinds`; others spare it. */
  readonly next: (kinds: ReadonlyArray<Kind>) => Effect.Effect<Fault | undefined>
  /** To be called for a fault that befell an answer. */
  readonly count: (kind: Kind) => void
  /** How often each kind befell an answer so far. */
  readonly counts: { readonly [K in Kind]: number }
}

export const make = ({ shares, seed, latencyMillis, retryAfterSeconds }: Options): FaultScript => {
  const random = Random.make(seed)
  const counts: { [K in Kind]: number } = { ...none }
  return {
    latencyMillis: latencyMillis ?? 100,
    retryAfterSeconds: retryAfterSeconds ?? 1,
    next: (kinds) =>
      Effect.map(Effect.all([random.next, random.next]), ([drawn, severity]) => {
        let left = drawn
        const kind = Kind.literals.find((kind) => (left -= shares[kind]) < 0)
        return kind !== undefined && kinds.includes(kind) ? { kind, severity } : undefined
      }),
    count: (kind) => {
      counts[kind] += 1
    },
    counts,
  }
}

/**
 * Answers a request with the script's next fault. What concerns the answer's content (`malformed`, `floored`)
 * is left to `answer`, which is told of it and counts it when it has done it.
 */
export const around = <E, R>(
  script: FaultScript,
  kinds: ReadonlyArray<Kind>,
  answer: (fault: Fault | undefined) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R | HttpServerRequest.HttpServerRequest> =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const fault = yield* script.next(kinds)
    switch (fault?.kind) {
      case "latency":
        script.count("latency")
        yield* Effect.sleep(fault.severity * script.latencyMillis)
        return yield* answer(undefined)
      case "reset":
        script.count("reset")
        socketOf(request)?.destroy()
        return yield* Effect.never
      case "429":
        script.count("429")
        return HttpServerResponse.setHeader(
          HostHttp.detail("Too Many Requests", 429),
          "retry-after",
          String(script.retryAfterSeconds),
        )
      case "503":
        script.count("503")
        return HostHttp.detail("Service Unavailable", 503)
      case "truncated":
        script.count("truncated")
        return truncate(request, yield* answer(undefined), fault.severity)
      default:
        return yield* answer(fault)
    }
  })

// -----------------------------------------------------------------------------

interface Socket {
  readonly destroy: () => void
  /** Destroys it once what was written is out. */
  readonly destroySoon: () => void
}

/** The socket under a request of Node's server; another platform's has none to break. */
const socketOf = (request: HttpServerRequest.HttpServerRequest): Socket | undefined =>
  (request.source as { readonly socket?: Socket }).socket

/** Half of the times the body breaks off before its announced length, else it is half a body of that length. */
const truncate = (
  request: HttpServerRequest.HttpServerRequest,
  response: HttpServerResponse.HttpServerResponse,
  severity: number,
): HttpServerResponse.HttpServerResponse => {
  const { body } = response
  if (!Predicate.isTagged(body, "Uint8Array")) return response
  const half = body.body.subarray(0, Math.floor(body.body.length / 2))
  const options = { status: response.status, contentType: body.contentType }
  if (severity < 0.5) return HttpServerResponse.uint8Array(half, options)
  const breakOff = Effect.zipRight(
    Effect.sync(() => socketOf(request)?.destroySoon()),
    Effect.never,
  )
  return HttpServerResponse.stream(Stream.concat(Stream.make(half), Stream.execute(breakOff)), {
    ...options,
    contentLength: body.body.length,
  })
}

const invalid = (text: string) =>
  Either.left(
    new DataError({
      reason: "InvalidInput",
      place: "faults",
      expected: `KIND=SHARE,... with shares from 0 to 1, together at most 1, of all ${Kind.literals.join(" ")}`,
      found: JSON.stringify(text.slice(0, 60)),
      advice: "Write faults as all=0.05 or latency=0.1,reset=0.02",
    }),
  )
