/**
 * An `HttpClient` straight on an undici dispatcher: an answer is gathered as it comes, without the streams and
 * promises in between that make up half the cost of a small one.
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as NodeStream from "@effect/platform-node/NodeStream"
import type { Dispatcher } from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** Whoever aborts the signal that a request comes with aborts the request, in whatever state it is. */
export const make = (dispatcher: Dispatcher): HttpClient.HttpClient =>
  HttpClient.make((request, url, signal) =>
    Effect.flatMap(bodyOf(request.body), (body) =>
      Effect.async<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>((resume) => {
        const exchange = new Exchange(request, signal, resume)
        const options: Dispatcher.DispatchOptions & { readonly signal: AbortSignal } = {
          origin: url.origin,
          path: url.pathname + url.search,
          method: request.method,
          headers: request.headers,
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
  #abort: (() => void) | undefined
  #answer: Answer | undefined

  constructor(request: HttpClientRequest, signal: AbortSignal, settle: Settle) {
    this.#request = request
    this.#signal = signal
    this.#settle = settle
  }

  onRequestStart(controller: Dispatcher.DispatchController) {
    const abort = () => controller.abort(abortionOf(this.#signal))
    if (this.#signal.aborted) return abort()
    this.#abort = abort
    this.#signal.addEventListener("abort", abort, { once: true })
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ) {
    this.#answer = new Answer(this.#request, status, headers)
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

class Answer extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly headers: Headers.Headers
  readonly remoteAddress = Option.none<string>()
  readonly #chunks: Array<Buffer> = []
  #whole: Effect.Effect<Buffer, HttpClientError.ResponseError> | undefined
  #waiting: Array<() => void> = []

  constructor(
    readonly request: HttpClientRequest,
    readonly status: number,
    headers: Record<string, string | string[] | undefined>,
  ) {
    super()
    this.headers = Headers.fromInput(headers)
  }

  take(chunk: Buffer) {
    this.#chunks.push(chunk)
  }

  end() {
    const [first, ...rest] = this.#chunks
    this.#finish(
      Effect.succeed(first !== undefined && rest.length === 0 ? first : Buffer.concat(this.#chunks)),
    )
  }

  fail(cause: unknown) {
    this.#finish(Effect.fail(this.#undecodable(cause)))
  }

  #finish(whole: Effect.Effect<Buffer, HttpClientError.ResponseError>) {
    this.#whole = whole
    for (const resume of this.#waiting) resume()
    this.#waiting = []
  }

  #undecodable(cause: unknown): HttpClientError.ResponseError {
    return new HttpClientError.ResponseError({
      request: this.request,
      response: this,
      reason: "Decode",
      cause,
    })
  }

  #try<A>(read: (bytes: Buffer) => A): Effect.Effect<A, HttpClientError.ResponseError> {
    return Effect.tryMap(this.#bytes, { try: read, catch: (cause) => this.#undecodable(cause) })
  }

  get #bytes(): Effect.Effect<Buffer, HttpClientError.ResponseError> {
    return Effect.suspend(
      () =>
        this.#whole ??
        Effect.async<Buffer, HttpClientError.ResponseError>((resume) => {
          this.#waiting.push(() => resume(this.#whole!))
        }),
    )
  }

  get text() {
    return Effect.map(this.#bytes, (bytes) => bytes.toString("utf8").replace(/^\uFEFF/, ""))
  }

  get json() {
    return this.#try((bytes) => (bytes.length === 0 ? null : (JSON.parse(bytes.toString("utf8")) as unknown)))
  }

  get arrayBuffer() {
    return Effect.map(this.#bytes, (bytes) => new Uint8Array(bytes).buffer)
  }

  get urlParamsBody() {
    return this.#try((bytes) => UrlParams.fromInput(new URLSearchParams(bytes.toString("utf8"))))
  }

  get stream() {
    return Stream.fromEffect(this.#bytes)
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#bytes, (bytes) =>
      Effect.tryPromise({
        try: () => new Response(bytes, { headers: { ...this.headers } }).formData(),
        catch: (cause) => this.#undecodable(cause),
      }),
    )
  }

  get cookies() {
    return Cookies.fromSetCookie(this.headers["set-cookie"] ?? [])
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status,
    })
  }
}
