/**
 * The answer to a request on an undici dispatcher: gathered as it comes, or read as a stream while it does.
 */
import * as Zlib from "node:zlib"
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as NodeStream from "@effect/platform-node/NodeStream"
import { type Dispatcher, errors } from "@effect/platform-node/Undici"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as ContentDigest from "./contentDigest.js"

/**
 * Gathered, it has at most `maxBodyBytes`, compressed and not; a longer one is aborted while it comes. As a
 * stream it may be of any length: what nobody reads holds the host back. A body in gzip is read as what it
 * holds; one that breaks off, does not decompress or, gathered, is not that of its `Content-Digest` fails as
 * undecodable.
 */
export class Answer extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly headers: Headers.Headers
  readonly remoteAddress = Option.none<string>()
  readonly #controller: Dispatcher.DispatchController
  readonly #maxBodyBytes: number
  #chunks: Array<Buffer> = []
  #size = 0
  /** What its reader wants of it; nothing is given up before that is known. */
  #reading: "gathered" | "streamed" | undefined
  #isEnded = false
  /** Once the last byte has come, or will never come. */
  #whole: Effect.Effect<Buffer, HttpClientError.ResponseError> | undefined
  #waiting: Array<() => void> = []

  constructor(
    readonly request: HttpClientRequest,
    readonly status: number,
    headers: Record<string, string | string[] | undefined>,
    controller: Dispatcher.DispatchController,
    maxBodyBytes: number,
  ) {
    super()
    this.headers = Headers.fromInput(headers)
    this.#controller = controller
    this.#maxBodyBytes = maxBodyBytes
  }

  take(chunk: Buffer) {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#reading === "streamed") {
      this.#wake()
      if (this.#size >= unreadBytes) this.#controller.pause()
    } else if (this.#size > this.#maxBodyBytes) {
      if (this.#reading === undefined) this.#controller.pause()
      else this.#refuse()
    }
  }

  end() {
    this.#isEnded = true
    if (this.#reading === "gathered") this.#gather()
    else if (this.#reading === "streamed") this.#finish(Effect.succeed(nothing))
  }

  #refuse() {
    const error = new errors.ResponseExceededMaxSizeError()
    if (this.#isEnded) this.fail(error)
    else this.#controller.abort(error)
  }

  #gather() {
    const [first, ...rest] = this.#chunks
    const bytes = first !== undefined && rest.length === 0 ? first : Buffer.concat(this.#chunks)
    const said = ContentDigest.said(this.headers["content-digest"])
    if (said === undefined) return this.#unpack(bytes)
    Effect.runCallback(ContentDigest.of(bytes), {
      onExit: (digest) =>
        Exit.isSuccess(digest) && digest.value === said ? this.#unpack(bytes) : this.fail(new Damaged()),
    })
  }

  #unpack(bytes: Buffer) {
    if (!this.#isCompressed || bytes.length === 0) return this.#finish(Effect.succeed(bytes))
    Zlib.gunzip(bytes, { maxOutputLength: this.#maxBodyBytes }, (error, result) =>
      error === null ? this.#finish(Effect.succeed(result)) : this.fail(error),
    )
  }

  fail(cause: unknown) {
    this.#finish(Effect.fail(this.#undecodable(cause)))
  }

  #finish(whole: Effect.Effect<Buffer, HttpClientError.ResponseError>) {
    this.#whole = whole
    this.#wake()
  }

  #wake() {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }

  /** What `next` says once something has happened. */
  #after<A, E>(next: () => Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.async<A, E>((resume) => {
      this.#waiting.push(() => resume(next()))
    })
  }

  get #isCompressed(): boolean {
    return /^(x-)?gzip$/i.test(this.headers["content-encoding"] ?? "")
  }

  #undecodable(cause: unknown): HttpClientError.ResponseError {
    return new HttpClientError.ResponseError({
      request: this.request,
      response: this,
      reason: "Decode",
      cause: isTooLarge(cause) ? new errors.ResponseExceededMaxSizeError() : cause,
    })
  }

  #try<A>(read: (bytes: Buffer) => A): Effect.Effect<A, HttpClientError.ResponseError> {
    return Effect.tryMap(this.#bytes(), { try: read, catch: (cause) => this.#undecodable(cause) })
  }

  #bytes(): Effect.Effect<Buffer, HttpClientError.ResponseError> {
    return Effect.suspend(() => {
      if (this.#reading === undefined) {
        this.#reading = "gathered"
        if (this.#size > this.#maxBodyBytes) this.#refuse()
        else if (this.#isEnded) this.#gather()
      }
      return this.#whole ?? this.#after(() => this.#bytes())
    })
  }

  #pull(): Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<HttpClientError.ResponseError>> {
    return Effect.suspend(() => {
      const chunks = this.#chunks
      if (chunks.length > 0) {
        this.#chunks = []
        this.#size = 0
        this.#controller.resume()
        return Effect.succeed(Chunk.unsafeFromArray<Uint8Array>(chunks))
      }
      return this.#whole === undefined
        ? this.#after(() => this.#pull())
        : Effect.zipRight(Effect.mapError(this.#whole, Option.some), Effect.fail(Option.none()))
    })
  }

  /** To be run once, and before anything else reads the body. */
  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    const raw = Stream.suspend(() => {
      this.#reading = "streamed"
      if (this.#isEnded) this.#finish(Effect.succeed(nothing))
      return Stream.repeatEffectChunkOption(this.#pull())
    })
    return this.#isCompressed
      ? NodeStream.pipeThroughDuplex(
          raw,
          () => Zlib.createGunzip(),
          (cause) => this.#undecodable(cause),
        )
      : raw
  }

  get text() {
    return Effect.map(this.#bytes(), (bytes) => bytes.toString("utf8").replace(/^\uFEFF/, ""))
  }

  get json() {
    return this.#try((bytes) => (bytes.length === 0 ? null : (JSON.parse(bytes.toString("utf8")) as unknown)))
  }

  get arrayBuffer() {
    return Effect.map(this.#bytes(), (bytes) => new Uint8Array(bytes).buffer)
  }

  get urlParamsBody() {
    return this.#try((bytes) => UrlParams.fromInput(new URLSearchParams(bytes.toString("utf8"))))
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#bytes(), (bytes) =>
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

// ---------------------------------------------------------------------------------------------------------

/** As many bytes of a stream wait for their reader before the host is held back. */
const unreadBytes = 256 * 1024

const nothing = Buffer.alloc(0)

class Damaged extends Error {
  override readonly message = "bytes that are not those of the answer's Content-Digest"
}

const isTooLarge = (cause: unknown): boolean =>
  cause instanceof RangeError && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE"
