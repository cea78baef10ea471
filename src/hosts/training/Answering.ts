/**
 * How the routes of a training host answer.
 */
import * as HttpRouter from "@effect/platform/HttpRouter"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type { DataError } from "../../data/DataError.js"
import type { OperationError } from "../../OperationError.js"
import type { TrainingError } from "../../training/TrainingError.js"
import * as HostHttp from "../HostHttp.js"
import * as Refused from "./Refused.js"

type Response = HttpServerResponse.HttpServerResponse
type Failing = DataError | OperationError | TrainingError | Refused.Refused

/** The variable part of the path. */
export const variable = (name: string): Effect.Effect<string, never, HttpRouter.RouteContext> =>
  Effect.map(HttpRouter.params, (params) => params[name] ?? "")

/** What was not granted becomes the answer: `{"detail": "<what>: <why>"}`. */
export const granting =
  (what: string) =>
  <R>(answer: Effect.Effect<Response, Failing | Response, R>): Effect.Effect<Response, never, R> =>
    Effect.catchAll(answer, (error) =>
      Effect.succeed("_tag" in error ? Refused.response(Refused.because(what)(error)) : error),
    )

/** A value as the answer. */
export const json = (value: unknown): Response => HostHttp.json(JSON.stringify(value))
