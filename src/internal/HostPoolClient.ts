/**
 * An `HttpClient` straight on an undici dispatcher: an answer is gathered as it comes, without the streams and
 * promises in between that make up half the cost of a small one.
 */
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as NodeStream from "@effect/platform-node/NodeStream"
import type { Dispatcher } from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import { Answer } from "./HostPoolAnswer.js"

export interface Limits {
  /** The longest body that is gathered, in bytes, compressed and not. */
  readonly maxBodyBytes: number
  /** Whether answers may come in gzip. */
  readonly gzip: boolean
}

/** Whoever aborts the signal that a request comes with aborts the request, in whatever state it is. */
export const make = (
  dispatcher: Pick<Dispatcher, "dispatch">,
  { gzip, maxBodyBytes }: Limits,
): HttpClient.HttpClient =>
  HttpClient.make((request, url, signal) =>
    Effect.flatMap(bodyOf(request.body), (body) =>
      Effect.async<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>((resume) => {
        const exchange = new Exchange(request, signal, resume, maxBodyBytes)
        const options: Dispatcher.DispatchOptions & { readonly signal: AbortSignal } = {
          origin: url.origin,
          path: url.pathname + url.search,
          method: request.method,
          headers: gzip ? { "accept-encoding": "gzip", ...request.headers } : request.headers,
          body,
          headersTimeout: 0,
          bodyTimeout: 0,
          signal,
        }
        try {
          dispatcher.dispatch(options, exchange)
        } catch (cause) {
          exchange.fail(cause)
        }
      }),
    ),
  )

// ---------------------------------------------------------------------------------------------------------

type Body = Dispatcher.DispatchOptions["body"]

const bodyOf = (body: HttpBody.HttpBody): Effect.Effect<Exclude<Body, undefined>> => {
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(null)
    case "Uint8Array":
    case "Raw":
      return Effect.succeed(body.body as Uint8Array)
    case "FormData":
      return Effect.succeed(body.formData as unknown as Uint8Array)
    case "Stream":
      return NodeStream.toReadable(body.stream)
  }
}

type Settle = (
  response: Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>,
) => void

/** A request under way, then the bytes of its answer. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: HttpClientRequest
  readonly #signal: AbortSignal
  readonly #settle: Settle
  readonly #maxBodyBytes: number
  #abort: (() => void) | undefined
  #answer: Answer | undefined

  constructor(request: HttpClientRequest, signal: AbortSignal, settle: Settle, maxBodyBytes: number) {
    this.#request = request
    this.#signal = signal
    this.#settle = settle
    this.#maxBodyBytes = maxBodyBytes
  }

  onRequestStart(controller: Dispatcher.DispatchController) {
    const abort = () => controller.abort(abortionOf(this.#signal))
    if (this.#signal.aborted) return abort()
    this.#abort = abort
    this.#signal.addEventListener("abort", abort, { once: true })
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ) {
    this.#answer = new Answer(this.#request, status, headers, controller, this.#maxBodyBytes)
    this.#settle(Effect.succeed(this.#answer))
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer) {
    this.#answer?.take(chunk)
  }

  onResponseEnd() {
    this.#leave()
    this.#answer?.end()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error) {
    this.fail(error)
  }

  fail(cause: unknown) {
    this.#leave()
    if (this.#answer !== undefined) return this.#answer.fail(cause)
    this.#settle(
      Effect.fail(new HttpClientError.RequestError({ request: this.#request, reason: "Transport", cause })),
    )
  }

  #leave() {
    if (this.#abort !== undefined) this.#signal.removeEventListener("abort", this.#abort)
  }
}

const abortionOf = ({ reason }: AbortSignal): Error =>
  reason instanceof Error ? reason : new Error("the request was aborted", { cause: reason })
