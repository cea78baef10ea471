/**
 * What the API answers instead of what was asked for.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { DataError } from "../../data/DataError.js"
import { OperationError } from "../../OperationError.js"
import { TrainingError } from "../../training/TrainingError.js"
import type { Complaint } from "./Complaint.js"
import type { ErrorBody, Status } from "./ErrorBody.js"

/** Codes of what is no matter of operations, data or trainings. */
export type Code =
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "PAYLOAD_TOO_LARGE"
  | "VALIDATION_ERROR"
  | "INTERNAL_SERVER_ERROR"
  | "SERVICE_UNAVAILABLE"

/** An error body on its way out, with the status and the headers that it goes with. */
export class Refusal implements ErrorBody {
  readonly _tag = "Refusal"
  readonly success = false
  readonly error: ErrorBody["error"]
  readonly detail: ErrorBody["detail"]

  constructor(
    readonly status: Status,
    code: Code | `OPERATION-${string}` | `DATA-${string}` | `TRAINING-${string}`,
    message: string,
    options: {
      readonly details?: ErrorBody["error"]["details"]
      readonly detail?: ErrorBody["detail"]
      readonly headers?: Readonly<Record<string, string>>
    } = {},
  ) {
    this.error = { code, message, details: options.details ?? {} }
    this.detail = options.detail ?? message
    this.headers = options.headers ?? {}
  }

  readonly headers: Readonly<Record<string, string>>

  /** The body alone. */
  toJSON(): ErrorBody {
    return { success: this.success, error: this.error, detail: this.detail }
  }
}

/** A request that does not decode. */
export const invalid = (complaints: ReadonlyArray<Complaint>): Refusal => {
  const first = complaints[0]
  const place = first?.loc.join(".") ?? "request"
  return new Refusal(422, "VALIDATION_ERROR", `${place}: ${first?.msg ?? "it does not decode"}`, {
    details: { place },
    detail: complaints,
  })
}

export const notFound = (detail = "Not Found"): Refusal => new Refusal(404, "NOT_FOUND", detail)

export const bug = (requestId: string): Refusal =>
  new Refusal(500, "INTERNAL_SERVER_ERROR", "An unexpected error occurred", {
    details: { request_id: requestId, advice: "See the server's log, and report it" },
  })

/** The server is about to end. */
export const closing: Refusal = new Refusal(503, "SERVICE_UNAVAILABLE", "The server is about to end", {
  headers: { "retry-after": "5", connection: "close" },
})

/** What a server may be without: then it trains no models. */
export const needed = <A>(service: Option.Option<A>): Effect.Effect<A, Refusal> =>
  Effect.mapError(
    service,
    () => new Refusal(503, "SERVICE_UNAVAILABLE", "This server trains no models and keeps none"),
  )

/** What the domains fail with. */
export type Refused = OperationError | DataError | TrainingError | Refusal

export const of = (error: Refused): Refusal =>
  error instanceof Refusal
    ? error
    : error instanceof OperationError
      ? ofOperation(error)
      : error instanceof TrainingError
        ? ofTraining(error)
        : ofData(error)

/** Turns the errors of operations, data and trainings into answers. */
export const refusing = <A, R>(effect: Effect.Effect<A, Refused, R>): Effect.Effect<A, Refusal, R> =>
  Effect.mapError(effect, of)

// ---------------------------------------------------------------------------------------------------------

const operationStatus: { readonly [R in OperationError["reason"]]: Status } = {
  UnknownKind: 404,
  InvalidPayload: 422,
  InvalidQuery: 422,
  UnknownId: 404,
  Finished: 400,
  NotFinished: 400,
  NotResumable: 400,
  Succeeded: 400,
  Superseded: 409,
  OutdatedPayload: 400,
  OwnerLost: 503,
  Closing: 503,
  StoreUnwritable: 503,
  StoreUnreadable: 503,
  StoreLocked: 503,
  StoreNewer: 503,
}

const ofOperation = (error: OperationError): Refusal => {
  const { reason, place, expected, found, advice } = error
  const status = operationStatus[reason]
  const id = reason === "UnknownId" ? unquoted(found) : undefined
  return new Refusal(status, `OPERATION-${reason}`, error.message, {
    details: { place, expected, found, advice },
    ...(id === undefined ? {} : { detail: `Operation not found: ${id}` }),
    ...(status === 422 ? { detail: [complaint(error)] } : {}),
    ...(status === 503 ? { headers: { "retry-after": "5" } } : {}),
  })
}

/** `data_load payload.symbol` is `symbol` of the body. */
const complaint = ({ reason, place, found }: OperationError): Complaint => {
  const path = place.replace(/^.* payload\.?/, "").split(".")
  return {
    type: "value_error",
    loc: [reason === "InvalidQuery" ? "query" : "body", ...path.filter((part) => part !== "")],
    msg: found,
    input: null,
  }
}

const unquoted = (text: string): string => text.replace(/^"(.*)"$/s, "$1")

const dataStatus: { readonly [R in DataError["reason"]]: Status } = {
  Unreachable: 503,
  Timeout: 503,
  Pacing: 429,
  UnknownSymbol: 404,
  NoPermission: 400,
  NoData: 404,
  Malformed: 503,
  Refused: 503,
  InvalidInput: 400,
  InvalidFile: 400,
  StoreUnwritable: 503,
  StoreUnreadable: 503,
  StoreDamaged: 500,
  StoreLocked: 409,
  LockLost: 409,
  NotFound: 404,
  NothingLoaded: 503,
}

const ofData = (error: DataError): Refusal => {
  const { reason, place, expected, found, advice, retryAfterMillis, suggestion } = error
  const status = dataStatus[reason]
  const seconds = Math.max(1, Math.ceil((retryAfterMillis ?? 5000) / 1000))
  return new Refusal(status, `DATA-${reason}`, error.message, {
    details: {
      place,
      expected,
      found,
      advice,
      ...(retryAfterMillis === undefined ? {} : { retry_after_seconds: retryAfterMillis / 1000 }),
      ...(suggestion === undefined ? {} : { suggestion }),
    },
    ...(status === 429 || status === 503 ? { headers: { "retry-after": String(seconds) } } : {}),
  })
}

const trainingStatus: { readonly [R in TrainingError["reason"]]: Status } = {
  InvalidStrategy: 400,
  UnknownIndicator: 400,
  UnknownLabel: 400,
  UnknownOptimizer: 400,
  NotEnoughData: 400,
  NoSuchClass: 400,
  ConstantFeature: 400,
  NotFinite: 400,
  LookAhead: 400,
  IncompleteData: 400,
  DamagedCheckpoint: 500,
  DamagedModel: 500,
  OtherStrategy: 400,
  NewerVersion: 503,
  FeatureMismatch: 400,
  NotFound: 404,
  StoreUnwritable: 503,
  StoreUnreadable: 503,
  StoreLocked: 409,
  TrainerFailed: 503,
  InvalidInput: 400,
}

const ofTraining = (error: TrainingError): Refusal => {
  const { reason, place, expected, found, advice, suggestion } = error
  const status = trainingStatus[reason]
  return new Refusal(status, `TRAINING-${reason}`, error.message, {
    details: { place, expected, found, advice, ...(suggestion === undefined ? {} : { suggestion }) },
    ...(status === 503 ? { headers: { "retry-after": "5" } } : {}),
  })
}
