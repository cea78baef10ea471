/**
 * Bodies of requests: read within bounds, and only as what they claim to be.
 */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import * as Complaint from "./Complaint.js"
import * as Refusal from "./Refusal.js"

/** The longest body, in bytes. */
export const maxBytes = 1024 * 1024
/** The deepest nesting of lists and objects. */
export const maxDepth = 100

/**
 * The JSON of a body, null where there is none, whatever its content type says. Fails with a 413 for a body that is
 * longer than `maxBytes`, whether it says so or not, and with a 422 for one that is no UTF-8, no JSON, or nested
 * deeper than `maxDepth`. What is left of a body that is too long is read and thrown away.
 */
export const json = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<unknown, Refusal.Refusal> =>
  Effect.flatMap(bytes(request), (chunks) => {
    const text = textOf(Buffer.concat(chunks))
    if (text === undefined) return refused("the bytes are not UTF-8")
    if (text.trim() === "") return Effect.succeed(null)
    const tooDeep = depthFault(text)
    if (tooDeep !== undefined) return refused(`nested more than ${maxDepth} levels deep`, tooDeep)
    try {
      return Effect.succeed(JSON.parse(text) as unknown)
    } catch (error) {
      return refused(messageOf(error), Number(/position (\d+)/.exec(String(error))?.[1] ?? 0))
    }
  })

// ---------------------------------------------------------------------------------------------------------

const refused = (error: string, at?: number) => Effect.fail(Refusal.invalid([Complaint.notJson(error, at)]))

const bytes = (
  request: HttpServerRequest.HttpServerRequest,
): Effect.Effect<ReadonlyArray<Buffer>, Refusal.Refusal> =>
  Effect.async((resume) => {
    const message = NodeHttpServerRequest.toIncomingMessage(request)
    const chunks: Array<Buffer> = []
    let length = 0
    const leave = (): void => {
      message.off("data", onData).off("end", onEnd).off("error", onError)
    }
    const refuse = (): void => {
      leave()
      message.resume()
      resume(Effect.fail(tooLarge))
    }
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      if (length > maxBytes) refuse()
      else chunks.push(chunk)
    }
    const onEnd = (): void => {
      leave()
      resume(Effect.succeed(chunks))
    }
    const onError = (): void => {
      leave()
      resume(Effect.interrupt)
    }
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) refuse()
    else message.on("data", onData).on("end", onEnd).on("error", onError)
    return Effect.sync(leave)
  })

const tooLarge = new Refusal.Refusal(413, "PAYLOAD_TOO_LARGE", `Request body larger than ${maxBytes} bytes`, {
  details: { max_bytes: maxBytes },
})

const textOf = (all: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(all)
  } catch {
    return undefined
  }
}

/** Where the nesting becomes too deep, if it does; brackets inside strings are none. */
const depthFault = (text: string): number | undefined => {
  let depth = 0
  let isText = false
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index)
    if (isText) {
      if (char === backslash) index++
      else if (char === quote) isText = false
    } else if (char === quote) isText = true
    else if (char === openBrace || char === openBracket) {
      if (++depth > maxDepth) return index
    } else if (char === closeBrace || char === closeBracket) depth--
  }
  return undefined
}

const [quote, backslash] = [0x22, 0x5c]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/, ?".*$/s, "").slice(0, 120) : "not JSON"
