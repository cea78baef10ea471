/**
 * What every answer but a good one has as its body.
 */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Schema from "effect/Schema"
import { Complaint } from "./Complaint.js"

/**
 * - `error.code`: `OPERATION-`, `DATA-` or `TRAINING-` and the reason of ktrdr's own error, whose parts (`place`,
 *   `expected`, `found`, `advice`) are the details; else one of `Refusal`'s
 * - `detail`: the message, for KTRDR's clients; where the request did not decode (422), all that is wrong with it
 */
export const ErrorBody = Schema.Struct({
  success: Schema.Literal(false),
  error: Schema.Struct({
    code: Schema.String,
    message: Schema.String,
    details: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
  }),
  detail: Schema.Union(Schema.String, Schema.Array(Complaint)),
}).annotations({ identifier: "ErrorBody" })
export type ErrorBody = typeof ErrorBody.Type

const meanings = {
  400: "The state that it is in does not allow it",
  401: "The token is missing or wrong",
  403: "A web page of another origin asked, or one whose name leads here",
  404: "There is no such thing",
  405: "The path does not take this method",
  409: "Somebody else is at it",
  413: "The body is too long",
  422: "The request does not decode",
  429: "The source of data wants to be left alone for a while",
  500: "A bug in ktrdr",
  503: "Not possible now: the store, the source of data or the server is not available",
} as const

export type Status = keyof typeof meanings

/** The error body as the answer with a status. */
export const withStatus = (status: Status): typeof ErrorBody =>
  ErrorBody.annotations({
    identifier: "ErrorBody",
    ...HttpApiSchema.annotations({ status, description: meanings[status] }),
  })
