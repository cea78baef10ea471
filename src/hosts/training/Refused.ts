/**
 * A request that the host understands and does not grant: what it answers.
 */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Data from "effect/Data"
import type { DataError } from "../../data/DataError.js"
import type { OperationError } from "../../OperationError.js"
import type { Status } from "../../OperationStatus.js"
import type { TrainingError } from "../../training/TrainingError.js"
import * as HostHttp from "../HostHttp.js"

export class Refused extends Data.TaggedError("Refused")<{
  readonly status: number
  readonly detail: string
  /** When to ask again, in seconds. */
  readonly retryAfter?: number
}> {
  override get message(): string {
    return this.detail
  }
}

/** `Session x not found`, and what could not be done therefore. */
export const unknown = (session: string): Refused =>
  new Refused({ status: 404, detail: `Session ${session.slice(0, 200)} not found` })

export const conflict = (detail: string): Refused => new Refused({ status: 409, detail })

export const notRunning = (session: string, status: Status): Refused =>
  conflict(`Session ${session} is not running (status: ${status === "cancelled" ? "stopped" : status})`)

export const busy = (detail: string, retryAfter: number): Refused =>
  new Refused({ status: 503, detail, retryAfter })

/** By what is wrong: the request 422, what is not there 404, the disk 503 while others hold it, else 500. */
export const of = (error: DataError | OperationError | TrainingError | Refused): Refused => {
  if (error._tag === "Refused") return error
  const { message: detail, reason } = error
  switch (reason) {
    case "NotFound":
      return new Refused({ status: 404, detail })
    case "StoreLocked":
    case "Closing":
      return busy(detail, 1)
    case "StoreUnreadable":
    case "StoreUnwritable":
    case "StoreNewer":
    case "OwnerLost":
    case "TrainerFailed":
    case "DamagedModel":
    case "DamagedCheckpoint":
      return new Refused({ status: 500, detail })
    default:
      return new Refused({ status: 422, detail })
  }
}

/** Says before it what could not be done, as KTRDR's host does. */
export const because =
  (what: string) =>
  (error: DataError | OperationError | TrainingError | Refused): Refused => {
    const { detail, ...refused } = of(error)
    return new Refused({ ...refused, status: refused.status, detail: `${what}: ${detail}` })
  }

export const response = ({ detail, retryAfter, status }: Refused): HttpServerResponse.HttpServerResponse => {
  const answer = HostHttp.detail(detail, status)
  return retryAfter === undefined
    ? answer
    : HttpServerResponse.setHeader(answer, "retry-after", String(retryAfter))
}
